/**
 * Sockets that connect through a converter. The converter is sent a message in front of the stream, with the SYN where Fast
 * Open allows it, and one write of the application with it; its answer is taken out of the stream, and only then the socket
 * tells that it is connected. All else is the kernel transport's.
 *
 * Read first: RFC 8803 §4.2, §6 and §8; net.Socket of Node, whose `_write`, `_final`, `push` and `emit` are in between.
 */
import { isIP, type TcpSocketConnectOpts } from 'node:net';
import { performance } from 'node:perf_hooks';
import { addAbortSignal } from 'node:stream';
import { type MessageReader, MILLISECOND, SubflowError } from '../../base/index.js';
import {
  type ConvertAnswer,
  ConverterMemory,
  type ConvertMessage,
  convertReader,
  DEFAULT_CONVERT_PORT,
  readAnswer,
  requestMessage,
} from '../../convert/index.js';
import { IpAddress } from '../../wire/index.js';
import { KernelClientSocket, kernelServiceOf } from '../kernel-socket.js';
import type { Lack } from '../kernel-origin.js';
import { argumentType } from '../option-error.js';
import { netError } from '../net-error.js';
import type { ConnectOptions } from '../options.js';
import { resolve } from '../resolve.js';
import type { ConvertedInfo, Socket } from '../socket.js';
import type { ChosenTransport } from '../transport.js';
import { errorOf, invalidAnswer } from './convert-error.js';

/** Time for the converter's answer once it is connected to, in ms: it waits for the server. */
const ANSWER_MS = 30_000;

/** What this process knows of converters and servers. */
const memory = new ConverterMemory();
const now = (): number => performance.now() * MILLISECOND;

/** Chunks as `_writev` gets them. */
type Chunks = { chunk: unknown; encoding: BufferEncoding }[];
type Done = (error?: Error | null) => void;

/** The part of `net`'s handle that is used here. */
interface Handle {
  onread: unknown;
  reset(done: () => void): number;
  close(): void;
}

interface Target {
  readonly address: string;
  readonly port: number;
}

/** See the module. */
class ConvertedSocket extends KernelClientSocket {
  converted: ConvertedInfo | undefined = undefined;
  private readonly via: Target;
  private target: Target = { address: '', port: 0 };
  /** Takes the answer out of the stream; undefined once that is done. */
  private reader: MessageReader<ConvertMessage> | undefined = convertReader();
  /** The message; undefined on the direct way. */
  private request: Uint8Array | undefined = undefined;
  private cookie: Uint8Array | undefined = undefined;
  /** Whether there is a TCP connection to send on. */
  private isOpen = false;
  private hasRetried = false;
  /** The write that goes with the message, and is done when the answer is there. */
  private early: { readonly chunks: Chunks; readonly done: Done } | undefined = undefined;
  private ending: Done | undefined = undefined;
  private answerTimer: NodeJS.Timeout | undefined = undefined;

  constructor(options: ConnectOptions, via: Target, lack: Lack | undefined) {
    super(options, { service: kernelServiceOf(options, lack), lack });
    this.via = via;
  }

  /** Looks the server up, and goes the way that seems best. */
  begin(): void {
    const { host = 'localhost', port } = this.wanted;
    resolve(host, this.wanted, ({ error, addresses }) => {
      if (this.destroyed) return;
      if (error !== undefined) {
        this.destroy(error);
        return;
      }
      this.target = { address: addresses[0]!.address, port };
      const choice = memory.choose(now(), key(this.via), key(this.target));
      if (choice.way === 'direct') {
        this.converted = { way: 'direct', reason: choice.reason, isServerMultipath: undefined };
        this.connectTo(this.target);
        return;
      }
      this.askConverter(choice.cookie);
    });
  }

  private askConverter(cookie: Uint8Array | undefined): void {
    const remote = { address: IpAddress.parse(this.target.address)!, port: this.target.port };
    this.cookie = cookie;
    this.request = requestMessage({ remote, cookie });
    this.connectTo(this.via);
  }

  private connectTo({ address, port }: Target): void {
    const family = this.wanted.localAddress === undefined ? 0 : isIP(this.wanted.localAddress);
    const { lookup, ...wanted } = this.wanted;
    const own = { host: address, port, family, localAddress: undefined, localPort: undefined };
    this.connect({ ...wanted, ...(lookup !== undefined && { lookup }), ...own } as TcpSocketConnectOpts);
  }

  /** Holds back that there is a connection until the converter says so. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'connect' && !this.isOpen) {
      this.isOpen = true;
      if (this.request === undefined) this.finish();
      else this.sendRequest();
      // A reader that is there already waits for 'connect', and the answer has to be read before.
      if (!this.destroyed) this._read(0);
      return true;
    }
    if (event === 'ready' && this.reader !== undefined) return true;
    return super.emit(event as 'connect', ...(args as []));
  }

  private sendRequest(): void {
    this.answerTimer = setTimeout(
      () => this.destroy(netError('ETIMEDOUT', 'connect', this.target)),
      ANSWER_MS,
    );
    // In one call, for only what is in the first goes with the SYN.
    const chunks: Chunks = [{ chunk: this.request, encoding: 'buffer' as BufferEncoding }];
    super._writev!([...chunks, ...(this.early?.chunks ?? [])] as never, (error) => {
      if (error !== undefined && error !== null && this.reader !== undefined) this.destroy(error);
    });
  }

  override _write(chunk: unknown, encoding: BufferEncoding, done: Done): void {
    if (this.reader === undefined) super._write(chunk, encoding, done);
    else this.holdEarly([{ chunk, encoding }], done);
  }

  override _writev(chunks: Chunks, done: Done): void {
    if (this.reader === undefined) super._writev!(chunks, done);
    else this.holdEarly(chunks, done);
  }

  /** What is written before the answer waits for it; it goes with the message if that has not left. */
  private holdEarly(chunks: Chunks, done: Done): void {
    this.early = { chunks: chunks.map(toBytes), done };
    if (this.isOpen)
      super._writev!(this.early.chunks, (error) => {
        if (error !== undefined && error !== null && this.reader !== undefined) this.destroy(error);
      });
  }

  /** `net` resets the stream whenever it gets a handle; what was written and ended before is not to be forgotten. */
  _undestroy(): void {
    // The stream goes on as it is.
  }

  override _final(done: Done): void {
    if (this.reader === undefined) super._final(done);
    else this.ending = done;
  }

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    const { reader } = this;
    if (reader === undefined || this.request === undefined) return super.push(chunk, encoding);
    if (chunk === null) {
      this.conclude({ kind: 'invalid', reason: 'end' });
      return false;
    }
    const read = reader.read(chunk as Uint8Array);
    if (read.state === 'more') return true;
    const answer = readAnswer(read);
    const rest = read.state === 'message' ? read.rest : undefined;
    this.conclude(answer);
    return rest === undefined || rest.length === 0 || this.reader !== undefined ? true : super.push(rest);
  }

  private conclude(answer: ConvertAnswer): void {
    clearTimeout(this.answerTimer);
    const attempt = { converter: key(this.via), server: key(this.target), cookie: this.cookie };
    const mayRetry = memory.note(now(), attempt, answer);
    if (answer.kind === 'connected') {
      const { isServerMultipath } = answer;
      this.converted = { way: 'converter', reason: undefined, isServerMultipath };
      this.finish();
    } else if (mayRetry && !this.hasRetried) {
      this.hasRetried = true;
      this.retry();
    } else {
      // RFC 8803 §6.2.8: an error is answered with a reset.
      this.detach();
      this.destroy(
        answer.kind === 'invalid'
          ? invalidAnswer(answer.reason)
          : errorOf(answer.error, this.target.address, this.target.port),
      );
    }
  }

  /** Resets the connection to the converter, and opens another, which has the same to say. */
  private retry(): void {
    this.detach();
    this.reader = convertReader();
    this.isOpen = false;
    process.nextTick(() => {
      if (this.destroyed) return;
      const choice = memory.choose(now(), key(this.via), key(this.target));
      this.askConverter(choice.way === 'converter' ? choice.cookie : undefined);
    });
  }

  /** Resets the connection under the socket, which is without one then. */
  private detach(): void {
    const owner = this as unknown as { _handle: Handle | null };
    const handle = owner._handle;
    owner._handle = null;
    if (handle === null) return;
    handle.onread = () => undefined;
    if (handle.reset(() => undefined) !== 0) handle.close();
  }

  /** There is a connection to the server. */
  private finish(): void {
    const { early, ending } = this;
    this.reader = undefined;
    this.early = undefined;
    if (this.request === undefined) {
      if (!this.isMultipath) memory.forgetServer(key(this.target));
      if (early !== undefined) super._writev!(early.chunks, early.done);
    } else early?.done();
    super.emit('connect');
    // On the direct way `net` does so itself.
    if (this.request !== undefined) super.emit('ready');
    if (ending !== undefined) super._final(ending);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.answerTimer);
    super._destroy(error, callback);
  }
}

function key({ address, port }: Target): string {
  return `${address} ${port}`;
}

function toBytes({ chunk, encoding }: Chunks[number]): Chunks[number] {
  if (typeof chunk !== 'string') return { chunk, encoding };
  return { chunk: Buffer.from(chunk, encoding), encoding: 'buffer' as BufferEncoding };
}

/** Reads `192.0.2.1:5124`, `[2001:db8::1]:5124`, `name:5124`, or the same without a port. Throws `ERR_SUBFLOW_BAD_CONVERTER`. */
export function parseConverter(text: unknown): Target {
  if (typeof text !== 'string') throw argumentType('converter', 'a string');
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text);
  const address = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? DEFAULT_CONVERT_PORT : Number(match[3]);
  if (address !== undefined && port > 0 && port <= 65_535) return { address, port };
  throw new SubflowError('ERR_SUBFLOW_BAD_CONVERTER', `'${text}' is no place of a converter`, {
    hint: 'Write it like 192.0.2.1:5124 or [2001:db8::1]:5124.',
  });
}

/** Begins a connection through the converter at `converter`. */
export function connectThroughConverter(
  chosen: ChosenTransport,
  options: ConnectOptions,
  converter: string,
): Socket {
  if (chosen.transport !== 'kernel')
    throw new SubflowError(
      'ERR_SUBFLOW_UNSUPPORTED',
      'the userspace transport connects through no converter',
      {
        hint: "Use transport: 'kernel'.",
      },
    );
  const socket = new ConvertedSocket(options, parseConverter(converter), chosen.lack);
  if (options.signal !== undefined) addAbortSignal(options.signal, socket);
  if (options.timeout !== undefined) socket.setTimeout(options.timeout);
  if (!socket.destroyed) socket.begin();
  return socket;
}

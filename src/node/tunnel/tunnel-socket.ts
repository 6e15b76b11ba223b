/**
 * Sockets that connect through proxies: a converter, or others, or several one behind the other. What there is to be said to
 * them goes in front of the stream, with the SYN where Fast Open allows it, and one write of the application with it where
 * the protocol has room for that; answers are taken out of the stream, and only then the socket tells that it is connected.
 * All else is the kernel transport's.
 *
 * Read first: handshake.ts; RFC 8803 §4.2, §6.2.8 and §8; net.Socket of Node, whose `_write`, `_final`, `push` and `emit` are
 * in between.
 */
import { isIP, type TcpSocketConnectOpts } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { SubflowError } from '../../base/index.js';
import { DEFAULT_CONVERT_PORT } from '../../convert/index.js';
import { SOCKS6_VERSION } from '../../socks/index.js';
import { IpAddress } from '../../wire/index.js';
import { forgetServer } from '../converter/convert-handshake.js';
import { KernelClientSocket, kernelServiceOf } from '../kernel-socket.js';
import type { Lack } from '../kernel-origin.js';
import { argumentType } from '../option-error.js';
import { netError } from '../net-error.js';
import type { ConnectOptions } from '../options.js';
import type { ConvertedInfo, Socket } from '../socket.js';
import type { ChosenTransport } from '../transport.js';
import type { Handshake, HandshakeFailed, HandshakeStep } from './handshake.js';
import { formatHop, type Hop, parseHops, parsePlace } from './hop.js';
import { ProxyError } from './proxy-error.js';
import { type Planned, Route } from './route.js';
import type { Destination } from './socks5-handshake.js';

/** Time for the proxies' answers once the first is connected to, in ms: they wait for the server. */
const ANSWER_MS = 30_000;

/** Chunks as `_writev` gets them. */
type Chunks = { chunk: unknown; encoding: BufferEncoding }[];
type Done = (error?: Error | null) => void;

/** The part of `net`'s handle that is used here. */
interface Handle {
  onread: unknown;
  reset(done: () => void): number;
  close(): void;
}

/** See the module. */
class TunnelSocket extends KernelClientSocket {
  converted: ConvertedInfo | undefined = undefined;
  private readonly route: Route;
  private planned: Planned | undefined = undefined;
  /** Takes the answers out of the stream; undefined on the direct way, and once that is done. */
  private handshake: Handshake | undefined = undefined;
  /** Whether there is a TCP connection to send on. */
  private isOpen = false;
  /** Whether there is a connection to the server. */
  private isThrough = false;
  private hasRetried = false;
  /** What a proxy said of the server, where it could not be had. */
  private said: Error | null = null;
  /** The write that waits for the answers, and what of it is still to be sent then. */
  private early: { readonly bytes: Uint8Array; readonly done: Done } | undefined = undefined;
  private earlySent = 0;
  private ending: Done | undefined = undefined;
  private answerTimer: NodeJS.Timeout | undefined = undefined;
  private readonly controller = new AbortController();

  constructor(options: ConnectOptions, hops: readonly Hop[], lack: Lack | undefined) {
    super(options, { service: kernelServiceOf(options, lack), lack });
    this.route = new Route(hops, options);
  }

  /** Looks up what has to be, and goes the way that seems best. */
  begin(): void {
    const { host = 'localhost', port, fastOpen = false } = this.wanted;
    const target = { host: IpAddress.parse(host) ?? host, port };
    this.route.plan(target, { synBytes: fastOpen === false ? 0 : Infinity }, this.controller.signal).then(
      (planned) => {
        if (!this.destroyed) this.follow(planned);
      },
      (error: unknown) => this.destroy(error as Error),
    );
  }

  private follow(planned: Planned): void {
    const { place, handshake, bypass } = planned;
    this.planned = planned;
    this.handshake = handshake;
    if (bypass !== undefined)
      this.converted = { way: 'direct', reason: bypass, isServerMultipath: undefined };
    this.connectTo(place);
  }

  private connectTo({ host, port }: Destination): void {
    const family = this.wanted.localAddress === undefined ? 0 : isIP(this.wanted.localAddress);
    const { lookup, ...wanted } = this.wanted;
    const own = { host: String(host), port, family, localAddress: undefined, localPort: undefined };
    this.connect({ ...wanted, ...(lookup !== undefined && { lookup }), ...own } as TcpSocketConnectOpts);
  }

  /** Holds back that there is a connection until the last proxy says so. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'connect' && !this.isOpen) {
      this.isOpen = true;
      if (this.handshake === undefined) this.finish();
      else this.sendOpening(this.handshake);
      // A reader that is there already waits for 'connect', and the answer has to be read before.
      if (!this.destroyed) this._read(0);
      return true;
    }
    if (event === 'ready' && !this.isThrough) return true;
    return super.emit(event as 'connect', ...(args as []));
  }

  private sendOpening(handshake: Handshake): void {
    const { host, port } = this.wanted;
    this.answerTimer = setTimeout(() => {
      this.said = netError('ETIMEDOUT', 'connect', { address: host, port });
      this.destroy(this.said);
    }, ANSWER_MS);
    const { bytes, earlyBytes } = handshake.begin(this.early?.bytes ?? new Uint8Array(0));
    this.earlySent = earlyBytes;
    this.say(bytes);
  }

  /** Sends what is the handshake's own; what goes wrong with it ends the socket. */
  private say(bytes: Uint8Array): void {
    const chunks: Chunks = [{ chunk: bytes, encoding: 'buffer' as BufferEncoding }];
    super._writev!(chunks, (error) => {
      if (error !== undefined && error !== null && !this.isThrough) this.destroy(error);
    });
  }

  override _write(chunk: unknown, encoding: BufferEncoding, done: Done): void {
    if (this.isThrough) super._write(chunk, encoding, done);
    else this.holdEarly([{ chunk, encoding }], done);
  }

  override _writev(chunks: Chunks, done: Done): void {
    if (this.isThrough) super._writev!(chunks, done);
    else this.holdEarly(chunks, done);
  }

  /** What is written before the answers waits for them; it goes with what is said first if that has not left. */
  private holdEarly(chunks: Chunks, done: Done): void {
    this.early = { bytes: Buffer.concat(chunks.map(toBytes)), done };
  }

  /** `net` resets the stream whenever it gets a handle; what was written and ended before is not to be forgotten. */
  _undestroy(): void {
    // The stream goes on as it is.
  }

  override _final(done: Done): void {
    if (this.isThrough) super._final(done);
    else this.ending = done;
  }

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    const { handshake } = this;
    if (handshake === undefined) return super.push(chunk, encoding);
    const step = chunk === null ? handshake.endOfStream() : handshake.read(chunk as Uint8Array);
    if (step.state === 'failed') {
      this.fail(step);
      return chunk !== null;
    }
    if (step.send !== undefined) this.say(step.send);
    if (step.state === 'more') return true;
    this.conclude(step);
    return step.rest.length === 0 || super.push(Buffer.from(step.rest));
  }

  private conclude({ facts }: Extract<HandshakeStep, { state: 'done' }>): void {
    clearTimeout(this.answerTimer);
    if (this.planned?.behind !== undefined && this.converted === undefined) {
      const { isServerMultipath } = facts;
      this.converted = { way: 'converter', reason: undefined, isServerMultipath };
    }
    this.finish();
  }

  private fail({ error, mayRetry }: HandshakeFailed): void {
    clearTimeout(this.answerTimer);
    // RFC 8803 §6.2.8: an error is answered with a reset.
    this.detach();
    if (mayRetry === true && !this.hasRetried) {
      this.hasRetried = true;
      this.isOpen = false;
      this.handshake = undefined;
      process.nextTick(() => {
        if (!this.destroyed) this.begin();
      });
    } else {
      this.said = error;
      this.destroy(error);
    }
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
    const { early, ending, handshake, planned } = this;
    const isDirect = handshake === undefined;
    this.handshake = undefined;
    this.early = undefined;
    this.isThrough = true;
    // It was left out because the server speaks Multipath TCP, which is not so.
    if (planned?.bypass !== undefined && !this.isMultipath) forgetServer(planned.behind!);
    if (early !== undefined) this.sendRest(early.bytes.subarray(this.earlySent), early.done);
    super.emit('connect');
    // On the direct way `net` does so itself.
    if (!isDirect) super.emit('ready');
    if (ending !== undefined) super._final(ending);
  }

  private sendRest(bytes: Uint8Array, done: Done): void {
    if (bytes.length === 0) done();
    else super._writev!([{ chunk: bytes, encoding: 'buffer' as BufferEncoding }] as never, done);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.answerTimer);
    this.controller.abort(netError('ECANCELED', 'connect'));
    super._destroy(this.told(error), callback);
  }

  /** A proxy that cannot be reached is told from a server that cannot; a converter's errors are those of `net`, as ever. */
  private told(error: Error | null): Error | null {
    const first = this.planned?.handshake === undefined ? undefined : this.route.hops[0];
    const isOfProxy = !this.isThrough && (error as { syscall?: string } | null)?.syscall !== undefined;
    if (first === undefined || first.protocol === 'converter' || error === this.said || !isOfProxy)
      return error;
    const why = `${formatHop(first)}: ${error!.message}`;
    return new ProxyError('ERR_SUBFLOW_PROXY_UNREACHABLE', `the proxy cannot be reached: ${why}`, error);
  }
}

function toBytes({ chunk, encoding }: Chunks[number]): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : (chunk as Uint8Array);
}

/** Reads `192.0.2.1:5124`, `[2001:db8::1]:5124`, `name:5124`, or the same without a port. Throws `ERR_SUBFLOW_BAD_CONVERTER`. */
function parseConverter(text: unknown): Hop {
  if (typeof text !== 'string') throw argumentType('converter', 'a string');
  const place = parsePlace(text, DEFAULT_CONVERT_PORT);
  if (place !== undefined) {
    const plain = { credentials: undefined, isLookingUp: false, version: SOCKS6_VERSION };
    return { protocol: 'converter', ...place, ...plain };
  }
  throw new SubflowError('ERR_SUBFLOW_BAD_CONVERTER', `'${text}' is no place of a converter`, {
    hint: 'Write it like 192.0.2.1:5124 or [2001:db8::1]:5124.',
  });
}

/** The proxies that the options name, nearest first; undefined where they name none. Throws for what is none. */
export function hopsOf({ converter, via }: Pick<ConnectOptions, 'converter' | 'via'>): Hop[] | undefined {
  if (converter === undefined) return typeof via === 'string' ? parseHops(via, true) : undefined;
  if (typeof via !== 'string') return [parseConverter(converter)];
  throw new SubflowError('ERR_INVALID_ARG_VALUE', 'converter and via both name a proxy', {
    hint: "Name both in via: 'converter://192.0.2.1:5124,socks5://198.51.100.1:1080'.",
  });
}

/** Begins a connection through proxies. */
export function connectThrough(
  chosen: ChosenTransport,
  options: ConnectOptions,
  hops: readonly Hop[],
): Socket {
  if (chosen.transport !== 'kernel') {
    const message = 'the userspace transport connects through no converter, and no other proxy';
    throw new SubflowError('ERR_SUBFLOW_UNSUPPORTED', message, { hint: "Use transport: 'kernel'." });
  }
  const socket = new TunnelSocket(options, hops, chosen.lack);
  if (options.signal !== undefined) addAbortSignal(options.signal, socket);
  if (options.timeout !== undefined) socket.setTimeout(options.timeout);
  if (!socket.destroyed) socket.begin();
  return socket;
}

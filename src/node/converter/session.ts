/**
 * One client of a converter: its message is read, the server connected to, the client told, and then both are relayed. Every
 * step has a time that it may take.
 *
 * ```
 *  hello --message--> connecting --connected--> relaying --> over
 *    |                    |
 *    +----- error --------+--> answered: the error is sent, what comes is thrown away, then closed --> over
 *    +----- reset --------------------------------------------------------------------------------> over
 * ```
 *
 * Read first: RFC 8803 §4.2, §6.2.2 and §6.2.8.
 */
import type { MessageRead } from '../../base/index.js';
import {
  confirmConnection,
  ConvertErrorCode,
  convertErrorName,
  type ConvertMessage,
  convertReader,
  type ConvertVerdict,
  errorForFailure,
  errorMessage,
  judgeRequest,
} from '../../convert/index.js';
import { isMultipath } from '../../linux/index.js';
import { formatEndpoint, type IpAddress } from '../../wire/index.js';
import {
  type Place,
  refusalOf,
  Relay,
  type RelayEndListener,
  type RelayOutcome,
  SocketEnd,
} from '../relay/index.js';
import type { ConverterContext } from './context.js';
import { serverOptions } from './server-options.js';

/** Time that a client has to take an error and to close, in ms. */
const FAREWELL_MS = 2_000;

type ConnectVerdict = Extract<ConvertVerdict, { act: 'connect' }>;

/** See the module. */
export class ConverterSession implements RelayEndListener {
  private readonly context: ConverterContext;
  private readonly client: SocketEnd;
  private readonly address: IpAddress;
  private readonly place: Place | undefined;
  private readonly reader = convertReader();
  private readonly startedAt: number;
  private phase: 'hello' | 'connecting' | 'answered' | 'relaying' | 'over' = 'hello';
  private timer: NodeJS.Timeout | undefined = undefined;
  private server: SocketEnd | undefined = undefined;
  /** What is told of it when it is over. */
  private readonly record: Record<string, unknown>;

  /** `place`: undefined where there is none for this client. */
  constructor(context: ConverterContext, client: SocketEnd, address: IpAddress, place: Place | undefined) {
    this.context = context;
    this.client = client;
    this.address = address;
    this.place = place;
    this.startedAt = context.nowMs();
    this.record = { client: formatEndpoint({ address, port: client.socket.remotePort ?? 0 }) };
    client.socket.setNoDelay(true);
    client.listen(this);
  }

  /** Reads the message. */
  begin(): void {
    this.startTimer(this.context.helloMs, () => this.abort('hello-timeout'));
    this.client.resume();
  }

  /** Sends an error in place of any service, and ends. */
  refuse(code: number, reason: string): void {
    this.answer(errorMessage(code), convertErrorName(code), reason);
  }

  /** Ends whatever it is at. */
  abort(reason: string): void {
    if (this.phase === 'over' || this.phase === 'relaying') return;
    this.record['reason'] ??= reason;
    this.server?.reset();
    this.client.reset();
  }

  onBytes(bytes: Uint8Array): boolean {
    if (this.phase !== 'hello') return this.phase === 'answered';
    const read = this.reader.read(bytes);
    if (read.state === 'more') return true;
    this.take(read);
    return this.isAnswered;
  }

  onEnd(): void {
    // Nothing that could be answered came, or all was said.
    if (this.phase === 'hello') this.abort('no-message');
  }

  onRoom(): void {
    // What was answered is out; the client has the time of a farewell to close.
  }

  onClose(): void {
    const { phase } = this;
    this.phase = 'over';
    clearTimeout(this.timer);
    if (phase === 'connecting') this.server?.reset();
    this.place?.release();
    this.context.sessions.delete(this);
    this.context.log('closed', this.summary());
  }

  private get isAnswered(): boolean {
    return this.phase === 'answered';
  }

  private summary(outcome: RelayOutcome | 'failed' = 'failed'): Record<string, unknown> {
    return { ...this.record, outcome, durationMs: Math.round(this.context.nowMs() - this.startedAt) };
  }

  private take(read: Exclude<MessageRead<ConvertMessage>, { state: 'more' }>): void {
    const { context } = this;
    const verdict = judgeRequest(read, context.policy(), this.address, context.wallNs());
    if (verdict.act === 'reset') {
      this.abort(verdict.error);
    } else if (verdict.act === 'answer') {
      this.answer(verdict.bytes, verdict.error);
    } else {
      this.record['server'] = formatEndpoint(verdict.remote);
      const refusal = refusalOf(context.rules(), verdict.remote.address);
      if (refusal !== undefined) this.refuse(ConvertErrorCode.NOT_AUTHORIZED, refusal);
      else this.connect(verdict, read.state === 'message' ? read.rest.slice() : new Uint8Array(0));
    }
  }

  private connect(verdict: ConnectVerdict, early: Uint8Array): void {
    this.phase = 'connecting';
    const { address, port } = verdict.remote;
    const server = SocketEnd.connecting({ host: address.toString(), port }, !this.context.isMultipath);
    this.server = server;
    const { socket } = server;
    const fail = (error: NodeJS.ErrnoException): void => {
      if (this.phase !== 'connecting') return;
      const { code, value } = errorForFailure(error.code ?? '');
      this.answer(errorMessage(code, Uint8Array.of(value)), convertErrorName(code), error.code);
    };
    this.startTimer(this.context.connectMs, () => {
      server.reset();
      fail(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    });
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      if (this.phase === 'connecting') this.relay(server, verdict, early);
      else server.reset();
    });
  }

  private relay(server: SocketEnd, verdict: ConnectVerdict, early: Uint8Array): void {
    this.phase = 'relaying';
    clearTimeout(this.timer);
    this.place?.settle();
    server.socket.setNoDelay(true);
    const { context, client } = this;
    this.record['clientMultipath'] = client.fd !== undefined && isMultipath(client.fd);
    this.record['serverMultipath'] = server.fd !== undefined && isMultipath(server.fd);
    const options = server.fd === undefined ? new Uint8Array(0) : serverOptions(server.fd);
    client.write(confirmConnection(context.policy(), verdict.isInfoAsked, options));
    context.log('connected', { ...this.record, setupMs: Math.round(context.nowMs() - this.startedAt) });
    const relay = new Relay(client, server);
    void context.relays.run(relay, early).then((outcome) => {
      this.phase = 'over';
      this.place?.release();
      context.sessions.delete(this);
      const { clientBytes, serverBytes } = relay;
      context.log('closed', { ...this.summary(outcome), clientBytes, serverBytes });
    });
  }

  /** RFC 8803 §6.2.2: no reset at once, which would overtake the error; so what still comes has to be read. */
  private answer(bytes: Uint8Array, error: string | undefined, reason?: string): void {
    this.phase = 'answered';
    if (error !== undefined) {
      this.record['error'] = error;
      if (reason !== undefined) this.record['reason'] = reason;
      // RFC 8803 §6.2.5: errors are rationed.
      if (!this.context.mayTellError()) {
        this.client.reset();
        return;
      }
    }
    this.startTimer(FAREWELL_MS, () => this.client.reset());
    this.client.write(bytes);
    this.client.end();
    this.client.resume();
  }

  private startTimer(ms: number, action: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(action, ms);
  }
}

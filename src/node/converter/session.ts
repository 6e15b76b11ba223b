/**
 * One client of a converter: its message is read, the server connected to, the client told, and then both are relayed.
 * Read first: RFC 8803 §4.2, §6.2.2 and §6.2.8; relay/client-session.ts for what is the same for every proxy.
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
import { formatEndpoint, type IpAddress } from '../../wire/index.js';
import {
  ClientSession,
  connectForRelay,
  isOwnAddress,
  type Place,
  refusalOf,
  type RelaySocket,
} from '../relay/index.js';
import type { ConverterContext } from './context.js';
import { netError } from '../net-error.js';
import { serverOptions } from './server-options.js';

type ConnectVerdict = Extract<ConvertVerdict, { act: 'connect' }>;

/** See the module. */
export class ConverterSession extends ClientSession {
  private readonly context: ConverterContext;
  private readonly reader = convertReader();
  private server: RelaySocket | undefined = undefined;

  /** `place`: undefined where there is none for this client. */
  constructor(context: ConverterContext, client: RelaySocket, address: IpAddress, place: Place | undefined) {
    super(context, client, address, place);
    this.context = context;
  }

  /** Reads the message. */
  begin(): void {
    this.startTimer(this.context.helloMs, () => this.abort('hello-timeout'));
    this.client.resume();
  }

  /** Sends an error in place of any service, and ends. */
  refuse(code: number, reason: string): void {
    this.tell(errorMessage(code), convertErrorName(code), reason);
  }

  onBytes(bytes: Uint8Array): boolean {
    if (this.phase !== 'asking') return this.phase === 'answered';
    const read = this.reader.read(bytes);
    if (read.state === 'more') return true;
    this.take(read);
    return this.isAnswered;
  }

  protected override giveUp(): void {
    this.server?.reset();
  }

  private get isAnswered(): boolean {
    return this.phase === 'answered';
  }

  private take(read: Exclude<MessageRead<ConvertMessage>, { state: 'more' }>): void {
    const { context } = this;
    const verdict = judgeRequest(read, context.policy(), this.address, context.wallNs());
    if (verdict.act === 'reset') {
      this.abort(verdict.error);
    } else if (verdict.act === 'answer') {
      this.tell(verdict.bytes, verdict.error);
    } else {
      this.record['server'] = formatEndpoint(verdict.remote);
      const refusal = refusalOf(context.rules(), verdict.remote.address, isOwnAddress);
      if (refusal !== undefined) this.refuse(ConvertErrorCode.NOT_AUTHORIZED, refusal);
      else this.connect(verdict, read.state === 'message' ? read.rest.slice() : new Uint8Array(0));
    }
  }

  private connect(verdict: ConnectVerdict, early: Uint8Array): void {
    this.phase = 'opening';
    const fail = ({ code = '' }: NodeJS.ErrnoException): void => {
      if (this.phase !== 'opening') return;
      const { code: error, value } = errorForFailure(code);
      this.tell(errorMessage(error, Uint8Array.of(value)), convertErrorName(error), code);
    };
    const settled = (error?: Error): void => {
      if (error !== undefined) fail(error);
      else if (this.phase === 'opening') this.relay(this.server!, verdict, early);
      else this.server!.reset();
    };
    this.startTimer(this.context.connectMs(), () => {
      this.server?.reset();
      fail(netError('ETIMEDOUT', 'connect'));
    });
    try {
      this.server = connectForRelay({ ...verdict.remote, isPlain: !this.context.isMultipath }, settled);
    } catch (error) {
      fail(error as Error);
    }
  }

  private relay(server: RelaySocket, verdict: ConnectVerdict, early: Uint8Array): void {
    const options = server.fd === undefined ? new Uint8Array(0) : serverOptions(server.fd);
    this.relayTo(server, confirmConnection(this.context.policy(), verdict.isInfoAsked, options), early);
  }

  /** RFC 8803 §6.2.2: no reset in place of an error. */
  private tell(bytes: Uint8Array, error: string | undefined, reason?: string): void {
    if (error !== undefined) {
      this.record['error'] = error;
      if (reason !== undefined) this.record['reason'] = reason;
      // RFC 8803 §6.2.5: errors are rationed.
      if (!this.context.mayTellError()) {
        this.phase = 'answered';
        this.client.reset();
        return;
      }
    }
    this.answer(bytes);
  }
}

/**
 * SOCKS 6, the proxy's side: who the client is, by what its request says, by a session, or by an exchange after it; then what
 * it wants. Two answers: on the client, at once, and on the connection.
 *
 * ```
 *  request --known, or nobody is asked--> operation
 *     |--user and password in it--> authenticate --> operation
 *     \--password offered only--> initial data, password --> authenticate --> operation
 * ```
 *
 * Read first: draft-olteanu-intarea-socks-6-11 §5 to §8.
 */
import {
  emitPasswordReply,
  emitSocks6AuthenticationReply,
  emitSocks6OperationReply,
  emitVersionMismatch,
  scanPassword,
  scanSocks6Request,
  SocksCommand,
  type SocksHost,
  SocksMethod,
  SocksReplyCode,
  type Socks6Option,
  type Socks6Request,
  SOCKS6_NOOP,
  SOCKS6_VERSION,
  socks5Reader,
  socks6Reader,
} from '../../socks/index.js';
import { IpAddress } from '../../wire/index.js';
import { joined } from '../tunnel/handshake.js';
import { after, type Dialogue, type DialogueStep } from './dialogue.js';
import type { ProxyFailure } from './failure.js';
import { socksCodes } from './socks5-dialogue.js';
import type { Socks6Session, Socks6Sessions } from './socks6-sessions.js';
import { nothingDone, stackAnswers, type StackFacts, stackWishes } from './socks6-stack.js';
import type { OpenedConnection } from './upstream.js';

/** What the dialogues of one proxy share. */
export interface Socks6World {
  readonly sessions: Socks6Sessions;
  /** The version byte. */
  readonly version?: number;
  readonly needsUser: boolean;
  /** Whether Multipath TCP goes to servers for clients too that do not ask for it. Default false. */
  readonly isMultipathAlways?: boolean;
  /** A clock in ms, for sessions. */
  nowMs(): number;
}

const none = new Uint8Array(0);

/** See the module. */
export class Socks6Dialogue implements Dialogue {
  readonly protocol = 'socks6';
  private readonly world: Socks6World;
  private readonly version: number;
  private phase: 'request' | 'initial-data' | 'password' = 'request';
  private readonly requestReader;
  private readonly passwordReader = socks5Reader(scanPassword);
  private request: Socks6Request | undefined = undefined;
  /** The session that the request began: the reply to it names it. */
  private begun: Socks6Session | undefined = undefined;
  /** Data for the server that came before the request was granted. */
  private early: Uint8Array = none;
  /** Bytes of it that are to come before the password. */
  private initialBytes = 0;

  constructor(world: Socks6World) {
    this.world = world;
    this.version = world.version ?? SOCKS6_VERSION;
    this.requestReader = socks6Reader(scanSocks6Request, this.version);
  }

  begin(): DialogueStep {
    return { act: 'wait' };
  }

  read(bytes: Uint8Array): DialogueStep {
    switch (this.phase) {
      case 'request':
        return this.readRequest(bytes);
      case 'initial-data':
        return this.readInitialData(bytes);
      case 'password':
        return this.readPassword(bytes);
    }
  }

  private readRequest(bytes: Uint8Array): DialogueStep {
    const read = this.requestReader.read(bytes);
    if (read.state === 'more') return { act: 'wait' };
    if (read.state === 'invalid') {
      const error = read.error.code;
      // §5.1: another version is told which one is spoken here.
      if (error === 'bad-version') return { act: 'end', error, send: emitVersionMismatch(this.version) };
      if (error === 'bad-address-type') return this.refuseAddressType();
      return { act: 'reset', error };
    }
    this.request = read.value;
    return this.identify(read.value, read.rest);
  }

  /** Where its options begin is not known then, nor who the client is: the reply is for those who need not say so. */
  private refuseAddressType(): DialogueStep {
    const error = 'bad-address-type';
    if (this.world.needsUser) return this.refuseUser(error);
    const send = emitSocks6AuthenticationReply({ isSuccess: true, options: [] }, this.version);
    const code = SocksReplyCode.ADDRESS_TYPE_NOT_SUPPORTED;
    return after(send, { act: 'end', error, send: this.reply(code) });
  }

  /** §6: a session, a password that is there, or one that is to come. */
  private identify({ command, options }: Socks6Request, rest: Uint8Array): DialogueStep {
    const named = find(options, 'session-id');
    if (named !== undefined) {
      const { sessions } = this.world;
      const session = sessions.find(named.id, this.world.nowMs());
      const isEnd = find(options, 'session-teardown') !== undefined;
      if (!isEnd) {
        this.early = rest.slice();
        // §8.4: whoever has lost a session begins a new one.
        if (session === undefined) return this.refuseUser('session-invalid', [{ kind: 'session-invalid' }]);
        return this.admit(session);
      }
      // §8.4.3: the request that ends a session is none of it.
      if (session !== undefined) sessions.end(session);
    }
    if (!this.world.needsUser) {
      this.early = rest.slice();
      return this.admit(undefined);
    }
    const said = options.find(
      (option) => option.kind === 'authentication-data' && option.method === SocksMethod.PASSWORD,
    );
    if (said?.kind === 'authentication-data') {
      this.early = rest.slice();
      const read = socks5Reader(scanPassword).read(said.data);
      if (read.state === 'message') return { act: 'authenticate', ...read.value };
      return this.refuseUser('bad-authentication');
    }
    const offered = find(options, 'method-advertisement');
    if (offered?.methods.includes(SocksMethod.PASSWORD) !== true) return this.refuseUser('not-authenticated');
    // §8.2: only CONNECT has data for somebody.
    return this.ask(command === SocksCommand.CONNECT ? offered.initialDataBytes : 0, rest);
  }

  /** §6: a failure with a method is the beginning of an exchange by it, which comes behind the initial data (§8.2). */
  private ask(initialDataBytes: number, rest: Uint8Array): DialogueStep {
    this.phase = 'initial-data';
    this.initialBytes = initialDataBytes;
    const options = [{ kind: 'method-selection', method: SocksMethod.PASSWORD }] as const;
    const send = emitSocks6AuthenticationReply({ isSuccess: false, options }, this.version);
    return after(send, this.readInitialData(rest));
  }

  private readInitialData(bytes: Uint8Array): DialogueStep {
    const taken = bytes.subarray(0, this.initialBytes - this.early.length);
    this.early = joined([this.early, taken]);
    if (this.early.length < this.initialBytes) return { act: 'wait' };
    this.phase = 'password';
    const rest = bytes.subarray(taken.length);
    return rest.length === 0 ? { act: 'wait' } : this.readPassword(rest);
  }

  private readPassword(bytes: Uint8Array): DialogueStep {
    const read = this.passwordReader.read(bytes);
    if (read.state === 'more') return { act: 'wait' };
    if (read.state === 'invalid') return { act: 'reset', error: read.error.code };
    this.early = joined([this.early, read.rest]);
    return { act: 'authenticate', ...read.value };
  }

  authenticated(isWelcome: boolean): DialogueStep {
    const said = emitPasswordReply(isWelcome);
    const isAsked = this.phase === 'password';
    // §9: a password in an option has its answer in an option.
    const answers: Socks6Option[] = isAsked
      ? []
      : [{ kind: 'authentication-data', method: SocksMethod.PASSWORD, data: said }];
    const step = isWelcome ? this.admit(undefined, answers) : this.refuseUser('not-authenticated', answers);
    return isAsked ? after(said, step) : step;
  }

  /** Without a method, a failure is the end (§6). */
  private refuseUser(error: string, options: readonly Socks6Option[] = []): DialogueStep {
    return {
      ...{ act: 'end', error },
      send: emitSocks6AuthenticationReply({ isSuccess: false, options }, this.version),
    };
  }

  /** The client is who it has to be. */
  private admit(known: Socks6Session | undefined, said: readonly Socks6Option[] = []): DialogueStep {
    const request = this.request!;
    const { options } = request;
    const answers = [...said];
    let session = known;
    if (known !== undefined) answers.push({ kind: 'session-ok' });
    else if (find(options, 'session-request') !== undefined) {
      session = this.world.sessions.create(this.world.nowMs());
      this.begun = session;
      answers.push({ kind: 'session-id', id: session.id });
    }
    // §8.5: without a session there are no tokens, and options about them are read over.
    if (session !== undefined && !this.spend(session, options, answers))
      return this.refuseUser('token-rejected', [{ kind: 'idempotence-rejected' }]);
    const send = emitSocks6AuthenticationReply({ isSuccess: true, options: answers }, this.version);
    return after(send, this.grant(request));
  }

  /** Whether the request may be carried out: a token buys one, once; the packet that says so again buys nothing (§8.5.2). */
  private spend(session: Socks6Session, options: readonly Socks6Option[], answers: Socks6Option[]): boolean {
    const wanted = find(options, 'idempotence-request');
    if (wanted !== undefined) session.openWindow(this.world.sessions.firstToken(), wanted.size);
    const spent = find(options, 'idempotence-expenditure');
    if (spent !== undefined) {
      if (!session.spend(spent.token)) return false;
      answers.push({ kind: 'idempotence-accepted' });
    }
    const { window } = session;
    // §8.5.1: it is told with every success from then on.
    if (window !== undefined) answers.push({ kind: 'idempotence-window', ...window });
    return true;
  }

  private grant({ command, host, port, options }: Socks6Request): DialogueStep {
    if (command === SOCKS6_NOOP) return { act: 'end', send: this.reply(SocksReplyCode.SUCCEEDED) };
    if (command !== SocksCommand.CONNECT)
      return { act: 'end', error: 'bad-command', send: this.reply(SocksReplyCode.COMMAND_NOT_SUPPORTED) };
    if (port === 0) return { act: 'end', error: 'bad-port', send: this.failed('failed') };
    const wishes = stackWishes(options, this.world.isMultipathAlways === true);
    return { act: 'open', host, port, early: this.early, ...wishes };
  }

  opened({ bound, ...facts }: OpenedConnection, isClientMultipath: boolean): Uint8Array {
    return this.reply(SocksReplyCode.SUCCEEDED, { ...facts, isClientMultipath }, bound?.address, bound?.port);
  }

  failed(failure: ProxyFailure): Uint8Array {
    return this.reply(failure === 'timed-out' ? SocksReplyCode.TIMED_OUT : socksCodes[failure]);
  }

  associated(): Uint8Array {
    // Never asked for: `grant` refuses the command.
    return this.reply(SocksReplyCode.COMMAND_NOT_SUPPORTED);
  }

  private reply(
    code: number,
    facts: StackFacts = nothingDone,
    host: SocksHost = IpAddress.unspecified(4),
    port = 0,
  ): Uint8Array {
    const options = stackAnswers(this.request?.options ?? [], facts);
    // §8.4 has the name of a session in the authentication reply, §8.4.1 in the operation reply that says success: clients find it in both.
    if (this.begun !== undefined && code === SocksReplyCode.SUCCEEDED)
      options.push({ kind: 'session-id', id: this.begun.id });
    return emitSocks6OperationReply({ code, host, port, options }, this.version);
  }
}

/** The first option of a kind: of those that are there twice, the others are read over. */
function find<K extends Socks6Option['kind']>(
  options: readonly Socks6Option[],
  kind: K,
): Extract<Socks6Option, { kind: K }> | undefined {
  return options.find((option) => option.kind === kind) as Extract<Socks6Option, { kind: K }> | undefined;
}

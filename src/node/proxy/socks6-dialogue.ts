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
  fastOpenOption,
  multipathOption,
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
  Socks6Stack,
  socks5Reader,
  socks6Reader,
} from '../../socks/index.js';
import { IpAddress, readU16 } from '../../wire/index.js';
import { joined } from '../tunnel/handshake.js';
import { after, type Dialogue, type DialogueStep } from './dialogue.js';
import type { ProxyFailure } from './failure.js';
import { socksCodes } from './socks5-dialogue.js';
import type { Socks6Session, Socks6Sessions } from './socks6-sessions.js';
import type { OpenedConnection } from './upstream.js';

/** What the dialogues of one proxy share. */
export interface Socks6World {
  readonly sessions: Socks6Sessions;
  /** The version byte. */
  readonly version?: number;
  readonly needsUser: boolean;
  /** A clock in ms, for sessions. */
  nowMs(): number;
}

type StackOption = Extract<Socks6Option, { kind: 'stack' }>;
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
      return { act: 'reset', error };
    }
    this.request = read.value;
    return this.identify(read.value, read.rest);
  }

  /** §6: a session, a password that is there, or one that is to come. */
  private identify({ options }: Socks6Request, rest: Uint8Array): DialogueStep {
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
    return this.ask(offered.initialDataBytes, rest);
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
    const stack = options.filter((option) => option.kind === 'stack');
    return {
      ...{ act: 'open', host, port, early: this.early },
      isMultipath: wantsMultipath(stack),
      isFastOpen: mayFastOpen(stack, this.early.length),
    };
  }

  /** With what was asked about the two connections (§8.1). */
  opened(connection: OpenedConnection, isClientMultipath: boolean): Uint8Array {
    const stack = this.request!.options.filter((option) => option.kind === 'stack');
    const options: Socks6Option[] = [];
    if (stack.some((option) => isTcp(option, Socks6Stack.MULTIPATH, 1)))
      options.push(multipathOption(isClientMultipath, 1));
    const { isServerMultipath, bound } = connection;
    if (isServerMultipath !== undefined && stack.some((option) => isTcp(option, Socks6Stack.MULTIPATH, 2)))
      options.push(multipathOption(isServerMultipath));
    if (connection.isFastOpen) options.push(fastOpenOption(Math.min(connection.earlyBytes, 0xffff)));
    return this.reply(SocksReplyCode.SUCCEEDED, options, bound?.address, bound?.port);
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
    options: readonly Socks6Option[] = [],
    host: SocksHost = IpAddress.unspecified(4),
    port = 0,
  ): Uint8Array {
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

/** Whether the option is about `code` of TCP on `leg`, or on both (§8.1). */
function isTcp({ leg, level, code }: StackOption, wanted: number, onLeg: 1 | 2): boolean {
  return level === Socks6Stack.TCP_LEVEL && code === wanted && (leg === 3 || leg === onLeg);
}

/**
 * Whether Fast Open to the server is wanted with so many bytes: a client may say how many there may be in the SYN at most, or 0 for any
 * number (§8.1). What goes with it cannot be cut, so that with more it is not used.
 */
function mayFastOpen(stack: readonly StackOption[], earlyBytes: number): boolean {
  const said = stack.find((option) => isTcp(option, Socks6Stack.FAST_OPEN, 2));
  if (said === undefined) return false;
  const mostBytes = readU16(said.data, 0);
  return mostBytes === 0 || earlyBytes <= mostBytes;
}

/** Whether Multipath TCP to the server is wanted; undefined where the client does not care. */
function wantsMultipath(stack: readonly StackOption[]): boolean | undefined {
  const said = stack.find((option) => isTcp(option, Socks6Stack.MULTIPATH, 2))?.data[0];
  return said === 1 ? false : said === 2 ? true : undefined;
}

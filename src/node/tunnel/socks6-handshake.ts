/**
 * SOCKS 6, the client's side of CONNECT: request, authentication and data of the application in one message, so that a proxy
 * costs no round trip of its own. Read first: draft-olteanu-intarea-socks-6-11 §5 to §8.
 */
import type { MessageRead } from '../../base/index.js';
import {
  emitPassword,
  emitSocks6Request,
  fastOpenOption,
  MAX_INITIAL_DATA_BYTES,
  multipathOption,
  scanPasswordReply,
  scanSocks6AuthenticationReply,
  scanSocks6OperationReply,
  SocksCommand,
  SocksMethod,
  type SocksPassword,
  SocksReplyCode,
  type Socks6AuthenticationReply,
  type Socks6OperationReply,
  type Socks6Option,
  Socks6Stack,
  socks5Reader,
  socks6Reader,
} from '../../socks/index.js';
import { readU16 } from '../../wire/index.js';
import type { Handshake, HandshakeFailed, HandshakeStep, Opening, TunnelFacts } from './handshake.js';
import { joined } from './handshake.js';
import { noAnswer, ProxyError } from './proxy-error.js';
import { type Destination, errorOfReply } from './socks5-handshake.js';

/** What else is asked of the proxy. */
export interface Socks6Asked {
  readonly credentials?: SocksPassword | undefined;
  /** The version byte. */
  readonly version: number;
  /** Whether the proxy is to connect over Multipath TCP. Default true. */
  readonly isMultipath?: boolean | undefined;
  /** Most bytes of the application in the proxy's SYN, which so perhaps arrive twice. Default 0. */
  readonly synBytes?: number | undefined;
}

/** See the module. */
export class Socks6Handshake implements Handshake {
  private readonly destination: Destination;
  private readonly asked: Socks6Asked;
  private readonly authenticationReader;
  private readonly passwordReader = socks5Reader(scanPasswordReply);
  private readonly operationReader;
  private phase: 'authentication' | 'password' | 'second-authentication' | 'operation' = 'authentication';

  constructor(destination: Destination, asked: Socks6Asked) {
    this.destination = destination;
    this.asked = asked;
    this.authenticationReader = socks6Reader(scanSocks6AuthenticationReply, asked.version);
    this.operationReader = socks6Reader(scanSocks6OperationReply, asked.version);
  }

  begin(early: Uint8Array): Opening {
    const { credentials, version, isMultipath = true, synBytes = 0 } = this.asked;
    const options: Socks6Option[] = [multipathOption(isMultipath)];
    // §8.1: 0 is any number.
    if (synBytes > 0 && early.length > 0) options.push(fastOpenOption(synBytes > 0xffff ? 0 : synBytes));
    // §8.2: where a method is advertised, what follows the request is announced with it.
    const most = credentials === undefined ? early.length : MAX_INITIAL_DATA_BYTES;
    const taken = early.subarray(0, most);
    if (credentials !== undefined) options.push(...authentication(credentials, taken.length));
    const request = { command: SocksCommand.CONNECT, ...this.destination, options };
    return { bytes: joined([emitSocks6Request(request, version), taken]), earlyBytes: taken.length };
  }

  read(bytes: Uint8Array): HandshakeStep {
    switch (this.phase) {
      case 'authentication':
      case 'second-authentication':
        return this.on(this.authenticationReader.read(bytes), (reply, rest) =>
          reply.isSuccess ? this.goOn('operation', rest) : this.refused(reply),
        );
      case 'password':
        // Whether it was right, the reply that follows says as well (§6).
        return this.on(this.passwordReader.read(bytes), (_, rest) =>
          this.goOn('second-authentication', rest),
        );
      case 'operation':
        return this.on(this.operationReader.read(bytes), (reply, rest) => this.finish(reply, rest));
    }
  }

  private on<T>(read: MessageRead<T>, take: (value: T, rest: Uint8Array) => HandshakeStep): HandshakeStep {
    if (read.state === 'more') return read;
    if (read.state === 'invalid') return { state: 'failed', error: noAnswer('SOCKS 6', read.error.code) };
    return take(read.value, read.rest);
  }

  private goOn(phase: typeof this.phase, rest: Uint8Array): HandshakeStep {
    this.phase = phase;
    return rest.length === 0 ? { state: 'more' } : this.read(rest);
  }

  /** §6: a failure that selects a method asks for an exchange by it, once. */
  private refused({ options }: Socks6AuthenticationReply): HandshakeStep {
    const { credentials } = this.asked;
    const isSelected = options.some(
      (option) => option.kind === 'method-selection' && option.method === SocksMethod.PASSWORD,
    );
    if (credentials === undefined || !isSelected || this.phase !== 'authentication') {
      const error = new ProxyError('ERR_SUBFLOW_PROXY_AUTHENTICATION', 'the proxy does not know this user');
      return { state: 'failed', error };
    }
    this.phase = 'password';
    return { state: 'more', send: emitPassword(credentials) };
  }

  private finish({ code, host, port, options }: Socks6OperationReply, rest: Uint8Array): HandshakeStep {
    if (code !== SocksReplyCode.SUCCEEDED)
      return { state: 'failed', error: errorOfReply(code, this.destination) };
    const bound = typeof host === 'string' ? undefined : { address: host, port };
    return { state: 'done', rest, facts: { bound, ...factsOf(options) } };
  }

  endOfStream(): HandshakeFailed {
    return { state: 'failed', error: noAnswer('SOCKS 6', 'end') };
  }
}

/** §8.2 and §8.3: user and password in the request itself. */
function authentication(credentials: SocksPassword, initialDataBytes: number): Socks6Option[] {
  const said = emitPassword(credentials);
  const data = new Uint8Array(((said.length + 1 + 3) & ~3) - 1);
  data.set(said);
  return [
    { kind: 'method-advertisement', initialDataBytes, methods: [SocksMethod.PASSWORD] },
    { kind: 'authentication-data', method: SocksMethod.PASSWORD, data },
  ];
}

/** What the proxy says of its connection to the server (§8.1). */
function factsOf(options: readonly Socks6Option[]): Pick<TunnelFacts, 'isServerMultipath' | 'synBytes'> {
  const dataOf = (code: number): Uint8Array | undefined =>
    options
      .filter((option) => option.kind === 'stack')
      .find((option) => option.level === Socks6Stack.TCP_LEVEL && option.code === code && option.leg !== 1)
      ?.data;
  const multipath = dataOf(Socks6Stack.MULTIPATH);
  const fastOpen = dataOf(Socks6Stack.FAST_OPEN);
  return {
    isServerMultipath: multipath === undefined ? undefined : multipath[0] === 2,
    synBytes: fastOpen === undefined ? undefined : readU16(fastOpen, 0),
  };
}

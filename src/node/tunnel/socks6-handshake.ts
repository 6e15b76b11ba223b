/**
 * SOCKS 6, the client's side of CONNECT: request, authentication and data of the application in one message, so that a proxy
 * costs no round trip of its own. Read first: draft-olteanu-intarea-socks-6-11 §5 to §8.
 */
import {
  emitPassword,
  emitSocks6Request,
  fastOpenOption,
  MAX_INITIAL_DATA_BYTES,
  multipathOption,
  scanSocks6AuthenticationReply,
  scanSocks6OperationReply,
  SocksCommand,
  SocksMethod,
  type SocksPassword,
  SocksReplyCode,
  type Socks6Option,
  Socks6Stack,
  socks6Reader,
} from '../../socks/index.js';
import type { Handshake, HandshakeFailed, HandshakeStep, Opening } from './handshake.js';
import { joined } from './handshake.js';
import { noAnswer, ProxyError } from './proxy-error.js';
import { type Destination, errorOfReply } from './socks5-handshake.js';

/** What else is asked of the proxy. */
export interface Socks6Asked {
  readonly credentials?: SocksPassword | undefined;
  /** The version byte. */
  readonly version: number;
  /** Whether data of the application may go with the proxy's SYN, and so perhaps arrive twice. */
  readonly isFastOpen?: boolean;
}

/** See the module. */
export class Socks6Handshake implements Handshake {
  private readonly destination: Destination;
  private readonly asked: Socks6Asked;
  private readonly authenticationReader;
  private readonly operationReader;
  private isAuthenticated = false;

  constructor(destination: Destination, asked: Socks6Asked) {
    this.destination = destination;
    this.asked = asked;
    this.authenticationReader = socks6Reader(scanSocks6AuthenticationReply, asked.version);
    this.operationReader = socks6Reader(scanSocks6OperationReply, asked.version);
  }

  begin(early: Uint8Array): Opening {
    const { credentials, version, isFastOpen = false } = this.asked;
    const options: Socks6Option[] = [multipathOption(true)];
    if (isFastOpen && early.length > 0) options.push(fastOpenOption(0));
    // §8.2: where a method is advertised, what follows the request is announced with it.
    const most = credentials === undefined ? early.length : MAX_INITIAL_DATA_BYTES;
    const taken = early.subarray(0, most);
    if (credentials !== undefined) options.push(...authentication(credentials, taken.length));
    const request = { command: SocksCommand.CONNECT, ...this.destination, options };
    return { bytes: joined([emitSocks6Request(request, version), taken]), earlyBytes: taken.length };
  }

  read(bytes: Uint8Array): HandshakeStep {
    if (this.isAuthenticated) return this.readOperation(bytes);
    const read = this.authenticationReader.read(bytes);
    if (read.state === 'more') return read;
    if (read.state === 'invalid') return { state: 'failed', error: noAnswer('SOCKS 6', read.error.code) };
    if (!read.value.isSuccess) {
      const error = new ProxyError('ERR_SUBFLOW_PROXY_AUTHENTICATION', 'the proxy does not know this user');
      return { state: 'failed', error };
    }
    this.isAuthenticated = true;
    return read.rest.length === 0 ? { state: 'more' } : this.readOperation(read.rest);
  }

  private readOperation(bytes: Uint8Array): HandshakeStep {
    const read = this.operationReader.read(bytes);
    if (read.state === 'more') return read;
    if (read.state === 'invalid') return { state: 'failed', error: noAnswer('SOCKS 6', read.error.code) };
    const { code, host, port, options } = read.value;
    if (code !== SocksReplyCode.SUCCEEDED)
      return { state: 'failed', error: errorOfReply(code, this.destination) };
    const bound = typeof host === 'string' ? undefined : { address: host, port };
    return { state: 'done', rest: read.rest, facts: { bound, isServerMultipath: multipathOf(options) } };
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
function multipathOf(options: readonly Socks6Option[]): boolean | undefined {
  for (const option of options) {
    if (option.kind !== 'stack' || option.level !== Socks6Stack.TCP_LEVEL) continue;
    if (option.code === Socks6Stack.MULTIPATH && option.leg !== 1) return option.data[0] === 2;
  }
  return undefined;
}

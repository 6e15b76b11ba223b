/** SOCKS 5, the client's side of CONNECT. Read first: RFC 1928 §3 to §6, RFC 1929. */
import type { MessageRead } from '../../base/index.js';
import {
  emitGreeting,
  emitPassword,
  emitRequest,
  scanMethodChoice,
  scanPasswordReply,
  scanReply,
  SocksCommand,
  type SocksHost,
  SocksMethod,
  type SocksPassword,
  SocksReplyCode,
  socks5Reader,
} from '../../socks/index.js';
import { netError } from '../net-error.js';
import type { Handshake, HandshakeFailed, HandshakeStep, Opening } from './handshake.js';
import { noAnswer, ProxyError } from './proxy-error.js';

/** What is to be connected to. */
export interface Destination {
  readonly host: SocksHost;
  readonly port: number;
}

/** See the module. */
export class Socks5Handshake implements Handshake {
  private readonly destination: Destination;
  private readonly credentials: SocksPassword | undefined;
  private phase: 'method' | 'password' | 'reply' = 'method';
  private readonly methodReader = socks5Reader(scanMethodChoice);
  private readonly passwordReader = socks5Reader(scanPasswordReply);
  private readonly replyReader = socks5Reader(scanReply);

  constructor(destination: Destination, credentials: SocksPassword | undefined) {
    this.destination = destination;
    this.credentials = credentials;
  }

  begin(): Opening {
    const { NONE, PASSWORD } = SocksMethod;
    const methods = this.credentials === undefined ? [NONE] : [NONE, PASSWORD];
    return { bytes: emitGreeting({ methods }), earlyBytes: 0 };
  }

  read(bytes: Uint8Array): HandshakeStep {
    switch (this.phase) {
      case 'method':
        return this.on(this.methodReader.read(bytes), (method) => this.takeMethod(method));
      case 'password':
        return this.on(this.passwordReader.read(bytes), (isWelcome) =>
          isWelcome ? this.request() : refusedUser(),
        );
      case 'reply':
        return this.on(this.replyReader.read(bytes), ({ code, host, port }, rest) => {
          if (code !== SocksReplyCode.SUCCEEDED)
            return { state: 'failed', error: errorOfReply(code, this.destination) };
          const bound = typeof host === 'string' ? undefined : { address: host, port };
          return { state: 'done', rest, facts: { bound } };
        });
    }
  }

  endOfStream(): HandshakeFailed {
    return { state: 'failed', error: noAnswer('SOCKS 5', 'end') };
  }

  /** Nothing may follow a message but after the last one: the proxy answers what it is asked. */
  private on<T>(read: MessageRead<T>, take: (value: T, rest: Uint8Array) => HandshakeStep): HandshakeStep {
    if (read.state === 'more') return read;
    if (read.state === 'invalid') return { state: 'failed', error: noAnswer('SOCKS 5', read.error.code) };
    if (read.rest.length > 0 && this.phase !== 'reply')
      return { state: 'failed', error: noAnswer('SOCKS 5', 'unasked') };
    return take(read.value, read.rest);
  }

  private takeMethod(method: number): HandshakeStep {
    if (method === SocksMethod.NONE) return this.request();
    if (method === SocksMethod.PASSWORD && this.credentials !== undefined) {
      this.phase = 'password';
      return { state: 'more', send: emitPassword(this.credentials) };
    }
    return refusedUser();
  }

  private request(): HandshakeStep {
    this.phase = 'reply';
    return { state: 'more', send: emitRequest({ command: SocksCommand.CONNECT, ...this.destination }) };
  }
}

function refusedUser(): HandshakeStep {
  const error = new ProxyError('ERR_SUBFLOW_PROXY_AUTHENTICATION', 'the proxy does not know this user');
  return { state: 'failed', error };
}

/** Codes of `net` for what a proxy of SOCKS says of the server. */
const netCodes = new Map<number, string>([
  [SocksReplyCode.NETWORK_UNREACHABLE, 'ENETUNREACH'],
  [SocksReplyCode.HOST_UNREACHABLE, 'EHOSTUNREACH'],
  [SocksReplyCode.CONNECTION_REFUSED, 'ECONNREFUSED'],
  [SocksReplyCode.TTL_EXPIRED, 'ETIMEDOUT'],
  [SocksReplyCode.TIMED_OUT, 'ETIMEDOUT'],
]);

/** The error for a reply of SOCKS 5 or 6. */
export function errorOfReply(code: number, { host, port }: Destination): Error {
  const netCode = netCodes.get(code);
  if (netCode !== undefined) return netError(netCode, 'connect', { address: String(host), port });
  if (code === SocksReplyCode.NOT_ALLOWED)
    return new ProxyError('ERR_SUBFLOW_PROXY_NOT_ALLOWED', `the proxy's rules forbid ${String(host)}`);
  const isUnsupported =
    code === SocksReplyCode.COMMAND_NOT_SUPPORTED || code === SocksReplyCode.ADDRESS_TYPE_NOT_SUPPORTED;
  return isUnsupported
    ? new ProxyError('ERR_SUBFLOW_PROXY_UNSUPPORTED', 'the proxy does not support such a request')
    : new ProxyError('ERR_SUBFLOW_PROXY_FAILED', `the proxy could not connect (code ${code})`);
}

/** HTTP CONNECT, the client's side. Read first: RFC 9110 §9.3.6 and §15.2; RFC 9209 §2.3. */
import { type ConnectAnswer, connectAnswerReader, emitConnectRequest } from '../../http-connect/index.js';
import type { SocksPassword } from '../../socks/index.js';
import { netError } from '../net-error.js';
import type { Handshake, HandshakeFailed, HandshakeStep, Opening } from './handshake.js';
import { noAnswer, ProxyError } from './proxy-error.js';
import type { Destination } from './socks5-handshake.js';

/** Answers of 100 to 199 that are read over (RFC 9110 §15.2). */
const MAX_INTERIM = 8;

/** Codes of `net` by type of RFC 9209, and by status where there is none. */
const netCodes = new Map<string | number, string>([
  ['dns_error', 'ENOTFOUND'],
  ['dns_timeout', 'ENOTFOUND'],
  ['destination_not_found', 'ENOTFOUND'],
  ['destination_ip_unroutable', 'EHOSTUNREACH'],
  ['connection_refused', 'ECONNREFUSED'],
  ['connection_timeout', 'ETIMEDOUT'],
  [504, 'ETIMEDOUT'],
]);

/** See the module. */
export class HttpHandshake implements Handshake {
  private readonly destination: Destination;
  private readonly credentials: SocksPassword | undefined;
  private readonly reader = connectAnswerReader();
  private interim = 0;

  constructor(destination: Destination, credentials: SocksPassword | undefined) {
    this.destination = destination;
    this.credentials = credentials;
  }

  begin(): Opening {
    const { destination, credentials } = this;
    return { bytes: emitConnectRequest({ ...destination, credentials }), earlyBytes: 0 };
  }

  read(bytes: Uint8Array): HandshakeStep {
    const read = this.reader.read(bytes);
    if (read.state === 'more') return read;
    if (read.state === 'invalid') return { state: 'failed', error: noAnswer('HTTP', read.error.code) };
    const { status } = read.value;
    if (status >= 200 && status < 300) return { state: 'done', rest: read.rest, facts: {} };
    if (status >= 200) return { state: 'failed', error: this.errorOf(read.value) };
    if (++this.interim > MAX_INTERIM) return { state: 'failed', error: noAnswer('HTTP', 'interim') };
    return read.rest.length === 0 ? { state: 'more' } : this.read(read.rest);
  }

  endOfStream(): HandshakeFailed {
    return { state: 'failed', error: noAnswer('HTTP', 'end') };
  }

  private errorOf({ status, proxyError }: ConnectAnswer): Error {
    const { host, port } = this.destination;
    const code = netCodes.get(proxyError ?? status);
    if (code !== undefined) return netError(code, 'connect', { address: String(host), port });
    if (status === 407)
      return new ProxyError('ERR_SUBFLOW_PROXY_AUTHENTICATION', 'the proxy does not know this user');
    if (status === 403)
      return new ProxyError('ERR_SUBFLOW_PROXY_NOT_ALLOWED', `the proxy's rules forbid ${String(host)}`);
    const kind = status === 405 || status === 501 ? 'UNSUPPORTED' : 'FAILED';
    return new ProxyError(`ERR_SUBFLOW_PROXY_${kind}`, `the proxy could not connect (status ${status})`);
  }
}

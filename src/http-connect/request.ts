/**
 * A CONNECT request between bytes and a value. Bytes that follow it are the client's for the server.
 * Read first: RFC 9110 §9.3.6 (CONNECT), §11.7 (authentication with proxies); RFC 9112 §3 (request line), §6.3 (content).
 */
import { MessageReader, parseError, type Scan } from '../base/index.js';
import { parseAuthority, type SocksHost, isName } from '../socks/index.js';
import { SubflowError } from '../base/index.js';
import { type BasicCredentials, emitBasic, parseBasic } from './basic.js';
import { bytesOf, type Head, MAX_HEAD_BYTES, scanHead, tokenForm } from './head.js';

/** What a client wants. */
export interface ConnectRequest {
  readonly host: SocksHost;
  readonly port: number;
  /** Who it says it is; undefined where it does not, or by another scheme than Basic. */
  readonly credentials?: BasicCredentials | undefined;
}

/**
 * Looks for a request. Codes, besides those of {@link scanHead}: `bad-request-line`, `bad-version`, `bad-method` (it is
 * another one), `bad-target`, `bad-host`, `has-content`, `bad-credentials`; {@link statusOfInvalid} says what to answer.
 */
export function scanConnectRequest(bytes: Uint8Array): Scan<ConnectRequest> {
  const head = scanHead(bytes);
  if (head.state !== 'done') return head;
  const { firstLine, fields } = head.value;
  const [method = '', target = '', version = '', ...more] = firstLine.split(' ');
  if (!tokenForm.test(method) || target === '' || more.length > 0 || !/^HTTP\/\d\.\d$/.test(version))
    return invalid('bad-request-line', 0, 'the first line is no request');
  if (!version.startsWith('HTTP/1.')) return invalid('bad-version', 0, `${version} is not spoken here`);
  // RFC 9110 §9.1: methods are told apart by case.
  if (method !== 'CONNECT') return invalid('bad-method', 0, `${method.slice(0, 20)} is not CONNECT`);
  const place = parseAuthority(target);
  if (place === undefined || !hostForm.test(target))
    return invalid('bad-target', 8, 'the target is no host and port');
  const wrong = whatIsWrong(fields, version);
  if (wrong !== undefined) return invalid(wrong, 0, 'the fields do not go together');
  const said = fields.find(([name]) => name === 'proxy-authorization')?.[1];
  return {
    ...{ state: 'done', length: head.length },
    value: { ...place, credentials: said === undefined ? undefined : parseBasic(said) },
  };
}

/** A host, and perhaps a port, as a target and a Host field may have them (RFC 9110 §7.2, RFC 3986 §3.2.2); the latter may be empty. */
const hostForm = /^(?:\[[0-9A-Za-z:.]+\]|[-.\w~!$&'()*+,;=%]*)(?::\d*)?$/;

/** A code for fields that cannot be together. */
function whatIsWrong(fields: Head['fields'], version: string): string | undefined {
  const valuesOf = (wanted: string): string[] =>
    fields.filter(([name]) => name === wanted).map(([, value]) => value);
  const hosts = valuesOf('host');
  // RFC 9112 §3.2: exactly one in HTTP/1.1, and a host. Which one it says does not matter here: the target does.
  if (hosts.length > 1 || (hosts.length === 0 && version === 'HTTP/1.1')) return 'bad-host';
  if (!hosts.every((value) => hostForm.test(value))) return 'bad-host';
  // RFC 9110 §9.3.6: a request has no content. One that says so would be read differently by others (RFC 9112 §11.2).
  const hasContent = valuesOf('content-length').some((value) => value !== '0');
  if (hasContent || valuesOf('transfer-encoding').length > 0) return 'has-content';
  return valuesOf('proxy-authorization').length > 1 ? 'bad-credentials' : undefined;
}

function invalid(code: string, offset: number, message: string): Scan<never> {
  return { state: 'invalid', error: parseError(code, offset, message) };
}

/** The status to answer to bytes that are no request, by the error's code. */
export function statusOfInvalid(code: string): number {
  switch (code) {
    case 'bad-method':
      return 405;
    case 'too-long':
    case 'line-too-long':
    case 'too-many-fields':
      // RFC 6585 §5.
      return 431;
    case 'bad-version':
      return 505;
    default:
      return 400;
  }
}

/** `host:port` as a target has it. Throws `ERR_SUBFLOW_BAD_NAME` for a name that cannot stand there. */
export function formatAuthority(host: SocksHost, port: number): string {
  if (typeof host !== 'string')
    return host.family === 6 ? `[${host.toString()}]:${port}` : `${host.toString()}:${port}`;
  const text = `${host}:${port}`;
  if (isName(host) && parseAuthority(text) !== undefined && hostForm.test(text)) return text;
  throw new SubflowError('ERR_SUBFLOW_BAD_NAME', `'${host}' cannot be named to a proxy`, {
    hint: 'Names are ASCII; international ones in their form for DNS (xn--...).',
  });
}

/** Writes a request. Throws as {@link formatAuthority} and {@link emitBasic}. */
export function emitConnectRequest({ host, port, credentials }: ConnectRequest): Uint8Array {
  const authority = formatAuthority(host, port);
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (credentials !== undefined) lines.push(`Proxy-Authorization: ${emitBasic(credentials)}`);
  return bytesOf(`${lines.join('\r\n')}\r\n\r\n`);
}

/** A reader of requests: the longest that is looked at is refused by its length, and not by the reader. */
export function connectRequestReader(): MessageReader<ConnectRequest> {
  return new MessageReader(scanConnectRequest, MAX_HEAD_BYTES + 1);
}

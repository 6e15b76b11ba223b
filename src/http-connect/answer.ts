/**
 * The proxy's answer between bytes and a value, with the word of RFC 9209 on what went wrong on the way to the server.
 * Read first: RFC 9110 §9.3.6 and §15; RFC 9209 §2.1.1 and §2.3; RFC 9112 §4.
 */
import { MessageReader, parseError, type Scan } from '../base/index.js';
import { bytesOf, MAX_HEAD_BYTES, scanHead } from './head.js';

/** What a proxy says. */
export interface ConnectAnswer {
  /** 200 to 299: the connection is there. 100 to 199: another answer follows. */
  readonly status: number;
  /** Why not, as a type of RFC 9209 §2.3 such as `connection_refused`; undefined where it does not tell. */
  readonly proxyError?: string | undefined;
}

const reasons = new Map<number, string>([
  [200, 'Connection established'],
  [400, 'Bad Request'],
  [403, 'Forbidden'],
  [405, 'Method Not Allowed'],
  [407, 'Proxy Authentication Required'],
  [431, 'Request Header Fields Too Large'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
  [502, 'Bad Gateway'],
  [503, 'Service Unavailable'],
  [504, 'Gateway Timeout'],
  [505, 'HTTP Version Not Supported'],
]);

/** How this proxy calls itself (RFC 9209 §2: a name, not an address). */
const PROXY_NAME = 'subflow';

/** Writes an answer. All but those of success close the connection. */
export function emitConnectAnswer({ status, proxyError }: ConnectAnswer): Uint8Array {
  const lines = [`HTTP/1.1 ${status} ${reasons.get(status) ?? ''}`];
  if (status === 405) lines.push('Allow: CONNECT');
  if (status === 407) lines.push('Proxy-Authenticate: Basic realm="proxy", charset="UTF-8"');
  if (proxyError !== undefined) lines.push(`Proxy-Status: ${PROXY_NAME}; error=${proxyError}`);
  // RFC 9110 §9.3.6: no length in an answer of success, behind which the tunnel begins.
  if (status >= 300) lines.push('Content-Length: 0', 'Connection: close');
  return bytesOf(`${lines.join('\r\n')}\r\n\r\n`);
}

/** Looks for an answer. Codes: those of a head, `bad-status-line`. Content that follows an error is left unread. */
export function scanConnectAnswer(bytes: Uint8Array): Scan<ConnectAnswer> {
  const head = scanHead(bytes);
  if (head.state !== 'done') return head;
  const { firstLine, fields } = head.value;
  const status = /^HTTP\/1\.\d ([1-9]\d\d)(?: .*)?$/.exec(firstLine)?.[1];
  if (status === undefined)
    return { state: 'invalid', error: parseError('bad-status-line', 0, 'the first line is no answer') };
  // The last proxy on the way comes last, and knows best.
  const said = fields.findLast(([name]) => name === 'proxy-status')?.[1];
  const proxyError = said === undefined ? undefined : /;\s*error=([a-z_]{1,40})\s*(?:;|,|$)/.exec(said)?.[1];
  return { state: 'done', value: { status: Number(status), proxyError }, length: head.length };
}

/** A reader of answers. */
export function connectAnswerReader(): MessageReader<ConnectAnswer> {
  return new MessageReader(scanConnectAnswer, MAX_HEAD_BYTES + 1);
}

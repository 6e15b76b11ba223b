/** Tokens as balancers send them to each other: 6 bytes each behind one byte for the format. Bytes and values only. */
import { maxServerId, type TokenEntry } from '../../../balancer/index.js';
import { parseError, parsed, type ParseResult } from '../../../base/index.js';

/** Tokens in one message. */
export const maxBatchTokens = 8192;
const format = 1;
const entryBytes = 6;

/** The bytes of at most {@link maxBatchTokens} tokens. */
export function encodeTokens(entries: readonly TokenEntry[]): Uint8Array {
  const bytes = new Uint8Array(1 + entries.length * entryBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = format;
  entries.forEach(({ token, version, server }, i) => {
    view.setUint32(1 + i * entryBytes, token);
    view.setUint16(5 + i * entryBytes, (server << 1) | version);
  });
  return bytes;
}

/** Reads them: all, or none. */
export function decodeTokens(bytes: Uint8Array): ParseResult<readonly TokenEntry[]> {
  const count = (bytes.length - 1) / entryBytes;
  if (bytes[0] !== format || !Number.isInteger(count) || count > maxBatchTokens)
    return parseError('bad-tokens', 0, 'a message with tokens is damaged');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries: TokenEntry[] = [];
  for (let at = 1; at < bytes.length; at += entryBytes) {
    const token = view.getUint32(at);
    const word = view.getUint16(at + 4);
    const server = word >>> 1;
    if (server === 0 || server > maxServerId)
      return parseError('bad-tokens', at, 'a message with tokens names no server');
    entries.push({ token, version: (word & 1) === 0 ? 0 : 1, server });
  }
  return parsed(entries);
}

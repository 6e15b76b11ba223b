/**
 * The TCP Options field of the Connect TLV: blocks of kind, length and value, padded with zeros. Not the options of a TCP
 * header: kinds without a length do not belong here, and a value may be missing where a header would have one.
 * Read first: RFC 8803 §6.2.5 (figure 19) and §7.1.
 */
import { parseError, parsed, SubflowError, type ParseResult } from '../base/index.js';
import type { RequestedOption } from './tlv.js';

const END_OF_LIST = 0;
const NO_OPERATION = 1;
/** Kind and length. */
const HEAD_BYTES = 2;

/** Reads the field. Kinds 0 and 1 are read over (RFC 8803 §7.1), but nothing may follow the first 0 except more of them. */
export function parseOptions(
  bytes: Uint8Array,
  offset: number,
  length: number,
): ParseResult<RequestedOption[]> {
  const options: RequestedOption[] = [];
  const end = offset + length;
  for (let at = offset; at < end;) {
    const kind = bytes[at]!;
    if (kind === END_OF_LIST) {
      for (let i = at; i < end; i++)
        if (bytes[i] !== 0) return parseError('bad-padding', i, 'the padding of TCP options is not zero');
      break;
    }
    if (kind === NO_OPERATION) {
      at++;
      continue;
    }
    const size = at + 1 < end ? bytes[at + 1]! : 0;
    if (size < HEAD_BYTES || at + size > end)
      return parseError('bad-option', at, `TCP option ${kind} is not framed`);
    options.push({ kind, value: bytes.slice(at + HEAD_BYTES, at + size) });
    at += size;
  }
  return parsed(options);
}

/** Bytes of the field, padding included. */
export function optionsLength(options: readonly RequestedOption[]): number {
  const length = options.reduce((sum, { value }) => sum + HEAD_BYTES + value.length, 0);
  return (length + 3) & ~3;
}

/** Writes the field; the bytes of its padding must be zero. Throws `ERR_SUBFLOW_BAD_OPTION` for kinds 0 and 1 and values too long. */
export function emitOptions(options: readonly RequestedOption[], bytes: Uint8Array, offset: number): void {
  let at = offset;
  for (const { kind, value } of options) {
    const size = HEAD_BYTES + value.length;
    // RFC 8803 §6.2.5: kinds without a length are not placed here.
    if (kind <= NO_OPERATION || kind > 255 || size > 255)
      throw new SubflowError(
        'ERR_SUBFLOW_BAD_OPTION',
        `TCP option ${kind} of ${size} bytes cannot be asked for`,
      );
    bytes[at] = kind;
    bytes[at + 1] = size;
    bytes.set(value, at + HEAD_BYTES);
    at += size;
  }
}

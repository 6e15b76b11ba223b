/**
 * Convert messages between bytes and values: the fixed header and its TLVs, as they stand at the beginning of a stream that
 * may be cut anywhere ({@link convertReader}). Nothing is forgiven: a message that is not framed exactly is an error with a
 * code and an offset. Knows no roles: who may send which TLV is for `converter.ts` and `client.ts`.
 *
 * Read first: RFC 8803 §6.1, §6.2 and §9 (framing).
 */
import { MessageReader, parseError, parsed, SubflowError } from '../base/index.js';
import type { ParseError, ParseResult, Scan } from '../base/index.js';
import { IpAddress, readU16, writeU16 } from '../wire/index.js';
import { emitOptions, optionsLength, parseOptions } from './requested-options.js';
import {
  CONVERT_MAGIC,
  CONVERT_VERSION,
  type ConvertMessage,
  type ConvertTlv,
  ConvertTlvType,
  MAX_CONVERT_BYTES,
} from './tlv.js';

const HEADER_BYTES = 4;
const WORD_BYTES = 4;
/** Type, Length, Remote Peer Port and Remote Peer IP Address (RFC 8803 §6.2.5). */
const BASE_CONNECT_BYTES = 20;

/** A reader for the message at the beginning of a stream; holds at most {@link MAX_CONVERT_BYTES}. */
export function convertReader(): MessageReader<ConvertMessage> {
  return new MessageReader(scanConvert, MAX_CONVERT_BYTES);
}

/**
 * Looks for a message at the beginning of `bytes`. Codes of errors: `bad-magic` (no Convert message at all), `bad-version`,
 * `zero-length` (of the message), `bad-length` and `truncated` (of a TLV), `repeated-tlv`, `reserved-tlv` (type 0),
 * `bad-padding`, `bad-option`, `bad-kind`.
 */
export function scanConvert(bytes: Uint8Array): Scan<ConvertMessage> {
  if (bytes.length < HEADER_BYTES) return { state: 'more', atLeast: HEADER_BYTES };
  const invalid = (error: ParseError): Scan<ConvertMessage> => ({ state: 'invalid', error });
  if (readU16(bytes, 2) !== CONVERT_MAGIC)
    return invalid(parseError('bad-magic', 2, 'the stream does not begin with a Convert message'));
  // Another version has the same header, but who knows which TLVs (RFC 8803 §6).
  if (bytes[0] !== CONVERT_VERSION)
    return invalid(parseError('bad-version', 0, `version ${bytes[0]} is not ${CONVERT_VERSION}`));
  const length = bytes[1]! * WORD_BYTES;
  if (length === 0) return invalid(parseError('zero-length', 1, 'the message has a length of zero'));
  if (bytes.length < length) return { state: 'more', atLeast: length };
  const result = parseTlvs(bytes, length);
  return result.ok ? { state: 'done', value: { tlvs: result.value }, length } : invalid(result);
}

function parseTlvs(bytes: Uint8Array, end: number): ParseResult<ConvertTlv[]> {
  const tlvs: ConvertTlv[] = [];
  const seen = new Set<number>();
  for (let at = HEADER_BYTES; at < end;) {
    const type = bytes[at]!;
    const size = bytes[at + 1]! * WORD_BYTES;
    if (size === 0) return parseError('bad-length', at + 1, `TLV ${type} has a length of zero`);
    // RFC 8803 §9: TLVs lie within what the fixed header says.
    if (at + size > end) return parseError('truncated', at + 1, `TLV ${type} goes beyond its message`);
    if (seen.has(type)) return parseError('repeated-tlv', at, `TLV ${type} is there twice`);
    seen.add(type);
    const result = parseTlv(bytes, at, size);
    if (!result.ok) return result;
    tlvs.push(result.value);
    at += size;
  }
  return parsed(tlvs);
}

function parseTlv(bytes: Uint8Array, at: number, size: number): ParseResult<ConvertTlv> {
  const type = bytes[at]!;
  const body = (): Uint8Array => bytes.slice(at + WORD_BYTES, at + size);
  switch (type) {
    case 0:
      return parseError('reserved-tlv', at, 'type 0 is reserved');
    case ConvertTlvType.INFO:
      if (size !== WORD_BYTES) return parseError('bad-length', at + 1, `Info has ${size} bytes, not 4`);
      return isZero(bytes, at + 2, 2) ? parsed({ type: 'info' }) : notZero(at + 2);
    case ConvertTlvType.CONNECT:
      return parseConnect(bytes, at, size);
    case ConvertTlvType.EXTENDED_TCP_HEADER:
      return parsed({ type: 'extended-tcp-header', options: body() });
    case ConvertTlvType.SUPPORTED_TCP_EXTENSIONS:
      return parseKinds(bytes, at, size);
    case ConvertTlvType.COOKIE:
      return isZero(bytes, at + 2, 2) ? parsed({ type: 'cookie', cookie: body() }) : notZero(at + 2);
    case ConvertTlvType.ERROR:
      return parsed({ type: 'error', code: bytes[at + 2]!, value: bytes.slice(at + 3, at + size) });
    default:
      return parsed({ type: 'unknown', number: type, value: bytes.slice(at + 2, at + size) });
  }
}

function parseConnect(bytes: Uint8Array, at: number, size: number): ParseResult<ConvertTlv> {
  if (size < BASE_CONNECT_BYTES)
    return parseError('bad-length', at + 1, `Connect has ${size} bytes, not ${BASE_CONNECT_BYTES}`);
  const address = IpAddress.readV6(bytes, at + 4);
  const options = parseOptions(bytes, at + BASE_CONNECT_BYTES, size - BASE_CONNECT_BYTES);
  if (!options.ok) return options;
  const remote = { address: address.mappedV4 ?? address, port: readU16(bytes, at + 2) };
  return parsed({ type: 'connect', remote, options: options.value });
}

function parseKinds(bytes: Uint8Array, at: number, size: number): ParseResult<ConvertTlv> {
  let end = at + size;
  while (end > at + WORD_BYTES && bytes[end - 1] === 0) end--;
  const kinds = [...bytes.subarray(at + WORD_BYTES, end)];
  // RFC 8803 §6.2.4: kinds 1 and 2 are not listed, and 0 is padding, of less than a word.
  const wrong = kinds.findIndex((kind) => kind <= 2);
  if (wrong >= 0) return parseError('bad-kind', at + WORD_BYTES + wrong, `kind ${kinds[wrong]} is listed`);
  if (at + size - end >= WORD_BYTES) return parseError('bad-padding', end, 'a whole word is padding');
  return parsed({ type: 'supported-tcp-extensions', kinds });
}

function isZero(bytes: Uint8Array, at: number, length: number): boolean {
  for (let i = at; i < at + length; i++) if (bytes[i] !== 0) return false;
  return true;
}

function notZero(offset: number): ParseError {
  return parseError('bad-padding', offset, 'bytes that should be zero are not');
}

/** Bytes of the TLV as {@link emitConvert} writes it: a multiple of 4. */
export function convertTlvLength(tlv: ConvertTlv): number {
  switch (tlv.type) {
    case 'info':
      return WORD_BYTES;
    case 'connect':
      return BASE_CONNECT_BYTES + optionsLength(tlv.options);
    case 'extended-tcp-header':
      return padded(WORD_BYTES + tlv.options.length);
    case 'supported-tcp-extensions':
      return padded(WORD_BYTES + tlv.kinds.length);
    case 'cookie':
      return padded(WORD_BYTES + tlv.cookie.length);
    case 'error':
      return padded(3 + tlv.value.length);
    case 'unknown':
      return padded(2 + tlv.value.length);
  }
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

/** Bytes of the message as {@link emitConvert} writes it. */
export function convertLength(message: ConvertMessage): number {
  return message.tlvs.reduce((sum, tlv) => sum + convertTlvLength(tlv), HEADER_BYTES);
}

/**
 * Writes a message; fields that are no multiple of 4 bytes are padded with zeros (RFC 8803 §6.2.1). Throws
 * `ERR_SUBFLOW_BAD_MESSAGE` for one that is longer than {@link MAX_CONVERT_BYTES}, has a TLV twice or lists kinds 0, 1 or 2.
 */
export function emitConvert(message: ConvertMessage): Uint8Array {
  const length = convertLength(message);
  if (length > MAX_CONVERT_BYTES)
    throw new SubflowError(
      'ERR_SUBFLOW_BAD_MESSAGE',
      `a Convert message of ${length} bytes; ${MAX_CONVERT_BYTES} is the most`,
    );
  const bytes = new Uint8Array(length);
  bytes[0] = CONVERT_VERSION;
  bytes[1] = length / WORD_BYTES;
  writeU16(bytes, 2, CONVERT_MAGIC);
  const seen = new Set<number>();
  let at = HEADER_BYTES;
  for (const tlv of message.tlvs) {
    const size = convertTlvLength(tlv);
    emitTlv(tlv, bytes, at);
    bytes[at + 1] = size / WORD_BYTES;
    if (seen.has(bytes[at]!))
      throw new SubflowError('ERR_SUBFLOW_BAD_MESSAGE', `a Convert message with TLV ${bytes[at]} twice`);
    seen.add(bytes[at]!);
    at += size;
  }
  return bytes;
}

/** Writes all but the length. */
function emitTlv(tlv: ConvertTlv, bytes: Uint8Array, at: number): void {
  switch (tlv.type) {
    case 'info':
      bytes[at] = ConvertTlvType.INFO;
      return;
    case 'connect': {
      const { address, port } = tlv.remote;
      bytes[at] = ConvertTlvType.CONNECT;
      writeU16(bytes, at + 2, port);
      mapped(address).writeTo(bytes, at + 4);
      emitOptions(tlv.options, bytes, at + BASE_CONNECT_BYTES);
      return;
    }
    case 'extended-tcp-header':
      bytes[at] = ConvertTlvType.EXTENDED_TCP_HEADER;
      bytes.set(tlv.options, at + WORD_BYTES);
      return;
    case 'supported-tcp-extensions':
      if (tlv.kinds.some((kind) => kind <= 2 || kind > 255))
        throw new SubflowError('ERR_SUBFLOW_BAD_MESSAGE', `kinds ${tlv.kinds.join(', ')} cannot be listed`);
      bytes[at] = ConvertTlvType.SUPPORTED_TCP_EXTENSIONS;
      bytes.set(tlv.kinds, at + WORD_BYTES);
      return;
    case 'cookie':
      bytes[at] = ConvertTlvType.COOKIE;
      bytes.set(tlv.cookie, at + WORD_BYTES);
      return;
    case 'error':
      bytes[at] = ConvertTlvType.ERROR;
      bytes[at + 2] = tlv.code;
      bytes.set(tlv.value, at + 3);
      return;
    case 'unknown':
      bytes[at] = tlv.number;
      bytes.set(tlv.value, at + 2);
  }
}

/** The address as IPv6, IPv4 ones mapped (RFC 8803 §6.2.5, RFC 4291 §2.5.5.2). */
function mapped(address: IpAddress): IpAddress {
  return address.family === 6 ? address : new IpAddress(6, 0, 0, 0xffff, address.d);
}

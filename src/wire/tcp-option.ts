/**
 * TCP options as values, for tools and tests: what stands in a header, in order, nothing lost. An option whose length
 * does not fit its kind is a value of its own, so that nonsense can be looked at and also be sent.
 * Read first: RFC 9293 §3.2, RFC 7323 §2 and §3, RFC 2018 §2 and §3, RFC 7413 §4.1.1, RFC 6994 §3.
 */
import { SubflowError, parseError } from '../base/index.js';
import type { ParseError } from '../base/index.js';
import { readU16, readU32, writeU16, writeU32 } from './bytes.js';
import { emitMptcpOption, mptcpOptionLength, parseMptcpOption } from './mptcp-option.js';
import type { MptcpOption } from './mptcp-types.js';
import { TcpOptionKind, fastOpenExperimentId } from './tcp-segment.js';

/** Edges of a SACK block, wire sequence numbers; `right` is one past the last byte. */
export interface SackBlock {
  readonly left: number;
  readonly right: number;
}

/** Any TCP option but the end of the list. */
export type TcpOption =
  | { readonly kind: 'nop' }
  | { readonly kind: 'mss'; readonly mss: number }
  | { readonly kind: 'window-scale'; readonly shift: number }
  | { readonly kind: 'sack-permitted' }
  | { readonly kind: 'sack'; readonly blocks: readonly SackBlock[] }
  | { readonly kind: 'timestamps'; readonly tsVal: number; readonly tsEcr: number }
  /** An empty cookie asks for one. `experimental`: in option 254 rather than 34. */
  | { readonly kind: 'fast-open'; readonly cookie: Uint8Array; readonly experimental: boolean }
  | { readonly kind: 'mptcp'; readonly option: MptcpOption }
  /** A kind without a form here; `body` is what follows the length byte. */
  | { readonly kind: 'unknown'; readonly number: number; readonly body: Uint8Array }
  /** A known kind whose content is not what it must be, and why. Written as it was read. */
  | {
      readonly kind: 'malformed';
      readonly number: number;
      readonly body: Uint8Array;
      readonly error: ParseError;
    };

/** The options of a header as far as they could be read. */
export interface TcpOptionList {
  readonly options: readonly TcpOption[];
  /** Why reading stopped before the end: an option that overruns the header. Offset from the first option. */
  readonly error?: ParseError;
}

/** Reads the options in the `length` bytes at `offset`, up to the end-of-list option if there is one. */
export function parseTcpOptions(bytes: Uint8Array, offset: number, length: number): TcpOptionList {
  const options: TcpOption[] = [];
  const end = offset + length;
  for (let at = offset; at < end;) {
    const kind = bytes[at]!;
    if (kind === TcpOptionKind.END) break;
    if (kind === TcpOptionKind.NOP) {
      options.push({ kind: 'nop' });
      at++;
      continue;
    }
    const size = at + 1 < end ? bytes[at + 1]! : 0;
    if (size < 2 || at + size > end) {
      return { options, error: parseError('bad-length', at - offset, `option ${kind} overruns the header`) };
    }
    options.push(parseTcpOption(bytes, at, size));
    at += size;
  }
  return { options };
}

function parseTcpOption(bytes: Uint8Array, at: number, size: number): TcpOption {
  const number = bytes[at]!;
  const malformed = (error: ParseError): TcpOption => ({
    kind: 'malformed',
    number,
    body: bytes.slice(at + 2, at + size),
    error,
  });
  if (number === TcpOptionKind.MPTCP) {
    const result = parseMptcpOption(bytes, at, size);
    return result.ok ? { kind: 'mptcp', option: result.value } : malformed(result);
  }
  if (!hasGoodLength(bytes, at, size)) {
    return malformed(parseError('bad-length', 1, `option ${number} cannot be ${size} bytes`));
  }
  switch (number) {
    case TcpOptionKind.MSS:
      return { kind: 'mss', mss: readU16(bytes, at + 2) };
    case TcpOptionKind.WINDOW_SCALE:
      return { kind: 'window-scale', shift: bytes[at + 2]! };
    case TcpOptionKind.SACK_PERMITTED:
      return { kind: 'sack-permitted' };
    case TcpOptionKind.SACK:
      return { kind: 'sack', blocks: readBlocks(bytes, at, size) };
    case TcpOptionKind.TIMESTAMPS:
      return { kind: 'timestamps', tsVal: readU32(bytes, at + 2), tsEcr: readU32(bytes, at + 6) };
    case TcpOptionKind.FAST_OPEN:
      return { kind: 'fast-open', cookie: bytes.slice(at + 2, at + size), experimental: false };
  }
  if (isExperimentalFastOpen(bytes, at, size)) {
    return { kind: 'fast-open', cookie: bytes.slice(at + 4, at + size), experimental: true };
  }
  return { kind: 'unknown', number, body: bytes.slice(at + 2, at + size) };
}

/** Whether `size` suits the option's kind; any does for an unknown one. */
function hasGoodLength(bytes: Uint8Array, at: number, size: number): boolean {
  switch (bytes[at]!) {
    case TcpOptionKind.MSS:
      return size === 4;
    case TcpOptionKind.WINDOW_SCALE:
      return size === 3;
    case TcpOptionKind.SACK_PERMITTED:
      return size === 2;
    case TcpOptionKind.SACK:
      return size >= 10 && size <= 34 && (size - 2) % 8 === 0;
    case TcpOptionKind.TIMESTAMPS:
      return size === 10;
    case TcpOptionKind.FAST_OPEN:
      return isCookieLength(size - 2);
  }
  return !isExperimentalFastOpen(bytes, at, size) || isCookieLength(size - 4);
}

function isExperimentalFastOpen(bytes: Uint8Array, at: number, size: number): boolean {
  return (
    bytes[at] === TcpOptionKind.EXPERIMENT && size >= 4 && readU16(bytes, at + 2) === fastOpenExperimentId
  );
}

/** RFC 7413 §4.1.1: none, or 4 to 16 bytes and an even number of them. */
function isCookieLength(length: number): boolean {
  return length === 0 || (length >= 4 && length <= 16 && length % 2 === 0);
}

function readBlocks(bytes: Uint8Array, at: number, size: number): SackBlock[] {
  const blocks: SackBlock[] = [];
  for (let edge = at + 2; edge < at + size; edge += 8) {
    blocks.push({ left: readU32(bytes, edge), right: readU32(bytes, edge + 4) });
  }
  return blocks;
}

/** Bytes of the option as {@link emitTcpOptions} writes it. */
export function tcpOptionLength(option: TcpOption): number {
  switch (option.kind) {
    case 'nop':
      return 1;
    case 'mss':
      return 4;
    case 'window-scale':
      return 3;
    case 'sack-permitted':
      return 2;
    case 'sack':
      return 2 + option.blocks.length * 8;
    case 'timestamps':
      return 10;
    case 'fast-open':
      return (option.experimental ? 4 : 2) + option.cookie.length;
    case 'mptcp':
      return mptcpOptionLength(option.option);
    case 'unknown':
    case 'malformed':
      return 2 + option.body.length;
  }
}

/** Bytes of all `options`, padded to a multiple of 4. */
export function tcpOptionsLength(options: readonly TcpOption[]): number {
  let length = 0;
  for (const option of options) length += tcpOptionLength(option);
  return (length + 3) & ~3;
}

/**
 * Writes `options` at `offset` in their order and pads with the end of the list; returns the length, a multiple of 4.
 * `bytes` must have the room. Throws `ERR_SUBFLOW_BAD_OPTION` when they exceed the 40 bytes of a header.
 */
export function emitTcpOptions(options: readonly TcpOption[], bytes: Uint8Array, offset: number): number {
  const length = tcpOptionsLength(options);
  if (length > 40) {
    throw new SubflowError(
      'ERR_SUBFLOW_BAD_OPTION',
      `${length} bytes of TCP options; a header has room for 40`,
    );
  }
  let at = offset;
  for (const option of options) {
    emitTcpOption(option, bytes, at);
    at += tcpOptionLength(option);
  }
  bytes.fill(TcpOptionKind.END, at, offset + length);
  return length;
}

function emitTcpOption(option: TcpOption, bytes: Uint8Array, at: number): void {
  bytes[at] = optionNumber(option);
  if (option.kind === 'nop') return;
  bytes[at + 1] = tcpOptionLength(option);
  switch (option.kind) {
    case 'mss':
      writeU16(bytes, at + 2, option.mss);
      break;
    case 'window-scale':
      bytes[at + 2] = option.shift;
      break;
    case 'sack-permitted':
      break;
    case 'sack':
      for (const [index, block] of option.blocks.entries()) {
        writeU32(bytes, at + 2 + index * 8, block.left);
        writeU32(bytes, at + 6 + index * 8, block.right);
      }
      break;
    case 'timestamps':
      writeU32(bytes, at + 2, option.tsVal);
      writeU32(bytes, at + 6, option.tsEcr);
      break;
    case 'fast-open':
      if (option.experimental) writeU16(bytes, at + 2, fastOpenExperimentId);
      bytes.set(option.cookie, at + (option.experimental ? 4 : 2));
      break;
    case 'mptcp':
      emitMptcpOption(option.option, bytes, at);
      break;
    case 'unknown':
    case 'malformed':
      bytes.set(option.body, at + 2);
      break;
  }
}

function optionNumber(option: TcpOption): number {
  switch (option.kind) {
    case 'nop':
      return TcpOptionKind.NOP;
    case 'mss':
      return TcpOptionKind.MSS;
    case 'window-scale':
      return TcpOptionKind.WINDOW_SCALE;
    case 'sack-permitted':
      return TcpOptionKind.SACK_PERMITTED;
    case 'sack':
      return TcpOptionKind.SACK;
    case 'timestamps':
      return TcpOptionKind.TIMESTAMPS;
    case 'fast-open':
      return option.experimental ? TcpOptionKind.EXPERIMENT : TcpOptionKind.FAST_OPEN;
    case 'mptcp':
      return TcpOptionKind.MPTCP;
    case 'unknown':
    case 'malformed':
      return option.number;
  }
}

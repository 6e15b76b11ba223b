/**
 * The Internet checksum: the ones' complement of the ones' complement sum of 16-bit words. Owns the arithmetic and the
 * pseudo-headers of TCP and ICMPv6; knows no header layout beyond where a checksum stands.
 * Read first: RFC 1071 §2 (the sum does not depend on the byte order it is made in), RFC 9293 §3.1, RFC 8200 §8.1.
 *
 * A *sum* here is a partial one: an integer from 0 to 2^31 - 1, not complemented, whose value modulo 0xffff counts.
 * A *checksum* is what stands in a header: folded and complemented.
 */
import { readU16, writeU16 } from './bytes.js';
import type { IpAddress } from './address.js';

/** From this many bytes on, making a view of 32-bit words costs less than it saves. */
const wordViewThresholdBytes = 256;

/** Words added between two folds, a multiple of 8: their total stays below 2^53. */
const wordsPerFold = 0x10_0000;

/** Whether this machine stores the low byte of a word first. */
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Folds a sum to 16 bits, 0 to 0xffff, without complementing it. */
export function foldSum(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** The checksum that a sum comes to: folded and complemented, 0 to 0xffff. */
export function foldChecksum(sum: number): number {
  return ~foldSum(sum) & 0xffff;
}

/**
 * Adds `length` bytes from `offset` on to the sum `initial`; returns a sum of 0 to 0xffff. An odd last byte counts as
 * the high half of a word. The range must lie within `bytes`.
 */
export function onesComplementSum(bytes: Uint8Array, offset: number, length: number, initial = 0): number {
  return length < wordViewThresholdBytes
    ? sumByBytes(bytes, offset, length, initial)
    : sumByWords(bytes, offset, length, initial);
}

/** Adds bytes laid end to end over `pieces` to the sum `initial`; pieces may be of any length, odd ones too. */
export function onesComplementSumPieces(pieces: readonly Uint8Array[], initial = 0): number {
  let sum = foldSum(initial);
  let isOdd = false;
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i]!;
    const part = onesComplementSum(piece, 0, piece.length);
    // A piece that starts on an odd byte has every byte in the other half of its word (RFC 1071 §2 B).
    sum = foldSum(sum + (isOdd ? swapHalves(part) : part));
    if ((piece.length & 1) !== 0) isOdd = !isOdd;
  }
  return sum;
}

/** Exchanges the bytes of a folded sum. */
function swapHalves(sum: number): number {
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

function sumByBytes(bytes: Uint8Array, offset: number, length: number, initial: number): number {
  let sum = foldSum(initial);
  let at = offset;
  const pairsEnd = offset + (length & ~7);
  for (; at < pairsEnd; at += 8) {
    const high = bytes[at]! + bytes[at + 2]! + bytes[at + 4]! + bytes[at + 6]!;
    const low = bytes[at + 1]! + bytes[at + 3]! + bytes[at + 5]! + bytes[at + 7]!;
    sum = (sum + (high << 8) + low) | 0;
  }
  const end = offset + length;
  for (; at + 1 < end; at += 2) sum = (sum + readU16(bytes, at)) | 0;
  if (at < end) sum = (sum + (bytes[at]! << 8)) | 0;
  return foldSum(sum);
}

function sumByWords(bytes: Uint8Array, offset: number, length: number, initial: number): number {
  // Bytes before the first whole word in memory and after the last one are added one by one.
  const head = -(bytes.byteOffset + offset) & 3;
  const wordCount = (length - head) >>> 2;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + offset + head, wordCount);
  let sum = 0;
  for (let first = 0; first < wordCount; first += wordsPerFold) {
    sum = foldSum(sum + addWords(words, first, Math.min(wordCount, first + wordsPerFold)));
  }
  // Words are added in this machine's order; bytes that start at an odd place have changed halves once more.
  if (isLittleEndian !== ((head & 1) !== 0)) sum = swapHalves(sum);
  sum = foldSum(sum + sumByBytes(bytes, offset, head, initial));
  const tailOffset = offset + head + wordCount * 4;
  const tail = sumByBytes(bytes, tailOffset, length - head - wordCount * 4, 0);
  return foldSum(sum + ((head & 1) === 0 ? tail : swapHalves(tail)));
}

/** Adds at most {@link wordsPerFold} words; returns a folded sum. */
function addWords(words: Uint32Array, first: number, end: number): number {
  // Doubles hold these totals exactly. Four of them, since an addition waits for the one before it; and `|` in place of
  // `+`, which `i` being a multiple of 8 allows, since the compiler then need not check for overflow.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = first;
  for (const end8 = first + ((end - first) & ~7); i < end8; i += 8) {
    a += words[i]!;
    b += words[i | 1]!;
    c += words[i | 2]!;
    d += words[i | 3]!;
    a += words[i | 4]!;
    b += words[i | 5]!;
    c += words[i | 6]!;
    d += words[i | 7]!;
  }
  for (; i < end; i++) a += words[i]!;
  const total = a + b + c + d;
  return foldSum(foldSum(total >>> 0) + foldSum(Math.floor(total / 0x1_0000_0000)));
}

/**
 * Sum of the pseudo-header for an upper-layer packet of `length` bytes, header included. It depends on the addresses
 * and the protocol only through a constant: a connection can keep `pseudoHeaderSum(..., 0)` and add the length.
 */
export function pseudoHeaderSum(
  source: IpAddress,
  destination: IpAddress,
  protocol: number,
  length: number,
): number {
  return foldSum(
    addressSum(source) + addressSum(destination) + protocol + (length >>> 16) + (length & 0xffff),
  );
}

function addressSum(address: IpAddress): number {
  const low = (address.a & 0xffff) + (address.b & 0xffff) + (address.c & 0xffff) + (address.d & 0xffff);
  return low + (address.a >>> 16) + (address.b >>> 16) + (address.c >>> 16) + (address.d >>> 16);
}

/** {@link pseudoHeaderSum} with both addresses, source first, read from a header: `addressBytes` is 8 or 32. */
export function pseudoHeaderSumAt(
  bytes: Uint8Array,
  addressOffset: number,
  addressBytes: number,
  protocol: number,
  length: number,
): number {
  return sumByBytes(bytes, addressOffset, addressBytes, protocol + (length >>> 16) + (length & 0xffff));
}

/** Checksum of a TCP segment at `offset` whose checksum field holds 0; `pseudoSum` covers addresses and length. */
export function tcpChecksum(bytes: Uint8Array, offset: number, length: number, pseudoSum: number): number {
  return foldChecksum(onesComplementSum(bytes, offset, length, pseudoSum));
}

/** Whether the TCP segment at `offset`, its checksum field included, sums up to what it must. */
export function verifyTcpChecksum(
  bytes: Uint8Array,
  offset: number,
  length: number,
  pseudoSum: number,
): boolean {
  return onesComplementSum(bytes, offset, length, pseudoSum) === 0xffff;
}

/**
 * Finishes the checksum of a TCP segment that its sender left to an interface, by Linux's convention: the field then holds the folded
 * sum of the pseudo-header. Leaves every other segment as it is, damaged ones too; one in 65,536 of those looks unfinished.
 */
export function finishTcpChecksum(
  bytes: Uint8Array,
  offset: number,
  length: number,
  pseudoSum: number,
): boolean {
  if (readU16(bytes, offset + 16) !== foldSum(pseudoSum)) return false;
  // The sum in the field stands for the pseudo-header: it is added up with the rest.
  writeU16(bytes, offset + 16, foldChecksum(onesComplementSum(bytes, offset, length)));
  return true;
}

/** Checksum of the IPv4 header of `headerLength` bytes at `offset` whose checksum field holds 0 (RFC 791 §3.1). */
export function ipv4HeaderChecksum(bytes: Uint8Array, offset: number, headerLength: number): number {
  return foldChecksum(sumByBytes(bytes, offset, headerLength, 0));
}

/** Whether the IPv4 header at `offset` is undamaged; the whole header must lie within `bytes`. */
export function verifyIpv4Checksum(bytes: Uint8Array, offset: number, headerLength: number): boolean {
  return sumByBytes(bytes, offset, headerLength, 0) === 0xffff;
}

/**
 * Changes a checksum at `checksumOffset` for a 16-bit word that went from `before` to `after` (RFC 1624 §3): what a
 * NAT or a middlebox does.
 */
export function updateChecksum16(
  bytes: Uint8Array,
  checksumOffset: number,
  before: number,
  after: number,
): void {
  const checksum = readU16(bytes, checksumOffset);
  writeU16(bytes, checksumOffset, foldChecksum((~checksum & 0xffff) + (~before & 0xffff) + (after & 0xffff)));
}

/** {@link updateChecksum16} for a 32-bit word. */
export function updateChecksum32(
  bytes: Uint8Array,
  checksumOffset: number,
  before: number,
  after: number,
): void {
  updateChecksum16(bytes, checksumOffset, before >>> 16, after >>> 16);
  updateChecksum16(bytes, checksumOffset, before & 0xffff, after & 0xffff);
}

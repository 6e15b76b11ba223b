/**
 * Sequence numbers on the wire are 32 or 64 bits and wrap; inside the engine they are plain offsets from the initial
 * one, which never wrap (a double counts 9 PB). This module is the only one that crosses between the two
 * (RFC 9293 §3.4, RFC 8684 §3.3.1).
 */

declare const seq32Brand: unique symbol;

/** A 32-bit sequence number as it stands on the wire, 0 to 2^32 - 1. Compare only through this module. */
export type Seq32 = number & { readonly [seq32Brand]: true };

/** 2^32, the size of the TCP sequence space. */
export const SEQ32_SPACE = 0x1_0000_0000;

/** Reads any integer as a 32-bit sequence number (modulo 2^32). */
export function seq32(value: number): Seq32 {
  return (value >>> 0) as Seq32;
}

/** The wire number of the byte at `offset` in a stream that starts at `initial`. Offsets beyond 2^32 wrap. */
export function seqAt(initial: Seq32, offset: number): Seq32 {
  // `>>> 0` alone reads a double modulo 2^32 (ECMA-262 ToUint32), so no reduction is needed for large offsets.
  return ((initial + offset) >>> 0) as Seq32;
}

/** How far `a` lies after `b`, from -2^31 to 2^31 - 1. */
export function seqDistance(a: Seq32, b: Seq32): number {
  return (a - b) | 0;
}

/**
 * The offset that `sequence` means in a stream that starts at `initial`: of all candidates the one nearest to `near`.
 * It may be negative for a number that lies before the stream.
 */
export function offsetOf(sequence: Seq32, initial: Seq32, near: number): number {
  const relative = (sequence - initial) | 0;
  return near + ((relative - near) | 0);
}

/** A 64-bit number as two halves, each 0 to 2^32 - 1: what the hot path uses in place of a bigint. */
export interface Uint64 {
  readonly hi: number;
  readonly lo: number;
}

/** Reads a bigint modulo 2^64 as two halves. */
export function uint64(value: bigint): Uint64 {
  const wrapped = BigInt.asUintN(64, value);
  return { hi: Number(wrapped >> 32n), lo: Number(wrapped & 0xffff_ffffn) };
}

/** The bigint that two halves stand for. */
export function uint64ToBigInt(value: Uint64): bigint {
  return (BigInt(value.hi >>> 0) << 32n) | BigInt(value.lo >>> 0);
}

/** `a + offset` modulo 2^64; `offset` is a safe integer, and may be negative. */
export function uint64Add(a: Uint64, offset: number): Uint64 {
  const low = a.lo + (offset >>> 0);
  const carry = low >= SEQ32_SPACE ? 1 : 0;
  return { hi: (a.hi + Math.floor(offset / SEQ32_SPACE) + carry) >>> 0, lo: low >>> 0 };
}

/** The signed distance from `initial` to (`hi`, `lo`); exact up to 2^53 in either direction. */
export function uint64Distance(hi: number, lo: number, initial: Uint64): number {
  const low = lo - initial.lo;
  const borrow = low < 0 ? 1 : 0;
  return ((hi - initial.hi - borrow) | 0) * SEQ32_SPACE + (low >>> 0);
}

/**
 * Keyed hashes for a host's tables and secrets: HalfSipHash-1-3 (32-bit words, cheap, for hash tables that a stranger
 * must not be able to fill with collisions) and SipHash-2-4 (64-bit, for what a stranger must not be able to guess:
 * initial sequence numbers, timestamp offsets, ports). After Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * 2012. It knows nothing of packets or tables.
 */
import type { RandomSource } from './random.js';

/** HalfSipHash-1-3 over 32-bit words, one at a time, so that a caller needs no array of them. */
export class HalfSipHash {
  /** The 64-bit key in halves. */
  private readonly key0: number;
  private readonly key1: number;
  /** The state between two words. */
  private v0 = 0;
  private v1 = 0;
  private v2 = 0;
  private v3 = 0;
  /** Words taken since `begin`. */
  private words = 0;

  constructor(key0: number, key1: number) {
    this.key0 = key0 | 0;
    this.key1 = key1 | 0;
  }

  /** Starts a new hash. */
  begin(): void {
    this.v0 = this.key0;
    this.v1 = this.key1;
    this.v2 = this.key0 ^ 0x6c796765;
    this.v3 = this.key1 ^ 0x74656462;
    this.words = 0;
  }

  /** Takes one more 32-bit word. */
  add(word: number): void {
    this.v3 ^= word;
    this.round();
    this.v0 ^= word;
    this.words++;
  }

  /** The hash of the words taken since {@link begin}, -2^31 to 2^31 - 1. */
  end(): number {
    const last = this.words << 26;
    this.v3 ^= last;
    this.round();
    this.v0 ^= last;
    this.v2 ^= 0xff;
    this.round();
    this.round();
    this.round();
    return this.v1 ^ this.v3;
  }

  private round(): void {
    let v0 = (this.v0 + this.v1) | 0;
    let v1 = ((this.v1 << 5) | (this.v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    let v2 = (this.v2 + this.v3) | 0;
    let v3 = ((this.v3 << 8) | (this.v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    this.v0 = v0;
    this.v1 = v1;
    this.v2 = v2;
    this.v3 = v3;
  }
}

/** A 128-bit key for {@link sipHash}, as four 32-bit words, the least significant first. */
export type SipKey = readonly [number, number, number, number];

/** Draws a key. */
export function randomSipKey(random: RandomSource): SipKey {
  return [random.nextUint32(), random.nextUint32(), random.nextUint32(), random.nextUint32()];
}

/** The four 64-bit words of state in halves: v0 low, v0 high, v1 low, ... */
type State = Int32Array;

/** SipHash-2-4 of `words` (each 32 bits, little-endian in the byte stream that is hashed); both halves, 0 to 2^32 - 1. */
export function sipHash(key: SipKey, words: readonly number[]): { readonly hi: number; readonly lo: number } {
  const s = new Int32Array(8);
  s[0] = key[0] ^ 0x70736575;
  s[1] = key[1] ^ 0x736f6d65;
  s[2] = key[2] ^ 0x6e646f6d;
  s[3] = key[3] ^ 0x646f7261;
  s[4] = key[0] ^ 0x6e657261;
  s[5] = key[1] ^ 0x6c796765;
  s[6] = key[2] ^ 0x79746573;
  s[7] = key[3] ^ 0x74656462;
  let i = 0;
  for (; i + 1 < words.length; i += 2) compress(s, words[i]!, words[i + 1]!);
  compress(s, words[i] ?? 0, words.length << 26);
  s[4] ^= 0xff;
  for (let n = 0; n < 4; n++) sipRound(s);
  return { hi: (s[1] ^ s[3] ^ s[5] ^ s[7]) >>> 0, lo: (s[0] ^ s[2] ^ s[4] ^ s[6]) >>> 0 };
}

function compress(s: State, lo: number, hi: number): void {
  s[6]! ^= lo;
  s[7]! ^= hi;
  sipRound(s);
  sipRound(s);
  s[0]! ^= lo;
  s[1]! ^= hi;
}

function sipRound(s: State): void {
  add(s, 0, 2);
  rotate(s, 2, 13);
  xor(s, 2, 0);
  swap(s, 0);
  add(s, 4, 6);
  rotate(s, 6, 16);
  xor(s, 6, 4);
  add(s, 0, 6);
  rotate(s, 6, 21);
  xor(s, 6, 0);
  add(s, 4, 2);
  rotate(s, 2, 17);
  xor(s, 2, 4);
  swap(s, 4);
}

function add(s: State, to: number, from: number): void {
  const low = (s[to]! >>> 0) + (s[from]! >>> 0);
  s[to] = low;
  s[to + 1] = s[to + 1]! + s[from + 1]! + (low > 0xffff_ffff ? 1 : 0);
}

function xor(s: State, to: number, from: number): void {
  s[to]! ^= s[from]!;
  s[to + 1]! ^= s[from + 1]!;
}

/** Rotates left by `bits`, 1 to 31. */
function rotate(s: State, at: number, bits: number): void {
  const low = s[at]!;
  const high = s[at + 1]!;
  s[at] = (low << bits) | (high >>> (32 - bits));
  s[at + 1] = (high << bits) | (low >>> (32 - bits));
}

/** Rotates left by 32. */
function swap(s: State, at: number): void {
  const low = s[at]!;
  s[at] = s[at + 1]!;
  s[at + 1] = low;
}

/**
 * Makes inputs out of others. Owns the ways to change bytes; must not know what they mean. Everything is drawn from the
 * random source, so that a seed gives the same inputs again.
 */
import { type RandomSource, randomBelow } from '../../src/base/index.js';

/** Values at which fields of 8, 16 and 32 bits tip over. */
const interesting8 = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 40, 60, 64, 127, 128, 240, 254, 255];
const interesting16 = [0, 1, 20, 60, 255, 256, 512, 1280, 1460, 1500, 0x7fff, 0x8000, 0xfffe, 0xffff];
const interesting32 = [
  0, 1, 255, 0xffff, 0x1_0000, 0x4_0000, 0x10_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_fffe,
  0xffff_ffff,
];

type Mutation = (mutator: Mutator) => void;

export class Mutator {
  /** The input being made: the first `length` bytes. */
  readonly bytes: Uint8Array;
  length = 0;
  private readonly view: DataView;
  private readonly random: RandomSource;
  private limit: number;
  private donors: readonly Uint8Array[] = [];

  /** Makes inputs in `bytes`, which is as long as the longest may be. */
  constructor(bytes: Uint8Array, random: RandomSource) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.random = random;
    this.limit = bytes.length;
  }

  /** Makes an input of at most `limit` bytes from one of `pool`, and from parts of others. */
  make(pool: readonly Uint8Array[], limit: number): void {
    this.limit = Math.min(limit, this.bytes.length);
    this.donors = pool;
    const origin = pool[this.below(pool.length)]!;
    this.length = Math.min(origin.length, this.limit);
    this.bytes.set(origin.length > this.limit ? origin.subarray(0, this.limit) : origin);
    // Mostly one to four changes: more seldom leave anything that is well formed around them.
    let rounds = 1;
    while (rounds < 16 && this.below(2) === 0) rounds++;
    for (let i = 0; i < rounds; i++) mutations[this.below(mutations.length)]!(this);
  }

  flipBit(): void {
    if (this.length > 0) this.bytes[this.below(this.length)]! ^= 1 << this.below(8);
  }

  setByte(): void {
    if (this.length > 0) this.bytes[this.below(this.length)] = this.random.nextUint32();
  }

  setInteresting8(): void {
    if (this.length > 0) this.bytes[this.below(this.length)] = this.pick(interesting8);
  }

  setInteresting16(): void {
    if (this.length < 2) return;
    this.view.setUint16(this.below(this.length - 1), this.pick(interesting16), this.below(2) === 0);
  }

  setInteresting32(): void {
    if (this.length < 4) return;
    this.view.setUint32(this.below(this.length - 3), this.pick(interesting32), this.below(2) === 0);
  }

  addToByte(): void {
    if (this.length > 0) this.bytes[this.below(this.length)]! += this.below(33) - 16;
  }

  /** Writes a number about as large as what follows it: what a length field there would hold, or just not. */
  setLength8(): void {
    if (this.length === 0) return;
    const at = this.below(this.length);
    this.bytes[at] = this.length - at + this.below(9) - 4;
  }

  setLength16(): void {
    if (this.length < 2) return;
    const at = this.below(this.length - 1);
    this.view.setUint16(at, this.length - at + this.below(9) - 4, this.below(2) === 0);
  }

  setLength32(): void {
    if (this.length < 4) return;
    const at = this.below(this.length - 3);
    this.view.setUint32(at, this.length - at + this.below(17) - 8, this.below(2) === 0);
  }

  truncate(): void {
    this.length = this.below(this.length + 1);
  }

  extend(): void {
    const end = Math.min(this.limit, this.length + 1 + this.below(16));
    while (this.length < end) this.bytes[this.length++] = this.random.nextUint32();
  }

  /** Keeps the head and goes on with a part of another input. */
  splice(): void {
    const donor = this.donors[this.below(this.donors.length)]!;
    const at = this.below(this.length + 1);
    const from = this.below(donor.length + 1);
    const piece = donor.subarray(from, from + this.limit - at);
    this.bytes.set(piece, at);
    this.length = at + piece.length;
  }

  /** Lays a part of another input over this one. */
  overlay(): void {
    const donor = this.donors[this.below(this.donors.length)]!;
    if (donor.length === 0 || this.length === 0) return;
    const at = this.below(this.length);
    const from = this.below(donor.length);
    const count = Math.min(1 + this.below(16), donor.length - from, this.length - at);
    this.bytes.set(donor.subarray(from, from + count), at);
  }

  /** Repeats a run of bytes right behind itself. */
  duplicate(): void {
    if (this.length === 0) return;
    const from = this.below(this.length);
    const count = Math.min(1 + this.below(24), this.length - from, this.limit - this.length);
    this.bytes.copyWithin(from + count, from, this.length);
    this.length += count;
  }

  remove(): void {
    if (this.length === 0) return;
    const from = this.below(this.length);
    const count = Math.min(1 + this.below(24), this.length - from);
    this.bytes.copyWithin(from, from + count, this.length);
    this.length -= count;
  }

  fill(): void {
    if (this.length === 0) return;
    const from = this.below(this.length);
    const count = Math.min(1 + this.below(16), this.length - from);
    this.bytes.fill(this.pick(interesting8), from, from + count);
  }

  private below(bound: number): number {
    return randomBelow(this.random, bound);
  }

  private pick(values: readonly number[]): number {
    return values[this.below(values.length)]!;
  }
}

/** Those that leave the input's length as it is stand twice: they keep more of it well formed. */
const mutations: readonly Mutation[] = [
  (m) => m.flipBit(),
  (m) => m.flipBit(),
  (m) => m.setByte(),
  (m) => m.setByte(),
  (m) => m.setInteresting8(),
  (m) => m.setInteresting8(),
  (m) => m.setInteresting16(),
  (m) => m.setInteresting16(),
  (m) => m.setInteresting32(),
  (m) => m.addToByte(),
  (m) => m.addToByte(),
  (m) => m.setLength8(),
  (m) => m.setLength16(),
  (m) => m.setLength32(),
  (m) => m.overlay(),
  (m) => m.overlay(),
  (m) => m.fill(),
  (m) => m.truncate(),
  (m) => m.extend(),
  (m) => m.splice(),
  (m) => m.duplicate(),
  (m) => m.remove(),
];

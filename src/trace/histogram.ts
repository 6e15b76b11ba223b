/**
 * Many samples in little memory: counts in buckets whose width grows with the value, 32 to each power of two, so that a
 * percentile is within 2 % of the truth. Memory follows the spread of the samples: 128 bytes for each power of two
 * between the least and the greatest, which is 8 KB at worst.
 */
import { asDouble } from './double.js';
import type { Distribution } from './report.js';

/** A double and the half of its bits that holds sign, exponent and the first bits of the mantissa. */
const scratch = new Float64Array(1);
const scratchWords = new Int32Array(scratch.buffer);
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const HIGH_WORD = isLittleEndian ? 1 : 0;
/** Bits of the high word below the five that choose among the buckets of a power of two. */
const BUCKET_SHIFT = 15;
const BUCKETS_PER_OCTAVE = 32;
const noCounts = new Uint32Array(0);

export class Histogram {
  count = 0;
  sum = asDouble;
  min = Number.POSITIVE_INFINITY;
  max = asDouble;
  /** Samples of each bucket, from the one numbered `first` on; zeros are in none. */
  private counts: Uint32Array = noCounts;
  private first = 0;
  private zeros = 0;

  constructor() {
    this.sum = 0;
    this.max = 0;
  }

  /** Adds a sample, 0 or more; what is below 0 (a clock that went back) is left out. */
  add(value: number): void {
    if (!(value >= 0)) return;
    this.count++;
    this.sum += value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    if (value === 0) {
      this.zeros++;
      return;
    }
    scratch[0] = value;
    const bucket = scratchWords[HIGH_WORD]! >>> BUCKET_SHIFT;
    const at = bucket - this.first;
    if (at >= 0 && at < this.counts.length) this.counts[at]!++;
    else this.grow(bucket);
  }

  /** The value that a share `part`, 0 to 1, of the samples does not exceed. */
  percentile(part: number): number {
    // The share 0 is the least sample.
    let rest = Math.max(1, Math.ceil(this.count * part)) - this.zeros;
    if (rest <= 0) return 0;
    for (let i = 0; i < this.counts.length; i++) {
      rest -= this.counts[i]!;
      if (rest <= 0) return Math.min(Math.max(middleOf(this.first + i), this.min), this.max);
    }
    return this.max;
  }

  /** Forgets all samples. */
  clear(): void {
    this.count = 0;
    this.sum = 0;
    this.min = Number.POSITIVE_INFINITY;
    this.max = 0;
    this.counts = noCounts;
    this.first = 0;
    this.zeros = 0;
  }

  /** What the report says; null without samples. */
  summary(): Distribution | null {
    if (this.count === 0) return null;
    return {
      count: this.count,
      min: this.min,
      mean: this.sum / this.count,
      median: this.percentile(0.5),
      p95: this.percentile(0.95),
      max: this.max,
    };
  }

  /** Makes room for `bucket`, by whole powers of two, and counts a sample in it. */
  private grow(bucket: number): void {
    const octave = bucket - (bucket % BUCKETS_PER_OCTAVE);
    const isEmpty = this.counts.length === 0;
    const first = isEmpty ? octave : Math.min(this.first, octave);
    const end = Math.max(isEmpty ? 0 : this.first + this.counts.length, octave + BUCKETS_PER_OCTAVE);
    const counts = new Uint32Array(end - first);
    counts.set(this.counts, isEmpty ? 0 : this.first - first);
    counts[bucket - first]!++;
    this.counts = counts;
    this.first = first;
  }
}

/** The middle of a bucket. */
function middleOf(bucket: number): number {
  scratchWords[1 - HIGH_WORD] = 0;
  scratchWords[HIGH_WORD] = (bucket << BUCKET_SHIFT) | (1 << (BUCKET_SHIFT - 1));
  return scratch[0]!;
}

/**
 * Which subflow carried which part of a data sequence first: disjoint ranges in ascending order. Ranges of one subflow that
 * follow each other without a gap are one. Bounded: when there are too many, the lowest are forgotten, and what is sent
 * below them counts as sent before, by nobody knows whom.
 */
import type { Segment } from './segment.js';

const noNumbers = new Float64Array(0);
const noOwners = new Int32Array(0);

export class DataRanges {
  count = 0;
  /** Everything below has been forgotten. */
  floor = Number.NEGATIVE_INFINITY;
  /** After `cover`: bytes that nobody had carried, and those of each earlier carrier (-1 unknown). */
  freshBytes = 0;
  /** Of the fresh ones, those behind the first fresh byte's own range are counted too. */
  readonly earlierOwners: number[] = [];
  readonly earlierBytes: number[] = [];
  forgotten = 0;
  private starts: Float64Array = noNumbers;
  private ends: Float64Array = noNumbers;
  private times: Float64Array = noNumbers;
  private owners: Int32Array = noOwners;
  /** Place of the lowest range: what is before it is free. */
  private head = 0;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  startOf(index: number): number {
    return this.starts[this.head + index]!;
  }

  endOf(index: number): number {
    return this.ends[this.head + index]!;
  }

  timeOf(index: number): number {
    return this.times[this.head + index]!;
  }

  /** Who carried the byte at `offset` first; -1 when that is not known. */
  ownerAt(offset: number): number {
    const i = this.indexEndingAfter(offset);
    return i < this.count && this.startOf(i) <= offset ? this.owners[this.head + i]! : -1;
  }

  /** Adds a range that starts at or behind the end of all others. */
  append(start: number, end: number, owner: number, segment: Segment): void {
    const last = this.head + this.count - 1;
    if (this.count > 0 && this.owners[last] === owner && this.ends[last] === start) {
      this.ends[last] = end;
      return;
    }
    this.insert(this.count, start, end, owner, segment);
  }

  /** Adds [start, end), of which parts may be there already; says in `freshBytes` and `earlier...` which. */
  cover(start: number, end: number, owner: number, segment: Segment): void {
    this.freshBytes = 0;
    this.earlierOwners.length = 0;
    this.earlierBytes.length = 0;
    let from = start;
    if (from < this.floor) {
      const below = Math.min(end, this.floor) - from;
      this.noteEarlier(-1, below);
      from += below;
    }
    for (let i = this.indexEndingAfter(from); from < end; i++) {
      const nextStart = i < this.count ? this.startOf(i) : Number.POSITIVE_INFINITY;
      if (from < nextStart) {
        const stop = Math.min(end, nextStart);
        this.freshBytes += stop - from;
        i = this.fill(i, from, stop, owner, segment);
        from = stop;
      } else {
        const stop = Math.min(end, this.endOf(i));
        this.noteEarlier(this.owners[this.head + i]!, stop - from);
        from = stop;
      }
    }
  }

  /** Index of the first range that ends behind `offset`; `count` when there is none. */
  indexEndingAfter(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.endOf(middle) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Puts a fresh range before range `i`, or makes it part of the one before; returns its index. */
  private fill(i: number, start: number, end: number, owner: number, segment: Segment): number {
    const before = this.head + i - 1;
    if (i > 0 && this.owners[before] === owner && this.ends[before] === start) {
      this.ends[before] = end;
      return i - 1;
    }
    return this.insert(i, start, end, owner, segment);
  }

  private insert(index: number, start: number, end: number, owner: number, segment: Segment): number {
    let i = index;
    if (this.count >= this.limit) {
      this.forgetLowest();
      if (i > 0) i--;
    }
    if (this.head + this.count === this.starts.length) this.makeRoom();
    const at = this.head + i;
    const stop = this.head + this.count;
    if (at < stop) {
      this.starts.copyWithin(at + 1, at, stop);
      this.ends.copyWithin(at + 1, at, stop);
      this.times.copyWithin(at + 1, at, stop);
      this.owners.copyWithin(at + 1, at, stop);
    }
    this.starts[at] = start;
    this.ends[at] = end;
    this.times[at] = segment.atNs;
    this.owners[at] = owner;
    this.count++;
    return i;
  }

  private forgetLowest(): void {
    this.floor = this.endOf(0);
    this.head++;
    this.count--;
    this.forgotten++;
  }

  /** Moves the ranges to the front, into larger arrays where they fill most of these. */
  private makeRoom(): void {
    const { head, count } = this;
    const isCrowded = count * 2 > this.starts.length;
    const size =
      isCrowded || this.starts.length === 0 ? Math.max(8, this.starts.length * 2) : this.starts.length;
    this.starts = moved(this.starts, head, count, size);
    this.ends = moved(this.ends, head, count, size);
    this.times = moved(this.times, head, count, size);
    const owners = size === this.owners.length ? this.owners : new Int32Array(size);
    if (owners === this.owners) owners.copyWithin(0, head, head + count);
    else owners.set(this.owners.subarray(head, head + count));
    this.owners = owners;
    this.head = 0;
  }

  private noteEarlier(owner: number, bytes: number): void {
    const at = this.earlierOwners.indexOf(owner);
    if (at >= 0) {
      this.earlierBytes[at]! += bytes;
    } else {
      this.earlierOwners.push(owner);
      this.earlierBytes.push(bytes);
    }
  }
}

function moved(numbers: Float64Array, head: number, count: number, size: number): Float64Array {
  if (size === numbers.length) {
    numbers.copyWithin(0, head, head + count);
    return numbers;
  }
  const larger = new Float64Array(size);
  larger.set(numbers.subarray(head, head + count));
  return larger;
}

/**
 * Disjoint ranges of offsets in ascending order, few as a rule: the holes in what was seen of a stream. Bounded: when
 * there are too many, the lowest is dropped.
 */
const noNumbers = new Float64Array(0);

export class RangeSet {
  count = 0;
  /** Bytes in ranges that were dropped. */
  droppedBytes = 0;
  /** Ranges that were dropped. */
  dropped = 0;
  /** Pieces that the last `remove` took out, in ascending order; `removedCount` of them count. */
  removedStarts: Float64Array = noNumbers;
  removedEnds: Float64Array = noNumbers;
  removedCount = 0;
  private starts: Float64Array = noNumbers;
  private ends: Float64Array = noNumbers;
  private readonly limit: number;

  /** Keeps at most `limit` ranges. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Adds a range that starts at or behind the end of the last one. */
  append(start: number, end: number): void {
    const { count } = this;
    if (count > 0 && this.ends[count - 1] === start) {
      this.ends[count - 1] = end;
      return;
    }
    this.makeRoom();
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.count++;
  }

  /** Takes [start, end) out; returns how many bytes of it were in the set. */
  remove(start: number, end: number): number {
    this.removedCount = 0;
    let removed = 0;
    for (let i = this.firstEndingAfter(start); i < this.count && this.starts[i]! < end;) {
      const low = Math.max(start, this.starts[i]!);
      const high = Math.min(end, this.ends[i]!);
      removed += high - low;
      this.noteRemoved(low, high);
      i += this.cut(i, low, high);
    }
    return removed;
  }

  /** Bytes of the ranges below `limit`. */
  bytesBelow(limit: number): number {
    let sum = 0;
    for (let i = 0; i < this.count && this.starts[i]! < limit; i++) {
      sum += Math.min(this.ends[i]!, limit) - this.starts[i]!;
    }
    return sum;
  }

  /** Takes [low, high) out of range `i`, which contains it; returns how many ranges are left in its place. */
  private cut(i: number, low: number, high: number): number {
    const start = this.starts[i]!;
    const end = this.ends[i]!;
    if (low > start && high < end) {
      this.makeRoom();
      // Making room may have dropped the lowest range, and moved this one.
      const at = Math.max(0, this.firstEndingAfter(low));
      this.starts.copyWithin(at + 1, at, this.count);
      this.ends.copyWithin(at + 1, at, this.count);
      this.count++;
      this.ends[at] = low;
      this.starts[at + 1] = high;
      return 2;
    }
    if (low > start) this.ends[i] = low;
    else if (high < end) this.starts[i] = high;
    else {
      this.starts.copyWithin(i, i + 1, this.count);
      this.ends.copyWithin(i, i + 1, this.count);
      this.count--;
      return 0;
    }
    return 1;
  }

  /** Index of the first range that ends behind `offset`. */
  private firstEndingAfter(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ends[middle]! > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private noteRemoved(low: number, high: number): void {
    if (this.removedCount === this.removedStarts.length) {
      this.removedStarts = grown(this.removedStarts);
      this.removedEnds = grown(this.removedEnds);
    }
    this.removedStarts[this.removedCount] = low;
    this.removedEnds[this.removedCount] = high;
    this.removedCount++;
  }

  private makeRoom(): void {
    if (this.count < this.starts.length) return;
    if (this.count < this.limit) {
      this.starts = grown(this.starts);
      this.ends = grown(this.ends);
      return;
    }
    this.dropped++;
    this.droppedBytes += this.ends[0]! - this.starts[0]!;
    this.starts.copyWithin(0, 1, this.count);
    this.ends.copyWithin(0, 1, this.count);
    this.count--;
  }
}

function grown(numbers: Float64Array): Float64Array {
  const larger = new Float64Array(Math.max(4, numbers.length * 2));
  larger.set(numbers);
  return larger;
}

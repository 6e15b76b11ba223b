/**
 * When the segments in flight were sent, in a ring: an acknowledgement asks how long the newest that it covers took.
 * Bounded: while the ring is full, further segments are not timed.
 */
import type { Segment } from './segment.js';

const noNumbers = new Float64Array(0);

export class TimedSegments {
  private ends: Float64Array = noNumbers;
  private times: Float64Array = noNumbers;
  private head = 0;
  private count = 0;
  private readonly limit: number;

  /** `limit` is a power of two, 16 at least. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** `segment`, which ends at offset `end` behind all others, was sent. */
  push(end: number, { atNs }: Segment): void {
    if (this.count === this.ends.length && !this.grow()) return;
    const slot = (this.head + this.count) & (this.ends.length - 1);
    this.ends[slot] = end;
    this.times[slot] = atNs;
    this.count++;
  }

  /** Drops all segments that end at or below `ack`; returns when the last of them was sent, -1 for none. */
  acknowledge(ack: number): number {
    const mask = this.ends.length - 1;
    let time = -1;
    while (this.count > 0 && this.ends[this.head]! <= ack) {
      time = this.times[this.head]!;
      this.head = (this.head + 1) & mask;
      this.count--;
    }
    return time;
  }

  private grow(): boolean {
    const { length } = this.ends;
    if (length >= this.limit) return false;
    const ends = new Float64Array(Math.max(16, length * 2));
    const times = new Float64Array(ends.length);
    for (let i = 0; i < this.count; i++) {
      const slot = (this.head + i) & (length - 1);
      ends[i] = this.ends[slot]!;
      times[i] = this.times[slot]!;
    }
    this.ends = ends;
    this.times = times;
    this.head = 0;
    return true;
  }
}

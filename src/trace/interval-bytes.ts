/**
 * New data in intervals of a fixed length, by subflow: goodput over time in numbers. Intervals count from the first frame
 * of the capture, so that those of different connections are the same; one in which nothing new came takes no room.
 */
import type { IntervalReport } from './report.js';
import { SECOND } from '../base/index.js';

interface Interval {
  /** Number of the interval, from 0 at the first frame. */
  readonly index: number;
  /** Bytes by subflow; empty places are 0. */
  readonly bytes: number[];
}

export class IntervalBytes {
  /** Intervals beyond the limit, not kept. */
  forgotten = 0;
  private readonly lengthNs: number;
  private readonly limit: number;
  private kept: Interval[] = [];
  /** Number of the last interval that was not kept. */
  private lastForgotten = -1;

  /** Intervals of `lengthNs`, of which `limit` are kept. */
  constructor(lengthNs: number, limit: number) {
    this.lengthNs = lengthNs;
    this.limit = limit;
  }

  /** Subflow `subflow` carried `bytes` that none had carried before. */
  add(atNs: number, subflow: number, bytes: number): void {
    const index = Math.max(0, Math.floor(atNs / this.lengthNs));
    const interval = this.find(index);
    if (interval === undefined) return;
    while (interval.bytes.length <= subflow) interval.bytes.push(0);
    interval.bytes[subflow]! += bytes;
  }

  clear(): void {
    this.kept = [];
    this.forgotten = 0;
    this.lastForgotten = -1;
  }

  report(): readonly IntervalReport[] {
    return this.kept.map(({ index, bytes }) => {
      const sum = bytes.reduce((total, some) => total + some, 0);
      return {
        startNs: index * this.lengthNs,
        bytes: sum,
        goodputBps: (sum * 8 * SECOND) / this.lengthNs,
        subflows: bytes.flatMap((some, subflow) => (some === 0 ? [] : [{ subflow, bytes: some }])),
      };
    });
  }

  /** The interval with this number, in the order of which they are kept; undefined beyond the limit. */
  private find(index: number): Interval | undefined {
    const { kept } = this;
    // The clock may go back by a few.
    let at = kept.length;
    while (at > 0 && kept[at - 1]!.index > index) at--;
    const known = kept[at - 1];
    if (known?.index === index) return known;
    if (kept.length >= this.limit) {
      if (index !== this.lastForgotten) this.forgotten++;
      this.lastForgotten = index;
      return undefined;
    }
    const interval = { index, bytes: [] };
    kept.splice(at, 0, interval);
    return interval;
  }
}

/** How soon the bytes that may go over metered links might be used up, by the rate that they went at lately. Knows no limit. */
import { MILLISECOND } from '../../base/index.js';

/** Least time over which a rate is measured, in ns: two looks may follow each other at once. */
const MEASURE_NS = 5 * MILLISECOND;

export class MeteredPace {
  /** When the present measurement began, in ns, and what went since. */
  private since: number;
  private bytes = 0;
  private bytesPerNs = 0;

  constructor(now: number) {
    this.since = now;
  }

  /** `bytes` went over metered links since the last note. */
  note(now: number, bytes: number): void {
    this.bytes += bytes;
    const elapsedNs = now - this.since;
    if (elapsedNs < MEASURE_NS) return;
    this.bytesPerNs = this.bytes / elapsedNs;
    this.since = now;
    this.bytes = 0;
  }

  /** Until `leftBytes` might be used up, at twice the rate that bytes went at, in ns; Infinity while none go. */
  nsUntil(leftBytes: number): number {
    return this.bytesPerNs > 0 ? leftBytes / this.bytesPerNs / 2 : Number.POSITIVE_INFINITY;
  }
}

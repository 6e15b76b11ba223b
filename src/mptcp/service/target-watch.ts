/**
 * Whether the path in use alone would miss the target, from looks a few times a second. What it found wanting stays so for a
 * while, so that help does not come and go with every look. How the help is used is the scheduler's: target-based.ts.
 * Knows no subflow and no socket: the engine and the kernel's sockets both show their paths.
 */
import { MILLISECOND, SECOND } from '../../base/index.js';
import { DEFAULT_DEADLINE_NS, DEFAULT_MARGIN, type Target } from '../scheduler/target-based.js';

/** Least time over which a rate is measured, in ns. */
const MEASURE_NS = 200 * MILLISECOND;

/** The path in use as it is now. */
export interface TargetPath {
  /** What its owner knows it by: the same value each time. */
  readonly id: unknown;
  /** Smoothed round-trip time in ns; 0 before the first measurement. */
  readonly srttNs: number;
  /** Congestion window. */
  readonly windowBytes: number;
  /** Bytes handed to it that are not acknowledged. */
  readonly inFlightBytes: number;
  /** Bytes received on it since it began. */
  readonly receivedBytes: number;
}

export class TargetWatch {
  private readonly allowanceNs: number;
  private readonly bytesPerSecond: number;
  private readonly holdNs: number;
  /** Until when it counts as behind whatever is seen, in ns. */
  private behindUntil = Number.NEGATIVE_INFINITY;
  /** Where the present measurement began: when, in ns; on which path; and what that had received. */
  private since = Number.NEGATIVE_INFINITY;
  private path: unknown = undefined;
  private receivedBytes = 0;

  /** `holdNs`: for how long a target that would be missed counts as such, in ns. */
  constructor({ deadlineNs, rateBps = 0, margin = DEFAULT_MARGIN }: Target, holdNs: number) {
    const without = rateBps > 0 ? Number.POSITIVE_INFINITY : DEFAULT_DEADLINE_NS;
    this.allowanceNs = (deadlineNs ?? without) * margin;
    this.bytesPerSecond = rateBps / 8;
    this.holdNs = holdNs;
  }

  /** Looks at the path in use; `unsentBytes` were written and given to no path. Returns whether others should help it. */
  look(now: number, unsentBytes: number, main: TargetPath | undefined): boolean {
    if (main !== undefined && (this.sendsTooSlowly(main, unsentBytes) || this.receivesTooSlowly(now, main))) {
      this.behindUntil = now + this.holdNs;
    }
    return now < this.behindUntil;
  }

  /** Whether what waits takes longer than it may at the rate of the path's window, or that rate is too low. */
  private sendsTooSlowly({ srttNs, windowBytes, inFlightBytes }: TargetPath, unsentBytes: number): boolean {
    if (unsentBytes <= 0 || srttNs <= 0) return false;
    const bytesPerNs = windowBytes / srttNs;
    if (bytesPerNs * SECOND < this.bytesPerSecond) return true;
    return (inFlightBytes + unsentBytes) / bytesPerNs > this.allowanceNs;
  }

  /** Whether data came on the path since the last measurement, and less than the target's rate. */
  private receivesTooSlowly(now: number, { id, receivedBytes }: TargetPath): boolean {
    if (this.bytesPerSecond === 0) return false;
    const elapsedNs = now - this.since;
    const isSame = this.path === id;
    if (isSame && elapsedNs < MEASURE_NS) return false;
    const bytes = receivedBytes - this.receivedBytes;
    this.since = now;
    this.path = id;
    this.receivedBytes = receivedBytes;
    // A measurement that nobody looked at for long says little of now.
    if (!isSame || elapsedNs > 4 * MEASURE_NS) return false;
    return bytes > 0 && (bytes * SECOND) / elapsedNs < this.bytesPerSecond;
  }
}

/**
 * Whether the path in use alone would miss the target, from looks a few times a second. What it found wanting stays so for a
 * while, so that help does not come and go with every look. How the help is used is the scheduler's: target-based.ts.
 */
import { MILLISECOND, SECOND } from '../../base/index.js';
import type { ConnectionProgress } from '../path-manager/path-manager.js';
import { DEFAULT_DEADLINE_NS, DEFAULT_MARGIN, type Target } from '../scheduler/target-based.js';
import type { Subflow } from '../subflow.js';

/** Least time over which a rate is measured, in ns. */
const MEASURE_NS = 200 * MILLISECOND;

export class TargetWatch {
  private readonly allowanceNs: number;
  private readonly bytesPerSecond: number;
  private readonly holdNs: number;
  /** Until when it counts as behind whatever is seen, in ns. */
  private behindUntil = Number.NEGATIVE_INFINITY;
  /** Where the present measurement began: when, in ns; on which path; and what that had received. */
  private since = Number.NEGATIVE_INFINITY;
  private path: Subflow | undefined = undefined;
  private receivedBytes = 0;

  /** `holdNs`: for how long a target that would be missed counts as such, in ns. */
  constructor({ deadlineNs, rateBps = 0, margin = DEFAULT_MARGIN }: Target, holdNs: number) {
    const without = rateBps > 0 ? Number.POSITIVE_INFINITY : DEFAULT_DEADLINE_NS;
    this.allowanceNs = (deadlineNs ?? without) * margin;
    this.bytesPerSecond = rateBps / 8;
    this.holdNs = holdNs;
  }

  /** Looks at the path in use; whether others should help it. */
  look(now: number, { unsentBytes }: ConnectionProgress, main: Subflow | undefined): boolean {
    if (main !== undefined && (this.sendsTooSlowly(main, unsentBytes) || this.receivesTooSlowly(now, main))) {
      this.behindUntil = now + this.holdNs;
    }
    return now < this.behindUntil;
  }

  /** Whether what waits takes longer than it may at the rate of the path's window, or that rate is too low. */
  private sendsTooSlowly({ tcp }: Subflow, unsentBytes: number): boolean {
    const { srttNs } = tcp.rtt;
    if (unsentBytes <= 0 || srttNs <= 0) return false;
    const bytesPerNs = tcp.cwndBytes / srttNs;
    if (bytesPerNs * SECOND < this.bytesPerSecond) return true;
    const aheadBytes = tcp.pushEnd - tcp.sndUna + unsentBytes;
    return aheadBytes / bytesPerNs > this.allowanceNs;
  }

  /** Whether data came on the path since the last measurement, and less than the target's rate. */
  private receivesTooSlowly(now: number, main: Subflow): boolean {
    if (this.bytesPerSecond === 0) return false;
    const elapsedNs = now - this.since;
    const isSame = this.path === main;
    if (isSame && elapsedNs < MEASURE_NS) return false;
    const bytes = main.bytesReceived - this.receivedBytes;
    this.since = now;
    this.path = main;
    this.receivedBytes = main.bytesReceived;
    // A measurement that nobody looked at for long says little of now.
    if (!isSame || elapsedNs > 4 * MEASURE_NS) return false;
    return bytes > 0 && (bytes * SECOND) / elapsedNs < this.bytesPerSecond;
  }
}

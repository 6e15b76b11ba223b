/**
 * Earliest completion first: a slower subflow carries data only where that ends the transfer sooner than waiting for the
 * fastest one would, judged by what is left to send, the windows and the round-trip times of both.
 *
 * Read first: Lim, Nahum, Towsley, Gibbens: ECF: An MPTCP Path Scheduler to Manage Heterogeneous Paths, CoNEXT 2017,
 * algorithm 1. Bytes stand where it has packets; a round trip's standard deviation is the mean deviation that TCP keeps.
 */
import type { Subflow } from '../subflow.js';
import { pickLowestRtt } from './lowest-rtt.js';
import { fastestOf } from './preference.js';
import type { ScheduleContext, Scheduler, SchedulerFactory } from './scheduler.js';

/** How much a decision to wait is favoured by the next one (β; the paper found 0.25 to be good everywhere). */
const HYSTERESIS = 0.25;

class EarliestCompletionFirst implements Scheduler {
  readonly name = 'ecf';
  /** Whether the last decision was to wait for the fastest. */
  private isWaiting = false;

  select(candidates: readonly Subflow[], context: ScheduleContext): Subflow | undefined {
    const best = pickLowestRtt(candidates, context);
    if (best === undefined || context.purpose === 'reinjection') return best;
    const fastest = fastestOf(candidates, context);
    if (fastest === undefined || best === fastest) return best;
    return this.mayWait(fastest, best, context.pendingBytes) ? undefined : best;
  }

  private mayWait(fast: Subflow, slow: Subflow, pendingBytes: number): boolean {
    const fastNs = fast.tcp.rtt.srttNs;
    const slowNs = slow.tcp.rtt.srttNs;
    const marginNs = Math.max(fast.tcp.rtt.rttvarNs, slow.tcp.rtt.rttvarNs);
    // One round trip until the fastest has room, and as many as what is left takes there.
    const fastEndNs = (1 + pendingBytes / Math.max(1, fast.tcp.cwndBytes)) * fastNs;
    if (fastEndNs >= (this.isWaiting ? 1 + HYSTERESIS : 1) * (slowNs + marginNs)) {
      this.isWaiting = false;
      return false;
    }
    const slowEndNs = Math.max(1, pendingBytes / Math.max(1, slow.tcp.cwndBytes)) * slowNs;
    if (slowEndNs < 2 * fastNs + marginNs) return false;
    this.isWaiting = true;
    return true;
  }
}

/** Makes an ECF scheduler. */
export const ecf: SchedulerFactory = () => new EarliestCompletionFirst();

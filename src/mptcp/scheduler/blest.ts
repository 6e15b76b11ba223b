/**
 * Blocking estimation: before a slower subflow is used, it is estimated how much the fastest one could send while the
 * slower one's bytes are on their way. Where those bytes would take up the room in the peer's window that the fastest
 * needs, they wait for it instead. The estimate is scaled by λ, which grows while the window does block.
 *
 * Read first: Ferlin, Alay, Mehani, Boreli: BLEST: Blocking Estimation-based MPTCP Scheduler for Heterogeneous Networks,
 * IFIP Networking 2016, §III. Where the paper is silent, the values of λ are those of its authors' kernel module.
 */
import type { Subflow } from '../subflow.js';
import { pickLowestRtt } from './lowest-rtt.js';
import { fastestOf, outstandingBytes } from './preference.js';
import type { ScheduleContext, Scheduler, SchedulerFactory } from './scheduler.js';

/** λ: where it begins, and its bounds. */
const INITIAL_SCALE = 1.2;
const MIN_SCALE = 1;
const MAX_SCALE = 1.3;
/** What a round trip of the slower subflow with blocking adds to λ, and one without takes off. */
const SCALE_UP = 0.04;
const SCALE_DOWN = 0.01;

class BlockingEstimation implements Scheduler {
  readonly name = 'blest';
  /** λ. */
  private scale = INITIAL_SCALE;
  /** When λ was last changed, in ns. */
  private scaledAt = 0;
  /** How often the window had blocked by then. */
  private knownBlocks = 0;

  select(candidates: readonly Subflow[], context: ScheduleContext): Subflow | undefined {
    const best = pickLowestRtt(candidates, context);
    if (best === undefined || context.purpose === 'reinjection') return best;
    const fastest = fastestOf(candidates, context);
    if (fastest === undefined || best === fastest) return best;
    this.adapt(best, context);
    const roomBytes = context.peerWindowBytes - outstandingBytes(best) - best.tcp.mss;
    return this.scale * bytesDuring(fastest, best.tcp.rtt.srttNs) <= roomBytes ? best : undefined;
  }

  private adapt(slow: Subflow, { now, windowBlocks }: ScheduleContext): void {
    if (now - this.scaledAt < slow.tcp.rtt.srttNs) return;
    const step = windowBlocks > this.knownBlocks ? SCALE_UP : -SCALE_DOWN;
    this.scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, this.scale + step));
    this.scaledAt = now;
    this.knownBlocks = windowBlocks;
  }
}

/** Bytes that `subflow` sends in `ns`, its window growing by a segment each round trip (the paper's X). */
function bytesDuring({ tcp }: Subflow, ns: number): number {
  const rounds = tcp.rtt.srttNs > 0 ? Math.max(1, ns / tcp.rtt.srttNs) : 1;
  return (tcp.cwndBytes + (tcp.mss * (rounds - 1)) / 2) * rounds;
}

/** Makes a BLEST scheduler. */
export const blest: SchedulerFactory = () => new BlockingEstimation();

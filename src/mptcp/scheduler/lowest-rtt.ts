/**
 * The default of the out-of-tree kernel and of RFC 8684 §3.3.8's advice: of the subflows with room the one with the
 * lowest smoothed round-trip time. Backups and stale subflows: see preference.ts.
 */
import type { Subflow } from '../subflow.js';
import { NO_CLASS, classOf } from './preference.js';
import type { ScheduleContext, Scheduler, SchedulerFactory } from './scheduler.js';

/** The quickest of the best class that has room. */
export function pickLowestRtt(candidates: readonly Subflow[], context: ScheduleContext): Subflow | undefined {
  let best: Subflow | undefined;
  let bestClass = NO_CLASS;
  let bestRttNs = 0;
  for (let i = 0; i < candidates.length; i++) {
    const subflow = candidates[i]!;
    if (subflow.state !== 'active') continue;
    const rank = classOf(subflow, context);
    if (rank > bestClass) continue;
    if (rank < bestClass) {
      // A better class bars the worse ones even when it has no room now.
      bestClass = rank;
      best = undefined;
    }
    if (subflow.sendRoomBytes(context.now) <= 0) continue;
    const rttNs = subflow.tcp.rtt.srttNs;
    if (best === undefined || rttNs < bestRttNs) {
      best = subflow;
      bestRttNs = rttNs;
    }
  }
  return best;
}

const scheduler: Scheduler = { name: 'lowest-rtt', select: pickLowestRtt };

/** Makes the lowest-RTT scheduler. */
export const lowestRtt: SchedulerFactory = () => scheduler;

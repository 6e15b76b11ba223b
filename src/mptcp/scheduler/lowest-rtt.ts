/**
 * The default of the out-of-tree kernel and of RFC 8684 §3.3.8's advice: of the subflows with room the one with the
 * lowest smoothed round-trip time. Backups carry data only while no regular subflow is usable; subflows on which a
 * timeout fired and nothing has been acknowledged since come after all others.
 */
import type { Subflow } from '../subflow.js';
import type { ScheduleContext, Scheduler, SchedulerFactory } from './scheduler.js';

/** Classes of subflows: a lower one is used before any of a higher one, whether it has room or not. */
const REGULAR = 0;
const BACKUP = 1;
/** It failed the very data that is to be sent again, but speaks again. */
const AVOIDED = 2;
const STALE = 3;
const LAST = 4;

function classOf(subflow: Subflow, context: ScheduleContext): number {
  const { failed } = context;
  const isAvoided = failed.length > 0 && failed.includes(subflow);
  if (subflow.isStale) return isAvoided ? LAST : STALE;
  if (isAvoided) return AVOIDED;
  return subflow.isBackup ? BACKUP : REGULAR;
}

const scheduler: Scheduler = {
  name: 'lowest-rtt',
  select(candidates: readonly Subflow[], context: ScheduleContext): Subflow | undefined {
    let best: Subflow | undefined;
    let bestClass = LAST + 1;
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
  },
};

/** Makes the lowest-RTT scheduler. */
export const lowestRtt: SchedulerFactory = () => scheduler;

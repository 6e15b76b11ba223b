/**
 * What all schedulers have in common: which subflows come into question at all. Backups carry data only while no regular
 * subflow is usable (RFC 8684 §3.3.8); subflows on which a timeout fired and nothing has been acknowledged since come
 * after all others; data that is sent again goes elsewhere than where it failed.
 */
import type { Subflow } from '../subflow.js';
import type { ScheduleContext } from './scheduler.js';

/** Classes of subflows: a lower one is used before any of a higher one, whether it has room or not. */
const REGULAR = 0;
const BACKUP = 1;
/** It failed the very data that is to be sent again, but speaks again. */
const AVOIDED = 2;
const STALE = 3;
const LAST = 4;

/** One more than the highest class: that of no subflow. */
export const NO_CLASS = LAST + 1;

/** The class of an active subflow, the lower the better. */
export function classOf(subflow: Subflow, context: ScheduleContext): number {
  const { failed } = context;
  const isAvoided = failed.length > 0 && failed.includes(subflow);
  if (subflow.isStale) return isAvoided ? LAST : STALE;
  if (isAvoided) return AVOIDED;
  return subflow.isBackup ? BACKUP : REGULAR;
}

/** The lowest class that an active one of `candidates` has; {@link NO_CLASS} where none is active. */
export function bestClass(candidates: readonly Subflow[], context: ScheduleContext): number {
  let best = NO_CLASS;
  for (let i = 0; i < candidates.length; i++) {
    const subflow = candidates[i]!;
    if (subflow.state === 'active') best = Math.min(best, classOf(subflow, context));
  }
  return best;
}

/** Whether `subflow` may carry the bytes: active, and of the class `rank`. */
export function isEligible(subflow: Subflow, context: ScheduleContext, rank: number): boolean {
  return subflow.state === 'active' && classOf(subflow, context) === rank;
}

/** The subflow with the lowest smoothed round-trip time of the best class, with room or without. */
export function fastestOf(candidates: readonly Subflow[], context: ScheduleContext): Subflow | undefined {
  const rank = bestClass(candidates, context);
  let fastest: Subflow | undefined;
  for (let i = 0; i < candidates.length; i++) {
    const subflow = candidates[i]!;
    if (!isEligible(subflow, context, rank)) continue;
    if (fastest === undefined || subflow.tcp.rtt.srttNs < fastest.tcp.rtt.srttNs) fastest = subflow;
  }
  return fastest;
}

/** Bytes that `subflow` has been given and the peer's TCP has not acknowledged, sent or not. */
export function outstandingBytes({ tcp }: Subflow): number {
  return Math.max(0, tcp.pushEnd - tcp.sndUna);
}

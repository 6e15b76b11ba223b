/**
 * A target that the preferred path is to meet, and other paths for what would miss it only: for users who pay for the
 * second path by the byte. The target is a deadline (every byte is to have arrived so long after it was written) or a
 * rate. The preferred subflow is the first one opened of those that come into question; backups stay backups.
 *
 * Read first: Han, Qian, Ji, Gopalakrishnan: MP-DASH: Adaptive Video Streaming Over Preference-Aware Multipath, CoNEXT
 * 2016, §4 (the deadline-aware scheduler); Apple's `URLSessionConfiguration.MultipathServiceType` has a
 * `targetBased` of which no more is told than what it is for.
 */
import { MILLISECOND, SECOND, SubflowError } from '../../base/index.js';
import type { Subflow } from '../subflow.js';
import { pickLowestRtt } from './lowest-rtt.js';
import { bestClass, isEligible, outstandingBytes } from './preference.js';
import type { ScheduleContext, Scheduler, SchedulerFactory } from './scheduler.js';

/** What the preferred path is to achieve. */
export interface Target {
  /** How long after it was written each byte is to have arrived, in ns, above 0. Default 500 ms, unless a rate is given. */
  readonly deadlineNs?: number;
  /** Bits a second that the preferred path is to carry, above 0; below it the others help whatever waits. */
  readonly rateBps?: number;
  /** Part of the deadline that is planned with, above 0 and at most 1 (MP-DASH's α). Default 0.9. */
  readonly margin?: number;
}

/** The deadline where neither that nor a rate is given, in ns. */
export const DEFAULT_DEADLINE_NS = 500 * MILLISECOND;
/** The part of a deadline that is planned with unless another is given. */
export const DEFAULT_MARGIN = 0.9;
/** Writes that are told apart: more of them within a deadline count as one, of the time of the first. */
const MAX_MARKS = 16;

class TargetBased implements Scheduler {
  readonly name = 'target-based';
  /** Time that a byte has, in ns; Infinity without a deadline. */
  private readonly allowanceNs: number;
  /** Bytes a second below which the preferred path gets help; 0 without such a rate. */
  private readonly bytesPerSecond: number;
  /** Ends of the stream as they were found growing, as data offsets, oldest first: the first `markCount` count. */
  private readonly markEnds = new Float64Array(MAX_MARKS);
  /** When each was found, in ns. */
  private readonly markTimes = new Float64Array(MAX_MARKS);
  private markCount = 0;

  constructor({ deadlineNs, rateBps = 0, margin = DEFAULT_MARGIN }: Target) {
    const without = rateBps > 0 ? Number.POSITIVE_INFINITY : DEFAULT_DEADLINE_NS;
    this.allowanceNs = (deadlineNs ?? without) * margin;
    this.bytesPerSecond = rateBps / 8;
  }

  select(candidates: readonly Subflow[], context: ScheduleContext): Subflow | undefined {
    if (context.purpose === 'reinjection') return pickLowestRtt(candidates, context);
    this.note(context);
    const rank = bestClass(candidates, context);
    let preferred: Subflow | undefined;
    for (let i = 0; i < candidates.length && preferred === undefined; i++) {
      if (isEligible(candidates[i]!, context, rank)) preferred = candidates[i];
    }
    if (preferred === undefined || preferred.sendRoomBytes(context.now) > 0) return preferred;
    return this.isMet(preferred, context) ? undefined : pickLowestRtt(candidates, context);
  }

  /** Notes what was written since the last question, and forgets what was sent. */
  private note({ now, dataOffset, pendingBytes }: ScheduleContext): void {
    const { markEnds, markTimes } = this;
    let kept = 0;
    for (let i = 0; i < this.markCount; i++) {
      if (markEnds[i]! <= dataOffset) continue;
      markEnds[kept] = markEnds[i]!;
      markTimes[kept++] = markTimes[i]!;
    }
    const end = dataOffset + pendingBytes;
    const last = kept - 1;
    if (last < 0 || markEnds[last]! < end) {
      const isNew = last < 0 || (kept < MAX_MARKS && now - markTimes[last]! > this.allowanceNs / MAX_MARKS);
      if (isNew) markTimes[kept++] = now;
      markEnds[kept - 1] = end;
    }
    this.markCount = kept;
  }

  /** Whether the preferred subflow alone, at the rate of its window, carries all that waits in time. */
  private isMet(preferred: Subflow, { now, dataOffset }: ScheduleContext): boolean {
    const { tcp } = preferred;
    const { srttNs } = tcp.rtt;
    if (srttNs <= 0) return true;
    const bytesPerNs = tcp.cwndBytes / srttNs;
    if (bytesPerNs * SECOND < this.bytesPerSecond) return false;
    if (this.allowanceNs === Number.POSITIVE_INFINITY) return true;
    const ahead = outstandingBytes(preferred) - dataOffset;
    for (let i = 0; i < this.markCount; i++) {
      const arrivesAt = now + (this.markEnds[i]! + ahead) / bytesPerNs - srttNs / 2;
      if (arrivesAt > this.markTimes[i]! + this.allowanceNs) return false;
    }
    return true;
  }
}

/** Makes schedulers for a target of one's own. Throws `ERR_SUBFLOW_BAD_SETTING` for one out of range. */
export function targetBasedFor(target: Target): SchedulerFactory {
  const { deadlineNs = 1, rateBps = 1, margin = 1 } = target;
  if (!(deadlineNs > 0 && rateBps > 0 && margin > 0 && margin <= 1)) {
    throw new SubflowError('ERR_SUBFLOW_BAD_SETTING', 'a target has a deadline and a rate above 0', {
      hint: 'deadlineNs is in ns, rateBps in bit/s, and margin lies above 0 and at most at 1.',
    });
  }
  return () => new TargetBased(target);
}

/** Makes a target-based scheduler with a deadline of 500 ms. */
export const targetBased: SchedulerFactory = targetBasedFor({});

/**
 * The subflows in turn, each as far as it has room; one that has none is passed over. Takes no notice of how long a path
 * is, so that data of a short one waits for that of a long one: made for comparison, as in the out-of-tree kernel.
 */
import type { Subflow } from '../subflow.js';
import { bestClass, isEligible } from './preference.js';
import type { ScheduleContext, Scheduler, SchedulerFactory } from './scheduler.js';

class RoundRobin implements Scheduler {
  readonly name = 'round-robin';
  /** Number of the subflow that was chosen last: numbers grow in the order of opening. */
  private lastId = 0;

  select(candidates: readonly Subflow[], context: ScheduleContext): Subflow | undefined {
    const rank = bestClass(candidates, context);
    let first: Subflow | undefined;
    let next: Subflow | undefined;
    for (let i = 0; i < candidates.length && next === undefined; i++) {
      const subflow = candidates[i]!;
      if (!isEligible(subflow, context, rank) || subflow.sendRoomBytes(context.now) <= 0) continue;
      first ??= subflow;
      if (subflow.id > this.lastId) next = subflow;
    }
    const chosen = next ?? first;
    if (chosen !== undefined) this.lastId = chosen.id;
    return chosen;
  }
}

/** Makes a round-robin scheduler. */
export const roundRobin: SchedulerFactory = () => new RoundRobin();

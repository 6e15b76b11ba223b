/**
 * Judges every choice of a scheduler, whichever it is: the subflow is active and has room, and a backup is chosen only
 * while no regular subflow works (RFC 8684 §3.3.8). And every copy: it goes over a regular subflow that works.
 */

import type { ScheduleContext, Scheduler, SchedulerFactory, Subflow } from '../../src/mptcp/index.js';
import type { Violation } from '../../src/network/index.js';

const maxViolations = 10;

/** Watches the schedulers of one host. */
export class SchedulerChecker {
  readonly violations: Violation[] = [];
  /** Choices judged. */
  choices = 0;
  private readonly host: string;

  constructor(host: string) {
    this.host = host;
  }

  /** Makes the schedulers that `factory` makes, watched. */
  watch(factory: SchedulerFactory): SchedulerFactory {
    return () => {
      const inner = factory();
      const watched: Scheduler = {
        name: inner.name,
        select: (candidates, context) => {
          const chosen = inner.select(candidates, context);
          if (chosen !== undefined) this.judge(candidates, context, chosen);
          return chosen;
        },
      };
      if (inner.mayCopy === undefined) return watched;
      return {
        ...watched,
        mayCopy: (subflow) => {
          const may = inner.mayCopy!(subflow);
          if (may && !isWorking(subflow)) this.report(0, `copies go over subflow ${subflow.id}`);
          return may;
        },
      };
    };
  }

  private judge(candidates: readonly Subflow[], context: ScheduleContext, chosen: Subflow): void {
    const { now, failed } = context;
    this.choices++;
    const name = `subflow ${chosen.id}`;
    if (!candidates.includes(chosen)) this.report(now, `${name} is none of the candidates`);
    if (chosen.state !== 'active') this.report(now, `${name} is ${chosen.state}`);
    if (chosen.sendRoomBytes(now) <= 0) this.report(now, `${name} has no room`);
    const working = candidates.find((subflow) => isWorking(subflow) && !failed.includes(subflow));
    if (chosen.isBackup && working !== undefined)
      this.report(now, `${name}, a backup, carries data while ${working.id} works`);
  }

  private report(at: number, text: string): void {
    if (this.violations.length >= maxViolations) return;
    this.violations.push({ at, host: this.host, rule: 'scheduler', text });
  }
}

/** Whether it is a regular subflow that may carry data and was not silent for too long. */
function isWorking(subflow: Subflow): boolean {
  return subflow.state === 'active' && !subflow.isBackup && !subflow.isStale;
}

/** The walks of one kind of traffic with one variant, and what their delays come to. */

import type { Direction, TesterRun, Traffic } from './world.js';

/** All walks of one kind of traffic with one variant. */
export interface TesterRuns {
  readonly traffic: Traffic;
  readonly direction: Direction;
  readonly variant: string;
  readonly runs: readonly TesterRun[];
}

/** Delays of a run in ns. */
export function delaysOf({ delays }: TesterRun): number[] {
  return delays.map(({ delayNs }) => delayNs);
}

/** The longest delay of each walk that had any, in ns. */
export function worstDelays({ runs }: TesterRuns): number[] {
  return runs.map(delaysOf).flatMap((delays) => (delays.length === 0 ? [] : [Math.max(...delays)]));
}

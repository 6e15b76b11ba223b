/** Runs of `direct-bypass` that belong together. */

import { SECOND } from '../../base/index.js';
import type { BypassMode, BypassRun } from './world.js';

/** Runs of one mode that differ by their seed. */
export interface ModeRuns {
  readonly mode: BypassMode;
  readonly clients: number;
  readonly sizeBytes: number;
  readonly runs: readonly BypassRun[];
}

/** Transfers that were completed, in bit/s. */
export function goodputBps({ sizeBytes }: ModeRuns, { completed, durationNs }: BypassRun): number {
  return (8 * completed * sizeBytes * SECOND) / durationNs;
}

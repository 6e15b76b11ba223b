/** Simulations of several designs at a time, each in a thread of its own. */

import type { Worker } from 'node:worker_threads';
import type { DesignName, FlowSimulationOptions, FlowSimulationRow } from '../../balancer/index.js';
import { FailureError } from '../errors.js';
import { onAllCores } from '../on-all-cores.js';
import type { SimulationMessage } from './simulate-worker.js';

/** Hears how far all is, from 0 to 1, and which designs are under way. */
export type ProgressListener = (progress: number, underWay: readonly DesignName[]) => void;

/**
 * Simulates every design of `all`, as many at a time as there are cores; gives the rows in the same order. Throws a {@link FailureError}
 * when there is no memory for the tables of one; the others are not gone on with then.
 */
export async function simulateDesigns(
  all: readonly FlowSimulationOptions[],
  listener: ProgressListener,
): Promise<FlowSimulationRow[]> {
  const progress = new Float64Array(all.length);
  const begun = new Set<number>();
  const report = (index: number, share: number): void => {
    progress[index] = share;
    const underWay = all.flatMap(({ design }, at) => (begun.has(at) && progress[at]! < 1 ? [design] : []));
    listener(progress.reduce((sum, each) => sum + each, 0) / all.length, underWay);
  };
  return onAllCores(all.length, (start) => (index) => {
    begun.add(index);
    // A thread for each: what one design's tables took is there for the next one's.
    const worker = start(new URL('./simulate-worker.js', import.meta.url), all[index]);
    return rowOf(worker, all[index]!, (share) => report(index, share));
  });
}

function rowOf(
  worker: Worker,
  options: FlowSimulationOptions,
  report: (progress: number) => void,
): Promise<FlowSimulationRow> {
  return new Promise((resolve, reject) => {
    worker.on('message', ({ progress, row }: SimulationMessage) => {
      report(progress);
      if (row !== undefined) resolve(row);
    });
    worker.on('error', (error) => reject(explained(error, options.design)));
    worker.on('exit', () => reject(new FailureError(`the simulation of ${options.design} ended too early`)));
  });
}

/** An error of the thread, which says what to do when there was no memory for the tables of `design`. */
function explained(error: Error, design: DesignName): Error {
  if (!(error instanceof RangeError && /allocation/i.test(error.message))) return error;
  const hint = 'simulate fewer connections, joins or balancers';
  return new FailureError(`no memory for the tables of ${design}: ${error.message}`, { hint, cause: error });
}

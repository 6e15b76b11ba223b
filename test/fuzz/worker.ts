/** The thread that targets run in, so that a hang or a flood of memory ends here and not in the harness. */
import { parentPort, workerData } from 'node:worker_threads';
import { type RunOptions, runTarget, traceOf } from './run-loop.js';
import type { FuzzTarget } from './target.js';

/** One target and what to feed it. */
export interface Job {
  readonly target: string;
  readonly options: RunOptions;
}

/** What the harness hands over. */
export interface WorkerInput {
  /** Module that exports `targets`. */
  readonly module: string;
  readonly memory: SharedArrayBuffer;
  readonly jobs: readonly Job[];
}

const { module, memory, jobs } = workerData as WorkerInput;
const { targets } = (await import(module)) as { targets: readonly FuzzTarget[] };
for (const { target: name, options } of jobs) {
  const target = targets.find((candidate) => candidate.name === name);
  if (target === undefined) throw new Error(`no target is named ${name}`);
  parentPort!.postMessage(runTarget(target, options, traceOf(memory)));
}

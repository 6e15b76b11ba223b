/** A thread that runs trials of one experiment, one after the other, as it is given them. */

import { parentPort, workerData } from 'node:worker_threads';
import { findExperiment } from '../../experiments/index.js';

/** What the thread is asked for. */
export interface TrialRequest {
  readonly index: number;
  readonly input: unknown;
}

/** What it answers. */
export interface TrialAnswer {
  readonly index: number;
  readonly output: unknown;
}

const { trial } = findExperiment(workerData as string);
parentPort!.on('message', ({ index, input }: TrialRequest) => {
  const answer: TrialAnswer = { index, output: trial!(input as never) };
  parentPort!.postMessage(answer);
});

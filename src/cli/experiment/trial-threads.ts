/** The trials of an experiment on all cores: a thread on each, which takes the next trial when it is done with one. */

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { TrialRunner } from '../../experiments/index.js';
import { FailureError } from '../errors.js';
import type { TrialAnswer, TrialRequest } from './trial-worker.js';

/** Runs trials in threads. The outputs are in the order of the inputs, whichever is done first. */
export const runInThreads: TrialRunner = async ({ name }, inputs, begin) => {
  const outputs = new Array<unknown>(inputs.length);
  let next = 0;
  const workers: Worker[] = [];
  const takeTurns = async (): Promise<void> => {
    const worker = new Worker(new URL('./trial-worker.js', import.meta.url), { workerData: name });
    workers.push(worker);
    for (let index = next++; index < inputs.length; index = next++) {
      await begin(index);
      outputs[index] = await ask(worker, { index, input: inputs[index] }, name);
    }
  };
  const threads = Math.min(availableParallelism(), inputs.length);
  try {
    await Promise.all(Array.from({ length: threads }, takeTurns));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return outputs;
};

function ask(worker: Worker, request: TrialRequest, name: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onMessage = ({ output }: TrialAnswer): void => end(() => resolve(output));
    const onError = (error: Error): void => end(() => reject(error));
    const onExit = (): void =>
      end(() => reject(new FailureError(`a thread of experiment ${name} ended too early`)));
    const end = (settle: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      settle();
    };
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(request);
  });
}

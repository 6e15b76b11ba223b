/** The trials of an experiment on all cores: a thread on each, which takes the next trial when it is done with one. */

import type { Worker } from 'node:worker_threads';
import type { TrialRunner } from '../../experiments/index.js';
import { FailureError } from '../errors.js';
import { onAllCores } from '../on-all-cores.js';
import type { TrialAnswer, TrialRequest } from './trial-worker.js';

/** Runs trials in threads. The outputs are in the order of the inputs, whichever is done first. */
export const runInThreads: TrialRunner = ({ name }, inputs, begin, end) =>
  onAllCores(inputs.length, (start) => {
    const worker = start(new URL('./trial-worker.js', import.meta.url), name);
    return async (index) => {
      await begin(index);
      const output = await ask(worker, { index, input: inputs[index] }, name);
      end(index, output);
      return output;
    };
  });

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

/**
 * Trials of an experiment on all cores: workers of a worker, each of which takes the next trial when it is done with one.
 * They end with the run, and with the worker that began them.
 */
import type { TrialRunner } from '../../src/experiments/index.js';
import type { TrialReply, TrialRequest } from '../protocol/experiments.js';

/** Most workers, however many cores there are: each holds a world of its own. */
const MAX_THREADS = 8;

/** Runs trials in workers that are made of `script`, on as many `cores`. */
export function trialThreads(script: string, cores: number): TrialRunner {
  return async ({ name }, inputs, begin, end) => {
    const outputs = new Array<unknown>(inputs.length);
    const count = Math.min(inputs.length, Math.max(1, Math.min(cores, MAX_THREADS)));
    let next = 0;
    const work = async (): Promise<void> => {
      const worker = new Worker(script, { type: 'module', name: 'trials' });
      try {
        while (next < inputs.length) {
          const index = next++;
          await begin(index);
          outputs[index] = await ask(worker, { type: 'trial', name, input: inputs[index] });
          end(index, outputs[index]);
        }
      } finally {
        // Where one fails the others need not begin anything more.
        next = inputs.length;
        worker.terminate();
      }
    };
    await Promise.all(Array.from({ length: count }, work));
    return outputs;
  };
}

function ask(worker: Worker, request: TrialRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<TrialReply>) => {
      if (data.type === 'output') resolve(data.output);
      else reject(new Error(data.message));
    };
    worker.onerror = (event) => reject(new Error(event.message || 'A worker could not be loaded.'));
    worker.postMessage(request);
  });
}

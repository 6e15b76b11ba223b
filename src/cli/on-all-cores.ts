/** Work that is shared out to threads, as many at a time as there are cores. None of them is left when it is over, however it ends. */

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** Starts a thread that is ended with all others at the latest. */
export type StartThread = (script: URL, workerData: unknown) => Worker;

/**
 * Has `count` pieces of work done; gives what came of them in their order. `begin` is called once for each core and gives what does one
 * piece after the other there, in threads of its own making. When a piece fails, no other is begun, the threads are
 * terminated, and the promise rejects with its error.
 */
export async function onAllCores<T>(
  count: number,
  begin: (start: StartThread) => (index: number) => Promise<T>,
): Promise<T[]> {
  const results = new Array<T>(count);
  const threads: Worker[] = [];
  const start: StartThread = (script, workerData) => {
    const thread = new Worker(script, { workerData });
    threads.push(thread);
    return thread;
  };
  let next = 0;
  const takeTurns = async (): Promise<void> => {
    const work = begin(start);
    for (let index = next++; index < count; index = next++) results[index] = await work(index);
  };
  const cores = Math.min(availableParallelism(), count);
  try {
    await Promise.all(Array.from({ length: cores }, takeTurns));
  } finally {
    next = count;
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
  return results;
}

import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { onAllCores } from './on-all-cores.js';

const script = (text: string): URL => new URL(`data:text/javascript,${encodeURIComponent(text)}`);
const doubling = script(`
  import { parentPort, workerData } from 'node:worker_threads';
  parentPort.postMessage(2 * workerData);
`);
const endless = script('for (;;);');

it('results are in the order of their pieces, whichever was done first', async () => {
  const results = await onAllCores(7, (start) => async (index) => {
    const [doubled] = (await once(start(doubling, index), 'message')) as [number];
    return doubled;
  });
  expect(results).toEqual([0, 2, 4, 6, 8, 10, 12]);
  expect(await onAllCores(0, () => () => Promise.reject(new Error('there is nothing to do')))).toEqual([]);
});

it('when one piece fails no thread works on, and none is begun', async () => {
  const threads: Worker[] = [];
  const ended: Worker[] = [];
  const failing = onAllCores(100, (start) => async (index) => {
    const thread = start(endless, undefined);
    threads.push(thread);
    thread.once('exit', () => ended.push(thread));
    await once(thread, 'online');
    if (index === 0) throw new Error('the first one fails');
    await once(thread, 'exit');
    return index;
  });
  await expect(failing).rejects.toThrow('the first one fails');
  expect(ended).toHaveLength(threads.length);
  const begun = threads.length;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(threads).toHaveLength(begun);
});

/** How packed files are unpacked here: gzip by the browser, Zstandard, which not every browser knows, in JavaScript. */
import { Decompress } from 'fzstd';
import { unpackZstandard } from '../../src/capture/index.js';
import type { Unpackers } from '../../src/lab/index.js';

async function* gzip(packed: AsyncIterable<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array> {
  const source = packed[Symbol.asyncIterator]();
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      const step = await source.next();
      if (step.done === true) controller.close();
      else controller.enqueue(step.value);
    },
  });
  const reader = stream.pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

export const unpackers: Unpackers = {
  gzip,
  zstandard: (packed) => unpackZstandard(packed, Decompress),
};

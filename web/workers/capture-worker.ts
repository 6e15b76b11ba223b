/** Reads captures: in this thread the analyser works, so that the page never waits for it. */
import type { CaptureReply, CaptureRequest } from '../protocol/capture.js';
import { CaptureDesk } from './capture-desk.js';
import { workerScope } from './scope.js';

const scope = workerScope<CaptureRequest, CaptureReply>();

/** By the browser's own unpacker. */
async function* gunzip(packed: AsyncIterable<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array> {
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

/** A file goes as a blob: it may be large, and the page only hands it on. */
const desk = new CaptureDesk(gunzip, (reply) =>
  scope.postMessage(reply.type === 'file' ? { ...reply, parts: [new Blob([...reply.parts])] } : reply),
);
scope.onmessage = ({ data }) => void desk.handle(data);

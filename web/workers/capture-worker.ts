/** Reads captures: in this thread the analyser works, so that the page never waits for it. */
import { columnBuffers } from '../../src/plot/index.js';
import type { CaptureReply, CaptureRequest } from '../protocol/capture.js';
import { CaptureDesk } from './capture-desk.js';
import { workerScope } from './scope.js';
import { unpackers } from './unpackers.js';

const scope = workerScope<CaptureRequest, CaptureReply>();

/** A file goes as a blob, since it may be large, and the memory of figures changes hands: the page has no work with either. */
const desk = new CaptureDesk(unpackers, (reply) => {
  if (reply.type === 'file') return scope.postMessage({ ...reply, parts: [new Blob([...reply.parts])] });
  const figures = reply.type === 'drawing' ? Object.values(reply.drawing.figures).flat() : [];
  scope.postMessage(reply, columnBuffers(figures));
});
scope.onmessage = ({ data }) => void desk.handle(data);

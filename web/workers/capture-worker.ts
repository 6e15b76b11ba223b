/** Reads captures: in this thread the analyser works, so that the page never waits for it. */
import type { CaptureReply, CaptureRequest } from '../protocol/capture.js';
import { CaptureDesk } from './capture-desk.js';
import { workerScope } from './scope.js';
import { unpackers } from './unpackers.js';

const scope = workerScope<CaptureRequest, CaptureReply>();

/** A file goes as a blob: it may be large, and the page only hands it on. */
const desk = new CaptureDesk(unpackers, (reply) =>
  scope.postMessage(reply.type === 'file' ? { ...reply, parts: [new Blob([...reply.parts])] } : reply),
);
scope.onmessage = ({ data }) => void desk.handle(data);

/** What is carried and not looked into, as one field. */
import { formatCount } from '../../base/index.js';
import { bytesText, hexText } from './field-list.js';
import type { Frame } from './frame.js';
import { tcpTexts } from './tcp-texts.js';

/** Characters or bytes of the payload that its field shows. */
const shown = 24;

/** Adds `available` bytes of payload at `at`, which were `length` when they were sent. */
export function addPayload(frame: Frame, at: number, available: number, length: number): void {
  if (available < length) {
    frame.hinder(`the capture has ${formatCount(available)} of ${bytesText(length)} of payload`);
  }
  if (available <= 0) return;
  const list = frame.list(at + available);
  list.add(
    'data',
    at,
    available,
    () => previewOf(frame.bytes.subarray(at, at + available)),
    tcpTexts.payload,
  );
  const isCut = available < length;
  frame.add(
    'payload',
    isCut ? `${formatCount(available)} of ${bytesText(length)}` : bytesText(length),
    at,
    list,
  );
}

/** The beginning: as text where it reads as such. */
function previewOf(payload: Uint8Array): string {
  const start = payload.subarray(0, shown);
  const isText = start.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0d || byte === 0x0a);
  const more = payload.length > shown ? '…' : '';
  if (!isText) return hexText(payload, 0, Math.min(shown, payload.length)) + more;
  const line = String.fromCharCode(...start).replace(/\s+/g, ' ');
  return `“${line}${more}”`;
}

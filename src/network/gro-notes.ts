/**
 * Merges packets that were not written to bytes yet; what becomes of them is what gro.ts makes of their bytes.
 */

import { TcpFlag } from '../wire/index.js';
import { Packet } from './device.js';

/** Largest IP packet, headers counted: its length has 16 bits. */
const maxPacketBytes = 65_535;
/** With one of these a segment stands alone; one with FIN or PSH may be the last of several. */
const alone = TcpFlag.CWR;
const last = TcpFlag.FIN | TcpFlag.PSH;

/** Appends `packets`, all of them unwritten, to `out` in their order, those merged that continue each other. */
export function coalesceNotes(packets: readonly Packet[], out: Packet[]): void {
  for (let i = 0; i < packets.length;) {
    const count = runFrom(packets, i);
    out.push(count === 1 ? packets[i]! : merge(packets, i, count));
    i += count;
  }
}

/** How many packets from `index` on make one. */
function runFrom(packets: readonly Packet[], index: number): number {
  const first = packets[index]!;
  const note = first.note!;
  const segmentSize = note.payload.length;
  const isOpen = note.segmentSize === 0 && segmentSize > 0 && (note.flags & (alone | last)) === 0;
  if (!isOpen) return 1;
  let payloadBytes = segmentSize;
  for (let at = index + 1; at < packets.length; at++) {
    const next = packets[at]!.note!;
    const { length } = next.payload;
    const isNext = next.segmentSize === 0 && length > 0 && length <= segmentSize;
    if (!isNext || first.length + payloadBytes - segmentSize + length > maxPacketBytes) return at - index;
    if (!note.isContinuedBy(next, payloadBytes)) return at - index;
    payloadBytes += length;
    if (length < segmentSize || (next.flags & last) !== 0) return at - index + 1;
  }
  return packets.length - index;
}

/** The one packet that `count` packets from `index` on make. */
function merge(packets: readonly Packet[], index: number, count: number): Packet {
  const first = packets[index]!.note!;
  const final = packets[index + count - 1]!.note!;
  const payload = joined(packets, index, count);
  const headerBytes = packets[index]!.length - first.payload.length;
  return Packet.of(first.merge(payload, first.flags | final.flags), headerBytes + payload.length);
}

/** The payloads of `count` packets from `index` on, end to end: a view where they lie so, else a copy. */
function joined(packets: readonly Packet[], index: number, count: number): Uint8Array {
  let length = 0;
  let isOneRun = true;
  const { payload } = packets[index]!.note!;
  for (let i = index; i < index + count; i++) {
    const piece = packets[i]!.note!.payload;
    if (piece.buffer !== payload.buffer || piece.byteOffset !== payload.byteOffset + length) isOneRun = false;
    length += piece.length;
  }
  if (isOneRun) return new Uint8Array(payload.buffer, payload.byteOffset, length);
  const bytes = new Uint8Array(length);
  for (let i = index, at = 0; i < index + count; i++) {
    const piece = packets[i]!.note!.payload;
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

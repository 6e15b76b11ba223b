/**
 * Writes TCP headers from numbers, for the stack's hot path; nothing is allocated. The option layout is the one that
 * every receiver has a fast path for: timestamps behind two NOPs, then SACK, then the owner's own options.
 * The value form is tcp-packet.ts. Read first: RFC 9293 §3.1, RFC 7323 appendix A.
 */
import { assert } from '../base/index.js';
import { maxTcpHeaderBytes, minTcpHeaderBytes } from './tcp-segment.js';

/** What a header says besides the ports: the names are those of the engine's outgoing segment. */
export interface TcpHeaderFields {
  /** Sequence number on the wire. */
  readonly seq: number;
  /** Acknowledgement number on the wire. */
  readonly ack: number;
  /** `TcpFlag` bits. */
  readonly flags: number;
  /** Window as it goes on the wire, 0 to 65535. */
  readonly window: number;
  /** Maximum segment size option; 0 for none. */
  readonly mss: number;
  /** Window scale option; -1 for none. */
  readonly windowScale: number;
  readonly sackPermitted: boolean;
  readonly hasTimestamps: boolean;
  readonly tsVal: number;
  readonly tsEcr: number;
  /** SACK blocks, 0 to 4. */
  readonly sackCount: number;
  /** Left and right edge of each block. */
  readonly sackEdges: Uint32Array;
  /** Further options, ready to be copied behind the others. */
  readonly extensionView: DataView;
  /** Bytes of them that count; a multiple of 4. */
  readonly extensionLength: number;
}

/** Bytes of the header that `fields` make: 20 to 60 for fields that fit. */
export function tcpHeaderLength(fields: TcpHeaderFields): number {
  let length = minTcpHeaderBytes + fields.extensionLength;
  if (fields.mss > 0) length += 4;
  if (fields.hasTimestamps) length += 12;
  else if (fields.sackPermitted) length += 4;
  if (fields.windowScale >= 0) length += 4;
  if (fields.sackCount > 0) length += 4 + fields.sackCount * 8;
  return length;
}

/**
 * Writes the header at `offset`, its checksum field 0, and returns its length, {@link tcpHeaderLength}. The options
 * must fit the 40 bytes there are, and `view` must have the room.
 */
export function writeTcpHeader(
  view: DataView,
  offset: number,
  sourcePort: number,
  destinationPort: number,
  fields: TcpHeaderFields,
): number {
  const extensionLength = fields.extensionLength;
  let at = offset + minTcpHeaderBytes;
  if (fields.mss > 0 || fields.windowScale >= 0 || fields.sackPermitted) {
    at = writeSynOptions(view, at, fields);
  } else if (fields.hasTimestamps) {
    at = writeTimestamps(view, at, 0x0101, fields);
  }
  if (fields.sackCount > 0) at = writeSack(view, at, fields);
  const length = at + extensionLength - offset;
  assert((length & 3) === 0 && length <= maxTcpHeaderBytes, 'TCP options do not fit the header');
  if (extensionLength > 0) copyExtension(fields.extensionView, extensionLength, view, at);
  view.setUint16(offset, sourcePort);
  view.setUint16(offset + 2, destinationPort);
  view.setUint32(offset + 4, fields.seq);
  view.setUint32(offset + 8, fields.ack);
  view.setUint8(offset + 12, length << 2);
  view.setUint8(offset + 13, fields.flags);
  view.setUint16(offset + 14, fields.window);
  view.setUint32(offset + 16, 0);
  return length;
}

/** Copies four bytes at a time: for so few, that is quicker than a call of the runtime. */
function copyExtension(extension: DataView, length: number, view: DataView, at: number): void {
  for (let i = 0; i < length; i += 4) view.setInt32(at + i, extension.getInt32(i));
}

/** MSS; SACK permitted in place of the two NOPs before the timestamps; window scale behind one NOP. */
function writeSynOptions(view: DataView, start: number, fields: TcpHeaderFields): number {
  let at = start;
  if (fields.mss > 0) {
    view.setUint16(at, 0x0204);
    view.setUint16(at + 2, fields.mss);
    at += 4;
  }
  if (fields.hasTimestamps) {
    at = writeTimestamps(view, at, fields.sackPermitted ? 0x0402 : 0x0101, fields);
  } else if (fields.sackPermitted) {
    view.setUint32(at, 0x01010402);
    at += 4;
  }
  if (fields.windowScale >= 0) {
    view.setUint32(at, 0x01030300 | fields.windowScale);
    at += 4;
  }
  return at;
}

function writeTimestamps(view: DataView, at: number, lead: number, fields: TcpHeaderFields): number {
  view.setUint16(at, lead);
  view.setUint16(at + 2, 0x080a);
  view.setUint32(at + 4, fields.tsVal);
  view.setUint32(at + 8, fields.tsEcr);
  return at + 12;
}

function writeSack(view: DataView, at: number, fields: TcpHeaderFields): number {
  const edgeCount = fields.sackCount * 2;
  view.setUint16(at, 0x0101);
  view.setUint8(at + 2, 5);
  view.setUint8(at + 3, 2 + edgeCount * 4);
  for (let i = 0; i < edgeCount; i++) view.setUint32(at + 4 + i * 4, fields.sackEdges[i]!);
  return at + 4 + edgeCount * 4;
}

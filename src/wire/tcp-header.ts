/**
 * Writes TCP headers from numbers, for the stack's hot path; nothing is allocated. The option layout is the one that
 * every receiver has a fast path for: timestamps behind two NOPs, then SACK, then the owner's own options.
 * The value form is tcp-packet.ts. Read first: RFC 9293 §3.1, RFC 7323 appendix A.
 */
import { assert } from '../base/index.js';
import { writeU16, writeU32 } from './bytes.js';
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
  readonly extension: Uint8Array;
  /** Bytes of `extension` that count; a multiple of 4. */
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
 * must fit the 40 bytes there are, and `bytes` must have the room.
 */
export function writeTcpHeader(
  bytes: Uint8Array,
  offset: number,
  sourcePort: number,
  destinationPort: number,
  fields: TcpHeaderFields,
): number {
  const extensionLength = fields.extensionLength;
  let at = offset + minTcpHeaderBytes;
  if (fields.mss > 0 || fields.windowScale >= 0 || fields.sackPermitted) {
    at = writeSynOptions(bytes, at, fields);
  } else if (fields.hasTimestamps) {
    at = writeTimestamps(bytes, at, 0x0101, fields);
  }
  if (fields.sackCount > 0) at = writeSack(bytes, at, fields);
  const length = at + extensionLength - offset;
  assert((length & 3) === 0 && length <= maxTcpHeaderBytes, 'TCP options do not fit the header');
  if (extensionLength > 0) copyExtension(fields.extension, extensionLength, bytes, at);
  writeU16(bytes, offset, sourcePort);
  writeU16(bytes, offset + 2, destinationPort);
  writeU32(bytes, offset + 4, fields.seq);
  writeU32(bytes, offset + 8, fields.ack);
  bytes[offset + 12] = length << 2;
  bytes[offset + 13] = fields.flags;
  writeU16(bytes, offset + 14, fields.window);
  writeU32(bytes, offset + 16, 0);
  return length;
}

/** Copies four bytes at a time: for so few, that is quicker than a call of the runtime. */
function copyExtension(extension: Uint8Array, length: number, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < length; i += 4) {
    bytes[at + i] = extension[i]!;
    bytes[at + i + 1] = extension[i | 1]!;
    bytes[at + i + 2] = extension[i | 2]!;
    bytes[at + i + 3] = extension[i | 3]!;
  }
}

/** MSS; SACK permitted in place of the two NOPs before the timestamps; window scale behind one NOP. */
function writeSynOptions(bytes: Uint8Array, start: number, fields: TcpHeaderFields): number {
  let at = start;
  if (fields.mss > 0) {
    writeU16(bytes, at, 0x0204);
    writeU16(bytes, at + 2, fields.mss);
    at += 4;
  }
  if (fields.hasTimestamps) {
    at = writeTimestamps(bytes, at, fields.sackPermitted ? 0x0402 : 0x0101, fields);
  } else if (fields.sackPermitted) {
    writeU32(bytes, at, 0x01010402);
    at += 4;
  }
  if (fields.windowScale >= 0) {
    writeU32(bytes, at, 0x01030300 | fields.windowScale);
    at += 4;
  }
  return at;
}

function writeTimestamps(bytes: Uint8Array, at: number, lead: number, fields: TcpHeaderFields): number {
  writeU16(bytes, at, lead);
  writeU16(bytes, at + 2, 0x080a);
  writeU32(bytes, at + 4, fields.tsVal);
  writeU32(bytes, at + 8, fields.tsEcr);
  return at + 12;
}

function writeSack(bytes: Uint8Array, at: number, fields: TcpHeaderFields): number {
  const edgeCount = fields.sackCount * 2;
  writeU16(bytes, at, 0x0101);
  bytes[at + 2] = 5;
  bytes[at + 3] = 2 + edgeCount * 4;
  for (let i = 0; i < edgeCount; i++) writeU32(bytes, at + 4 + i * 4, fields.sackEdges[i]!);
  return at + 4 + edgeCount * 4;
}

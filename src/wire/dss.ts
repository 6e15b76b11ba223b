/**
 * The Data Sequence Signal, MPTCP's option of nearly every segment, read and written in place without allocation.
 * 64-bit numbers are two 32-bit halves. What a mapping means is not known here. The layout is the same in both
 * versions of the protocol. The value form with bigints is in mptcp-option.ts.
 * Read first: RFC 8684 §3.3, RFC 6824 §3.3.
 */
import { parseError } from '../base/index.js';
import type { ParseError } from '../base/index.js';
import { readI32, readU16, viewOf } from './bytes.js';
import { MptcpSubtype } from './mptcp-types.js';
import { TcpOptionKind } from './tcp-segment.js';

/** Bits of the fourth byte of a DSS (RFC 8684 §3.3). */
const dssFlag = { HAS_ACK: 1, ACK_64: 2, HAS_MAPPING: 4, SEQ_64: 8, DATA_FIN: 16 } as const;

// What a module exports is read through a cell each time; these let the compiler see constants.
/** Kind in the first byte, subtype in the third; the length goes between them and the flags behind. */
const leadBytes = (TcpOptionKind.MPTCP << 24) | (MptcpSubtype.DSS << 12);

/** Both flags of a 64-bit DATA_ACK: the size bit alone means nothing. */
const ack64Flags = dssFlag.HAS_ACK | dssFlag.ACK_64;

/** Bytes of a DSS without a checksum, by the lower four flags. */
const bareLengths = Uint8Array.from({ length: 16 }, (_, flags) => {
  const ackBytes = (flags & dssFlag.ACK_64) === 0 ? 4 : 8;
  const mappingBytes = (flags & dssFlag.SEQ_64) === 0 ? 10 : 14;
  return (
    4 +
    ((flags & dssFlag.HAS_ACK) === 0 ? 0 : ackBytes) +
    ((flags & dssFlag.HAS_MAPPING) === 0 ? 0 : mappingBytes)
  );
});

/** The content of one DSS. A number that the option does not carry is 0 after `parseDss`. */
export class DssFields {
  /** Whether the mapping ends with the DATA_FIN, which takes the last of its sequence numbers. */
  dataFin = false;
  /** Whether there is a DATA_ACK. */
  hasAck = false;
  /** Whether the DATA_ACK is 64 bits; else only `ackLo` counts. */
  ack64 = false;
  /** High 32 bits of the DATA_ACK. */
  ackHi = 0;
  /** Low 32 bits of the DATA_ACK. */
  ackLo = 0;
  /** Whether there is a mapping: data sequence number, subflow sequence number and length. */
  hasMapping = false;
  /** Whether the data sequence number is 64 bits; else only `seqLo` counts. */
  seq64 = false;
  /** High 32 bits of the data sequence number. */
  seqHi = 0;
  /** Low 32 bits of the data sequence number. */
  seqLo = 0;
  /** Subflow sequence number relative to the subflow's initial one; 0 with a DATA_FIN alone. */
  subflowSeq = 0;
  /** Bytes mapped, a DATA_FIN counted as one; 0 is the infinite mapping of a fallback (RFC 8684 §3.7). */
  dataLength = 0;
  /** Whether the mapping carries a checksum. */
  hasChecksum = false;
  /** The checksum as it stands in the option. */
  checksum = 0;
}

/** Bytes of the option that `fields` make: 4 to 28, not padded. */
export function dssLength(fields: DssFields): number {
  let length = 4;
  if (fields.hasAck) length += fields.ack64 ? 8 : 4;
  if (fields.hasMapping) length += (fields.seq64 ? 14 : 10) + (fields.hasChecksum ? 2 : 0);
  return length;
}

/**
 * Reads the DSS option of `length` bytes at `offset`, kind byte first. Allocates nothing unless it fails; after a
 * failure `into` holds no particular values. A length that does not follow from the flags is a failure, except for the
 * two bytes of a checksum, which only the length shows.
 */
export function parseDss(
  bytes: Uint8Array,
  offset: number,
  length: number,
  into: DssFields,
): ParseError | undefined {
  // One long body for the reason given in parseTcp.
  if (length < 4) return parseError('truncated', length, 'the DSS option is cut short');
  const flags = bytes[offset + 3]!;
  const bareLength = bareLengths[flags & 15]!;
  const hasMapping = (flags & dssFlag.HAS_MAPPING) !== 0;
  const hasChecksum = hasMapping && length === bareLength + 2;
  if (length !== bareLength && !hasChecksum) {
    return parseError('bad-length', 1, `a DSS with flags 0x${flags.toString(16)} cannot be ${length} bytes`);
  }
  into.dataFin = (flags & dssFlag.DATA_FIN) !== 0;
  into.hasAck = (flags & dssFlag.HAS_ACK) !== 0;
  into.hasMapping = hasMapping;
  into.hasChecksum = hasChecksum;
  let at = offset + 4;
  if ((flags & ack64Flags) === ack64Flags) {
    into.ack64 = true;
    into.ackHi = readI32(bytes, at) >>> 0;
    into.ackLo = readI32(bytes, at + 4) >>> 0;
    at += 8;
  } else {
    into.ack64 = false;
    into.ackHi = 0;
    if (into.hasAck) {
      into.ackLo = readI32(bytes, at) >>> 0;
      at += 4;
    } else {
      into.ackLo = 0;
    }
  }
  if (!hasMapping) {
    clearMapping(into);
    return undefined;
  }
  if ((flags & dssFlag.SEQ_64) !== 0) {
    into.seq64 = true;
    into.seqHi = readI32(bytes, at) >>> 0;
    at += 4;
  } else {
    into.seq64 = false;
    into.seqHi = 0;
  }
  into.seqLo = readI32(bytes, at) >>> 0;
  into.subflowSeq = readI32(bytes, at + 4) >>> 0;
  into.dataLength = readU16(bytes, at + 8);
  into.checksum = hasChecksum ? readU16(bytes, at + 10) : 0;
  return undefined;
}

function clearMapping(into: DssFields): void {
  into.seq64 = false;
  into.seqHi = 0;
  into.seqLo = 0;
  into.subflowSeq = 0;
  into.dataLength = 0;
  into.checksum = 0;
}

/**
 * Writes the option at `offset` and returns its length, {@link dssLength}; padding to a multiple of 4 is the caller's.
 * `view` must have the room.
 */
export function writeDss(fields: DssFields, view: DataView, offset: number): number {
  let flags = fields.dataFin ? dssFlag.DATA_FIN : 0;
  let at = offset + 4;
  if (fields.hasAck) {
    flags |= dssFlag.HAS_ACK;
    if (fields.ack64) {
      flags |= dssFlag.ACK_64;
      view.setUint32(at, fields.ackHi);
      at += 4;
    }
    view.setUint32(at, fields.ackLo);
    at += 4;
  }
  if (fields.hasMapping) {
    flags |= dssFlag.HAS_MAPPING;
    if (fields.seq64) {
      flags |= dssFlag.SEQ_64;
      view.setUint32(at, fields.seqHi);
      at += 4;
    }
    view.setUint32(at, fields.seqLo);
    view.setUint32(at + 4, fields.subflowSeq);
    view.setUint16(at + 8, fields.dataLength);
    at += 10;
    if (fields.hasChecksum) {
      view.setUint16(at, fields.checksum);
      at += 2;
    }
  }
  view.setUint32(offset, leadBytes | ((at - offset) << 16) | flags);
  return at - offset;
}

/** {@link writeDss} for options that are written now and then. */
export function emitDss(fields: DssFields, bytes: Uint8Array, offset: number): number {
  return writeDss(fields, viewOf(bytes), offset);
}

/**
 * Reads the options of a TCP header into a {@link Segment}: the few that the analyser needs of every segment, the DSS
 * among them. Other MPTCP options are located only. Read first: RFC 9293 §3.2, RFC 8684 §3.3.
 */
import { maxMptcpOptions, TcpOptionKind } from '../wire/index.js';
import { DssBit, type Segment } from './segment.js';

// What a module exports is read through a cell each time; these let the compiler see constants.
const kindEnd = TcpOptionKind.END;
const kindNop = TcpOptionKind.NOP;
const kindMss = TcpOptionKind.MSS;
const kindWindowScale = TcpOptionKind.WINDOW_SCALE;
const kindTimestamps = TcpOptionKind.TIMESTAMPS;
const kindMptcp = TcpOptionKind.MPTCP;
const mostOptions = maxMptcpOptions;
const subtypeDss = 2;
const bitThere = DssBit.THERE;
const bitChecksum = DssBit.CHECKSUM;
/** The flags of a DSS that have a meaning (RFC 8684 §3.3). */
const knownFlags = 31;
/** NOP, NOP, timestamps, length 10: how nearly every segment's options begin (RFC 7323 appendix A). */
const alignedTimestamps = 0x0101080a;
/** Padding behind a DSS. */
const twoNops = 0x0101;

/** Bytes of a DSS without checksum, by the lower four flags (RFC 8684 §3.3). */
const dssLengths = Uint8Array.from({ length: 16 }, (_, flags) => {
  const ackBytes = (flags & 1) === 0 ? 0 : (flags & 2) === 0 ? 4 : 8;
  const mappingBytes = (flags & 4) === 0 ? 0 : (flags & 8) === 0 ? 10 : 14;
  return 4 + ackBytes + mappingBytes;
});

/** Reads the options between `start` and `end`, which lie within the bytes captured. */
export function readOptions(segment: Segment, view: DataView, start: number, end: number): void {
  segment.windowScale = -1;
  segment.mss = 0;
  segment.hasTimestamps = false;
  segment.optionBits = 0;
  segment.mptcpCount = 0;
  segment.malformedCount = 0;
  segment.dss = 0;
  let at = start;
  if (end - at >= 12 && view.getInt32(at) === alignedTimestamps) {
    readTimestamps(segment, view, at + 2);
    segment.usualHeaders++;
    at += 12;
  }
  while (at < end) {
    if (end - at === 2 && view.getUint16(at) === twoNops) {
      segment.kindCounts[kindNop]! += 2;
      return;
    }
    const kind = view.getUint8(at);
    if (kind === kindNop) {
      segment.kindCounts[kindNop]!++;
      at++;
      continue;
    }
    if (kind === kindEnd) return;
    const length = at + 1 < end ? view.getUint8(at + 1) : 0;
    if (length < 2 || at + length > end) {
      if (kind === kindMptcp) segment.malformedCount++;
      return;
    }
    segment.kindCounts[kind]!++;
    if (kind === kindMptcp) readMptcp(segment, view, at, length);
    else readOther(segment, view, at, kind, length);
    at += length;
  }
}

function readOther(segment: Segment, view: DataView, at: number, kind: number, length: number): void {
  if (kind === kindTimestamps && length === 10) readTimestamps(segment, view, at);
  else if (kind === kindWindowScale && length === 3) segment.windowScale = view.getUint8(at + 2);
  else if (kind === kindMss && length === 4) segment.mss = view.getUint16(at + 2);
}

function readTimestamps(segment: Segment, view: DataView, at: number): void {
  segment.hasTimestamps = true;
  segment.tsVal = view.getInt32(at + 2);
  segment.tsEcr = view.getInt32(at + 6);
}

function readMptcp(segment: Segment, view: DataView, at: number, length: number): void {
  if (length < 3) {
    segment.malformedCount++;
    return;
  }
  const subtype = view.getUint8(at + 2) >>> 4;
  if (subtype === subtypeDss && !segment.hasDss) {
    if (readDss(segment, view, at, length)) segment.optionBits |= 1 << subtypeDss;
    else segment.malformedCount++;
    return;
  }
  segment.optionBits |= 1 << subtype;
  if (segment.mptcpCount === mostOptions) return;
  segment.mptcpOffsets[segment.mptcpCount] = at;
  segment.mptcpLengths[segment.mptcpCount] = length;
  segment.mptcpCount++;
}

/** Reads a DSS; false when its length is not one that its flags allow. */
function readDss(segment: Segment, view: DataView, start: number, length: number): boolean {
  if (length < 4) return false;
  const flags = view.getUint8(start + 3);
  const bareLength = dssLengths[flags & 15]!;
  const hasMapping = (flags & 4) !== 0;
  const hasChecksum = hasMapping && length === bareLength + 2;
  if (length !== bareLength && !hasChecksum) return false;
  segment.dss = bitThere | (flags & knownFlags) | (hasChecksum ? bitChecksum : 0);
  let at = start + 4;
  if ((flags & 1) !== 0) {
    if ((flags & 2) !== 0) {
      segment.dataAckHi = view.getInt32(at);
      at += 4;
    }
    segment.dataAckLo = view.getInt32(at);
    at += 4;
  }
  if (!hasMapping) return true;
  if ((flags & 8) !== 0) {
    segment.dataSeqHi = view.getInt32(at);
    at += 4;
  }
  segment.dataSeqLo = view.getInt32(at);
  segment.subflowSeq = view.getInt32(at + 4);
  segment.dataLength = view.getUint16(at + 8);
  segment.checksum = hasChecksum ? view.getUint16(at + 10) : 0;
  return true;
}

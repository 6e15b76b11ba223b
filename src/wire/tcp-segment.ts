/**
 * A TCP header, read in place into a struct that is used again for every segment: the lazy face of the codec. It says
 * what stands there, nonsense included, and judges only what makes the rest unreadable. MPTCP options are located, not
 * read. The validated face is tcp-packet.ts. Does not check the checksum (see `verifyTcpChecksum`).
 * Read first: RFC 9293 §3.1 and §3.2, RFC 7323 §2 and §3, RFC 2018 §3, RFC 7413 §4.1.1, RFC 6994 §3.
 */
import { parseError } from '../base/index.js';
import type { ParseError } from '../base/index.js';
import { readI32, readU16 } from './bytes.js';
import type { DssFields } from './dss.js';

/** Bits of the flags byte (RFC 9293 §3.1; ECE and CWR from RFC 3168 §6.1). */
export const TcpFlag = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 } as const;

/** Numbers of the TCP options that are known here. */
export const TcpOptionKind = {
  END: 0,
  NOP: 1,
  MSS: 2,
  WINDOW_SCALE: 3,
  SACK_PERMITTED: 4,
  SACK: 5,
  TIMESTAMPS: 8,
  MPTCP: 30,
  FAST_OPEN: 34,
  EXPERIMENT: 254,
} as const;

/** Experiment identifier of Fast Open under option 254, from before it had a number (RFC 6994 §3, IANA). */
export const fastOpenExperimentId = 0xf989;

/** Bytes of a TCP header without options. */
export const minTcpHeaderBytes = 20;
/** Bytes of a TCP header with all the options that fit. */
export const maxTcpHeaderBytes = 60;
/** Most MPTCP options that fit one header: each takes 3 bytes at least. */
export const maxMptcpOptions = 13;

// What a module exports is read through a cell each time; these let the compiler see constants.
const kinds = TcpOptionKind;
const baseHeaderBytes = minTcpHeaderBytes;

const emptyBytes = new Uint8Array(0);
/** NOP, NOP, timestamps, length 10: how nearly every segment's options begin (RFC 7323 appendix A). */
const alignedTimestamps = 0x0101080a;

/** What the TCP header of one segment says. Offsets count from the start of `bytes`. */
export class TcpSegment {
  /** The array that the segment lies in. */
  bytes: Uint8Array = emptyBytes;
  /** What `bytes` is a view of, where that is at hand; undefined where it is not. Set by the stack. */
  buffer: ArrayBufferLike | undefined = undefined;
  /** The payload alone, where the segment came without having been written to bytes; else undefined. Set by the stack. */
  content: Uint8Array | undefined = undefined;
  /** What its one MPTCP option, a DSS, says, where the segment came without having been written; else undefined. Set by the stack. */
  dss: DssFields | undefined = undefined;
  /** Where the TCP header starts. */
  offset = 0;
  sourcePort = 0;
  destinationPort = 0;
  /** Sequence number on the wire, 0 to 2^32 - 1. */
  seq = 0;
  /** Acknowledgement number on the wire, whatever the ACK flag says. */
  ack = 0;
  /** {@link TcpFlag} bits. */
  flags = 0;
  /** Window as it stands in the header, unscaled. */
  window = 0;
  urgentPointer = 0;
  /** Bytes of the header, options included: 20 to 60. */
  headerLength = 0;
  /** Where the payload starts. */
  payloadOffset = 0;
  /** Bytes of payload on the wire. */
  payloadLength = 0;
  /** Bytes of it that are at hand: fewer than `payloadLength` only when a capture or a quotation was cut. */
  payloadAvailable = 0;
  /** Payload bytes of each segment that the device merged into this one; 0 when it is one. Not on the wire: set by the stack. */
  segmentSize = 0;
  /** Maximum segment size option; 0 when there is none (RFC 9293 §3.7.1). */
  mss = 0;
  /** Window scale option, 0 to 255 as it stands there; -1 when there is none (RFC 7323 §2.2). */
  windowScale = -1;
  /** Whether SACK is permitted (RFC 2018 §2). */
  sackPermitted = false;
  /** Whether there is a timestamps option (RFC 7323 §3.2). */
  hasTimestamps = false;
  /** TSval; 0 without the option. */
  tsVal = 0;
  /** TSecr; 0 without the option. */
  tsEcr = 0;
  /** Number of SACK blocks, 0 to 4. */
  sackCount = 0;
  /** Left and right edge of each block, as wire sequence numbers, in the order sent. */
  readonly sackEdges = new Uint32Array(8);
  /** Where the Fast Open cookie lies, valid when `fastOpenLength` is above 0. */
  fastOpenOffset = 0;
  /** Bytes of the Fast Open cookie; 0 for a cookie request, -1 without the option. */
  fastOpenLength = -1;
  /** Whether Fast Open came in the experimental option 254. */
  fastOpenExperimental = false;
  /** Number of MPTCP options. */
  mptcpCount = 0;
  /** Where the kind byte of each MPTCP option lies. */
  readonly mptcpOffsets = new Uint32Array(maxMptcpOptions);
  /** Bytes of each MPTCP option, kind and length bytes included; 3 at least. */
  readonly mptcpLengths = new Uint8Array(maxMptcpOptions);
  /** Number of options of a kind that is not known here. */
  unknownCount = 0;
  /** Whether an option's length made no sense. Options behind one that overruns the header are unread. */
  malformedOption = false;

  /** A view of the first `length` bytes of the payload, which must be at hand. */
  payload(length: number): Uint8Array {
    const { buffer, bytes, content, payloadOffset } = this;
    if (content !== undefined) return content.length === length ? content : content.subarray(0, length);
    // To ask `bytes` for its buffer, as `subarray` does, would take longer than to make the view.
    return buffer === undefined
      ? bytes.subarray(payloadOffset, payloadOffset + length)
      : new Uint8Array(buffer, bytes.byteOffset + payloadOffset, length);
  }
}

/**
 * Reads the header of the segment in the `length` bytes at `offset`, which reach to the end of the payload. Allocates
 * nothing unless it fails; after a failure `into` holds no particular values.
 *
 * `wireLength` is for segments that were cut: how many bytes header and payload had, `length` at least. The header must
 * be at hand.
 */
export function parseTcp(
  bytes: Uint8Array,
  offset: number,
  length: number,
  into: TcpSegment,
  wireLength = length,
): ParseError | undefined {
  // One long body on purpose: the compiler puts a shorter one in line with its caller, and then the reads below no longer
  // in line with it.
  if (length < baseHeaderBytes) return parseError('truncated', length, 'the TCP header is cut short');
  const headerLength = (bytes[offset + 12]! >>> 4) * 4;
  if (headerLength < baseHeaderBytes) {
    return parseError('bad-length', 12, 'the TCP data offset is below 20 bytes');
  }
  if (headerLength > length) return parseError('truncated', 12, 'the TCP options are cut short');
  into.bytes = bytes;
  into.offset = offset;
  into.sourcePort = readU16(bytes, offset);
  into.destinationPort = readU16(bytes, offset + 2);
  into.seq = readI32(bytes, offset + 4) >>> 0;
  into.ack = readI32(bytes, offset + 8) >>> 0;
  into.flags = bytes[offset + 13]!;
  into.window = readU16(bytes, offset + 14);
  into.urgentPointer = readU16(bytes, offset + 18);
  into.headerLength = headerLength;
  into.payloadOffset = offset + headerLength;
  into.payloadLength = wireLength - headerLength;
  into.payloadAvailable = length - headerLength;
  into.segmentSize = 0;
  into.mss = 0;
  into.windowScale = -1;
  into.sackPermitted = false;
  into.hasTimestamps = false;
  into.tsVal = 0;
  into.tsEcr = 0;
  into.sackCount = 0;
  into.fastOpenOffset = 0;
  into.fastOpenLength = -1;
  into.fastOpenExperimental = false;
  into.mptcpCount = 0;
  into.unknownCount = 0;
  into.malformedOption = false;
  const end = offset + headerLength;
  let at = offset + baseHeaderBytes;
  if (end - at >= 12 && readI32(bytes, at) === alignedTimestamps) {
    readTimestamps(bytes, at + 2, into);
    at += 12;
  }
  readOptions(bytes, at, end, into);
  return undefined;
}

function readTimestamps(bytes: Uint8Array, at: number, into: TcpSegment): void {
  into.hasTimestamps = true;
  into.tsVal = readI32(bytes, at + 2) >>> 0;
  into.tsEcr = readI32(bytes, at + 6) >>> 0;
}

/** Walks the options from `start` to `end` (RFC 9293 §3.2). */
function readOptions(bytes: Uint8Array, start: number, end: number, into: TcpSegment): void {
  let at = start;
  while (at < end) {
    const kind = bytes[at]!;
    if (kind === kinds.NOP) {
      at++;
      continue;
    }
    if (kind === kinds.END) return;
    const size = at + 1 < end ? bytes[at + 1]! : 0;
    if (size < 2 || at + size > end) {
      into.malformedOption = true;
      return;
    }
    if (kind === kinds.MPTCP) {
      if (size < 3) {
        into.malformedOption = true;
      } else {
        into.mptcpOffsets[into.mptcpCount] = at;
        into.mptcpLengths[into.mptcpCount] = size;
        into.mptcpCount++;
      }
    } else if (!readOption(bytes, at, kind, size, into)) {
      into.malformedOption = true;
    }
    at += size;
  }
}

/** Reads one option other than MPTCP; false when its length does not fit its kind. The last of several counts. */
function readOption(bytes: Uint8Array, at: number, kind: number, size: number, into: TcpSegment): boolean {
  switch (kind) {
    case kinds.MSS:
      if (size !== 4) return false;
      into.mss = readU16(bytes, at + 2);
      return true;
    case kinds.WINDOW_SCALE:
      if (size !== 3) return false;
      into.windowScale = bytes[at + 2]!;
      return true;
    case kinds.SACK_PERMITTED:
      if (size !== 2) return false;
      into.sackPermitted = true;
      return true;
    case kinds.SACK:
      return readSack(bytes, at, size, into);
    case kinds.TIMESTAMPS:
      if (size !== 10) return false;
      readTimestamps(bytes, at, into);
      return true;
    case kinds.FAST_OPEN:
      return readFastOpen(at + 2, size - 2, false, into);
    case kinds.EXPERIMENT:
      if (size < 4 || readU16(bytes, at + 2) !== fastOpenExperimentId) break;
      return readFastOpen(at + 4, size - 4, true, into);
  }
  into.unknownCount++;
  return true;
}

/** SACK blocks: 8 bytes each, 1 to 4 of them (RFC 2018 §3). */
function readSack(bytes: Uint8Array, at: number, size: number, into: TcpSegment): boolean {
  const count = (size - 2) >> 3;
  if (count < 1 || count > 4 || size !== 2 + count * 8) return false;
  for (let i = 0; i < count * 2; i++) into.sackEdges[i] = readI32(bytes, at + 2 + i * 4) >>> 0;
  into.sackCount = count;
  return true;
}

/** A cookie is 4 to 16 bytes, an even number of them; none at all asks for one (RFC 7413 §4.1.1). */
function readFastOpen(at: number, cookieLength: number, experimental: boolean, into: TcpSegment): boolean {
  if (cookieLength !== 0 && (cookieLength < 4 || cookieLength > 16 || (cookieLength & 1) !== 0)) return false;
  into.fastOpenOffset = at;
  into.fastOpenLength = cookieLength;
  into.fastOpenExperimental = experimental;
  return true;
}

/**
 * A whole TCP segment as a value, for tools and tests: the validated face of the codec. The hot path reads with
 * tcp-segment.ts and writes with tcp-header.ts. Read first: RFC 9293 §3.1.
 */
import { parsed } from '../base/index.js';
import type { ParseError, ParseResult } from '../base/index.js';
import { writeU16, writeU32 } from './bytes.js';
import { tcpChecksum } from './checksum.js';
import { emitTcpOptions, parseTcpOptions, tcpOptionsLength } from './tcp-option.js';
import type { TcpOption } from './tcp-option.js';
import { TcpSegment, minTcpHeaderBytes, parseTcp } from './tcp-segment.js';

/** A TCP segment. */
export interface TcpPacket {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Sequence number on the wire. */
  readonly seq: number;
  /** Acknowledgement number on the wire. */
  readonly ack: number;
  /** `TcpFlag` bits. */
  readonly flags: number;
  /** The four bits before the flags, 0 by rights; 0 by default. */
  readonly reservedBits?: number;
  /** Window as it stands in the header, unscaled. */
  readonly window: number;
  /** 0 by default. */
  readonly urgentPointer?: number;
  readonly options: readonly TcpOption[];
  /** Why the options were not read to their end. Not written. */
  readonly optionError?: ParseError;
  readonly payload: Uint8Array;
}

/** Reads the segment in the `length` bytes at `offset`. The payload is a view. The checksum is not checked. */
export function parseTcpPacket(bytes: Uint8Array, offset: number, length: number): ParseResult<TcpPacket> {
  const segment = new TcpSegment();
  const error = parseTcp(bytes, offset, length, segment);
  if (error !== undefined) return error;
  const list = parseTcpOptions(bytes, offset + minTcpHeaderBytes, segment.headerLength - minTcpHeaderBytes);
  return parsed({
    sourcePort: segment.sourcePort,
    destinationPort: segment.destinationPort,
    seq: segment.seq,
    ack: segment.ack,
    flags: segment.flags,
    reservedBits: bytes[offset + 12]! & 0x0f,
    window: segment.window,
    urgentPointer: segment.urgentPointer,
    options: list.options,
    ...(list.error !== undefined && { optionError: list.error }),
    payload: bytes.subarray(segment.payloadOffset, offset + length),
  });
}

/** Bytes that {@link emitTcp} writes. */
export function tcpPacketLength(packet: TcpPacket): number {
  return minTcpHeaderBytes + tcpOptionsLength(packet.options) + packet.payload.length;
}

/**
 * Writes the segment at `offset`, its checksum included, and returns its length, {@link tcpPacketLength}. `pseudoSum`
 * is the pseudo-header's sum for that length. `bytes` must have the room.
 */
export function emitTcp(packet: TcpPacket, bytes: Uint8Array, offset: number, pseudoSum: number): number {
  const optionsLength = emitTcpOptions(packet.options, bytes, offset + minTcpHeaderBytes);
  const headerLength = minTcpHeaderBytes + optionsLength;
  const length = headerLength + packet.payload.length;
  writeU16(bytes, offset, packet.sourcePort);
  writeU16(bytes, offset + 2, packet.destinationPort);
  writeU32(bytes, offset + 4, packet.seq);
  writeU32(bytes, offset + 8, packet.ack);
  bytes[offset + 12] = (headerLength << 2) | (packet.reservedBits ?? 0);
  bytes[offset + 13] = packet.flags;
  writeU16(bytes, offset + 14, packet.window);
  writeU16(bytes, offset + 16, 0);
  writeU16(bytes, offset + 18, packet.urgentPointer ?? 0);
  bytes.set(packet.payload, offset + headerLength);
  writeU16(bytes, offset + 16, tcpChecksum(bytes, offset, length, pseudoSum));
  return length;
}

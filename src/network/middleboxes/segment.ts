/**
 * One TCP segment opened for a box to look at, and the making of segments: rewritten ones and ones of the box's own.
 * Owns lengths and checksums: whatever is changed, both IP versions come out consistent. Decides nothing about what is
 * to be changed. These boxes stand for equipment whose speed nobody measures here: they allocate.
 * Read first: RFC 9293 §3.1, RFC 791 §3.1, RFC 8200 §3.
 */

import {
  foldChecksum,
  IpPacket,
  ipv4HeaderChecksum,
  onesComplementSum,
  parseTcp,
  TcpFlag,
  TcpOptionKind,
  TcpSegment,
  writeU16,
  writeU32,
} from '../../wire/index.js';
import { Packet } from '../device.js';
import { canHoldTcp, fillTcpChecksum, pseudoSum, readIp, writePseudoSum } from '../packet-edit.js';

/** Bytes of a TCP header before its options. */
const baseHeaderBytes = 20;
/** Most bytes of options that a header has room for. */
export const maxOptionBytes = 40;
/** Hop limit of packets that a box makes by itself. */
const ownHopLimit = 64;

/** Where one option stands among the bytes of a header's options. */
export interface OptionPlace {
  readonly kind: number;
  readonly at: number;
  /** Bytes, kind and length counted; 1 for a NOP. */
  readonly length: number;
}

/** The options in `bytes`, in order, up to the end of the list or to the first that overruns it. */
export function optionPlaces(bytes: Uint8Array): OptionPlace[] {
  const places: OptionPlace[] = [];
  for (let at = 0; at < bytes.length;) {
    const kind = bytes[at]!;
    if (kind === TcpOptionKind.END) break;
    const length = kind === TcpOptionKind.NOP ? 1 : (bytes[at + 1] ?? 0);
    if (length === 0 || (kind !== TcpOptionKind.NOP && length < 2) || at + length > bytes.length) break;
    places.push({ kind, at, length });
    at += length;
  }
  return places;
}

/** `options` with NOPs behind, to a multiple of four bytes. */
export function paddedOptions(options: Uint8Array): Uint8Array {
  const padded = new Uint8Array((options.length + 3) & ~3).fill(TcpOptionKind.NOP);
  padded.set(options);
  return padded;
}

/** A segment, opened in place; one object serves for many. */
export class OpenedSegment {
  readonly ip = new IpPacket();
  readonly tcp = new TcpSegment();
  packet: Packet = new Packet(new Uint8Array(0));

  /** Opens `packet`; false when it is no whole TCP segment, or one whose checksum says that it is damaged. */
  open(packet: Packet): boolean {
    const { ip, tcp } = this;
    this.packet = packet;
    if (!canHoldTcp(packet, ip) || ip.isFragment || ip.totalLength !== packet.bytes.length) return false;
    if (parseTcp(packet.bytes, ip.payloadOffset, ip.payloadLength, tcp) !== undefined) return false;
    if (packet.needsChecksum) return true;
    const sum = onesComplementSum(
      packet.bytes,
      ip.payloadOffset,
      ip.payloadLength,
      pseudoSum(packet.bytes, ip),
    );
    return foldChecksum(sum) === 0;
  }

  /** Whether any of `flags` is set. */
  has(flags: number): boolean {
    return (this.tcp.flags & flags) !== 0;
  }

  /** Sequence numbers it takes: payload, SYN and FIN. */
  get sequenceLength(): number {
    return this.tcp.payloadLength + (this.has(TcpFlag.SYN) ? 1 : 0) + (this.has(TcpFlag.FIN) ? 1 : 0);
  }

  /** A copy of the bytes of its options. */
  get options(): Uint8Array {
    const start = this.ip.payloadOffset + baseHeaderBytes;
    return this.packet.bytes.slice(start, this.tcp.payloadOffset);
  }

  /** A view of its payload. */
  get payload(): Uint8Array {
    return this.packet.bytes.subarray(this.tcp.payloadOffset);
  }
}

/** What is to be different; the rest stays. */
export interface SegmentChanges {
  readonly seq?: number;
  readonly ack?: number;
  readonly flags?: number;
  readonly window?: number;
  /** Bytes of options, a multiple of 4, 40 at most. */
  readonly options?: Uint8Array;
  readonly payload?: Uint8Array;
}

/**
 * `segment` with `changes`, as a packet of its own. A checksum that was left to the device still is; a super-segment
 * stays one when the payload was not replaced.
 */
export function rewritten(segment: OpenedSegment, changes: SegmentChanges): Packet {
  const { ip, packet, tcp } = segment;
  const options = changes.options ?? segment.options;
  const payload = changes.payload ?? segment.payload;
  const bytes = new Uint8Array(ip.headerLength + baseHeaderBytes + options.length + payload.length);
  bytes.set(packet.bytes.subarray(0, ip.headerLength + baseHeaderBytes));
  bytes.set(options, ip.headerLength + baseHeaderBytes);
  bytes.set(payload, ip.headerLength + baseHeaderBytes + options.length);
  const at = ip.payloadOffset;
  writeU32(bytes, at + 4, changes.seq ?? tcp.seq);
  writeU32(bytes, at + 8, changes.ack ?? tcp.ack);
  bytes[at + 12] = ((baseHeaderBytes + options.length) << 2) | (bytes[at + 12]! & 0x0f);
  bytes[at + 13] = changes.flags ?? tcp.flags;
  writeU16(bytes, at + 14, changes.window ?? tcp.window);
  writeIpLength(bytes, ip);
  const segmentSize = changes.payload === undefined ? packet.segmentSize : 0;
  return finished(new Packet(bytes, segmentSize, packet.needsChecksum));
}

/** What a segment of the box's own says. */
export interface OwnSegment {
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly options?: Uint8Array;
  readonly payload?: Uint8Array;
}

/** A segment between the ends of `model`: the way it went, or back. */
export function ownSegment(model: OpenedSegment, way: 'same' | 'back', fields: OwnSegment): Packet {
  const { ip } = model;
  const source = model.packet.bytes;
  const options = fields.options ?? new Uint8Array(0);
  const payload = fields.payload ?? new Uint8Array(0);
  const ipBytes = ip.family === 4 ? 20 : 40;
  const bytes = new Uint8Array(ipBytes + baseHeaderBytes + options.length + payload.length);
  const addressBytes = ip.family === 4 ? 4 : 16;
  const [from, to] = way === 'same' ? [0, 1] : [1, 0];
  const sourceAt = ipBytes - 2 * addressBytes;
  copy(bytes, sourceAt + from * addressBytes, source, ip.sourceOffset, addressBytes);
  copy(bytes, sourceAt + to * addressBytes, source, ip.destinationOffset, addressBytes);
  if (ip.family === 4) {
    bytes[0] = 0x45;
    bytes[6] = 0x40;
    bytes[8] = ownHopLimit;
    bytes[9] = 6;
  } else {
    bytes[0] = 0x60;
    bytes[6] = 6;
    bytes[7] = ownHopLimit;
  }
  copy(bytes, ipBytes + from * 2, source, ip.payloadOffset, 2);
  copy(bytes, ipBytes + to * 2, source, ip.payloadOffset + 2, 2);
  writeU32(bytes, ipBytes + 4, fields.seq);
  writeU32(bytes, ipBytes + 8, fields.ack);
  bytes[ipBytes + 12] = (baseHeaderBytes + options.length) << 2;
  bytes[ipBytes + 13] = fields.flags;
  writeU16(bytes, ipBytes + 14, fields.window);
  bytes.set(options, ipBytes + baseHeaderBytes);
  bytes.set(payload, ipBytes + baseHeaderBytes + options.length);
  if (ip.family === 4) writeU16(bytes, 2, bytes.length);
  else writeU16(bytes, 4, bytes.length - 40);
  if (ip.family === 4) writeU16(bytes, 10, ipv4HeaderChecksum(bytes, 0, 20));
  return finished(new Packet(bytes));
}

/** A copy of `packet` that shares no byte with it. */
export function copyOf(packet: Packet): Packet {
  return new Packet(packet.bytes.slice(), packet.segmentSize, packet.needsChecksum);
}

function copy(to: Uint8Array, at: number, from: Uint8Array, start: number, length: number): void {
  to.set(from.subarray(start, start + length), at);
}

/** Makes the IP header, which was that of another packet, say how long this one is. */
function writeIpLength(bytes: Uint8Array, ip: IpPacket): void {
  if (ip.family === 6) {
    writeU16(bytes, 4, bytes.length - 40);
    return;
  }
  writeU16(bytes, 2, bytes.length);
  writeU16(bytes, 10, 0);
  writeU16(bytes, 10, ipv4HeaderChecksum(bytes, 0, ip.headerLength));
}

/** Read anew for every packet; no call keeps it. */
const scratch = new IpPacket();

function finished(packet: Packet): Packet {
  if (readIp(packet, scratch)) {
    if (packet.needsChecksum) writePseudoSum(packet.bytes, scratch);
    else fillTcpChecksum(packet.bytes, scratch);
  }
  return packet;
}

/**
 * Segmentation offload in software: cuts a TCP super-segment into packets, as a network card would. For a link or a
 * device that carries single packets only, under a stack that hands out super-segments.
 * Read first: RFC 9293 §3.1 (flags), RFC 3168 §6.1.2 (CWR), RFC 6864 §4 (IPv4 identification).
 */

import {
  foldChecksum,
  IpPacket,
  ipv4HeaderChecksum,
  onesComplementSum,
  readU16,
  readU32,
  TcpFlag,
  writeU16,
  writeU32,
} from '../wire/index.js';
import { Packet } from './device.js';
import { canHoldTcp, pseudoSum, tcpChecksumOffset, writePseudoSum } from './packet-edit.js';
import type { PacketSlab } from './packet-slab.js';

/** Read anew for every packet; no call keeps it. */
const ip = new IpPacket();

/** Whether `packet` stands for more than one segment. */
export function isSuperSegment(packet: Packet): boolean {
  return packet.segmentSize > 0 && packet.length > packet.segmentSize;
}

/** How a super-segment falls into parts. To be used again and again. */
export class SegmentLayout {
  /** Bytes of all headers, which every part repeats. */
  headerBytes = 0;
  payloadBytes = 0;
  /** Bytes of payload in each part but the last. */
  segmentSize = 0;
  /** Number of parts, 1 or more. */
  count = 0;

  /** Bytes of the packet that part `index` is. */
  packetBytes(index: number): number {
    return this.headerBytes + Math.min(this.segmentSize, this.payloadBytes - index * this.segmentSize);
  }
}

/** Finds out how `packet` falls into parts of `segmentSize` bytes of payload; false when it is no TCP to be cut. */
export function readLayout(packet: Packet, into: SegmentLayout, segmentSize = packet.segmentSize): boolean {
  if (segmentSize <= 0) return false;
  const { note } = packet;
  if (note !== undefined) {
    into.payloadBytes = note.payload.length;
    into.headerBytes = packet.length - into.payloadBytes;
  } else {
    if (!canHoldTcp(packet, ip)) return false;
    into.headerBytes = ip.headerLength + (packet.bytes[ip.payloadOffset + 12]! >>> 4) * 4;
    into.payloadBytes = ip.totalLength - into.headerBytes;
  }
  into.segmentSize = segmentSize;
  into.count = Math.max(1, Math.ceil(into.payloadBytes / segmentSize));
  return into.payloadBytes >= 0;
}

/**
 * Makes a packet of its own, with memory from `slab`, of `count` parts of `packet` from part `first` on: a smaller
 * super-segment, or a single packet when `count` is 1. It repeats the headers with all their options; the sequence
 * number moves on; FIN and PSH stand on the last part only, CWR on the first only; the IPv4 identification counts up.
 * What is cut from a packet that needs no checksum needs none.
 */
export function cutParts(
  packet: Packet,
  layout: SegmentLayout,
  first: number,
  count: number,
  slab: PacketSlab,
): Packet {
  const { needsChecksum, note } = packet;
  const { headerBytes, segmentSize } = layout;
  const payloadAt = first * segmentSize;
  const length = Math.min(count * segmentSize, layout.payloadBytes - payloadAt);
  const isLast = first + count >= layout.count;
  // The note's own segment size may be another than the one asked for.
  if (note?.segmentSize === segmentSize)
    return Packet.of(note.part(first, payloadAt, length, isLast), headerBytes + length);
  const { bytes } = packet;
  const part = slab.allocate(headerBytes + length);
  part.set(bytes.subarray(0, headerBytes));
  part.set(bytes.subarray(headerBytes + payloadAt, headerBytes + payloadAt + length), headerBytes);
  if (canHoldTcp(packet, ip)) {
    finishPart(part, { index: first, payloadAt, isLast }, needsChecksum);
  }
  return new Packet(part, count > 1 ? segmentSize : 0, needsChecksum);
}

const scratch = new SegmentLayout();

/**
 * Cuts `packet` into parts of `segmentSize` bytes of payload (its own segment size unless given) and appends them to
 * `out`; see {@link cutParts}. Returns how many there are: 1 when the packet needed no cut and was appended as it is, 0
 * when it is no TCP packet that can be cut.
 */
export function segmentPacket(
  packet: Packet,
  slab: PacketSlab,
  out: Packet[],
  segmentSize = packet.segmentSize,
): number {
  if (!readLayout(packet, scratch, segmentSize)) return 0;
  const { count } = scratch;
  if (count === 1) {
    out.push(packet.segmentSize === 0 ? packet : new Packet(packet.bytes, 0, packet.needsChecksum));
    return 1;
  }
  for (let i = 0; i < count; i++) out.push(cutParts(packet, scratch, i, 1, slab));
  return count;
}

/** Which part of the super-segment this is. */
interface PartPlace {
  readonly index: number;
  /** Where its payload starts in that of the super-segment. */
  readonly payloadAt: number;
  readonly isLast: boolean;
}

/** Makes the headers of `part`, so far those of the super-segment, its own. */
function finishPart(part: Uint8Array, place: PartPlace, needsChecksum: boolean): void {
  const tcp = ip.payloadOffset;
  writeU32(part, tcp + 4, (readU32(part, tcp + 4) + place.payloadAt) >>> 0);
  let flags = part[tcp + 13]!;
  if (!place.isLast) flags &= ~(TcpFlag.FIN | TcpFlag.PSH);
  if (place.index > 0) flags &= ~TcpFlag.CWR;
  part[tcp + 13] = flags;
  if (ip.family === 4) {
    writeU16(part, 2, part.length);
    writeU16(part, 4, readU16(part, 4) + place.index);
    writeU16(part, 10, 0);
    writeU16(part, 10, ipv4HeaderChecksum(part, 0, ip.headerLength));
  } else {
    writeU16(part, 4, part.length - 40);
  }
  // The pseudo-header counts the length of this part; the addresses are where they were.
  ip.payloadLength = part.length - ip.headerLength;
  if (needsChecksum) {
    writePseudoSum(part, ip);
    return;
  }
  writeU16(part, tcp + tcpChecksumOffset, 0);
  const sum = onesComplementSum(part, tcp, ip.payloadLength, pseudoSum(part, ip));
  writeU16(part, tcp + tcpChecksumOffset, foldChecksum(sum));
}

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
  return packet.segmentSize > 0 && packet.bytes.length > packet.segmentSize;
}

/**
 * Cuts `packet` into parts of `segmentSize` bytes of payload (its own segment size unless given) with memory from
 * `slab`, and appends them to `out`. Every part repeats the headers with all their options; the sequence number moves
 * on; FIN and PSH stand on the last part only, CWR on the first only; the IPv4 identification counts up. A packet that
 * needs no checksum yields parts that need none. Returns how many parts there are: 1 when the packet needed no cut and
 * was appended as it is, 0 when it is no TCP packet that can be cut.
 */
export function segmentPacket(
  packet: Packet,
  slab: PacketSlab,
  out: Packet[],
  segmentSize = packet.segmentSize,
): number {
  const { bytes } = packet;
  if (!canHoldTcp(packet, ip)) return 0;
  const headerBytes = ip.headerLength + (bytes[ip.payloadOffset + 12]! >>> 4) * 4;
  const payloadBytes = ip.totalLength - headerBytes;
  if (payloadBytes < 0 || segmentSize <= 0) return 0;
  if (payloadBytes <= segmentSize) {
    out.push(packet.segmentSize === 0 ? packet : new Packet(bytes, 0, packet.needsChecksum));
    return 1;
  }
  let parts = 0;
  for (let at = 0; at < payloadBytes; at += segmentSize, parts++) {
    const length = Math.min(segmentSize, payloadBytes - at);
    const part = slab.allocate(headerBytes + length);
    part.set(bytes.subarray(0, headerBytes));
    part.set(bytes.subarray(headerBytes + at, headerBytes + at + length), headerBytes);
    finishPart(
      part,
      { index: parts, payloadAt: at, isLast: at + length === payloadBytes },
      packet.needsChecksum,
    );
    out.push(new Packet(part, 0, packet.needsChecksum));
  }
  return parts;
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

/**
 * The reverse of segmentation offload: merges packets that continue each other into super-segments, as a network card
 * or its driver does on receipt. What is merged could be cut again into the very same packets, but for their IPv4
 * identification. For the receiving end of a link, before a stack or a TUN that takes super-segments.
 * Read first: RFC 9293 §3.1; gso.ts.
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
} from '../wire/index.js';
import { Packet } from './device.js';
import { coalesceNotes } from './gro-notes.js';
import { canHoldTcp, pseudoSum, writePseudoSum } from './packet-edit.js';
import type { PacketSlab } from './packet-slab.js';

/** Largest IP packet, headers counted: its length has 16 bits. */
const maxPacketBytes = 65_535;
/** With one of these a segment stands alone; one with FIN or PSH may be the last of several. */
const alone = TcpFlag.SYN | TcpFlag.RST | TcpFlag.URG | TcpFlag.CWR;
const last = TcpFlag.FIN | TcpFlag.PSH;

/** Read anew for every packet; no call keeps it. */
const ip = new IpPacket();

/** Packets that are to become one, and what the next of them must look like. */
class Run {
  readonly packets: Packet[] = [];
  /** Bytes of IP and TCP header together, the same in all. */
  headerBytes = 0;
  ipBytes = 0;
  /** Payload of each but the last. */
  segmentSize = 0;
  payloadBytes = 0;
  /** Whether a packet behind it may still join. */
  isOpen = false;

  /** Begins with `packet`. */
  begin(packet: Packet): void {
    this.packets.length = 0;
    this.packets.push(packet);
    this.isOpen = false;
    const { bytes } = packet;
    if (packet.segmentSize !== 0 || !canHoldTcp(packet, ip) || ip.totalLength !== bytes.length) return;
    if (ip.isFragment || ip.headerLength !== (ip.family === 4 ? 20 : 40)) return;
    this.ipBytes = ip.headerLength;
    this.headerBytes = ip.headerLength + (bytes[ip.payloadOffset + 12]! >>> 4) * 4;
    this.segmentSize = bytes.length - this.headerBytes;
    this.payloadBytes = this.segmentSize;
    const flags = bytes[ip.payloadOffset + 13]!;
    this.isOpen = this.segmentSize > 0 && (flags & (alone | last)) === 0 && isTrusted(packet);
  }

  /** Takes `packet` in if it continues what there is. */
  tryAdd(packet: Packet): boolean {
    const { bytes } = packet;
    const length = bytes.length - this.headerBytes;
    if (!this.isOpen || packet.segmentSize !== 0 || length <= 0 || length > this.segmentSize) return false;
    if (this.headerBytes + this.payloadBytes + length > maxPacketBytes || !this.hasSameHeaders(bytes))
      return false;
    if (!canHoldTcp(packet, ip) || ip.totalLength !== bytes.length || !isTrusted(packet)) return false;
    this.packets.push(packet);
    this.payloadBytes += length;
    this.isOpen = length === this.segmentSize && (bytes[this.ipBytes + 13]! & last) === 0;
    return true;
  }

  /** Whether the headers are those of the first packet, but for what differs from one segment to the next. */
  private hasSameHeaders(bytes: Uint8Array): boolean {
    const first = this.packets[0]!.bytes;
    const tcp = this.ipBytes;
    const isV4 = tcp === 20;
    // Length, identification and header checksum of IPv4 differ, and so does the length of IPv6.
    if (isV4 ? !(same(first, bytes, 0, 2) && same(first, bytes, 6, 10)) : !same(first, bytes, 0, 4))
      return false;
    if (!same(first, bytes, isV4 ? 12 : 6, tcp + 4)) return false;
    if (readU32(bytes, tcp + 4) !== (readU32(first, tcp + 4) + this.payloadBytes) >>> 0) return false;
    if (((bytes[tcp + 13]! ^ first[tcp + 13]!) & ~last) !== 0) return false;
    return (
      same(first, bytes, tcp + 8, tcp + 13) &&
      same(first, bytes, tcp + 14, tcp + 16) &&
      same(first, bytes, tcp + 18, this.headerBytes)
    );
  }

  /** The one packet that all of them make. */
  merge(slab: PacketSlab): Packet {
    const { headerBytes, packets } = this;
    if (packets.length === 1) return packets[0]!;
    const whole = slab.allocate(headerBytes + this.payloadBytes);
    whole.set(packets[0]!.bytes);
    let at = packets[0]!.bytes.length;
    for (let i = 1; i < packets.length; i++) {
      const { bytes } = packets[i]!;
      whole.set(bytes.subarray(headerBytes), at);
      at += bytes.length - headerBytes;
    }
    whole[this.ipBytes + 13]! |= packets[packets.length - 1]!.bytes[this.ipBytes + 13]!;
    if (this.ipBytes === 20) {
      writeU16(whole, 2, whole.length);
      writeU16(whole, 10, 0);
      writeU16(whole, 10, ipv4HeaderChecksum(whole, 0, 20));
    } else {
      writeU16(whole, 4, whole.length - 40);
    }
    const merged = new Packet(whole, this.segmentSize, true);
    if (canHoldTcp(merged, ip)) writePseudoSum(whole, ip);
    return merged;
  }
}

const run = new Run();

/**
 * Appends `packets` to `out` in their order, those merged that continue each other, with memory from `slab`. Merged
 * ones need no checksum any more: that of each part was verified. A part with a wrong checksum stays as it is.
 */
export function coalescePackets(packets: readonly Packet[], slab: PacketSlab, out: Packet[]): void {
  if (packets.length < 2) {
    if (packets.length === 1) out.push(packets[0]!);
    return;
  }
  if (packets.every((packet) => packet.note !== undefined)) {
    coalesceNotes(packets, out);
    return;
  }
  run.begin(packets[0]!);
  for (let i = 1; i < packets.length; i++) {
    if (run.tryAdd(packets[i]!)) continue;
    out.push(run.merge(slab));
    run.begin(packets[i]!);
  }
  out.push(run.merge(slab));
  run.packets.length = 0;
}

/** Whether the checksums of the packet that `ip` describes are right, or were never filled in. */
function isTrusted(packet: Packet): boolean {
  const { bytes } = packet;
  if (ip.family === 4 && foldChecksum(onesComplementSum(bytes, 0, ip.headerLength)) !== 0) return false;
  if (packet.needsChecksum) return true;
  return (
    foldChecksum(onesComplementSum(bytes, ip.payloadOffset, ip.payloadLength, pseudoSum(bytes, ip))) === 0
  );
}

/** Whether both have the same bytes from `from` up to `to`. */
function same(a: Uint8Array, b: Uint8Array, from: number, to: number): boolean {
  let at = from;
  for (; at + 2 <= to; at += 2) if (readU16(a, at) !== readU16(b, at)) return false;
  return at === to || a[at] === b[at];
}

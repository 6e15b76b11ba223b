/**
 * Changes to packets in place, with their checksums kept right: what routers, translators and offload do. Owns header
 * layout only as far as these edits need it; reads nothing of TCP beyond ports and checksum.
 * Read first: RFC 1624 (incremental update), RFC 791 §3.1, RFC 8200 §3.
 */

import {
  foldSum,
  IpProtocol,
  onesComplementSum,
  parseIp,
  pseudoHeaderSumAt,
  updateChecksum16,
  updateChecksum32,
  writeU16,
  type IpAddress,
  type IpPacket,
  readU16,
  readU32,
} from '../wire/index.js';
import { Packet } from './device.js';

/** Where the checksum stands in a TCP header. */
export const tcpChecksumOffset = 16;

/** Where the header checksum stands in an IPv4 header. */
const ipv4ChecksumOffset = 10;

/** Reads the IP headers of `packet`; false when they are nonsense. */
export function readIp(packet: Packet, into: IpPacket): boolean {
  return parseIp(packet.bytes, 0, packet.bytes.length, into) === undefined;
}

/** Bytes of the largest packet that goes on the wire for `packet`, which may be a super-segment; `ip` holds its headers. */
export function wireBytes(packet: Packet, ip: IpPacket): number {
  const { bytes, segmentSize } = packet;
  if (segmentSize === 0 || ip.protocol !== IpProtocol.TCP) return bytes.length;
  const tcpHeaderBytes = (bytes[ip.payloadOffset + 12]! >>> 4) * 4;
  return Math.min(bytes.length, ip.headerLength + tcpHeaderBytes + segmentSize);
}

/** Folded sum of the pseudo-header for the upper-layer packet that `ip` describes. */
export function pseudoSum(bytes: Uint8Array, ip: IpPacket): number {
  const addressBytes = ip.family === 4 ? 8 : 32;
  return pseudoHeaderSumAt(bytes, ip.sourceOffset, addressBytes, ip.protocol, ip.payloadLength);
}

/** Writes the TCP checksum, whatever stands in its place. */
export function fillTcpChecksum(bytes: Uint8Array, ip: IpPacket): void {
  const at = ip.payloadOffset + tcpChecksumOffset;
  writeU16(bytes, at, 0);
  writeU16(
    bytes,
    at,
    ~onesComplementSum(bytes, ip.payloadOffset, ip.payloadLength, pseudoSum(bytes, ip)) & 0xffff,
  );
}

/** Puts the sum of the pseudo-header in the place of the TCP checksum: what a device that finishes it expects. */
export function writePseudoSum(bytes: Uint8Array, ip: IpPacket): void {
  writeU16(bytes, ip.payloadOffset + tcpChecksumOffset, foldSum(pseudoSum(bytes, ip)));
}

/** The same packet with its checksum filled in; a packet that had it, or is no TCP, comes back as it is. */
export function withChecksum(packet: Packet, scratch: IpPacket): Packet {
  if (!packet.needsChecksum) return packet;
  if (canHoldTcp(packet, scratch)) fillTcpChecksum(packet.bytes, scratch);
  return new Packet(packet.bytes, packet.segmentSize, false);
}

/** Reads the IP headers; true when a TCP header without options follows at least. */
export function canHoldTcp(packet: Packet, into: IpPacket): boolean {
  return (
    readIp(packet, into) &&
    into.protocol === IpProtocol.TCP &&
    into.fragmentOffset === 0 &&
    into.payloadLength >= 20
  );
}

/** Where in `packet` the checksum of its transport header stands; -1 when a change of addresses touches none. */
export function transportChecksumAt(ip: IpPacket): number {
  if (ip.fragmentOffset !== 0) return -1;
  if (ip.protocol === IpProtocol.TCP && ip.payloadLength >= 20) return ip.payloadOffset + tcpChecksumOffset;
  if (ip.protocol === IpProtocol.UDP && ip.payloadLength >= 8) return ip.payloadOffset + 6;
  if (ip.protocol === IpProtocol.ICMPV6 && ip.payloadLength >= 4) return ip.payloadOffset + 2;
  return -1;
}

/**
 * Replaces the address at `offset` in an IP header whose transport checksum stands at `checksumAt` (-1: none). With
 * `partial` that place holds the sum of the pseudo-header, not complemented.
 */
export function replaceAddress(
  bytes: Uint8Array,
  offset: number,
  address: IpAddress,
  checksumAt: number,
  partial: boolean,
): void {
  const words = address.family === 4 ? [address.d] : [address.a, address.b, address.c, address.d];
  for (let i = 0; i < words.length; i++) {
    const before = readU32(bytes, offset + i * 4);
    const after = words[i]!;
    if (address.family === 4) updateChecksum32(bytes, ipv4ChecksumOffset, before, after);
    if (checksumAt >= 0) updateSum32(bytes, checksumAt, before, after, partial);
  }
  address.writeTo(bytes, offset);
}

/** Replaces the port at `offset`, which the checksum at `checksumAt` covers unless it is partial. */
export function replacePort(
  bytes: Uint8Array,
  offset: number,
  port: number,
  checksumAt: number,
  partial: boolean,
): void {
  if (checksumAt >= 0 && !partial) updateChecksum16(bytes, checksumAt, readU16(bytes, offset), port);
  writeU16(bytes, offset, port);
}

/** Lowers the hop limit by one; returns what is left. */
export function decrementHopLimit(bytes: Uint8Array, ip: IpPacket): number {
  if (ip.hopLimit === 0) return 0;
  const left = ip.hopLimit - 1;
  if (ip.family === 6) {
    bytes[7] = left;
    return left;
  }
  const before = readU16(bytes, 8);
  bytes[8] = left;
  updateChecksum16(bytes, ipv4ChecksumOffset, before, readU16(bytes, 8));
  return left;
}

function updateSum32(bytes: Uint8Array, at: number, before: number, after: number, partial: boolean): void {
  if (!partial) {
    updateChecksum32(bytes, at, before, after);
    return;
  }
  // Complemented, a partial sum is a checksum like any other.
  writeU16(bytes, at, ~readU16(bytes, at) & 0xffff);
  updateChecksum32(bytes, at, before, after);
  writeU16(bytes, at, ~readU16(bytes, at) & 0xffff);
}

/** An address of a packet, at `addressOffset`, and a port as a key. */
export function endpointKey(bytes: Uint8Array, family: 4 | 6, addressOffset: number, port: number): string {
  let key = `${port}`;
  for (let at = addressOffset; at < addressOffset + (family === 4 ? 4 : 16); at += 4)
    key += `,${readU32(bytes, at)}`;
  return key;
}

/**
 * Packets from one version of IP to the other: headers, and ICMP errors with the packet that they quote. Owns the formats
 * only; which address becomes which is its caller's business (nat64.ts).
 * Read first: RFC 7915 §4 (IPv4 to IPv6) and §5 (IPv6 to IPv4), RFC 6145 has the same tables.
 */

import {
  emitIcmp,
  emitIpHeader,
  foldChecksum,
  foldSum,
  type IcmpError,
  icmpLength,
  IcmpUnreachableCode,
  Icmpv6UnreachableCode,
  type IpAddress,
  ipHeaderLength,
  type IpPacket,
  IpProtocol,
  pseudoHeaderSum,
  readU16,
  writeU16,
} from '../wire/index.js';
import { Packet } from './device.js';
import { tcpChecksumOffset } from './packet-edit.js';

/** Where a packet goes in the other version of IP. */
export interface NewEnds {
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

/** Bytes by which an IPv6 header is longer than an IPv4 one. */
export const HEADER_DIFFERENCE_BYTES = 20;

/** The least MTU of IPv6 (RFC 8200 §5). */
const MIN_IPV6_MTU = 1280;

/** Longest translated IPv4 packet that may be fragmented on its way: it came from an IPv6 path of any MTU (RFC 7915 §5.1). */
const MAX_FRAGMENTABLE_BYTES = 1260;

/**
 * The TCP packet that `ip` describes in the other version, its hop limit one less and its checksum as right or as wrong as
 * it was; undefined when it would be longer than an IP packet can be. Options and extension headers are left behind.
 * `identification` is for an IPv4 packet that may be fragmented.
 */
export function translateTcp(
  packet: Packet,
  ip: IpPacket,
  ends: NewEnds,
  identification: number,
): Packet | undefined {
  const { family } = ends.source;
  const headerBytes = ipHeaderLength(family);
  const { payloadLength, payloadOffset } = ip;
  if (headerBytes + payloadLength > 0xffff) return undefined;
  const bytes = new Uint8Array(headerBytes + payloadLength);
  const dontFragment = bytes.length > MAX_FRAGMENTABLE_BYTES;
  emitIpHeader(bytes, 0, {
    ...ends,
    protocol: IpProtocol.TCP,
    payloadLength,
    hopLimit: Math.max(0, ip.hopLimit - 1),
    dscpEcn: ip.dscpEcn,
    dontFragment,
    identification: dontFragment ? 0 : identification & 0xffff,
  });
  bytes.set(packet.bytes.subarray(payloadOffset, payloadOffset + payloadLength), headerBytes);
  const before = pseudoHeaderSum(ip.source, ip.destination, IpProtocol.TCP, payloadLength);
  const after = pseudoHeaderSum(ends.source, ends.destination, IpProtocol.TCP, payloadLength);
  moveChecksum(bytes, headerBytes + tcpChecksumOffset, before, after, packet.needsChecksum);
  return new Packet(bytes, packet.segmentSize, packet.needsChecksum);
}

/** Makes the checksum at `at` one over another pseudo-header; `partial` is one that sums up the pseudo-header only. */
function moveChecksum(bytes: Uint8Array, at: number, before: number, after: number, partial: boolean): void {
  if (partial) {
    writeU16(bytes, at, foldSum(after));
    return;
  }
  // RFC 1624 §3, with whole pseudo-headers in place of words.
  writeU16(bytes, at, foldChecksum((~readU16(bytes, at) & 0xffff) + (~foldSum(before) & 0xffff) + after));
}

/** An IP packet around an ICMP message. */
export function icmpPacket(ends: NewEnds, message: IcmpError): Packet {
  const { family } = ends.source;
  const payloadLength = icmpLength(message);
  const at = ipHeaderLength(family);
  const bytes = new Uint8Array(at + payloadLength);
  const protocol = family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6;
  emitIpHeader(bytes, 0, { ...ends, protocol, payloadLength, hopLimit: 64 });
  const pseudo =
    family === 4 ? 0 : pseudoHeaderSum(ends.source, ends.destination, IpProtocol.ICMPV6, payloadLength);
  emitIcmp(message, family, bytes, at, pseudo);
  return new Packet(bytes);
}

/** The quotation of a TCP packet in the other version: its header, and what was quoted of TCP. */
export function translateQuotation(error: IcmpError, ends: NewEnds): Uint8Array | undefined {
  const { quoted, quotedBytes } = error;
  if (quoted === undefined) return undefined;
  const headerBytes = ipHeaderLength(ends.source.family);
  const payload = quotedBytes.subarray(quoted.headerLength);
  const payloadLength = quoted.totalLength - quoted.headerLength;
  if (payloadLength < 0 || headerBytes + payloadLength > 0xffff) return undefined;
  const bytes = new Uint8Array(headerBytes + payload.length);
  emitIpHeader(bytes, 0, {
    ...ends,
    protocol: IpProtocol.TCP,
    payloadLength,
    hopLimit: quoted.hopLimit,
  });
  bytes.set(payload, headerBytes);
  if (payload.length >= tcpChecksumOffset + 2) {
    const before = pseudoHeaderSum(quoted.source, quoted.destination, IpProtocol.TCP, payloadLength);
    const after = pseudoHeaderSum(ends.source, ends.destination, IpProtocol.TCP, payloadLength);
    moveChecksum(bytes, headerBytes + tcpChecksumOffset, before, after, false);
  }
  return bytes;
}

/** An ICMP error as ICMPv6 has it (RFC 7915 §4.2); undefined for one that ends here. `mtuBytes`: of the IPv6 side. */
export function errorToIpv6(
  error: IcmpError,
  quotedBytes: Uint8Array,
  mtuBytes: number,
): IcmpError | undefined {
  if (error.type === 'time-exceeded') return { type: error.type, code: error.code, quotedBytes };
  if (error.type === 'parameter-problem') {
    const pointer = pointersTo6[error.pointer];
    if (pointer === undefined || (error.code !== 0 && error.code !== 2)) return undefined;
    return { type: error.type, code: 0, pointer, quotedBytes };
  }
  if (error.type !== 'unreachable') return undefined;
  if (error.code === IcmpUnreachableCode.FRAGMENTATION_NEEDED) {
    // A router that does not say is taken to mean the least that IPv6 allows.
    const stated = error.mtuBytes ?? 0;
    const translated = stated === 0 ? MIN_IPV6_MTU : stated + HEADER_DIFFERENCE_BYTES;
    const bytes = Math.max(MIN_IPV6_MTU, Math.min(translated, mtuBytes));
    return { type: 'packet-too-big', code: 0, mtuBytes: bytes, quotedBytes };
  }
  if (error.code === IcmpUnreachableCode.PROTOCOL)
    return { type: 'parameter-problem', code: 1, pointer: 6, quotedBytes };
  const code = unreachableTo6[error.code];
  return code === undefined ? undefined : { type: 'unreachable', code, quotedBytes };
}

/** An ICMPv6 error as ICMP has it (RFC 7915 §5.2); undefined for one that ends here. `mtuBytes`: of the IPv4 side. */
export function errorToIpv4(
  error: IcmpError,
  quotedBytes: Uint8Array,
  mtuBytes: number,
): IcmpError | undefined {
  if (error.type === 'time-exceeded') return { type: error.type, code: error.code, quotedBytes };
  if (error.type === 'packet-too-big') {
    const code = IcmpUnreachableCode.FRAGMENTATION_NEEDED;
    const bytes = Math.min(error.mtuBytes - HEADER_DIFFERENCE_BYTES, mtuBytes);
    return { type: 'unreachable', code, mtuBytes: Math.max(68, bytes), quotedBytes };
  }
  if (error.type === 'parameter-problem') {
    if (error.code === 1) return { type: 'unreachable', code: IcmpUnreachableCode.PROTOCOL, quotedBytes };
    const pointer = pointersTo4[error.pointer];
    if (pointer === undefined || error.code !== 0) return undefined;
    return { type: error.type, code: 0, pointer, quotedBytes };
  }
  const code = unreachableTo4[error.code];
  return code === undefined ? undefined : { type: 'unreachable', code, quotedBytes };
}

const prohibited = Icmpv6UnreachableCode.COMMUNICATION_PROHIBITED;
const noRoute = Icmpv6UnreachableCode.NO_ROUTE;

/** Codes of "unreachable" by those of IPv4 (RFC 7915 §4.2); precedence cut-off (14) and unknown ones are missing. */
const unreachableTo6: Readonly<Record<number, number>> = {
  0: noRoute,
  1: noRoute,
  3: Icmpv6UnreachableCode.PORT,
  5: noRoute,
  6: noRoute,
  7: noRoute,
  8: noRoute,
  9: prohibited,
  10: prohibited,
  11: noRoute,
  12: noRoute,
  13: prohibited,
  15: prohibited,
};

/** The same from IPv6 (RFC 7915 §5.2). */
const unreachableTo4: Readonly<Record<number, number>> = {
  [noRoute]: IcmpUnreachableCode.HOST,
  [prohibited]: IcmpUnreachableCode.HOST_PROHIBITED,
  [Icmpv6UnreachableCode.BEYOND_SCOPE]: IcmpUnreachableCode.HOST,
  [Icmpv6UnreachableCode.ADDRESS]: IcmpUnreachableCode.HOST,
  [Icmpv6UnreachableCode.PORT]: IcmpUnreachableCode.PORT,
};

/** Where the field that a pointer into the IPv4 header means stands in the IPv6 header (RFC 7915, figure 3). */
const pointersTo6: Readonly<Record<number, number>> = {
  0: 0,
  1: 1,
  2: 4,
  3: 4,
  8: 7,
  9: 6,
  12: 8,
  13: 8,
  14: 8,
  15: 8,
  16: 24,
  17: 24,
  18: 24,
  19: 24,
};

/** The same from IPv6 (RFC 7915, figure 6); the first byte of an address stands for all of it. */
const pointersTo4: Readonly<Record<number, number>> = { 0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8, 8: 12, 24: 16 };

/**
 * A whole IP packet as a value, options and extension headers included, for tools and tests: the validated face of the
 * codec. The hot path reads with ip-packet.ts and writes with ip-header.ts. Fragments are read, not reassembled.
 * Read first: RFC 791 §3.1, RFC 8200 §4.
 */
import { SubflowError, assert, parsed } from '../base/index.js';
import type { ParseResult } from '../base/index.js';
import type { IpAddress } from './address.js';
import { writeU16, writeU32 } from './bytes.js';
import { ipv4HeaderChecksum } from './checksum.js';
import { emitIpv6Extensions, ipv6ExtensionsLength, parseIpv6Extensions } from './ip-extension.js';
import type { IpOption, Ipv6Extension, PlacedIpPart } from './ip-extension.js';
import { IpPacket, parseIp } from './ip-packet.js';

interface DatagramCommon {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** Upper-layer protocol. */
  readonly protocol: number;
  /** Time to live or hop limit. */
  readonly hopLimit: number;
  /** DSCP and ECN byte. */
  readonly dscpEcn: number;
  /** What follows all headers. */
  readonly payload: Uint8Array;
}

/** An IPv4 packet. */
export interface Ipv4Datagram extends DatagramCommon {
  readonly family: 4;
  /** 16 bits. */
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** In bytes; a multiple of 8. */
  readonly fragmentOffset: number;
  /** Options up to the end of the list, or to the first whose length makes no sense; no-operations left out. */
  readonly options: readonly IpOption[];
}

/** An IPv6 packet. */
export interface Ipv6Datagram extends DatagramCommon {
  readonly family: 6;
  /** 20 bits. */
  readonly flowLabel: number;
  /** Extension headers in order; `protocol` follows the last. */
  readonly extensions: readonly Ipv6Extension[];
}

export type IpDatagram = Ipv4Datagram | Ipv6Datagram;

/** Reads the packet in the `length` bytes at `offset`. The payload is a view. IPv4's checksum is not checked. */
export function parseDatagram(bytes: Uint8Array, offset: number, length: number): ParseResult<IpDatagram> {
  const packet = new IpPacket();
  const error = parseIp(bytes, offset, length, packet);
  if (error !== undefined) return error;
  const { payloadOffset, payloadLength, headerLength } = packet;
  const common = {
    source: packet.source,
    destination: packet.destination,
    protocol: packet.protocol,
    hopLimit: packet.hopLimit,
    dscpEcn: packet.dscpEcn,
    payload: bytes.subarray(payloadOffset, payloadOffset + payloadLength),
  };
  if (packet.family === 6) {
    const extensions = parseIpv6Extensions(bytes, offset, headerLength);
    return parsed({ family: 6, ...common, flowLabel: packet.flowLabel, extensions });
  }
  return parsed({
    family: 4,
    ...common,
    identification: packet.identification,
    dontFragment: packet.dontFragment,
    moreFragments: packet.moreFragments,
    fragmentOffset: packet.fragmentOffset,
    options: parseIpv4Options(bytes, offset + 20, headerLength - 20),
  });
}

/** Reads the options of an IPv4 header. */
function parseIpv4Options(bytes: Uint8Array, offset: number, length: number): IpOption[] {
  return placeIpv4Options(bytes, offset, length).map(({ type, offset: at, length: size }) => ({
    type,
    body: bytes.slice(at + 2, at + size),
  }));
}

/**
 * Where the options in the `length` bytes at `offset` stand; the list ends at 0 or at an option that overruns it, and 1 is a
 * single byte of padding, left out (RFC 791 §3.1).
 */
export function placeIpv4Options(bytes: Uint8Array, offset: number, length: number): PlacedIpPart[] {
  const places: PlacedIpPart[] = [];
  const end = offset + length;
  for (let at = offset; at < end && bytes[at] !== 0;) {
    if (bytes[at] === 1) {
      at++;
      continue;
    }
    const size = at + 1 < end ? bytes[at + 1]! : 0;
    if (size < 2 || at + size > end) break;
    places.push({ type: bytes[at]!, offset: at, length: size });
    at += size;
  }
  return places;
}

/** Bytes that {@link emitDatagram} writes. */
export function datagramLength(datagram: IpDatagram): number {
  return datagramHeaderLength(datagram) + datagram.payload.length;
}

function datagramHeaderLength(datagram: IpDatagram): number {
  if (datagram.family === 6) return 40 + ipv6ExtensionsLength(datagram.extensions);
  let length = 0;
  for (const option of datagram.options) length += 2 + option.body.length;
  return 20 + ((length + 3) & ~3);
}

/**
 * Writes the packet at `offset`, IPv4's checksum included, and returns its length, {@link datagramLength}. `bytes` must
 * have the room. Throws `ERR_SUBFLOW_BAD_DATAGRAM` for a packet that is too long or whose options are.
 */
export function emitDatagram(datagram: IpDatagram, bytes: Uint8Array, offset: number): number {
  const headerLength = datagramHeaderLength(datagram);
  const length = headerLength + datagram.payload.length;
  const isIpv4 = datagram.family === 4;
  requireDatagram(datagram.source.family === datagram.family, 'the source address is of the other family');
  requireDatagram(datagram.destination.family === datagram.family, 'the destination is of the other family');
  requireDatagram(length <= (isIpv4 ? 0 : 40) + 0xffff, `${length} bytes are too many for an IP packet`);
  if (isIpv4) emitIpv4(datagram, bytes, offset, headerLength);
  else emitIpv6(datagram, bytes, offset, length);
  bytes.set(datagram.payload, offset + headerLength);
  return length;
}

function emitIpv4(datagram: Ipv4Datagram, bytes: Uint8Array, offset: number, headerLength: number): void {
  requireDatagram(headerLength <= 60, 'IPv4 options exceed the 40 bytes there are');
  requireDatagram(datagram.fragmentOffset % 8 === 0, 'a fragment offset is a multiple of 8');
  const flags = (datagram.dontFragment ? 0x4000 : 0) | (datagram.moreFragments ? 0x2000 : 0);
  bytes[offset] = 0x40 | (headerLength >>> 2);
  bytes[offset + 1] = datagram.dscpEcn;
  writeU16(bytes, offset + 2, headerLength + datagram.payload.length);
  writeU16(bytes, offset + 4, datagram.identification);
  writeU16(bytes, offset + 6, flags | (datagram.fragmentOffset >>> 3));
  bytes[offset + 8] = datagram.hopLimit;
  bytes[offset + 9] = datagram.protocol;
  writeU16(bytes, offset + 10, 0);
  datagram.source.writeTo(bytes, offset + 12);
  datagram.destination.writeTo(bytes, offset + 16);
  let at = offset + 20;
  for (const option of datagram.options) {
    bytes[at] = option.type;
    bytes[at + 1] = 2 + option.body.length;
    bytes.set(option.body, at + 2);
    at += 2 + option.body.length;
  }
  bytes.fill(0, at, offset + headerLength);
  writeU16(bytes, offset + 10, ipv4HeaderChecksum(bytes, offset, headerLength));
}

function emitIpv6(datagram: Ipv6Datagram, bytes: Uint8Array, offset: number, length: number): void {
  const { extensions, protocol } = datagram;
  writeU32(bytes, offset, 0x6000_0000 | (datagram.dscpEcn << 20) | (datagram.flowLabel & 0xf_ffff));
  writeU16(bytes, offset + 4, length - 40);
  bytes[offset + 7] = datagram.hopLimit;
  datagram.source.writeTo(bytes, offset + 8);
  datagram.destination.writeTo(bytes, offset + 24);
  const written = emitIpv6Extensions(extensions, protocol, bytes, offset + 6, offset + 40);
  assert(written + 40 + datagram.payload.length === length, 'IPv6 extension headers changed their length');
}

function requireDatagram(condition: boolean, message: string): void {
  if (!condition) throw new SubflowError('ERR_SUBFLOW_BAD_DATAGRAM', message);
}

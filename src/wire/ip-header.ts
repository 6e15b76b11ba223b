/**
 * Writes IP headers without options, for the stack's hot path and for tools. Options, fragments and extension headers
 * are written by ip-datagram.ts. Read first: RFC 791 §3.1, RFC 6864 §4 (identification), RFC 8200 §3, RFC 6437 §2.
 */
import type { IpAddress } from './address.js';
import { writeU16, writeU32 } from './bytes.js';
import { foldChecksum } from './checksum.js';

/** What an IP header without options says. */
export interface IpHeaderFields {
  readonly source: IpAddress;
  /** Of the same family as `source`, which decides the version. */
  readonly destination: IpAddress;
  /** `IpProtocol` number of the payload. */
  readonly protocol: number;
  /** Bytes behind the header; with it at most 65535 in IPv4. */
  readonly payloadLength: number;
  /** Time to live or hop limit, 0 to 255. */
  readonly hopLimit: number;
  /** DSCP and ECN; 0 by default. */
  readonly dscpEcn?: number;
  /** IPv4 identification, 16 bits; 0 by default, which suits packets that are not to be fragmented. */
  readonly identification?: number;
  /** IPv4's "don't fragment"; true by default. */
  readonly dontFragment?: boolean;
  /** IPv6 flow label, 20 bits; 0 by default. */
  readonly flowLabel?: number;
}

/** {@link IpHeaderFields} to be kept and changed from packet to packet, so that the hot path allocates none. */
export class IpHeader implements IpHeaderFields {
  source: IpAddress;
  destination: IpAddress;
  protocol: number;
  payloadLength = 0;
  hopLimit = 64;
  dscpEcn = 0;
  identification = 0;
  dontFragment = true;
  flowLabel = 0;

  constructor(source: IpAddress, destination: IpAddress, protocol: number) {
    this.source = source;
    this.destination = destination;
    this.protocol = protocol;
  }
}

/** Bytes of the header that {@link emitIpHeader} writes: 20 or 40. */
export function ipHeaderLength(family: 4 | 6): number {
  return family === 4 ? 20 : 40;
}

/**
 * Writes the header of either version at `offset`, IPv4's checksum included; returns its length, 20 or 40. `bytes`
 * must have the room. Allocates nothing.
 */
export function emitIpHeader(bytes: Uint8Array, offset: number, fields: IpHeaderFields): number {
  if (fields.source.family === 6) return emitIpv6Header(bytes, offset, fields);
  const first = 0x4500 | (fields.dscpEcn ?? 0);
  const totalLength = 20 + fields.payloadLength;
  const identification = fields.identification ?? 0;
  const fragment = (fields.dontFragment ?? true) ? 0x4000 : 0;
  const hop = (fields.hopLimit << 8) | fields.protocol;
  const source = fields.source.d;
  const destination = fields.destination.d;
  const sum = first + totalLength + identification + fragment + hop;
  const addressSum = (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
  writeU16(bytes, offset, first);
  writeU16(bytes, offset + 2, totalLength);
  writeU16(bytes, offset + 4, identification);
  writeU16(bytes, offset + 6, fragment);
  writeU16(bytes, offset + 8, hop);
  writeU16(bytes, offset + 10, foldChecksum(sum + addressSum));
  writeU32(bytes, offset + 12, source);
  writeU32(bytes, offset + 16, destination);
  return 20;
}

function emitIpv6Header(bytes: Uint8Array, offset: number, fields: IpHeaderFields): number {
  const trafficClass = fields.dscpEcn ?? 0;
  const flowLabel = (fields.flowLabel ?? 0) & 0xf_ffff;
  writeU32(bytes, offset, 0x6000_0000 | (trafficClass << 20) | flowLabel);
  writeU16(bytes, offset + 4, fields.payloadLength);
  bytes[offset + 6] = fields.protocol;
  bytes[offset + 7] = fields.hopLimit;
  fields.source.writeTo(bytes, offset + 8);
  fields.destination.writeTo(bytes, offset + 24);
  return 40;
}

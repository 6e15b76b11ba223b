/**
 * Writes IP headers without options, for the stack's hot path and for tools. Options, fragments and extension headers
 * are written by ip-datagram.ts. Read first: RFC 791 §3.1, RFC 6864 §4 (identification), RFC 8200 §3, RFC 6437 §2.
 */
import type { IpAddress } from './address.js';
import { viewOf } from './bytes.js';
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
 * Writes the header of either version at `offset`, IPv4's checksum included; returns its length, 20 or 40. `view`
 * must have the room. Allocates nothing.
 */
export function writeIpHeader(view: DataView, offset: number, fields: IpHeaderFields): number {
  if (fields.source.family === 6) return writeIpv6Header(view, offset, fields);
  const first = 0x4500 | (fields.dscpEcn ?? 0);
  const totalLength = 20 + fields.payloadLength;
  const identification = fields.identification ?? 0;
  const fragment = (fields.dontFragment ?? true) ? 0x4000 : 0;
  const hop = (fields.hopLimit << 8) | fields.protocol;
  const source = fields.source.d;
  const destination = fields.destination.d;
  const sum = first + totalLength + identification + fragment + hop;
  const addressSum = (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
  view.setUint16(offset, first);
  view.setUint16(offset + 2, totalLength);
  view.setUint16(offset + 4, identification);
  view.setUint16(offset + 6, fragment);
  view.setUint16(offset + 8, hop);
  view.setUint16(offset + 10, foldChecksum(sum + addressSum));
  view.setUint32(offset + 12, source);
  view.setUint32(offset + 16, destination);
  return 20;
}

function writeIpv6Header(view: DataView, offset: number, fields: IpHeaderFields): number {
  const trafficClass = fields.dscpEcn ?? 0;
  const flowLabel = (fields.flowLabel ?? 0) & 0xf_ffff;
  view.setUint32(offset, 0x6000_0000 | (trafficClass << 20) | flowLabel);
  view.setUint16(offset + 4, fields.payloadLength);
  view.setUint8(offset + 6, fields.protocol);
  view.setUint8(offset + 7, fields.hopLimit);
  writeIpv6Address(view, offset + 8, fields.source);
  writeIpv6Address(view, offset + 24, fields.destination);
  return 40;
}

function writeIpv6Address(view: DataView, offset: number, address: IpAddress): void {
  view.setUint32(offset, address.a);
  view.setUint32(offset + 4, address.b);
  view.setUint32(offset + 8, address.c);
  view.setUint32(offset + 12, address.d);
}

/** {@link writeIpHeader} for packets that are written now and then. */
export function emitIpHeader(bytes: Uint8Array, offset: number, fields: IpHeaderFields): number {
  return writeIpHeader(viewOf(bytes), offset, fields);
}

/**
 * The IP headers of a packet, read in place into a struct that is used again for every packet. Owns where the
 * upper-layer packet lies; does not reassemble fragments, does not check the header checksum (see
 * `verifyIpv4Checksum`) and does not act on options.
 * Read first: RFC 791 §3.1, RFC 8200 §3 and §4, RFC 4302 §2 (the authentication header).
 */
import { parseError } from '../base/index.js';
import type { ParseError } from '../base/index.js';
import { IpAddress } from './address.js';
import { readU16, readU32 } from './bytes.js';

/** Protocol and next-header numbers. */
export const IpProtocol = {
  HOP_BY_HOP: 0,
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  ROUTING: 43,
  FRAGMENT: 44,
  ESP: 50,
  AUTHENTICATION: 51,
  ICMPV6: 58,
  NO_NEXT_HEADER: 59,
  DESTINATION_OPTIONS: 60,
} as const;

/** Most extension headers that are followed; a packet with more is refused. RFC 8200 §4.1 names seven at most. */
export const maxExtensionHeaders = 8;

/** What the IP headers of one packet say. Offsets count from the start of `bytes`. */
export class IpPacket {
  /** The array that the packet lies in. */
  bytes: Uint8Array = emptyBytes;
  /** Where the packet starts. */
  offset = 0;
  /** 4 or 6. */
  family: 4 | 6 = 4;
  /** Upper-layer protocol: of the first header that is not an extension header, or of what a fragment carries on. */
  protocol = 0;
  /** Bytes of all IP headers, options and extension headers included. */
  headerLength = 0;
  /** Bytes of the packet as its sender counted them, headers included. */
  totalLength = 0;
  /** Time to live or hop limit. */
  hopLimit = 0;
  /** The DSCP and ECN byte (RFC 2474, RFC 3168). */
  dscpEcn = 0;
  /** IPv6 flow label (20 bits); 0 for IPv4. */
  flowLabel = 0;
  /** Identification that the fragments of one packet share: 16 bits in IPv4, 32 in an IPv6 fragment header, else 0. */
  identification = 0;
  /** IPv4's "don't fragment"; always true for IPv6, which no router fragments. */
  dontFragment = false;
  /** Whether the packet is a piece of a larger one. An IPv6 "atomic fragment" (RFC 6946) is whole, so it is not. */
  isFragment = false;
  /** Where the payload belongs in the whole packet, in bytes. */
  fragmentOffset = 0;
  /** Whether fragments follow this one. */
  moreFragments = false;
  /** Where the source address lies. */
  sourceOffset = 0;
  /** Where the destination address lies. */
  destinationOffset = 0;
  /** Where the upper-layer packet starts. */
  payloadOffset = 0;
  /** Bytes of the upper-layer packet on the wire. */
  payloadLength = 0;
  /** Bytes of it that are at hand: fewer than `payloadLength` only when a capture or a quotation was cut. */
  payloadAvailable = 0;
  /** Segments that an IPv6 routing header still has to visit; not 0 means that this is not the last destination. */
  routingSegmentsLeft = 0;

  /** The source address as a value; allocates. */
  get source(): IpAddress {
    return IpAddress.read(this.family, this.bytes, this.sourceOffset);
  }

  /** The destination address as a value; allocates. */
  get destination(): IpAddress {
    return IpAddress.read(this.family, this.bytes, this.destinationOffset);
  }
}

const emptyBytes = new Uint8Array(0);

/**
 * Reads the IP headers of the packet in the `length` bytes at `offset`. Bytes behind the packet's own length, such as
 * the padding of a short Ethernet frame, are left out. Allocates nothing unless it fails; after a failure `into` holds
 * no particular values.
 *
 * `wireLength` is for packets that were cut: how many bytes they had. The headers must be at hand all the same. An
 * IPv4 total length of 0 is taken as `wireLength` then, which is how offloading senders appear in their own captures.
 */
export function parseIp(
  bytes: Uint8Array,
  offset: number,
  length: number,
  into: IpPacket,
  wireLength = -1,
): ParseError | undefined {
  if (length < 1) return parseError('truncated', 0, 'there is no IP header');
  into.bytes = bytes;
  into.offset = offset;
  const version = bytes[offset]! >>> 4;
  if (version === 4) return parseIpv4(bytes, offset, length, into, wireLength);
  if (version === 6) return parseIpv6(bytes, offset, length, into, wireLength);
  return parseError('bad-version', 0, `IP version ${version} is neither 4 nor 6`);
}

function parseIpv4(
  bytes: Uint8Array,
  offset: number,
  length: number,
  into: IpPacket,
  wireLength: number,
): ParseError | undefined {
  if (length < 20) return parseError('truncated', length, 'the IPv4 header is cut short');
  const headerLength = (bytes[offset]! & 0x0f) * 4;
  if (headerLength < 20) return parseError('bad-length', 0, 'the IPv4 header length is below 20 bytes');
  if (headerLength > length) return parseError('truncated', length, 'the IPv4 options are cut short');
  let totalLength = readU16(bytes, offset + 2);
  if (totalLength === 0 && wireLength > 0) totalLength = wireLength;
  if (totalLength < headerLength)
    return parseError('bad-length', 2, 'the IPv4 total length is below the header');
  if (totalLength > (wireLength < 0 ? length : wireLength)) {
    return parseError('truncated', 2, 'the IPv4 total length goes beyond the packet');
  }
  const fragment = readU16(bytes, offset + 6);
  into.family = 4;
  into.protocol = bytes[offset + 9]!;
  into.headerLength = headerLength;
  into.totalLength = totalLength;
  into.hopLimit = bytes[offset + 8]!;
  into.dscpEcn = bytes[offset + 1]!;
  into.flowLabel = 0;
  into.identification = readU16(bytes, offset + 4);
  into.dontFragment = (fragment & 0x4000) !== 0;
  into.moreFragments = (fragment & 0x2000) !== 0;
  into.fragmentOffset = (fragment & 0x1fff) * 8;
  into.isFragment = (fragment & 0x3fff) !== 0;
  into.sourceOffset = offset + 12;
  into.destinationOffset = offset + 16;
  into.routingSegmentsLeft = 0;
  into.payloadOffset = offset + headerLength;
  into.payloadLength = totalLength - headerLength;
  into.payloadAvailable = Math.min(totalLength, length) - headerLength;
  return undefined;
}

function parseIpv6(
  bytes: Uint8Array,
  offset: number,
  length: number,
  into: IpPacket,
  wireLength: number,
): ParseError | undefined {
  if (length < 40) return parseError('truncated', length, 'the IPv6 header is cut short');
  const totalLength = 40 + readU16(bytes, offset + 4);
  if (totalLength > (wireLength < 0 ? length : wireLength)) {
    return parseError('truncated', 4, 'the IPv6 payload length goes beyond the packet');
  }
  const firstWord = readU32(bytes, offset);
  into.family = 6;
  into.protocol = bytes[offset + 6]!;
  into.headerLength = 40;
  into.totalLength = totalLength;
  into.hopLimit = bytes[offset + 7]!;
  into.dscpEcn = (firstWord >>> 20) & 0xff;
  into.flowLabel = firstWord & 0xf_ffff;
  into.identification = 0;
  into.dontFragment = true;
  into.moreFragments = false;
  into.fragmentOffset = 0;
  into.isFragment = false;
  into.sourceOffset = offset + 8;
  into.destinationOffset = offset + 24;
  into.routingSegmentsLeft = 0;
  const available = Math.min(totalLength, length);
  if (into.protocol !== IpProtocol.TCP) {
    const error = skipExtensionHeaders(bytes, offset, available, into);
    if (error !== undefined) return error;
  }
  into.payloadOffset = offset + into.headerLength;
  into.payloadLength = totalLength - into.headerLength;
  into.payloadAvailable = available - into.headerLength;
  return undefined;
}

/** Moves `into.headerLength` and `into.protocol` past the extension headers (RFC 8200 §4). */
function skipExtensionHeaders(
  bytes: Uint8Array,
  offset: number,
  length: number,
  into: IpPacket,
): ParseError | undefined {
  for (let count = 0; isExtensionHeader(into.protocol); count++) {
    const at = into.headerLength;
    const kind = into.protocol;
    if (count === maxExtensionHeaders) {
      return parseError(
        'too-many-extension-headers',
        at,
        `more than ${maxExtensionHeaders} extension headers`,
      );
    }
    // Hop-by-hop options are a different, unknown header anywhere but in front (RFC 8200 §4.1).
    if (kind === IpProtocol.HOP_BY_HOP && count > 0) {
      return parseError('misplaced-extension-header', at, 'hop-by-hop options are not the first header');
    }
    if (at + 8 > length) return parseError('truncated', at, 'an IPv6 extension header is cut short');
    const size = extensionHeaderLength(kind, bytes[offset + at + 1]!);
    if (at + size > length) return parseError('truncated', at + 1, 'an IPv6 extension header is cut short');
    into.protocol = bytes[offset + at]!;
    into.headerLength = at + size;
    if (kind === IpProtocol.ROUTING) into.routingSegmentsLeft = bytes[offset + at + 3]!;
    if (kind !== IpProtocol.FRAGMENT) continue;
    readFragmentHeader(bytes, offset + at, into);
    // What follows within a later fragment is not a header, whatever number it goes by (RFC 8200 §4.5).
    if (into.fragmentOffset > 0) return undefined;
  }
  return undefined;
}

function readFragmentHeader(bytes: Uint8Array, at: number, into: IpPacket): void {
  const field = readU16(bytes, at + 2);
  into.fragmentOffset = field & 0xfff8;
  into.moreFragments = (field & 1) !== 0;
  into.isFragment = into.fragmentOffset > 0 || into.moreFragments;
  into.identification = readU32(bytes, at + 4);
}

/** Whether the number is that of an extension header whose layout is known and in the clear. */
export function isExtensionHeader(protocol: number): boolean {
  return (
    protocol === IpProtocol.HOP_BY_HOP ||
    protocol === IpProtocol.ROUTING ||
    protocol === IpProtocol.FRAGMENT ||
    protocol === IpProtocol.AUTHENTICATION ||
    protocol === IpProtocol.DESTINATION_OPTIONS
  );
}

/** Bytes of an extension header, from its kind and its length byte. */
export function extensionHeaderLength(kind: number, lengthByte: number): number {
  if (kind === IpProtocol.FRAGMENT) return 8;
  // The authentication header counts 4-byte units less 2, the others 8-byte units less 1 (RFC 4302 §2.2).
  return kind === IpProtocol.AUTHENTICATION ? (lengthByte + 2) * 4 : (lengthByte + 1) * 8;
}

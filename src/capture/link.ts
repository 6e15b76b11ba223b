/**
 * From a captured frame to the IP packet in it, past the link header that the capture's link type names. Numbers and
 * layouts: the registry at tcpdump.org/linktypes.html. Must not know what is in the IP packet.
 */

/** Link types that are understood. Three numbers mean raw IP because systems chose different ones. */
export const LinkType = {
  /** BSD loopback, the family in the byte order of the host that captured. */
  NULL: 0,
  ETHERNET: 1,
  RAW_BSD: 12,
  RAW_OPENBSD: 14,
  /** Raw IP, version 4 or 6 by its first bits. */
  RAW: 101,
  /** OpenBSD loopback, the family in network byte order. */
  LOOP: 108,
  /** Linux cooked capture, version 1. */
  LINUX_SLL: 113,
  IPV4: 228,
  IPV6: 229,
  /** Linux cooked capture, version 2. */
  LINUX_SLL2: 276,
} as const;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;

/**
 * Where the IP packet of a frame stands. Made to be reused. Where there is none, it tells what was found: the end of the
 * link header as far as it is there, and the EtherType that it names.
 */
export class LinkPayload {
  /** Where in the bytes given the IP packet starts. */
  offset = 0;
  /** Bytes from there to the end of the frame; padding of the link layer may be among them. */
  length = 0;
  /** 0x0800 (IPv4) or 0x86dd (IPv6), as the link header says; the packet itself may say otherwise. 0: it names none. */
  etherType = 0;
}

/** Whether frames of this link type are understood at all. */
export function isKnownLinkType(linkType: number): boolean {
  switch (linkType) {
    case LinkType.NULL:
    case LinkType.ETHERNET:
    case LinkType.RAW_BSD:
    case LinkType.RAW_OPENBSD:
    case LinkType.RAW:
    case LinkType.LOOP:
    case LinkType.LINUX_SLL:
    case LinkType.IPV4:
    case LinkType.IPV6:
    case LinkType.LINUX_SLL2:
      return true;
    default:
      return false;
  }
}

/**
 * Finds the IP packet in the frame of `length` bytes at `offset`, also behind VLAN tags and in an 802.2 SNAP frame.
 * Fills and gives `into`; undefined when the frame carries none, is too short, or its link type is not known.
 */
export function linkPayload(
  linkType: number,
  bytes: Uint8Array,
  offset = 0,
  length = bytes.length - offset,
  into = new LinkPayload(),
): LinkPayload | undefined {
  const end = offset + length;
  place(0, offset, end, into);
  switch (linkType) {
    case LinkType.ETHERNET:
      return fromEthernet(bytes, offset, end, into);
    case LinkType.RAW:
    case LinkType.RAW_BSD:
    case LinkType.RAW_OPENBSD:
      return fromVersion(bytes, offset, end, into);
    case LinkType.LINUX_SLL:
      return offset + 16 > end
        ? undefined
        : fromType(readUint16(bytes, offset + 14), bytes, offset + 16, end, into);
    case LinkType.LINUX_SLL2:
      return offset + 20 > end
        ? undefined
        : fromType(readUint16(bytes, offset), bytes, offset + 20, end, into);
    case LinkType.IPV4:
      return found(ETHERTYPE_IPV4, offset, end, into);
    case LinkType.IPV6:
      return found(ETHERTYPE_IPV6, offset, end, into);
    case LinkType.NULL:
    case LinkType.LOOP:
      return fromLoopback(bytes, offset, end, into);
    default:
      return undefined;
  }
}

function fromEthernet(
  bytes: Uint8Array,
  offset: number,
  end: number,
  into: LinkPayload,
): LinkPayload | undefined {
  if (offset + 14 > end) return undefined;
  const type = readUint16(bytes, offset + 12);
  // Up to 1500 it is a length, and an 802.2 header follows (IEEE 802.3 §3.2.6).
  return type <= 1500
    ? fromSnap(bytes, offset + 14, end, into)
    : fromType(type, bytes, offset + 14, end, into);
}

/** The EtherType behind an 802.2 header with SNAP (RFC 1042). */
function fromSnap(
  bytes: Uint8Array,
  offset: number,
  end: number,
  into: LinkPayload,
): LinkPayload | undefined {
  if (offset + 8 > end) return undefined;
  const isSnap = readUint16(bytes, offset) === 0xaaaa && readUint16(bytes, offset + 2) === 0x0300;
  if (!isSnap || bytes[offset + 4] !== 0 || bytes[offset + 5] !== 0) return undefined;
  return fromType(readUint16(bytes, offset + 6), bytes, offset + 8, end, into);
}

/** Goes on from an EtherType to what stands at `offset`, through VLAN tags one after another. */
function fromType(
  etherType: number,
  bytes: Uint8Array,
  offset: number,
  end: number,
  into: LinkPayload,
): LinkPayload | undefined {
  let type = etherType;
  let at = offset;
  while (isVlanTag(type) && at + 4 <= end) {
    type = readUint16(bytes, at + 2);
    at += 4;
  }
  place(type, at, end, into);
  return type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6 ? found(type, at, end, into) : undefined;
}

/** Whether the EtherType is that of a tag: 802.1Q, 802.1ad (QinQ), and the numbers used for QinQ before it had one. */
export function isVlanTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8 || type === 0x9100 || type === 0x9200;
}

function fromVersion(
  bytes: Uint8Array,
  offset: number,
  end: number,
  into: LinkPayload,
): LinkPayload | undefined {
  const version = offset < end ? bytes[offset]! >>> 4 : 0;
  if (version === 4) return found(ETHERTYPE_IPV4, offset, end, into);
  return version === 6 ? found(ETHERTYPE_IPV6, offset, end, into) : undefined;
}

/** The family stands in either byte order; it is small, so one of the halves is zero and tells which. */
function fromLoopback(
  bytes: Uint8Array,
  offset: number,
  end: number,
  into: LinkPayload,
): LinkPayload | undefined {
  if (offset + 4 > end) return undefined;
  const high = readUint16(bytes, offset);
  const low = readUint16(bytes, offset + 2);
  if (high !== 0 && low !== 0) return undefined;
  const family = high === 0 ? low : (high >>> 8) | ((high & 0xff) << 8);
  switch (family) {
    case 2:
      return found(ETHERTYPE_IPV4, offset + 4, end, into);
    // IPv6 is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on Darwin.
    case 10:
    case 24:
    case 28:
    case 30:
      return found(ETHERTYPE_IPV6, offset + 4, end, into);
    default:
      return undefined;
  }
}

function found(etherType: number, offset: number, end: number, into: LinkPayload): LinkPayload | undefined {
  if (offset >= end) return undefined;
  place(etherType, offset, end, into);
  return into;
}

function place(etherType: number, offset: number, end: number, into: LinkPayload): void {
  into.etherType = etherType;
  into.offset = offset;
  into.length = end - offset;
}

function readUint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

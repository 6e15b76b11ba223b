/**
 * From a frame to the TCP segment in it: link header, IPv4 or IPv6, and tunnels around that. Owns the judgement of what
 * cannot be followed, and its count; keeps nothing else from one frame to the next. Hostile input is counted, never
 * thrown. Fragments are not put together: their headers say nothing of the rest.
 * Read first: RFC 791 §3.1, RFC 8200 §3 and §4, RFC 2003, RFC 2784 and RFC 2890 (GRE), RFC 7348 §5 (VXLAN),
 * RFC 8926 §3 (Geneve).
 */
import {
  type CapturedPacket,
  isKnownLinkType,
  LinkPayload,
  linkPayload,
  LinkType,
} from '../capture/index.js';
import { readOptions } from './option-reader.js';
import type { IgnoredFrames } from './report.js';
import { Segment } from './segment.js';

const PROTOCOL_HOP_BY_HOP = 0;
const PROTOCOL_IPV4 = 4;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;
const PROTOCOL_IPV6 = 41;
const PROTOCOL_ROUTING = 43;
const PROTOCOL_FRAGMENT = 44;
const PROTOCOL_GRE = 47;
const PROTOCOL_AUTHENTICATION = 51;
const PROTOCOL_DESTINATION = 60;
const PROTOCOL_MOBILITY = 135;

const TYPE_IPV4 = 0x0800;
const TYPE_IPV6 = 0x86dd;
/** Ethernet within a tunnel (RFC 1701, RFC 7637). */
const TYPE_ETHERNET = 0x6558;
const PORT_VXLAN = 4789;
const PORT_GENEVE = 6081;

const linkEthernet = LinkType.ETHERNET;

/** Extension headers of one IPv6 packet that are stepped over. */
const MAX_EXTENSION_HEADERS = 16;

export class Decoder {
  /** The segment of the frame decoded last, valid when `decode` said so. */
  readonly segment = new Segment();
  /** Frames that could not be followed. */
  readonly ignored: { -readonly [Reason in keyof IgnoredFrames]: number } = {
    link: 0,
    notIp: 0,
    notTcp: 0,
    fragments: 0,
    malformed: 0,
    cutHeaders: 0,
  };
  private readonly payload = new LinkPayload();
  private readonly maxDepth: number;
  /** IP and tunnel headers passed in this frame. */
  private depth = 0;
  /** The buffer that holds the frame, and a view of it: numbers are read from there, which costs a third. */
  private bytes: Uint8Array = this.segment.bytes;
  private view: DataView = new DataView(this.bytes.buffer);
  /** End of what was captured of the frame, and of what it had on the wire. */
  private capturedEnd = 0;
  private wireEnd = 0;

  constructor(maxDepth: number) {
    this.maxDepth = maxDepth;
  }

  /** Finds the TCP segment; false when there is none, and then one of `ignored` has gone up. */
  decode(packet: CapturedPacket): boolean {
    const { bytes, offset } = packet;
    // Frames of one chunk share their buffer.
    if (bytes !== this.bytes) this.look(bytes);
    this.depth = 0;
    this.capturedEnd = offset + packet.length;
    this.wireEnd = offset + Math.max(packet.originalLength, packet.length);
    // Nearly all frames are this.
    if (
      packet.linkType === linkEthernet &&
      packet.length >= 34 &&
      this.view.getUint16(offset + 12) === TYPE_IPV4
    ) {
      return this.ipv4(offset + 14);
    }
    return this.link(packet.linkType, offset, true);
  }

  private look(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.segment.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The link header of the frame itself, or of a frame in a tunnel. */
  private link(linkType: number, at: number, isOutermost: boolean): boolean {
    const { payload } = this;
    if (linkPayload(linkType, this.bytes, at, this.capturedEnd - at, payload) !== undefined) {
      return this.ip(payload.offset, payload.etherType);
    }
    if (this.capturedEnd - at < this.wireEnd - at && this.capturedEnd - at < 18) {
      this.ignored.cutHeaders++;
    } else if (isOutermost && (!isKnownLinkType(linkType) || this.capturedEnd - at < 4)) {
      this.ignored.link++;
    } else {
      this.ignored.notIp++;
    }
    return false;
  }

  private ip(at: number, etherType: number): boolean {
    if (etherType === TYPE_IPV4) return this.ipv4(at);
    if (etherType === TYPE_IPV6) return this.ipv6(at);
    this.ignored.notIp++;
    return false;
  }

  private ipv4(at: number): boolean {
    const { view } = this;
    if (this.capturedEnd - at < 20) return this.short(at, 20);
    const first = view.getUint8(at);
    const headerLength = (first & 15) << 2;
    if (first >>> 4 !== 4 || headerLength < 20) return this.malformed();
    if (this.capturedEnd - at < headerLength) return this.short(at, headerLength);
    // A total length of 0 is a segment that the device was to cut, longer than the field can say.
    const totalLength = view.getUint16(at + 2);
    if (totalLength !== 0) {
      if (totalLength < headerLength) return this.malformed();
      this.bound(at + totalLength);
    }
    if ((view.getUint16(at + 6) & 0x3fff) !== 0) return this.fragment();
    const segment = this.segment;
    if (segment.family !== 4) this.forgetV6();
    segment.ipId = view.getUint16(at + 4);
    segment.sourceD = view.getInt32(at + 12);
    segment.destinationD = view.getInt32(at + 16);
    const protocol = view.getUint8(at + 9);
    if (protocol === PROTOCOL_TCP) return this.tcp(at + headerLength);
    return this.within(protocol, at + headerLength);
  }

  /** The high words of an IPv4 address are 0. */
  private forgetV6(): void {
    const { segment } = this;
    segment.family = 4;
    segment.sourceA = 0;
    segment.sourceB = 0;
    segment.sourceC = 0;
    segment.destinationA = 0;
    segment.destinationB = 0;
    segment.destinationC = 0;
  }

  private ipv6(at: number): boolean {
    const { view, segment } = this;
    if (this.capturedEnd - at < 40) return this.short(at, 40);
    if (view.getUint8(at) >>> 4 !== 6) return this.malformed();
    segment.family = 6;
    segment.ipId = 0;
    segment.sourceA = view.getInt32(at + 8);
    segment.sourceB = view.getInt32(at + 12);
    segment.sourceC = view.getInt32(at + 16);
    segment.sourceD = view.getInt32(at + 20);
    segment.destinationA = view.getInt32(at + 24);
    segment.destinationB = view.getInt32(at + 28);
    segment.destinationC = view.getInt32(at + 32);
    segment.destinationD = view.getInt32(at + 36);
    // 0 is a jumbogram or a segment that the device was to cut: the frame's own length holds then.
    const payloadLength = view.getUint16(at + 4);
    if (payloadLength !== 0) this.bound(at + 40 + payloadLength);
    const protocol = view.getUint8(at + 6);
    if (protocol === PROTOCOL_TCP) return this.tcp(at + 40);
    return this.extensions(protocol, at + 40);
  }

  /** Steps over the extension headers of IPv6 (RFC 8200 §4). */
  private extensions(first: number, start: number): boolean {
    const { view } = this;
    let protocol = first;
    let at = start;
    for (let i = 0; i < MAX_EXTENSION_HEADERS; i++) {
      if (!isExtension(protocol)) return protocol === PROTOCOL_TCP ? this.tcp(at) : this.within(protocol, at);
      if (this.capturedEnd - at < 8) return this.short(at, 8);
      const next = view.getUint8(at);
      // A fragment that is a packet whole has offset 0 and no successor (RFC 6946).
      if (protocol === PROTOCOL_FRAGMENT && (view.getUint16(at + 2) & 0xfff9) !== 0) return this.fragment();
      at += extensionLength(protocol, view.getUint8(at + 1));
      protocol = next;
    }
    return this.malformed();
  }

  /** What an IP packet carries that is not TCP: another packet within a tunnel, perhaps. */
  private within(protocol: number, at: number): boolean {
    if (++this.depth >= this.maxDepth) return this.malformed();
    switch (protocol) {
      case PROTOCOL_IPV4:
        return this.ipv4(at);
      case PROTOCOL_IPV6:
        return this.ipv6(at);
      case PROTOCOL_GRE:
        return this.gre(at);
      case PROTOCOL_UDP:
        return this.udp(at);
      default:
        this.ignored.notTcp++;
        return false;
    }
  }

  /** GRE with checksum, key and sequence number (RFC 2784 §2, RFC 2890 §2). */
  private gre(at: number): boolean {
    const { view } = this;
    if (this.capturedEnd - at < 4) return this.short(at, 4);
    const flags = view.getUint16(at);
    // Version 0 without source routes: anything else is another protocol.
    if ((flags & 0x4007) !== 0) return this.notTcp();
    const length =
      4 +
      ((flags & 0x8000) === 0 ? 0 : 4) +
      ((flags & 0x2000) === 0 ? 0 : 4) +
      ((flags & 0x1000) === 0 ? 0 : 4);
    if (this.capturedEnd - at < length) return this.short(at, length);
    return this.tunnelled(view.getUint16(at + 2), at + length);
  }

  private udp(at: number): boolean {
    const { view } = this;
    if (this.capturedEnd - at < 8) return this.short(at, 8);
    const port = view.getUint16(at + 2);
    if (port !== PORT_VXLAN && port !== PORT_GENEVE) return this.notTcp();
    if (this.capturedEnd - at < 16) return this.short(at, 16);
    if (port === PORT_VXLAN) {
      // The I flag must be set (RFC 7348 §5).
      if ((view.getUint8(at + 8) & 0x08) === 0) return this.notTcp();
      return this.tunnelled(TYPE_ETHERNET, at + 16);
    }
    // Version 0; the options are counted in words (RFC 8926 §3.4).
    if (view.getUint8(at + 8) >>> 6 !== 0) return this.notTcp();
    return this.tunnelled(view.getUint16(at + 10), at + 16 + (view.getUint8(at + 8) & 0x3f) * 4);
  }

  private tunnelled(type: number, at: number): boolean {
    if (++this.depth >= this.maxDepth) return this.malformed();
    if (at > this.capturedEnd) return this.short(at, 0);
    if (type === TYPE_ETHERNET) return this.link(linkEthernet, at, false);
    if (type === TYPE_IPV4 || type === TYPE_IPV6) return this.ip(at, type);
    return this.notTcp();
  }

  private tcp(at: number): boolean {
    const { view, segment } = this;
    if (this.capturedEnd - at < 20) return this.short(at, 20);
    const headerLength = (view.getUint8(at + 12) >>> 4) << 2;
    if (headerLength < 20) return this.malformed();
    if (this.capturedEnd - at < headerLength) return this.short(at, headerLength);
    segment.offset = at;
    segment.headerLength = headerLength;
    segment.sourcePort = view.getUint16(at);
    segment.destinationPort = view.getUint16(at + 2);
    segment.seq = view.getInt32(at + 4);
    segment.ack = view.getInt32(at + 8);
    segment.flags = view.getUint8(at + 13);
    segment.window = view.getUint16(at + 14);
    segment.tcpChecksum = view.getUint16(at + 16);
    const payloadOffset = at + headerLength;
    segment.payloadOffset = payloadOffset;
    segment.payloadLength = this.wireEnd - payloadOffset;
    segment.payloadAvailable = this.capturedEnd - payloadOffset;
    readOptions(segment, view, at + 20, payloadOffset);
    return true;
  }

  /** The packet ends at `end`: what follows is padding, and what is missing was cut off. */
  private bound(end: number): void {
    this.wireEnd = end;
    if (end < this.capturedEnd) this.capturedEnd = end;
  }

  /** The `needed` bytes at `at` are not there: cut by the capture, or never sent. */
  private short(at: number, needed: number): boolean {
    if (at + needed <= this.wireEnd) this.ignored.cutHeaders++;
    else this.ignored.malformed++;
    return false;
  }

  private malformed(): boolean {
    this.ignored.malformed++;
    return false;
  }

  private fragment(): boolean {
    this.ignored.fragments++;
    return false;
  }

  private notTcp(): boolean {
    this.ignored.notTcp++;
    return false;
  }
}

function isExtension(protocol: number): boolean {
  switch (protocol) {
    case PROTOCOL_HOP_BY_HOP:
    case PROTOCOL_ROUTING:
    case PROTOCOL_FRAGMENT:
    case PROTOCOL_AUTHENTICATION:
    case PROTOCOL_DESTINATION:
    case PROTOCOL_MOBILITY:
      return true;
    default:
      return false;
  }
}

/** Bytes of an extension header whose length field holds `field` (RFC 8200 §4, RFC 4302 §2.2). */
function extensionLength(protocol: number, field: number): number {
  if (protocol === PROTOCOL_FRAGMENT) return 8;
  return protocol === PROTOCOL_AUTHENTICATION ? (field + 2) * 4 : (field + 1) * 8;
}

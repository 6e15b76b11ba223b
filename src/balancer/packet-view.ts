/**
 * What a balancer reads of a packet: whose it is, and what it says about its connection. Owns the rules on what is
 * steered at all. A TCP segment for a service is; so is an ICMP error about a segment that a service sent, since path MTU
 * discovery would not work without: the flow is then the one of the quoted packet. Options and extension headers are
 * skipped as far as `parseIp` follows them; fragments are not taken, and checksums are the server's business.
 *
 * Read first: RFC 9293 §3.1, RFC 792, RFC 4443 §2.4 and §3, RFC 8684 §3.1 and §3.2.
 */
import {
  IpPacket,
  IpProtocol,
  MptcpSubtype,
  parseIp,
  parseTcp,
  readI32,
  readU16,
  readU32,
  TcpFlag,
  TcpSegment,
} from '../wire/index.js';
import { CRC32_START, crc32End, crc32Half, crc32Word } from './crc32.js';
import { Destination, type Services } from './services.js';
import { VerdictAction, VerdictReason, type Verdict } from './verdict.js';

/** Encapsulation that some server might unpack. */
const tunnelProtocols: readonly number[] = [4, 41, 47];
/** Longest packet that an IP header can state. */
const maxPacketBytes = 40 + 0xffff;
/** Bytes of a TCP header that an ICMP error quotes at least (RFC 792). */
const quotedTcpBytes = 8;

const SYN_OR_ACK_OR_RST = TcpFlag.SYN | TcpFlag.ACK | TcpFlag.RST;

/** One packet of a service. Used again for every packet. */
export class PacketView {
  family: 4 | 6 = 4;
  /** Words of the client's address; only the last counts for IPv4, the others are 0 then. Signed. */
  clientA = 0;
  clientB = 0;
  clientC = 0;
  clientD = 0;
  clientPort = 0;
  /** Words of the service's address, as those of the client. */
  serviceA = 0;
  serviceB = 0;
  serviceC = 0;
  serviceD = 0;
  /** Port on the service's side: that of the service, or one that stands for a server. */
  servicePort = 0;
  /** Position of the service in the balancer's list. */
  service = 0;
  /** The server that the port stands for; 0 when it is the service's own port. */
  portServer = 0;
  /** `TcpFlag` bits; 0 when the packet is quoted. */
  flags = 0;
  /** Whether it begins a flow: SYN, and neither ACK nor RST. */
  isSyn = false;
  /** Whether it is an ICMP error: the flow is that of a packet which the service sent. */
  isQuoted = false;
  /** The token of a SYN with MP_JOIN; -1 without. */
  joinToken = -1;
  /** The timestamp by which the server is known: what the client echoes, or what the quoted packet says; 0 for none. */
  serverStamp = 0;
  /** The segment; after {@link read} of a quoted packet only what was at hand of it. */
  readonly segment = new TcpSegment();
  private readonly ip = new IpPacket();
  private readonly quotedIp = new IpPacket();

  /**
   * Reads the packet in the `length` bytes at `offset`. False when it is not to be steered: `verdict` then says what
   * becomes of it. Allocates nothing but for malformed packets, and never throws.
   */
  read(bytes: Uint8Array, offset: number, length: number, services: Services, verdict: Verdict): boolean {
    const { ip } = this;
    if (parseIp(bytes, offset, length, ip) !== undefined) {
      verdict.drop(VerdictReason.MALFORMED_IP);
      return false;
    }
    const { protocol } = ip;
    if (protocol === IpProtocol.TCP) return this.readTcp(services, verdict);
    const isIcmp = protocol === (ip.family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6);
    if (services.classify(ip.family, bytes, ip.destinationOffset, 0) === Destination.FOREIGN)
      verdict.pass(VerdictReason.NOT_OURS);
    else if (ip.isFragment) verdict.drop(VerdictReason.FRAGMENT);
    else if (isIcmp) return this.readIcmp(services, verdict);
    else if (tunnelProtocols.includes(protocol)) verdict.drop(VerdictReason.TUNNELLED);
    else verdict.pass(VerdictReason.NOT_TCP);
    return false;
  }

  private readTcp(services: Services, verdict: Verdict): boolean {
    const { ip, segment } = this;
    const { bytes, payloadOffset, payloadLength } = ip;
    const hasPorts = !ip.isFragment && payloadLength >= 4;
    const port = hasPorts ? readU16(bytes, payloadOffset + 2) : 0;
    const kind = services.classify(ip.family, bytes, ip.destinationOffset, port);
    if (kind === Destination.FOREIGN) verdict.pass(VerdictReason.NOT_OURS);
    else if (ip.isFragment) verdict.drop(VerdictReason.FRAGMENT);
    else if (ip.routingSegmentsLeft !== 0) verdict.drop(VerdictReason.SOURCE_ROUTED);
    else if (parseTcp(bytes, payloadOffset, payloadLength, segment) !== undefined)
      verdict.drop(VerdictReason.MALFORMED_TCP);
    else if (kind === Destination.NO_SERVICE) {
      if ((segment.flags & TcpFlag.RST) !== 0) verdict.drop(VerdictReason.NO_SERVICE);
      else verdict.refuse(VerdictReason.NO_SERVICE);
    } else {
      this.take(services, segment.sourcePort, segment.destinationPort);
      this.takeAddresses(ip, ip.sourceOffset, ip.destinationOffset);
      this.flags = segment.flags;
      this.isSyn = (segment.flags & SYN_OR_ACK_OR_RST) === TcpFlag.SYN;
      this.isQuoted = false;
      this.joinToken = this.isSyn && segment.mptcpCount > 0 ? joinToken(segment) : -1;
      this.serverStamp = segment.tsEcr;
      return true;
    }
    return false;
  }

  /** An ICMP message for an address of a service: steered when it quotes a segment that the service sent. */
  private readIcmp(services: Services, verdict: Verdict): boolean {
    const { ip, quotedIp } = this;
    const { bytes, payloadOffset, payloadLength } = ip;
    if (payloadLength < 8 || !isIcmpError(ip.family, bytes[payloadOffset]!)) {
      verdict.pass(VerdictReason.NOT_TCP);
      return false;
    }
    const failed =
      parseIp(bytes, payloadOffset + 8, payloadLength - 8, quotedIp, maxPacketBytes) !== undefined;
    if (failed || quotedIp.family !== ip.family || quotedIp.fragmentOffset > 0) {
      verdict.drop(VerdictReason.MALFORMED_TCP);
      return false;
    }
    if (quotedIp.protocol !== IpProtocol.TCP) {
      verdict.pass(VerdictReason.NOT_TCP);
      return false;
    }
    if (quotedIp.payloadAvailable < quotedTcpBytes) {
      verdict.drop(VerdictReason.MALFORMED_TCP);
      return false;
    }
    return this.readQuoted(services, verdict);
  }

  private readQuoted(services: Services, verdict: Verdict): boolean {
    const { quotedIp, segment } = this;
    const { bytes, payloadOffset, payloadAvailable } = quotedIp;
    const port = readU16(bytes, payloadOffset);
    const kind = services.classify(quotedIp.family, bytes, quotedIp.sourceOffset, port);
    if (kind === Destination.FOREIGN || kind === Destination.NO_SERVICE) {
      verdict.drop(VerdictReason.NO_SERVICE);
      return false;
    }
    const isWhole = parseTcp(bytes, payloadOffset, payloadAvailable, segment) === undefined;
    this.take(services, readU16(bytes, payloadOffset + 2), port);
    this.takeAddresses(quotedIp, quotedIp.destinationOffset, quotedIp.sourceOffset);
    this.flags = 0;
    this.isSyn = false;
    this.isQuoted = true;
    this.joinToken = -1;
    this.serverStamp = isWhole ? segment.tsVal : 0;
    return true;
  }

  private take(services: Services, clientPort: number, servicePort: number): void {
    this.clientPort = clientPort;
    this.servicePort = servicePort;
    this.service = services.service;
    this.portServer = services.server;
  }

  private takeAddresses(ip: IpPacket, client: number, service: number): void {
    const { bytes } = ip;
    this.family = ip.family;
    if (ip.family === 4) {
      this.clientA = this.clientB = this.clientC = this.serviceA = this.serviceB = this.serviceC = 0;
      this.clientD = readI32(bytes, client);
      this.serviceD = readI32(bytes, service);
      return;
    }
    this.clientA = readI32(bytes, client);
    this.clientB = readI32(bytes, client + 4);
    this.clientC = readI32(bytes, client + 8);
    this.clientD = readI32(bytes, client + 12);
    this.serviceA = readI32(bytes, service);
    this.serviceB = readI32(bytes, service + 4);
    this.serviceC = readI32(bytes, service + 8);
    this.serviceD = readI32(bytes, service + 12);
  }

  /** CRC-32 of both addresses and both ports, the client's first, in network order: 12 bytes for IPv4, 36 for IPv6. */
  hashFlow(): number {
    let crc = CRC32_START;
    if (this.family === 6) {
      crc = crc32Word(crc32Word(crc32Word(crc, this.clientA), this.clientB), this.clientC);
      crc = crc32Word(crc, this.clientD);
      crc = crc32Word(crc32Word(crc32Word(crc, this.serviceA), this.serviceB), this.serviceC);
    } else {
      crc = crc32Word(crc, this.clientD);
    }
    crc = crc32Word(crc, this.serviceD);
    return crc32End(crc32Word(crc, (this.clientPort << 16) | this.servicePort));
  }

  /** CRC-32 of the client's address and port: 6 bytes for IPv4, 18 for IPv6. */
  hashClient(): number {
    let crc = CRC32_START;
    if (this.family === 6)
      crc = crc32Word(crc32Word(crc32Word(crc, this.clientA), this.clientB), this.clientC);
    return crc32End(crc32Half(crc32Word(crc, this.clientD), this.clientPort));
  }
}

/** Whether an ICMP message quotes a packet (RFC 792; RFC 4443 §2.1: errors lie below 128, and 4 kinds are known). */
function isIcmpError(family: 4 | 6, type: number): boolean {
  if (family === 4) return type === 3 || type === 11 || type === 12;
  return type >= 1 && type <= 4;
}

/** The token of the MP_JOIN in a SYN (RFC 8684 §3.2); -1 without. */
function joinToken(segment: TcpSegment): number {
  for (let i = 0; i < segment.mptcpCount; i++) {
    const at = segment.mptcpOffsets[i]!;
    const isJoin = segment.bytes[at + 2]! >>> 4 === MptcpSubtype.MP_JOIN;
    if (isJoin && segment.mptcpLengths[i] === 12) return readU32(segment.bytes, at + 4);
  }
  return -1;
}

/** Whether a packet with this verdict goes to a server. */
export function isForwarded(verdict: Verdict): boolean {
  return verdict.action === VerdictAction.DELIVER || verdict.action === VerdictAction.ENCAPSULATE;
}

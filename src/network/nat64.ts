/**
 * A stateful NAT64 for TCP, with the ICMP errors about it: the box at the edge of a network that has no IPv4, through which
 * its hosts reach IPv4. Owns bindings and their life; translates headers with nat64-translate.ts. What goes to other IPv6
 * addresses passes untouched. It does not translate UDP, echoes or fragments, and does not turn packets back inside.
 * Read first: RFC 6146 §3 (bindings, filtering, TCP) and §4 (times), RFC 7915 (headers), RFC 6052 (addresses).
 *
 * ```
 * host, IPv6 only          box                                  IPv4
 *   2001:db8::2 ---> 64:ff9b::192.0.2.1        198.51.100.1 ---> 192.0.2.1
 *          binding: [2001:db8::2]:40000  <->  198.51.100.1:23456
 * ```
 */

import { NEVER } from '../base/index.js';
import {
  embedIpv4,
  extractNat64,
  type IcmpError,
  IcmpUnreachableCode,
  type IpAddress,
  IpPacket,
  IpProtocol,
  isIcmpError,
  parseIcmp,
  parseIp,
  readU16,
  type Nat64Prefix,
} from '../wire/index.js';
import type { Packet } from './device.js';
import type { Direction, Middlebox, MiddleboxOutput } from './middlebox.js';
import { defaultMappingRules, type Mapping, type MappingOptions, MappingTable } from './nat-mapping.js';
import {
  errorToIpv4,
  errorToIpv6,
  HEADER_DIFFERENCE_BYTES,
  icmpPacket,
  translateQuotation,
  translateTcp,
} from './nat64-translate.js';
import { readIp, replacePort, tcpChecksumOffset, wireBytes } from './packet-edit.js';

export interface Nat64Options extends MappingOptions {
  /** What it answers for; a well-known prefix as well as one of the network's own. */
  readonly prefix: Nat64Prefix;
  /** The IPv4 address that it shows. */
  readonly publicAddress: IpAddress;
  /** Largest IPv6 packet towards the hosts, in bytes, 1280 or more. Default 1500. */
  readonly ipv6Mtu?: number;
  /** Largest IPv4 packet towards the network, in bytes. Default 1500. */
  readonly ipv4Mtu?: number;
  /** Most bindings at once; the one idle longest makes way. 1 to 32768, default 4096. */
  readonly maxBindings?: number;
}

/** What happened to packets. */
export class Nat64Counters {
  /** TCP segments, either way. */
  translated = 0;
  /** ICMP errors, either way. */
  errorsTranslated = 0;
  /** Came from IPv4 with no binding to go to. */
  droppedUnbound = 0;
  /** Came from a sender that the filter keeps out. */
  droppedFiltered = 0;
  /** Larger than the other side carries. */
  droppedTooBig = 0;
  /** What it does not translate, its hop limit used up, or nonsense. */
  droppedOther = 0;
}

/** A NAT64 as a box before a device: inside is IPv6, the network beyond the device IPv4 or both. */
export class Nat64 implements Middlebox {
  readonly counters = new Nat64Counters();
  private readonly options: Nat64Options & Required<Pick<Nat64Options, 'ipv4Mtu' | 'ipv6Mtu'>>;
  private readonly table: MappingTable;
  private readonly ip = new IpPacket();
  /** Identification of the next IPv4 packet that may be fragmented (RFC 6864 §4.3). */
  private identification = 0;
  /** The packet that was translated, read again. */
  private readonly result = new IpPacket();

  constructor(options: Nat64Options) {
    this.options = { ipv6Mtu: 1500, ipv4Mtu: 1500, ...options };
    const { maxBindings: maxMappings = defaultMappingRules.maxMappings } = options;
    // RFC 6146 §3.1: one binding for an inside endpoint, towards whomever.
    const mapping = 'endpoint-independent';
    this.table = new MappingTable({ ...defaultMappingRules, ...options, mapping, maxMappings });
  }

  /** Number of bindings held, expired ones that nobody asked for since included. */
  get bindingCount(): number {
    return this.table.size;
  }

  /** Forgets every binding, as a box does that restarts. */
  clear(): void {
    this.table.clear();
  }

  handlePacket(now: number, packet: Packet, direction: Direction, out: MiddleboxOutput): void {
    const { ip, counters } = this;
    if (!readIp(packet, ip)) {
      counters.droppedOther++;
    } else if (direction === 'outward') {
      this.handleOutward(now, packet, out);
    } else if (ip.family === 6) {
      out.pass(packet, 'inward');
    } else {
      this.handleInward(now, packet, out);
    }
  }

  /** Bindings end when they are looked up, so nothing is ever due. */
  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Nothing is ever due.
  }

  private handleOutward(now: number, packet: Packet, out: MiddleboxOutput): void {
    const { ip, counters, options } = this;
    const destination = ip.family === 6 ? extractNat64(options.prefix, ip.destination) : undefined;
    if (destination === undefined) {
      out.pass(packet, 'outward');
      return;
    }
    if (ip.isFragment || ip.hopLimit <= 1) counters.droppedOther++;
    else if (ip.protocol === IpProtocol.TCP && ip.payloadLength >= 20)
      this.translateOutward(now, packet, destination, out);
    else if (ip.protocol === IpProtocol.ICMPV6) this.complainOutward(now, packet, destination, out);
    else counters.droppedOther++;
  }

  private translateOutward(now: number, packet: Packet, destination: IpAddress, out: MiddleboxOutput): void {
    const { ip, counters, options, table } = this;
    const { publicAddress, ipv4Mtu } = options;
    if (wireBytes(packet, ip) - HEADER_DIFFERENCE_BYTES > ipv4Mtu) {
      counters.droppedTooBig++;
      const mtuBytes = ipv4Mtu + HEADER_DIFFERENCE_BYTES;
      const quotedBytes = packet.bytes.slice(0, 1232);
      const ends = { source: ip.destination, destination: ip.source };
      out.pass(icmpPacket(ends, { type: 'packet-too-big', code: 0, mtuBytes, quotedBytes }), 'inward');
      return;
    }
    const binding = table.forInside(now, packet.bytes, ip);
    binding.noteOutward(now, packet.bytes[ip.payloadOffset + 13]!);
    const translated = translateTcp(
      packet,
      ip,
      { source: publicAddress, destination },
      this.identification++,
    );
    if (translated === undefined) {
      counters.droppedTooBig++;
      return;
    }
    replacePort(translated.bytes, 20, binding.publicPort, 20 + tcpChecksumOffset, packet.needsChecksum);
    counters.translated++;
    out.pass(translated, 'outward');
  }

  private handleInward(now: number, packet: Packet, out: MiddleboxOutput): void {
    const { ip, counters, options } = this;
    if (!options.publicAddress.equalsBytes(packet.bytes, ip.destinationOffset)) counters.droppedUnbound++;
    else if (ip.isFragment || ip.hopLimit <= 1) counters.droppedOther++;
    else if (ip.protocol === IpProtocol.TCP && ip.payloadLength >= 20) this.translateInward(now, packet, out);
    else if (ip.protocol === IpProtocol.ICMP) this.complainInward(now, packet, out);
    else counters.droppedOther++;
  }

  private translateInward(now: number, packet: Packet, out: MiddleboxOutput): void {
    const { ip, counters, options, table } = this;
    const binding = table.byPort(now, readU16(packet.bytes, ip.payloadOffset + 2));
    if (binding === undefined) {
      counters.droppedUnbound++;
      return;
    }
    if (wireBytes(packet, ip) - ip.headerLength + 40 > options.ipv6Mtu) {
      this.refuseLarge(packet, out);
      return;
    }
    const ends = { source: embedIpv4(options.prefix, ip.source), destination: binding.insideAddress };
    const translated = translateTcp(packet, ip, ends, 0);
    if (translated === undefined || !readIp(translated, this.result)) {
      counters.droppedTooBig++;
    } else if (!table.mayEnter(binding, translated.bytes, this.result)) {
      counters.droppedFiltered++;
    } else {
      binding.noteInward(now, packet.bytes[ip.payloadOffset + 13]!);
      const at = 40 + tcpChecksumOffset;
      replacePort(translated.bytes, 42, binding.insidePort, at, packet.needsChecksum);
      counters.translated++;
      out.pass(translated, 'inward');
    }
  }

  /** Tells an IPv4 sender how much fits: 20 bytes less than on the IPv6 side (RFC 7915 §4.1, RFC 6145 §4). */
  private refuseLarge(packet: Packet, out: MiddleboxOutput): void {
    const { ip, counters, options } = this;
    counters.droppedTooBig++;
    if (!ip.dontFragment) return;
    const error: IcmpError = {
      type: 'unreachable',
      code: IcmpUnreachableCode.FRAGMENTATION_NEEDED,
      mtuBytes: options.ipv6Mtu - HEADER_DIFFERENCE_BYTES,
      quotedBytes: packet.bytes.slice(0, 548),
    };
    out.pass(icmpPacket({ source: options.publicAddress, destination: ip.source }, error), 'outward');
  }

  /** The IPv4 side complains about a packet that the box sent for a host. */
  private complainInward(now: number, packet: Packet, out: MiddleboxOutput): void {
    const { ip, counters, options, table } = this;
    const error = readError(packet, ip);
    const quoted = error?.quoted;
    const binding =
      quoted?.sourcePort !== undefined && quoted.source.equals(options.publicAddress)
        ? table.byPort(now, quoted.sourcePort)
        : undefined;
    if (error === undefined || quoted === undefined || binding === undefined) {
      counters.droppedOther++;
      return;
    }
    const quotation = translateQuotation(error, {
      source: binding.insideAddress,
      destination: embedIpv4(options.prefix, quoted.destination),
    });
    if (quotation !== undefined) renamePort(quotation, 40, binding.insidePort);
    const translated =
      quotation === undefined ? undefined : errorToIpv6(error, quotation.slice(0, 1232), options.ipv6Mtu);
    const ends = { source: embedIpv4(options.prefix, ip.source), destination: binding.insideAddress };
    this.passError(translated && icmpPacket(ends, translated), 'inward', out);
  }

  /** A host complains about a packet that the box sent it. */
  private complainOutward(now: number, packet: Packet, destination: IpAddress, out: MiddleboxOutput): void {
    const { ip, counters, options } = this;
    const error = readError(packet, ip);
    const quoted = error?.quoted;
    const source = quoted === undefined ? undefined : extractNat64(options.prefix, quoted.source);
    const binding = error === undefined ? undefined : this.bindingOfQuoted(now, error);
    if (error === undefined || source === undefined || binding === undefined) {
      counters.droppedOther++;
      return;
    }
    const quotation = translateQuotation(error, { source, destination: options.publicAddress });
    if (quotation !== undefined) renamePort(quotation, 22, binding.publicPort);
    const translated =
      quotation === undefined ? undefined : errorToIpv4(error, quotation.slice(0, 548), options.ipv4Mtu);
    const ends = { source: options.publicAddress, destination };
    this.passError(translated && icmpPacket(ends, translated), 'outward', out);
  }

  private bindingOfQuoted(now: number, error: IcmpError): Mapping | undefined {
    const { quotedBytes } = error;
    const quoted = this.result;
    // What is quoted is cut as a rule; 65535 stands for its unknown full length.
    if (parseIp(quotedBytes, 0, quotedBytes.length, quoted, 0xffff) !== undefined) return undefined;
    if (quoted.payloadAvailable < 4) return undefined;
    return this.table.findInsideOfQuoted(now, quoted.bytes, quoted);
  }

  private passError(packet: Packet | undefined, direction: Direction, out: MiddleboxOutput): void {
    if (packet === undefined) {
      this.counters.droppedOther++;
      return;
    }
    this.counters.errorsTranslated++;
    out.pass(packet, direction);
  }
}

/** The ICMP error in `packet` about a TCP packet; undefined for anything else. */
function readError(packet: Packet, ip: IpPacket): IcmpError | undefined {
  const message = parseIcmp(packet.bytes, ip.payloadOffset, ip.payloadLength, ip.family);
  if (!message.ok || !isIcmpError(message.value)) return undefined;
  return message.value.quoted?.protocol === IpProtocol.TCP ? message.value : undefined;
}

/** Writes a port of a quoted packet at `offset`; its TCP header begins at the multiple of 20 before. */
function renamePort(quotation: Uint8Array, offset: number, port: number): void {
  const checksumAt = offset - (offset % 20) + tcpChecksumOffset;
  replacePort(quotation, offset, port, checksumAt + 2 <= quotation.length ? checksumAt : -1, false);
}

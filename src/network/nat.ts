/**
 * A network address and port translator for TCP, with ICMP errors. Owns mappings and their life; it neither tracks
 * sequence numbers nor touches payload.
 * Read first: RFC 5382 (TCP behaviour), RFC 4787 §4 and §5 (mapping and filtering), RFC 5508 §4.2 (ICMP errors).
 */

import { NEVER } from '../base/index.js';
import { type IpAddress, IpPacket, IpProtocol, readU16 } from '../wire/index.js';
import type { Packet } from './device.js';
import type { Direction, Middlebox, MiddleboxOutput } from './middlebox.js';
import {
  defaultMappingRules,
  type Mapping,
  type MappingOptions,
  MappingTable,
  type NatBehaviour,
} from './nat-mapping.js';
import { translateIcmpError } from './nat-icmp.js';
import { readIp, replaceAddress, replacePort, transportChecksumAt } from './packet-edit.js';

export interface NatOptions extends MappingOptions {
  /** The addresses it shows to the network, one for each family it translates. */
  readonly publicAddresses: readonly IpAddress[];
  /** Whether an inside endpoint keeps its port towards every destination. Default: address-and-port-dependent. */
  readonly mapping?: NatBehaviour;
  /** Most mappings at once; the one idle longest makes way. 1 to 32768, default 4096. */
  readonly maxMappings?: number;
}

/** What happened to packets. */
export class NatCounters {
  translated = 0;
  /** Came from the network with no mapping to go to. */
  droppedUnmapped = 0;
  /** Came from a sender that the filter keeps out. */
  droppedFiltered = 0;
  /** No TCP and no ICMP error about it, a fragment, or nonsense. */
  droppedOther = 0;
}

/** A NAT as a box before a device. */
export class Nat implements Middlebox {
  readonly counters = new NatCounters();
  private readonly table: MappingTable;
  private publicAddresses: readonly IpAddress[];
  private readonly ip = new IpPacket();

  constructor(options: NatOptions) {
    this.publicAddresses = options.publicAddresses;
    this.table = new MappingTable({ ...defaultMappingRules, ...options });
  }

  /** Number of mappings held, expired ones that nobody asked for since included. */
  get mappingCount(): number {
    return this.table.size;
  }

  /** Forgets every mapping, as a box does that restarts: connections that go on get new ports. */
  rebind(publicAddresses: readonly IpAddress[] = this.publicAddresses): void {
    this.publicAddresses = publicAddresses;
    this.table.clear();
  }

  handlePacket(now: number, packet: Packet, direction: Direction, out: MiddleboxOutput): void {
    const { ip } = this;
    if (!readIp(packet, ip) || ip.isFragment) {
      this.counters.droppedOther++;
      return;
    }
    const isTranslated =
      ip.protocol === IpProtocol.TCP && ip.payloadLength >= 20
        ? this.translateTcp(now, packet, direction)
        : this.translateError(now, packet, direction);
    if (!isTranslated) return;
    this.counters.translated++;
    out.pass(packet, direction);
  }

  /** Mappings end when they are looked up, so nothing is ever due. */
  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Nothing is ever due.
  }

  private translateTcp(now: number, packet: Packet, direction: Direction): boolean {
    return direction === 'outward' ? this.translateOutward(now, packet) : this.translateInward(now, packet);
  }

  private translateOutward(now: number, packet: Packet): boolean {
    const { ip, table } = this;
    const { bytes } = packet;
    const publicAddress = this.publicAddressOf(ip.family);
    if (publicAddress === undefined) {
      this.counters.droppedOther++;
      return false;
    }
    const mapping = table.forInside(now, bytes, ip);
    mapping.noteOutward(now, bytes[ip.payloadOffset + 13]!);
    const checksumAt = transportChecksumAt(ip);
    replaceAddress(bytes, ip.sourceOffset, publicAddress, checksumAt, packet.needsChecksum);
    replacePort(bytes, ip.payloadOffset, mapping.publicPort, checksumAt, packet.needsChecksum);
    return true;
  }

  private translateInward(now: number, packet: Packet): boolean {
    const { ip, table } = this;
    const { bytes } = packet;
    const mapping = this.publicMapping(
      now,
      bytes,
      ip.destinationOffset,
      readU16(bytes, ip.payloadOffset + 2),
    );
    if (mapping === undefined) {
      this.counters.droppedUnmapped++;
      return false;
    }
    if (!table.mayEnter(mapping, bytes, ip)) {
      this.counters.droppedFiltered++;
      return false;
    }
    mapping.noteInward(now, bytes[ip.payloadOffset + 13]!);
    const checksumAt = transportChecksumAt(ip);
    replaceAddress(bytes, ip.destinationOffset, mapping.insideAddress, checksumAt, packet.needsChecksum);
    replacePort(bytes, ip.payloadOffset + 2, mapping.insidePort, checksumAt, packet.needsChecksum);
    return true;
  }

  private translateError(now: number, packet: Packet, direction: Direction): boolean {
    const { ip, table } = this;
    const isDone = translateIcmpError(packet, ip, direction, {
      byPublic: (bytes, offset, port) => this.publicMapping(now, bytes, offset, port),
      byInside: (bytes, quoted) => table.findInsideOfQuoted(now, bytes, quoted),
      publicAddress: this.publicAddressOf(ip.family),
    });
    if (!isDone) this.counters.droppedOther++;
    return isDone;
  }

  private publicAddressOf(family: 4 | 6): IpAddress | undefined {
    return this.publicAddresses.find((address) => address.family === family);
  }

  /** The mapping with this public address and port. */
  private publicMapping(now: number, bytes: Uint8Array, offset: number, port: number): Mapping | undefined {
    const publicAddress = this.publicAddressOf(this.ip.family);
    if (publicAddress?.equalsBytes(bytes, offset) !== true) return undefined;
    const mapping = this.table.byPort(now, port);
    return mapping?.insideAddress.family === publicAddress.family ? mapping : undefined;
  }
}

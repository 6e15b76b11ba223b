/** The mappings of a NAT or NAT64: who inside has which public port, for how long, and who may send to it. */

import { type RandomSource, randomBelow, SECOND, SubflowError } from '../base/index.js';
import { IpAddress, type IpPacket, readU16, TcpFlag } from '../wire/index.js';
import { endpointKey } from './packet-edit.js';

/** How a translator maps and filters, in the terms of RFC 4787. */
export type NatBehaviour = 'endpoint-independent' | 'address-and-port-dependent';

/** A range of ports, both ends included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** What a NAT and a NAT64 are told alike. */
export interface MappingOptions {
  /** Draws the ports. */
  readonly random: RandomSource;
  /** Who may send to a mapping: anybody, or only those it sent to (RFC 4787 §5, RFC 6146 §3.5.2.2). Default: the latter. */
  readonly filtering?: NatBehaviour;
  /** Idle time in ns after which a mapping of an established connection ends. Default 2 h 4 min (RFC 5382 §5). */
  readonly idleTimeoutNs?: number;
  /** The same while a connection opens, and once a FIN or RST was seen. Default 4 min. */
  readonly transitoryTimeoutNs?: number;
  /** First and last public port. Default 20000 to 59999. */
  readonly ports?: PortRange;
}

/** What decides how mappings live. */
export interface MappingRules extends Required<MappingOptions> {
  /** Whether an inside endpoint keeps its port towards every destination. */
  readonly mapping: NatBehaviour;
  /** Most mappings at once, 1 to 32768; the one idle longest makes way. */
  readonly maxMappings: number;
}

/** The rules where nobody says otherwise. */
export const defaultMappingRules: Omit<MappingRules, 'random'> = {
  mapping: 'address-and-port-dependent',
  filtering: 'address-and-port-dependent',
  idleTimeoutNs: 7440 * SECOND,
  transitoryTimeoutNs: 240 * SECOND,
  maxMappings: 4096,
  ports: { first: 20_000, last: 59_999 },
};

/** Most remote endpoints that one mapping remembers for its filter; the oldest is forgotten beyond that. */
const maxPermitted = 64;

/** One inside endpoint and its public port. */
export class Mapping {
  readonly insideAddress: IpAddress;
  readonly insidePort: number;
  readonly publicPort: number;
  /** The key under which the inside finds it. */
  readonly key: string;
  /** Remote endpoints that were sent to, oldest first. */
  readonly permitted = new Set<string>();
  /** When a packet last passed, in ns. */
  usedAt: number;
  /** A packet other than a SYN came from the network, and no end has been seen since the last SYN. */
  isEstablished = false;

  constructor(now: number, key: string, insideAddress: IpAddress, insidePort: number, publicPort: number) {
    this.usedAt = now;
    this.key = key;
    this.insideAddress = insideAddress;
    this.insidePort = insidePort;
    this.publicPort = publicPort;
  }

  /** A segment with these flags went out. */
  noteOutward(now: number, flags: number): void {
    this.usedAt = now;
    if ((flags & (TcpFlag.FIN | TcpFlag.RST | TcpFlag.SYN)) !== 0) this.isEstablished = false;
  }

  /** A segment with these flags came in. */
  noteInward(now: number, flags: number): void {
    this.usedAt = now;
    this.isEstablished = (flags & (TcpFlag.FIN | TcpFlag.RST)) === 0;
  }

  /** Notes that the mapping was used towards `remote`. */
  permit(remote: string): void {
    if (this.permitted.has(remote)) return;
    if (this.permitted.size >= maxPermitted) {
      for (const oldest of this.permitted) {
        this.permitted.delete(oldest);
        break;
      }
    }
    this.permitted.add(remote);
  }
}

/** All mappings of one NAT. They end when somebody looks for them too late. */
export class MappingTable {
  private readonly rules: MappingRules;
  private readonly byInside = new Map<string, Mapping>();
  private readonly ports = new Map<number, Mapping>();

  /** Throws `ERR_SUBFLOW_ARGUMENT` when so many mappings are too few, too many, or more than there are ports. */
  constructor(rules: MappingRules) {
    const room = rules.ports.last - rules.ports.first + 1;
    if (!(rules.maxMappings >= 1 && rules.maxMappings <= Math.min(32_768, room))) {
      throw new SubflowError(
        'ERR_SUBFLOW_ARGUMENT',
        `a NAT with ${room} ports cannot hold that many mappings`,
      );
    }
    this.rules = rules;
  }

  get size(): number {
    return this.ports.size;
  }

  /** Forgets all. */
  clear(): void {
    this.byInside.clear();
    this.ports.clear();
  }

  /** The mapping for a packet from inside, made where there is none. */
  forInside(now: number, bytes: Uint8Array, ip: IpPacket): Mapping {
    const port = readU16(bytes, ip.payloadOffset);
    const remote = endpointKey(bytes, ip.family, ip.destinationOffset, readU16(bytes, ip.payloadOffset + 2));
    const key = this.insideKey(bytes, ip, ip.sourceOffset, port, remote);
    let mapping = this.fresh(now, this.byInside.get(key));
    if (mapping === undefined) {
      if (this.ports.size >= this.rules.maxMappings) this.removeIdlest();
      const inside = IpAddress.read(ip.family, bytes, ip.sourceOffset);
      mapping = new Mapping(now, key, inside, port, this.drawPort(now));
      this.byInside.set(key, mapping);
      this.ports.set(mapping.publicPort, mapping);
    }
    mapping.permit(remote);
    return mapping;
  }

  /** The mapping whose inside endpoint a packet quoted by ICMP was sent to. */
  findInsideOfQuoted(now: number, bytes: Uint8Array, quoted: IpPacket): Mapping | undefined {
    const remote = endpointKey(
      bytes,
      quoted.family,
      quoted.sourceOffset,
      readU16(bytes, quoted.payloadOffset),
    );
    const port = readU16(bytes, quoted.payloadOffset + 2);
    const key = this.insideKey(bytes, quoted, quoted.destinationOffset, port, remote);
    return this.fresh(now, this.byInside.get(key));
  }

  /** The mapping with this public port. */
  byPort(now: number, port: number): Mapping | undefined {
    return this.fresh(now, this.ports.get(port));
  }

  /** Whether the sender of a packet from the network may reach `mapping`. */
  mayEnter(mapping: Mapping, bytes: Uint8Array, ip: IpPacket): boolean {
    if (this.rules.filtering === 'endpoint-independent') return true;
    const remote = endpointKey(bytes, ip.family, ip.sourceOffset, readU16(bytes, ip.payloadOffset));
    return mapping.permitted.has(remote);
  }

  /** A port that no mapping has; there are more ports than mappings. */
  private drawPort(now: number): number {
    const { random, ports } = this.rules;
    const { first, last } = ports;
    let port = first + randomBelow(random, last - first + 1);
    while (this.byPort(now, port) !== undefined) port = port === last ? first : port + 1;
    return port;
  }

  private insideKey(
    bytes: Uint8Array,
    ip: IpPacket,
    addressOffset: number,
    port: number,
    remote: string,
  ): string {
    const inside = endpointKey(bytes, ip.family, addressOffset, port);
    return this.rules.mapping === 'endpoint-independent' ? inside : `${inside}>${remote}`;
  }

  /** `mapping` unless its time is over, in which case it goes. */
  private fresh(now: number, mapping: Mapping | undefined): Mapping | undefined {
    if (mapping === undefined) return undefined;
    const { idleTimeoutNs, transitoryTimeoutNs } = this.rules;
    if (now - mapping.usedAt <= (mapping.isEstablished ? idleTimeoutNs : transitoryTimeoutNs)) return mapping;
    this.remove(mapping);
    return undefined;
  }

  private removeIdlest(): void {
    let idlest: Mapping | undefined;
    for (const mapping of this.ports.values()) {
      if (idlest === undefined || mapping.usedAt < idlest.usedAt) idlest = mapping;
    }
    if (idlest !== undefined) this.remove(idlest);
  }

  private remove(mapping: Mapping): void {
    this.byInside.delete(mapping.key);
    this.ports.delete(mapping.publicPort);
  }
}

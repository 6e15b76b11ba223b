/**
 * What a packet costs each design in TypeScript, and whether that depends on the number of connections: ns to read an ACK of 52 bytes
 * and to decide on it, with 10^3, 10^5 and 10^7 connections (`balancer.steer.DESIGN.1e3.ns` and so on), whose packets come in no order;
 * and the last against the first (`.flatness`). A connection is in the tables of a design that has any: as a flow with `stateful`, as a
 * token and a join with `token-map`, where the packet is of the join. The three take turns, and each figure is the best of many
 * runs. One design a process, since code that has seen all of them decides slower. Takes up to 1 GB, for the tables of 10^7.
 */
import { Balancer, defaultJoinPortBase, type DesignName } from '../src/balancer/index.js';
import { SECOND, SeededRandom } from '../src/base/index.js';
import {
  emitMptcpOption,
  IpAddress,
  IpProtocol,
  TcpFlag,
  viewOf,
  writeIpHeader,
  writeU16,
  writeU32,
} from '../src/wire/index.js';
import type { BenchResult } from './result.js';

const sizes = [1e3, 1e5, 1e7] as const;
const servers = 16;
/** Servers that clients' packets name, by the low bits of the number of a connection. */
const serverMask = servers - 1;
const rounds = 100;
const packetsEach = 10_000;
/** Tokens that balancers tell each other at once. */
const tokensAtOnce = 10_000;
/** No entry ends by time. */
const now = SECOND;

/** What the cost at 10^7 may be against that at 10^3, for designs that keep nothing of a connection. */
const flatTarget = 1.25;

const ipBytes = 20;
const tcpBytes = 20;
const optionsBytes = 12;
const service = IpAddress.parse('192.0.2.80')!;

/** Spreads numbers over 32 bits, one to one, so that connections differ in their addresses. */
function spread(word: number): number {
  let x = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** A packet of a client, to be filled with its address, port and what it says of its server. */
class ClientPacket {
  readonly bytes = new Uint8Array(ipBytes + tcpBytes + optionsBytes);
  private readonly hasPort: boolean;

  constructor(design: DesignName, flags: number) {
    this.hasPort = design === 'beamer' || design === 'direct-address';
    const view = viewOf(this.bytes);
    writeIpHeader(view, 0, {
      ...{ source: service, destination: service, protocol: IpProtocol.TCP },
      ...{ payloadLength: tcpBytes + optionsBytes, hopLimit: 64, dscpEcn: 0 },
    });
    writeU16(this.bytes, 22, 80);
    this.bytes[32] = ((tcpBytes + optionsBytes) / 4) << 4;
    this.bytes[33] = flags;
    // Two NOPs and timestamps.
    this.bytes.set([1, 1, 8, 10], 40);
  }

  /** Makes it one of connection `index`. */
  fill(index: number): void {
    const { bytes } = this;
    writeU32(bytes, 12, spread(index));
    writeU16(bytes, 20, 1024 + (index % 60_000));
    const server = 1 + (index & serverMask);
    // Every other packet goes by the hash, as those of first subflows do.
    if (this.hasPort) writeU16(bytes, 22, (index & 16) === 0 ? 80 : defaultJoinPortBase + server);
    writeU32(bytes, 48, 0x1234_5600 | server);
  }

  /** Makes its option an MP_JOIN with the token of connection `index`. */
  join(index: number): void {
    this.fill(index);
    emitMptcpOption(
      { subtype: 'MP_JOIN', phase: 'syn', backup: false, addressId: 1, token: tokenOf(index), nonce: 1 },
      this.bytes,
      ipBytes + tcpBytes,
    );
  }
}

function tokenOf(index: number): number {
  return spread(index ^ 0x2545_f491);
}

/** A balancer with `connections` in its tables. */
function balancerWith(design: DesignName, connections: number): Balancer {
  const balancer = new Balancer(now, {
    design,
    services: [{ address: service, port: 80 }],
    servers: Array.from({ length: servers }, (_, index) => ({
      id: index + 1,
      address: IpAddress.parse(`10.9.0.${index + 1}`)!,
    })),
    random: new SeededRandom(1),
    settings: { maxFlows: connections, maxNewFlows: connections, maxTokens: connections },
  });
  if (design === 'token-map') fillTokens(balancer, connections);
  if (design !== 'stateful') return balancer;
  const packet = new ClientPacket(design, TcpFlag.ACK);
  for (let index = 0; index < connections; index++) {
    packet.fill(index);
    balancer.steer(now, packet.bytes);
  }
  return balancer;
}

/** Tokens as from another balancer, and a join for each. */
function fillTokens(balancer: Balancer, connections: number): void {
  for (let first = 0; first < connections; first += tokensAtOnce) {
    const count = Math.min(tokensAtOnce, connections - first);
    const entries = Array.from({ length: count }, (_, at) => ({
      ...{ token: tokenOf(first + at), version: 1 as const, server: 1 + ((first + at) & serverMask) },
    }));
    balancer.importTokens(now, entries);
  }
  const packet = new ClientPacket('token-map', TcpFlag.SYN);
  for (let index = 0; index < connections; index++) {
    packet.join(index);
    balancer.steer(now, packet.bytes);
  }
}

/** Packets of connections in no order; gives ns for each. */
function round(balancer: Balancer, packet: ClientPacket, connections: number, start: number): number {
  let sum = 0;
  const begun = process.hrtime.bigint();
  for (let i = 0; i < packetsEach; i++) {
    packet.fill(spread(start + i) % connections);
    sum += balancer.steer(now, packet.bytes).server!.id;
  }
  const ns = Number(process.hrtime.bigint() - begun) / packetsEach;
  if (Number.isNaN(sum)) throw new Error('a packet went nowhere');
  return ns;
}

/** The figures of one design. */
export function run(design: DesignName): Promise<BenchResult[]> {
  const packet = new ClientPacket(design, TcpFlag.ACK);
  const balancers = sizes.map((size) => balancerWith(design, size));
  const least = sizes.map(() => Number.POSITIVE_INFINITY);
  for (let at = 0; at < rounds; at++) {
    sizes.forEach((size, i) => {
      least[i] = Math.min(least[i]!, round(balancers[i]!, packet, size, at * packetsEach));
    });
  }
  const keepsFlows = design === 'stateful' || design === 'token-map';
  const name = `balancer.steer.${design}`;
  return Promise.resolve([
    ...sizes.map((size, i): BenchResult => ({
      ...{ name: `${name}.1e${Math.log10(size)}.ns`, value: Number(least[i]!.toFixed(1)), unit: 'ns' },
      ...{ better: 'lower', target: null, peer: null },
    })),
    {
      ...{ name: `${name}.flatness`, value: Number((least[2]! / least[0]!).toFixed(2)), unit: 'ratio' },
      ...{ better: 'lower', target: keepsFlows ? null : flatTarget, peer: `${name}.1e3.ns` },
    },
  ]);
}

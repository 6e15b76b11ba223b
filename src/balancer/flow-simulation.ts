/**
 * A service under changes of servers, flow by flow and without an engine, so that millions of connections fit: each has a first
 * subflow and a join from another address; then a server comes, one drains, one dies, and after each of that every subflow sends a
 * packet. The design under test is the real one; the packets are made up as it reads them. What servers do is taken for granted:
 * keys that own them, announced ports, flag C that clients heed, the daisy chain. Same seed, same result.
 */
import { SECOND, SeededRandom, SubflowError, uint64ToBigInt } from '../base/index.js';
import { deriveToken, emitMptcpOption, IpAddress, TcpFlag } from '../wire/index.js';
import { type DesignName, designNamed } from './designs.js';
import { scramble } from './maglev.js';
import { PacketView } from './packet-view.js';
import { ServerSet, type ServerSpec } from './servers.js';
import { defaultSteeringSettings, type SteeringSettings } from './settings.js';
import type { Steering } from './steering.js';
import { Verdict } from './verdict.js';

/** Most connections of one simulation. */
export const maxSimulatedConnections = 10_000_000;
/** Servers at first. */
const serverCount = 10;
/** Time between two events. */
const stepNs = 30 * SECOND;
/** Connections that begin within a second. */
const connectionsPerSecond = 200_000;

/** What to simulate. */
export interface FlowSimulationOptions {
  readonly design: DesignName;
  /** 1 to {@link maxSimulatedConnections}. */
  readonly connections: number;
  readonly seed: number;
}

/** What came of it. Broken ones are counted only where the connection's server lives on. */
export interface FlowSimulationRow {
  readonly design: DesignName;
  readonly connections: number;
  readonly joins: number;
  /** Connections without a subflow that reaches their server any more. */
  readonly brokenConnections: number;
  /** Joins that never reached their server, or do not any more. */
  readonly brokenJoins: number;
  /** Bytes in the balancer's tables for each connection, its join included. */
  readonly bytesPerConnection: number;
  /** Connections of the busiest server at first, against the mean. */
  readonly busiestShare: number;
  /** Packets that a server forwarded to another. */
  readonly detours: number;
}

/** Bits of {@link FlowSimulation.broken}. */
const Broken = { FIRST: 1, JOIN: 2 } as const;

/** Runs one simulation. Throws `ERR_SUBFLOW_ARGUMENT`. */
export function simulateFlows(options: FlowSimulationOptions): FlowSimulationRow {
  const { connections } = options;
  if (!Number.isInteger(connections) || connections < 1 || connections > maxSimulatedConnections) {
    throw new SubflowError(
      'ERR_SUBFLOW_ARGUMENT',
      `connections: a whole number from 1 to ${maxSimulatedConnections}, not ${connections}`,
    );
  }
  return new FlowSimulation(options).run();
}

class FlowSimulation {
  private readonly options: FlowSimulationOptions;
  private readonly steering: Steering;
  private readonly packet = new PacketView();
  private readonly verdict = new Verdict();
  private readonly random: SeededRandom;
  private readonly serverMask: number;
  /** Server that each connection began with. */
  private readonly homes: Uint16Array;
  /** Subflows of each that do not reach its server. */
  private readonly broken: Uint8Array;
  private readonly keyBytes = new Uint8Array(20);
  private servers: ServerSet;
  private now = 0;
  private detours = 0;

  constructor(options: FlowSimulationOptions) {
    const { connections, design, seed } = options;
    const settings = settingsFor(connections);
    this.options = options;
    this.random = new SeededRandom(seed);
    this.serverMask = 2 ** settings.serverBits - 1;
    this.servers = new ServerSet(specs(serverCount));
    this.steering = designNamed(design)(0, { settings, servers: this.servers, random: this.random.fork() });
    this.homes = new Uint16Array(connections);
    this.broken = new Uint8Array(connections);
    this.packet.serviceD = 0xc000_0250 | 0;
  }

  run(): FlowSimulationRow {
    const { options, steering } = this;
    const { connections, design } = options;
    for (let index = 0; index < connections; index++) this.begin(index);
    const busiestShare = this.busiestShare();
    const bytesPerConnection = steering.tableBytes / connections;
    this.change([...specs(serverCount), spec(serverCount + 1)]);
    const draining = { ...spec(2), state: 'draining' } as const;
    const rest = [...specs(serverCount), spec(serverCount + 1)].filter(({ id }) => id !== 2);
    this.change([...rest, draining]);
    this.change([...rest.filter(({ id }) => id !== 3), draining]);
    return {
      ...{ design, connections, joins: connections },
      ...this.count(),
      ...{ bytesPerConnection, busiestShare, detours: this.detours },
    };
  }

  /** A connection, and a join to it. */
  private begin(index: number): void {
    const { packet } = this;
    this.now += SECOND / connectionsPerSecond;
    if (index % 1024 === 0) this.tick();
    this.setFlow(index, 0);
    packet.isSyn = true;
    packet.flags = TcpFlag.SYN;
    const home = this.steer();
    this.homes[index] = home;
    const token = this.sendKey(home);
    this.setFlow(index, home);
    this.setJoin(index, home);
    packet.isSyn = true;
    packet.flags = TcpFlag.SYN;
    packet.joinToken = token;
    if (this.steer() !== home) this.broken[index] = Broken.JOIN;
    this.sendData(index);
  }

  /** The third ACK of the connection; gives the token that its server drew. */
  private sendKey(home: number): number {
    const { packet, keyBytes, random, options } = this;
    const key = { hi: random.nextUint32(), lo: random.nextUint32() };
    packet.isSyn = false;
    packet.flags = TcpFlag.ACK;
    packet.serverStamp = this.stampOf(home);
    // Only these two designs read the token, and only the second from the key: there a hash like any other will do.
    if (options.design !== 'token-map') {
      this.steer();
      return ((key.hi & ~this.serverMask) | home) >>> 0;
    }
    const keys = { senderKey: 1n, receiverKey: uint64ToBigInt(key) };
    emitMptcpOption({ subtype: 'MP_CAPABLE', version: 1, flags: 1, ...keys }, keyBytes, 0);
    packet.segment.bytes = keyBytes;
    packet.segment.mptcpOffsets[0] = 0;
    packet.segment.mptcpLengths[0] = keyBytes.length;
    packet.segment.mptcpCount = 1;
    this.steer();
    packet.segment.mptcpCount = 0;
    return deriveToken(key, 1);
  }

  /** A packet of either subflow of a connection; notes what does not reach its server. */
  private sendData(index: number): void {
    const { broken, homes } = this;
    const home = homes[index]!;
    this.setFlow(index, home);
    if ((broken[index]! & Broken.FIRST) === 0 && !this.reaches(home)) broken[index]! |= Broken.FIRST;
    if ((broken[index]! & Broken.JOIN) !== 0) return;
    this.setFlow(index, home);
    this.setJoin(index, home);
    if (!this.reaches(home)) broken[index]! |= Broken.JOIN;
  }

  /** Whether the packet at hand comes to `home`, by the server that has its bucket now if need be. */
  private reaches(home: number): boolean {
    if (this.steer() === home) return true;
    if (this.verdict.previous?.id !== home) return false;
    this.detours++;
    return true;
  }

  /** An ordinary packet of the first subflow. */
  private setFlow(index: number, home: number): void {
    const { packet, options } = this;
    const draw = scramble(index ^ scramble(options.seed));
    packet.clientD = draw | 0;
    packet.clientPort = 1024 + (scramble(draw ^ index) % 64_000);
    packet.servicePort = 80;
    packet.portServer = 0;
    packet.flags = TcpFlag.ACK;
    packet.isSyn = false;
    packet.joinToken = -1;
    packet.serverStamp = home === 0 ? 0 : this.stampOf(home);
  }

  /** Makes it one of the join. */
  private setJoin(index: number, home: number): void {
    const { packet, options } = this;
    packet.clientD = scramble(packet.clientD ^ 0x5555_5555) | 0;
    packet.clientPort = 1024 + (scramble(packet.clientD ^ index) % 64_000);
    if (options.design === 'beamer' || options.design === 'direct-address') {
      packet.portServer = home;
      packet.servicePort = 49_152 + home;
    }
  }

  private stampOf(home: number): number {
    return ((0x1234_5600 & ~this.serverMask) | home) >>> 0;
  }

  /** The server that the packet at hand goes to; 0 for none. */
  private steer(): number {
    this.steering.steer(this.now, this.packet, this.verdict);
    return this.verdict.server?.id ?? 0;
  }

  private tick(): void {
    if (this.steering.pollTimeout() <= this.now) this.steering.handleTimeout(this.now);
  }

  /** A new list of servers, and a packet of every subflow that is left. */
  private change(list: readonly ServerSpec[]): void {
    this.now += stepNs;
    this.tick();
    this.servers = new ServerSet(list);
    this.steering.setServers(this.now, this.servers);
    for (let index = 0; index < this.options.connections; index++) {
      if (this.servers.find(this.homes[index]!) !== undefined) this.sendData(index);
    }
  }

  private count(): { readonly brokenConnections: number; readonly brokenJoins: number } {
    let brokenConnections = 0;
    let brokenJoins = 0;
    this.broken.forEach((bits, index) => {
      if (this.servers.find(this.homes[index]!) === undefined) return;
      if (bits === (Broken.FIRST | Broken.JOIN)) brokenConnections++;
      if ((bits & Broken.JOIN) !== 0) brokenJoins++;
    });
    return { brokenConnections, brokenJoins };
  }

  private busiestShare(): number {
    const counts = new Float64Array(serverCount + 1);
    for (const home of this.homes) counts[home]!++;
    return (Math.max(...counts) * serverCount) / this.options.connections;
  }
}

function spec(id: number): ServerSpec {
  return { id, address: new IpAddress(4, 0, 0, 0, 0x0a09_0000 + id) };
}

function specs(count: number): ServerSpec[] {
  return Array.from({ length: count }, (_, index) => spec(index + 1));
}

/** Tables with room for all, so that designs are compared and not limits. */
function settingsFor(connections: number): SteeringSettings {
  const flows = Math.max(1024, 2 * connections);
  return {
    ...defaultSteeringSettings,
    ...{ maxFlows: flows, maxNewFlows: flows, maxTokens: Math.max(1024, connections) },
  };
}

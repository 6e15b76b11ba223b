/** What a simulation of flows gives, and the sums that it follows from. */
import type { DesignName } from './designs.js';
import { encapsulationBytes } from './encapsulation.js';
import { maxSimulatedServers } from './flow-simulation-scenario.js';
import type { ServerSet } from './servers.js';

/** What one event did. */
export interface FlowSimulationEvent {
  /** The event, as in `add` and `add:2`; `start` for the beginning of all connections. */
  readonly event: string;
  /** Connections that lost their last subflow by it, and joins that broke or never came up, whose server lived on then. */
  readonly brokenConnections: number;
  readonly brokenJoins: number;
  /** Packets that a server forwarded to another. */
  readonly detours: number;
}

/** What came of it. Broken ones are counted only where the connection's server lives on. */
export interface FlowSimulationRow {
  readonly design: DesignName;
  readonly connections: number;
  /** Joins of all connections together. */
  readonly joins: number;
  /** Connections without a subflow that reaches their server any more. */
  readonly brokenConnections: number;
  /** Joins that never reached their server, or do not any more. */
  readonly brokenJoins: number;
  /** Bytes in the tables of all balancers for each connection, its joins included, when they took most. */
  readonly bytesPerConnection: number;
  /** Connections of the busiest server at first, against the mean; each server's divided by its weight. */
  readonly busiestShare: number;
  /** Standard deviation of those, against the mean. */
  readonly variation: number;
  /** Packets that came to a balancer. */
  readonly packets: number;
  /** Packets that a server forwarded to another. */
  readonly detours: number;
  /**
   * Packets that came to their server although the hash of their addresses and ports names another: that of the bucket for first
   * subflows with `beamer`, of the Maglev table elsewhere. None for designs that have the hash only.
   */
  readonly misSteersAvoided: number;
  /** Bytes that encapsulation adds, on average over all packets; those that take a detour have it twice. */
  readonly encapsulationBytesPerPacket: number;
  /** Bytes of options by which servers announce where joins go, echo included, for each connection. */
  readonly announcementBytesPerConnection: number;
  /** Tokens that a balancer got to know from another, and those that it should have but missed. */
  readonly tokensShared: number;
  readonly tokensMissed: number;
  /** Tokens that two servers drew. */
  readonly tokenCollisions: number;
  /** What each event did, in order. */
  readonly events: readonly FlowSimulationEvent[];
}

/** Sums that grow while packets go. */
export class FlowTally {
  packets = 0;
  detours = 0;
  misSteersAvoided = 0;
  /** Encapsulations; of a packet that takes a detour, two. */
  encapsulations = 0;
  readonly events: FlowSimulationEvent[] = [];
  /** What the event at hand did so far. */
  brokenConnections = 0;
  brokenJoins = 0;
  private detoursBefore = 0;

  /** Closes the books on an event. */
  endEvent(event: string): void {
    const { brokenConnections, brokenJoins, detours } = this;
    this.events.push({ event, brokenConnections, brokenJoins, detours: detours - this.detoursBefore });
    this.brokenConnections = 0;
    this.brokenJoins = 0;
    this.detoursBefore = detours;
  }

  get encapsulationBytesPerPacket(): number {
    return (this.encapsulations * encapsulationBytes(4)) / this.packets;
  }
}

/** How evenly connections are spread over servers. */
export function spread(
  homes: Uint16Array,
  servers: ServerSet,
): { readonly busiestShare: number; readonly variation: number } {
  const counts = new Float64Array(maxSimulatedServers + 1);
  for (const home of homes) counts[home]!++;
  const loads = servers.up.map(({ id, weight }) => counts[id]! / weight);
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  const variance = loads.reduce((sum, load) => sum + (load - mean) ** 2, 0) / loads.length;
  return { busiestShare: Math.max(...loads) / mean, variation: Math.sqrt(variance) / mean };
}

/** Bytes in TCP headers of an IPv4 ADD_ADDR with a port and its HMAC, and of its echo, padded to words (RFC 8684 §3.4.1: 18 and 10). */
const announcedBytes = 20;
const echoedBytes = 12;

/** Bytes by which a server of `design` announces its port to a connection. */
export function announcementBytes(design: DesignName): number {
  return design === 'beamer' || design === 'direct-address' ? announcedBytes + echoedBytes : 0;
}

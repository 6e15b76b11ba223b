/** The runs of `load-balancers`: the engine at both ends of each connection, and the same flow by flow in larger numbers. */

import { type DesignName, type ScenarioEvent, simulateFlows } from '../../balancer/index.js';
import { type Estimate, estimate } from '../confidence.js';
import { BalancedWorld, type ClientConnection } from './balanced-world.js';

/** What happens, in order. */
export const incidents = ['added', 'drained', 'died', 'taken over'] as const;

/** The same as events of the simulation of flows. */
const events: readonly ScenarioEvent[] = [
  { kind: 'add' },
  { kind: 'drain', server: 2 },
  { kind: 'kill', server: 3 },
  { kind: 'restart' },
];

/** The parameters. */
export interface BalancingParameters {
  readonly clients: number;
  readonly perClient: number;
  readonly servers: number;
  readonly runs: number;
  readonly flows: number;
}

/** One run; shares are of connections. */
export interface BalancingRun {
  /** Connections with a join that came to their server. */
  readonly joinedShare: number;
  /** Joins that came to a server which does not know their token. */
  readonly strayPerConnection: number;
  /** Connections that broke by each incident although their server lives on. */
  readonly brokenShares: readonly number[];
  /** Packets that a server forwarded to another, of those that came to a balancer. */
  readonly detourShare: number;
  /** Bytes that encapsulation by the balancer added, on average over its packets. */
  readonly overheadBytesPerPacket: number;
}

/** The runs of one design, by level. */
export interface DesignRuns {
  readonly design: DesignName;
  readonly level: 'engine' | 'flows';
  readonly runs: readonly BalancingRun[];
}

/** An estimate over the runs of one design. */
export function over({ runs }: DesignRuns, valueOf: (run: BalancingRun) => number): Estimate {
  return estimate(runs.map(valueOf));
}

/** Runs one design with the engine. */
export function runEngine(design: DesignName, parameters: BalancingParameters, seed: number): BalancingRun {
  const { clients, perClient, servers } = parameters;
  const world = new BalancedWorld({ design, clients, perClient, servers, seed });
  world.connectAll();
  const count = world.connections.length;
  const joinedShare = world.joined / count;
  const strayPerConnection = world.strayJoins / count;
  const broken = new Set<ClientConnection>();
  const happen = [
    () => world.setServer(servers + 1, 'up'),
    () => world.setServer(2, 'draining'),
    () => world.setServer(3, 'gone'),
    () => world.takeOver(),
  ];
  let packets = 0;
  const brokenShares = happen.map((act, index) => {
    const before = broken.size;
    // A balancer that is replaced takes its counters with it.
    if (index === happen.length - 1) packets += world.balancer.counters.packets;
    act();
    for (const connection of world.brokenConnections()) broken.add(connection);
    return (broken.size - before) / count;
  });
  packets += world.balancer.counters.packets;
  const overheadBytesPerPacket = world.machine.counters.overheadBytes / packets;
  return {
    ...{ joinedShare, strayPerConnection, brokenShares, overheadBytesPerPacket },
    detourShare: world.detours / packets,
  };
}

/** Runs one design flow by flow. */
export function runFlows(design: DesignName, parameters: BalancingParameters, seed: number): BalancingRun {
  const { flows: connections, servers } = parameters;
  const row = simulateFlows({ design, connections, servers, seed, events });
  const [start, ...rest] = row.events;
  const strayPerConnection = start!.brokenJoins / connections;
  return {
    ...{ joinedShare: 1 - strayPerConnection, strayPerConnection },
    brokenShares: rest.map(({ brokenConnections }) => brokenConnections / connections),
    detourShare: row.detours / row.packets,
    overheadBytesPerPacket: row.encapsulationBytesPerPacket,
  };
}

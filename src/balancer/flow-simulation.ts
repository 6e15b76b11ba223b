/**
 * A service under changes of servers and routes, flow by flow and without an engine, so that millions of connections fit: each has a
 * first subflow and joins from other addresses; then servers come, drain, die and leave, and after each of that every subflow sends a
 * packet. The design under test is the real one; the packets are made up as it reads them. What servers do is taken for granted:
 * keys that own them, announced ports, flag C that clients heed, the daisy chain. A subflow that came to a wrong server once
 * is over, since that server resets it. Same seed, same result.
 *
 * How to drive it: {@link FlowSimulation.advance} until it gives false; then {@link FlowSimulation.row}. {@link simulateFlows} does both.
 */
import { SECOND, SeededRandom, SubflowError } from '../base/index.js';
import type { DesignName } from './designs.js';
import { FlowBalancers } from './flow-simulation-balancers.js';
import { FlowPackets, maxSimulatedJoins } from './flow-simulation-packets.js';
import { announcementBytes, type FlowSimulationRow, FlowTally, spread } from './flow-simulation-row.js';
import {
  defaultScenarioEvents,
  requireWithin,
  type ScenarioEvent,
  type ScenarioStep,
  scenarioSteps,
} from './flow-simulation-scenario.js';
import { MaglevTable } from './maglev.js';
import type { ServerSet } from './servers.js';
import { defaultSteeringSettings, type SteeringSettings } from './settings.js';
import { Verdict, VerdictAction } from './verdict.js';

/** Most connections of one simulation. */
export const maxSimulatedConnections = 10_000_000;
/** Most subflows of one simulation: as many flows as a table holds. */
export const maxSimulatedSubflows = 2 ** 25;
/** Connections that begin within a second. */
const connectionsPerSecond = 200_000;
/** Connections that begin between two looks at the clock. */
const connectionsPerTick = 1024;
/** Longest time between two events. */
const maxIntervalNs = 24 * 3600 * SECOND;

/** What to simulate. */
export interface FlowSimulationOptions {
  readonly design: DesignName;
  /** 1 to {@link maxSimulatedConnections}. */
  readonly connections: number;
  readonly seed: number;
  /** Joins of each connection, 0 to {@link maxSimulatedJoins}; all subflows together are {@link maxSimulatedSubflows} at most. Default 1. */
  readonly joins?: number;
  /** Servers at first, 1 to 255. Default 10. */
  readonly servers?: number;
  /** Weights of servers in the order of their numbers, over and over: 1 to 100. Default 1 for all. */
  readonly weights?: readonly number[];
  /** Balancers side by side, 1 to 8. Default 1. */
  readonly balancers?: number;
  /** What happens, in order, once all connections are there. Default {@link defaultScenarioEvents}. */
  readonly events?: readonly ScenarioEvent[];
  /** Times that routers change their hash, spread evenly among the events. Default 0. */
  readonly routeFlaps?: number;
  /** Time between two events, 1 ns to a day. Default 30 s. */
  readonly intervalNs?: number;
  /** `token-map`: share of tokens that a balancer never hears of from another, 0 to 1. Default 0. */
  readonly missedTokens?: number;
}

/** Throws `ERR_SUBFLOW_ARGUMENT` unless `options` can be simulated. */
export function checkFlowSimulation(options: FlowSimulationOptions): void {
  checkNumbers(options);
  stepsOf(options, new SeededRandom(options.seed));
}

/** Runs one simulation. Throws `ERR_SUBFLOW_ARGUMENT`. */
export function simulateFlows(options: FlowSimulationOptions): FlowSimulationRow {
  const simulation = new FlowSimulation(options);
  while (simulation.advance(maxSimulatedConnections));
  return simulation.row();
}

/** See the module. */
export class FlowSimulation {
  private readonly options: FlowSimulationOptions;
  private readonly joins: number;
  private readonly intervalNs: number;
  private readonly steps: readonly ScenarioStep[];
  private readonly balancers: FlowBalancers;
  private readonly packets: FlowPackets;
  private readonly verdict = new Verdict();
  private readonly tally = new FlowTally();
  /** Server that each connection began with. */
  private readonly homes: Uint16Array;
  /** Subflows of each that do not reach its server: bit 0 for the first, and one for each join. */
  private readonly broken: Uint8Array;
  /** All of those bits. */
  private readonly allBroken: number;
  /** The hash that would decide alone; undefined where it does. */
  private plain: MaglevTable | undefined = undefined;
  private servers: ServerSet;
  private now = 0;
  /** Place of the step at hand, and of the connection that is next in it. */
  private step = 0;
  private next = 0;
  private peakBytes = 0;
  private initialSpread = { busiestShare: 1, variation: 0 };

  /** Throws `ERR_SUBFLOW_ARGUMENT`. */
  constructor(options: FlowSimulationOptions) {
    const { connections, design, seed, joins = 1, balancers = 1, missedTokens = 0 } = options;
    checkNumbers(options);
    this.options = options;
    this.joins = joins;
    this.intervalNs = options.intervalNs ?? 30 * SECOND;
    const random = new SeededRandom(seed);
    this.steps = stepsOf(options, random);
    this.servers = this.steps[0]!.servers;
    const settings = settingsFor(connections, joins);
    this.balancers = new FlowBalancers({
      ...{ design, count: balancers, settings, servers: this.servers, missedTokens },
      random: random.fork(),
    });
    this.packets = new FlowPackets(design, seed, settings.serverBits, random.fork());
    this.homes = new Uint16Array(connections);
    this.broken = new Uint8Array(connections);
    this.allBroken = 2 ** (joins + 1) - 1;
    this.enter(this.steps[0]!);
  }

  /** Share of the work that is done, 0 to 1. */
  get progress(): number {
    return (this.step + this.next / this.options.connections) / this.steps.length;
  }

  /** Lets the next `connections` connections do what is due; false when all is done. */
  advance(connections: number): boolean {
    const { steps } = this;
    if (this.step === steps.length) return false;
    const end = Math.min(this.options.connections, this.next + connections);
    for (; this.next < end; this.next++) {
      if (this.step === 0) this.begin(this.next);
      else if (this.servers.find(this.homes[this.next]!) !== undefined) this.sendData(this.next);
    }
    if (this.next < this.options.connections) return true;
    this.leave(steps[this.step]!);
    this.step++;
    this.next = 0;
    if (this.step === steps.length) return false;
    this.change(steps[this.step]!);
    return true;
  }

  /** What came of it, once all is done. */
  row(): FlowSimulationRow {
    const { options, tally, balancers } = this;
    const { design, connections } = options;
    return {
      ...{ design, connections, joins: connections * this.joins },
      ...this.countBroken(),
      bytesPerConnection: this.peakBytes / connections,
      ...this.initialSpread,
      ...{ packets: tally.packets, detours: tally.detours, misSteersAvoided: tally.misSteersAvoided },
      encapsulationBytesPerPacket: tally.encapsulationBytesPerPacket,
      announcementBytesPerConnection: announcementBytes(design),
      ...{ tokensShared: balancers.tokensShared, tokensMissed: balancers.tokensMissed },
      ...{ tokenCollisions: balancers.tokenCollisions, events: tally.events },
    };
  }

  /** A connection, and joins to it. */
  private begin(index: number): void {
    const { packets, joins, balancers } = this;
    if (index % connectionsPerTick === 0)
      this.advanceTo(this.now + (connectionsPerTick * SECOND) / connectionsPerSecond);
    packets.begin(index);
    const home = this.steer();
    this.homes[index] = home;
    packets.acknowledge(home);
    balancers.learnedToken = -1;
    this.steer();
    // A balancer that learned the token has done the hash.
    const token = balancers.learnedToken >= 0 ? balancers.learnedToken : packets.tokenOf(home);
    for (let join = 1; join <= joins; join++) {
      packets.join(index, join, home, token);
      if (!this.reaches(home)) this.breakOff(index, join);
    }
    this.sendData(index);
  }

  /** A packet of each subflow of a connection; notes what does not reach its server. */
  private sendData(index: number): void {
    const home = this.homes[index]!;
    for (let join = 0; join <= this.joins; join++) {
      if ((this.broken[index]! & (1 << join)) !== 0) continue;
      this.packets.data(index, join, home);
      if (!this.reaches(home)) this.breakOff(index, join);
    }
  }

  private breakOff(index: number, join: number): void {
    const bits = this.broken[index]! | (1 << join);
    this.broken[index] = bits;
    if (join > 0) this.tally.brokenJoins++;
    if (bits === this.allBroken) this.tally.brokenConnections++;
  }

  /** Whether the packet at hand comes to `home`, by the server that has its bucket now if need be. */
  private reaches(home: number): boolean {
    const { tally, verdict, plain } = this;
    const { view } = this.packets;
    if (this.steer() === home) {
      if (plain === undefined || (verdict.action === VerdictAction.ENCAPSULATE && view.portServer === 0))
        return true;
      if (plain.find(view.hashFlow())?.id !== home) tally.misSteersAvoided++;
      return true;
    }
    if (verdict.previous?.id !== home) return false;
    tally.detours++;
    tally.encapsulations++;
    tally.misSteersAvoided++;
    return true;
  }

  /** The server that the packet at hand goes to; 0 for none. */
  private steer(): number {
    const { tally, verdict } = this;
    this.balancers.steer(this.now, this.packets.view, verdict);
    tally.packets++;
    if (verdict.action === VerdictAction.ENCAPSULATE) tally.encapsulations++;
    return verdict.server?.id ?? 0;
  }

  private advanceTo(now: number): void {
    this.balancers.advance(this.now, now);
    this.now = now;
  }

  /** An event takes place. */
  private change(step: ScenarioStep): void {
    this.advanceTo(this.now + this.intervalNs);
    if (step.kind === 'restart') this.balancers.restart(this.now);
    else this.balancers.setServers(this.now, step.servers);
    this.enter(step);
  }

  private enter({ servers, balancers, routeSalt }: ScenarioStep): void {
    const { design } = this.options;
    this.servers = servers;
    this.balancers.setRoutes(balancers, routeSalt);
    if (design !== 'stateless' && design !== 'maglev')
      this.plain = new MaglevTable(servers.up, defaultSteeringSettings.maglevPlaces);
  }

  private leave({ name }: ScenarioStep): void {
    this.tally.endEvent(name);
    this.peakBytes = Math.max(this.peakBytes, this.balancers.tableBytes);
    if (this.step === 0) this.initialSpread = spread(this.homes, this.servers);
  }

  private countBroken(): { readonly brokenConnections: number; readonly brokenJoins: number } {
    let brokenConnections = 0;
    let brokenJoins = 0;
    for (let index = 0; index < this.broken.length; index++) {
      const bits = this.broken[index]!;
      if (bits === 0 || this.servers.find(this.homes[index]!) === undefined) continue;
      if (bits === this.allBroken) brokenConnections++;
      for (let join = 1; join <= this.joins; join++) brokenJoins += (bits >>> join) & 1;
    }
    return { brokenConnections, brokenJoins };
  }
}

function checkNumbers({
  connections,
  joins = 1,
  intervalNs = SECOND,
  missedTokens = 0,
}: FlowSimulationOptions): void {
  requireWithin('connections', connections, 1, maxSimulatedConnections);
  requireWithin('joins', joins, 0, maxSimulatedJoins);
  requireWithin('intervalNs', intervalNs, 1, maxIntervalNs);
  if (!(missedTokens >= 0 && missedTokens <= 1))
    throw new SubflowError('ERR_SUBFLOW_ARGUMENT', `missedTokens: a share from 0 to 1, not ${missedTokens}`);
  if (connections * (1 + joins) <= maxSimulatedSubflows) return;
  throw new SubflowError(
    'ERR_SUBFLOW_ARGUMENT',
    `${connections} connections with ${joins} joins each are more than ${maxSimulatedSubflows} subflows`,
    { hint: 'fewer joins or fewer connections' },
  );
}

/** What happens. Takes the first fork of `random`, which is of the seed. */
function stepsOf(options: FlowSimulationOptions, random: SeededRandom): ScenarioStep[] {
  const {
    servers = 10,
    weights = [1],
    balancers = 1,
    events = defaultScenarioEvents,
    routeFlaps = 0,
  } = options;
  return scenarioSteps({ servers, weights, balancers, events, routeFlaps }, random.fork());
}

/** Tables with room for all, so that designs are compared and not limits. */
function settingsFor(connections: number, joins: number): SteeringSettings {
  const flows = Math.max(1024, (1 + joins) * connections);
  return {
    ...defaultSteeringSettings,
    ...{ maxFlows: flows, maxNewFlows: flows, maxTokens: Math.max(1024, connections) },
  };
}

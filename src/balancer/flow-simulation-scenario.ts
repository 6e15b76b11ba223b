/**
 * What happens while flows are simulated, worked out before the first packet: servers come, drain, die and leave, routers share
 * flows out anew, a balancer is lost. Which servers and balancers are hit follows from the seed alone, so that every design meets
 * the same. Knows nothing of packets or designs.
 */
import { randomBelow, type RandomSource, type SeededRandom, SubflowError } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import { maxServerWeight, ServerSet, type ServerSpec, type ServerState } from './servers.js';

/** Kinds of events. */
export const scenarioEventKinds = ['add', 'drain', 'kill', 'remove', 'flap', 'lose', 'restart'] as const;

/**
 * `add`: servers come; `drain`: servers take no new connections; `kill`: servers that are up die; `remove`: servers are taken off the list,
 * those that drain first; `flap`: routers choose balancers by another hash; `lose`: balancers are gone, routers share out among the rest;
 * `restart`: all balancers begin anew, with what balancers of their design tell each other and without tables of flows.
 */
export type ScenarioEventKind = (typeof scenarioEventKinds)[number];

/** Those that hit servers which are there. */
const serverEventKinds: readonly ScenarioEventKind[] = ['drain', 'kill', 'remove'];

/** Something that happens. */
export interface ScenarioEvent {
  readonly kind: ScenarioEventKind;
  /** Servers or balancers at once, 1 to {@link maxSimulatedServers}; of no meaning for `flap` and `restart`. Default 1. */
  readonly count?: number;
  /** Number of the one server that is drained, killed or removed; by default the seed decides. */
  readonly server?: number;
}

/** One of each thing that may happen to a server. */
export const defaultScenarioEvents: readonly ScenarioEvent[] = Object.freeze([
  { kind: 'add' },
  { kind: 'drain' },
  { kind: 'kill' },
  { kind: 'remove' },
]);

/** Most servers, those that come included: as many as 8 bits name. */
export const maxSimulatedServers = 255;
/** Most balancers. */
export const maxSimulatedBalancers = 8;
/** Most events, flaps included. */
export const maxScenarioEvents = 64;

/** What a scenario is made of. */
export interface ScenarioOptions {
  /** Servers at first, 1 to {@link maxSimulatedServers}. */
  readonly servers: number;
  /** Weights of servers in the order of their numbers, over and over. */
  readonly weights: readonly number[];
  /** Balancers at first, 1 to {@link maxSimulatedBalancers}. */
  readonly balancers: number;
  readonly events: readonly ScenarioEvent[];
  /** Flaps beside those in `events`, spread evenly among them. */
  readonly routeFlaps: number;
}

/** How things are after an event, and before the first. */
export interface ScenarioStep {
  /** What happened: `start`, or the event as in `add:2`. */
  readonly name: string;
  readonly kind: ScenarioEventKind | 'start';
  readonly servers: ServerSet;
  /** Places of the balancers that routers know, 0 on; at least one. */
  readonly balancers: readonly number[];
  /** Part of the routers' hash. */
  readonly routeSalt: number;
}

/** The steps of a scenario, the start included. Throws `ERR_SUBFLOW_ARGUMENT`. */
export function scenarioSteps(options: ScenarioOptions, random: SeededRandom): ScenarioStep[] {
  const { servers, balancers, weights } = options;
  requireWithin('servers', servers, 1, maxSimulatedServers);
  requireWithin('balancers', balancers, 1, maxSimulatedBalancers);
  requireWithin('routeFlaps', options.routeFlaps, 0, maxScenarioEvents);
  if (weights.length === 0) throw bad('weights: at least one is needed');
  for (const weight of weights) requireWithin('weight', weight, 1, maxServerWeight);
  const events = withFlaps(options.events, options.routeFlaps);
  if (events.length > maxScenarioEvents)
    throw bad(`${events.length} events are more than ${maxScenarioEvents}`);
  const state = new ScenarioState(options, random);
  return [state.step('start', 'start'), ...events.map((event) => state.apply(event))];
}

/** Throws `ERR_SUBFLOW_ARGUMENT` unless `value` is a whole number of the range, both ends included. */
export function requireWithin(name: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw bad(`${name}: a whole number from ${low} to ${high}, not ${value}`);
}

function bad(message: string, hint = ''): SubflowError {
  return new SubflowError('ERR_SUBFLOW_ARGUMENT', message, { hint });
}

/** `events` with `flaps` more of them in between, as evenly as may be. */
function withFlaps(events: readonly ScenarioEvent[], flaps: number): ScenarioEvent[] {
  const all = [...events];
  for (let left = flaps; left > 0; left--) {
    all.splice(Math.ceil((left * events.length) / flaps), 0, { kind: 'flap' });
  }
  return all;
}

class ScenarioState {
  private readonly weights: readonly number[];
  /** Who is hit, and by what hash routers choose: apart, so that flaps do not change who is hit. */
  private readonly victims: RandomSource;
  private readonly routes: RandomSource;
  /** State of each server, by number less one. */
  private readonly states: ServerState[];
  private readonly balancers: number[];
  private routeSalt: number;

  constructor({ servers, weights, balancers }: ScenarioOptions, random: SeededRandom) {
    this.weights = weights;
    this.victims = random.fork();
    this.routes = random.fork();
    this.states = new Array<ServerState>(servers).fill('up');
    this.balancers = Array.from({ length: balancers }, (_, index) => index);
    this.routeSalt = this.routes.nextUint32();
  }

  step(kind: ScenarioStep['kind'], name: string): ScenarioStep {
    const specs = this.states.map((state, index): ServerSpec => ({
      ...{ id: index + 1, address: new IpAddress(4, 0, 0, 0, 0x0a09_0001 + index) },
      ...{ weight: this.weights[index % this.weights.length]!, state },
    }));
    const { balancers, routeSalt } = this;
    return { name, kind, servers: new ServerSet(specs), balancers: [...balancers], routeSalt };
  }

  apply({ kind, count = 1, server }: ScenarioEvent): ScenarioStep {
    requireWithin(`how many to ${kind}`, count, 1, maxSimulatedServers);
    if (server !== undefined && (count > 1 || !serverEventKinds.includes(kind)))
      throw bad(`${kind} is not about one server`);
    for (let i = 0; i < count; i++) this.once(kind, server);
    const which = server === undefined ? '' : `@${server}`;
    return this.step(kind, count === 1 ? kind + which : `${kind}:${count}`);
  }

  private once(kind: ScenarioEventKind, server: number | undefined): void {
    if (kind === 'add') {
      if (this.states.length >= maxSimulatedServers)
        throw bad(`no more than ${maxSimulatedServers} servers can be told apart`);
      this.states.push('up');
    } else if (kind === 'flap') {
      if (this.balancers.length < 2) throw bad('routes flap between balancers', 'there have to be two');
      this.routeSalt = this.routes.nextUint32();
    } else if (kind === 'lose') {
      if (this.balancers.length < 2) throw bad('the last balancer cannot be lost', 'begin with more');
      this.balancers.splice(randomBelow(this.victims, this.balancers.length), 1);
    } else if (kind !== 'restart') this.hitServer(kind, server);
  }

  private hitServer(kind: 'drain' | 'kill' | 'remove', server: number | undefined): void {
    const victim = server === undefined ? this.chooseVictim(kind) : server - 1;
    const state = this.states[victim];
    if (state === undefined || state === 'gone' || (kind === 'drain' && state !== 'up'))
      throw bad(`cannot ${kind} server ${victim + 1}`, 'it is not there, or drains already');
    this.states[victim] = kind === 'drain' ? 'draining' : 'gone';
    if (!this.states.includes('up'))
      throw bad(`cannot ${kind} the last server that is up`, 'begin with more');
  }

  private chooseVictim(kind: 'drain' | 'kill' | 'remove'): number {
    const draining = kind === 'remove' ? this.states.indexOf('draining') : -1;
    if (draining >= 0) return draining;
    const up = this.states.flatMap((state, index) => (state === 'up' ? [index] : []));
    return up[randomBelow(this.victims, up.length)]!;
  }
}

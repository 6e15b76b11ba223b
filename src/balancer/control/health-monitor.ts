/**
 * The health of servers as this balancer sees it: when each is to be checked, and what follows from outcomes. Sends nothing, and decides
 * nothing about traffic: what balancers see together is health-vote.ts.
 *
 * ```
 *            +--first success--> up <--rise successes in a row--+
 *  unknown --+                    |                             |
 *            |                    +--fall failures in a row--> down
 *            +--fall failures in a row--------------------------^
 * ```
 *
 * A failure alone takes nobody out, not even of a balancer that begins: it has much else to do then, and its servers may be at work.
 *
 * How to drive it: `pollAttempt` until it gives undefined, whenever the time of `pollTimeout` has come; carry each attempt out and give
 * its outcome to `handleOutcome`.
 */
import { MILLISECOND, NEVER, type RandomSource, randomUnit } from '../../base/index.js';
import type { Server, ServerSpec } from '../servers.js';
import type { HealthCheckConfig, HealthOutcome } from './health.js';
import { maxWhyLength, type ServerObservation } from './observation.js';

/** Health of a server as one balancer sees it. */
export type HealthState = 'unknown' | 'up' | 'down';

/** Times between attempts differ by up to this part, so that balancers and servers get out of step. */
const jitter = 0.1;

/** An attempt that is due. */
export interface HealthAttempt {
  readonly server: Server;
  /** Tells the attempts at a server apart. */
  readonly serial: number;
}

/** A server changed its state. */
export interface HealthTransition {
  readonly server: number;
  readonly from: HealthState;
  readonly to: HealthState;
  /** Why it is down; empty when it is up. */
  readonly why: string;
}

/** What is known of a server. */
export interface ServerHealth {
  readonly state: HealthState;
  /** Outcomes in a row that speak against the state. */
  readonly against: number;
  /** Why the last attempt failed; empty when it did not. */
  readonly why: string;
  /** How long the last attempt that did well took; undefined before. */
  readonly rttMs: number | undefined;
  /** When the last outcome came, in ns; undefined before. */
  readonly checkedAtNs: number | undefined;
}

interface Watched {
  server: Server;
  state: HealthState;
  against: number;
  why: string;
  rttMs: number | undefined;
  checkedAtNs: number | undefined;
  /** When the next attempt is wanted, in ns. */
  dueAt: number;
  /** Serial of the attempt at work; 0 for none. */
  running: number;
}

/** See the module. */
export class HealthMonitor {
  private readonly config: HealthCheckConfig;
  private readonly random: RandomSource;
  private readonly watched = new Map<number, Watched>();
  private serial = 0;

  constructor(config: HealthCheckConfig, random: RandomSource) {
    this.config = config;
    this.random = random;
  }

  /** Checks these servers from now on. One that has another address than before is a new one. */
  setServers(now: number, servers: readonly ServerSpec[]): void {
    const before = new Map(this.watched);
    this.watched.clear();
    for (const { id, address, weight = 1 } of servers) {
      const server: Server = { id, address, weight, state: 'up' };
      const known = before.get(id);
      if (known !== undefined && known.server.address.equals(address)) {
        known.server = server;
        this.watched.set(id, known);
        continue;
      }
      this.watched.set(id, {
        ...{ server, state: 'unknown', against: 0, why: '', rttMs: undefined, checkedAtNs: undefined },
        dueAt: now + this.config.intervalMs * MILLISECOND * jitter * randomUnit(this.random),
        running: 0,
      });
    }
  }

  /** When {@link pollAttempt} is wanted, in ns; NEVER when it is not. */
  pollTimeout(): number {
    let next = NEVER;
    for (const { dueAt, running } of this.watched.values()) if (running === 0) next = Math.min(next, dueAt);
    return next;
  }

  /** An attempt that is due; undefined when none is. One at a time for each server. */
  pollAttempt(now: number): HealthAttempt | undefined {
    for (const each of this.watched.values()) {
      if (each.running !== 0 || each.dueAt > now) continue;
      each.running = ++this.serial;
      const factor = 1 + jitter * (2 * randomUnit(this.random) - 1);
      each.dueAt = now + this.config.intervalMs * MILLISECOND * factor;
      return { server: each.server, serial: each.running };
    }
    return undefined;
  }

  /** Takes the outcome of an attempt. Gives the change of state that it made, if it made one. */
  handleOutcome(now: number, attempt: HealthAttempt, outcome: HealthOutcome): HealthTransition | undefined {
    const each = this.watched.get(attempt.server.id);
    if (each === undefined || each.running !== attempt.serial) return undefined;
    each.running = 0;
    each.checkedAtNs = now;
    each.why = outcome.healthy ? '' : outcome.why.slice(0, maxWhyLength);
    if (outcome.healthy) each.rttMs = outcome.rttMs;
    const says: HealthState = outcome.healthy ? 'up' : 'down';
    if (says === each.state) {
      each.against = 0;
      return undefined;
    }
    each.against++;
    const rise = each.state === 'unknown' ? 1 : this.config.rise;
    const needed = outcome.healthy ? rise : this.config.fall;
    if (each.against < needed) return undefined;
    const from = each.state;
    each.state = says;
    each.against = 0;
    return { server: attempt.server.id, from, to: says, why: each.why };
  }

  /** What is known of a server; undefined for one that is not checked. */
  find(id: number): ServerHealth | undefined {
    return this.watched.get(id);
  }

  /** Whether a server has no state yet. */
  get isSettling(): boolean {
    for (const { state } of this.watched.values()) if (state === 'unknown') return true;
    return false;
  }

  /** What the balancer has to tell the others: servers that were checked, by rising id. */
  observations(): ServerObservation[] {
    const known = [...this.watched.values()].filter(({ state }) => state !== 'unknown');
    const list = known.map(({ server, state, why }) => ({
      ...{ id: server.id, isHealthy: state === 'up' },
      why: state === 'up' ? '' : why,
    }));
    return list.sort((a, b) => a.id - b.id);
  }
}

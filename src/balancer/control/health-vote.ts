/**
 * The health of servers as balancers see it together: a server is what most of them say. A balancer that was not heard of for
 * {@link observationLifeNs} has no say. Knows nothing of checks.
 */
import { SECOND } from '../../base/index.js';
import type { Observation, ServerObservation } from './observation.js';

/** How long what a balancer said counts, in ns. */
export const observationLifeNs = 15 * SECOND;
/** Most balancers that are listened to; what further ones say is left out of account. */
export const maxVoters = 64;

/** What balancers say of a server: `split` when as many say the one as the other. */
export interface VotedHealth {
  readonly state: 'unknown' | 'up' | 'down' | 'split';
  /** One of the reasons, when there are any. */
  readonly why: string;
}

interface Voter {
  readonly balancer: string;
  readonly heardAtNs: number;
  readonly observedAtNs: number;
  readonly servers: ReadonlyMap<number, ServerObservation>;
}

/** See the module. */
export class HealthVote {
  private readonly voters = new Map<string, Voter>();

  /** Takes what a balancer sees, heard at `now`, in place of what it saw before. */
  take(now: number, observation: Observation): void {
    this.expire(now);
    const { balancer, atNs, servers } = observation;
    const before = this.voters.get(balancer);
    if (before === undefined ? this.voters.size >= maxVoters : before.observedAtNs > atNs) return;
    const byId = new Map(servers.map((server) => [server.id, server]));
    this.voters.set(balancer, { balancer, heardAtNs: now, observedAtNs: atNs, servers: byId });
  }

  /** Forgets a balancer. */
  forget(balancer: string): void {
    this.voters.delete(balancer);
  }

  /** Forgets balancers that were not heard of for too long. */
  expire(now: number): void {
    for (const { balancer, heardAtNs } of this.voters.values())
      if (now - heardAtNs >= observationLifeNs) this.voters.delete(balancer);
  }

  /** What most say. */
  healthOf(id: number): VotedHealth {
    let up = 0;
    let down = 0;
    let why = '';
    for (const { servers } of this.voters.values()) {
      const said = servers.get(id);
      if (said === undefined) continue;
      if (said.isHealthy) up++;
      else down++;
      if (why === '') why = said.why;
    }
    if (up + down === 0) return { state: 'unknown', why };
    if (up === down) return { state: 'split', why };
    return { state: up > down ? 'up' : 'down', why };
  }

  /** The balancers that have a say, and when they were heard of, by name. */
  balancers(): { readonly name: string; readonly heardAtNs: number }[] {
    const list = [...this.voters.values()].map(({ balancer, heardAtNs }) => ({ name: balancer, heardAtNs }));
    return list.sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/**
 * Links that have to rest: new subflows there were asked for again and again, and none came up. A link that loses every SYN looks as good
 * as one that nobody uses; so it is tried after 2 s, 4 s, and so on up to a minute. Knows no system calls.
 */
import { SECOND } from '../../base/index.js';
import type { LinkId } from '../../policy/index.js';
import { isCarrying, type Connections, type MissingSubflow } from './connections.js';
import type { UplinkCandidate } from './uplinks.js';
import type { LinkRole } from './endpoint-keeper.js';

/** How long after subflows were asked for they have to be there. */
const PATIENCE_NS = 3 * SECOND;
const FIRST_REST_NS = 2 * SECOND;
const MAX_REST_NS = 64 * SECOND;

interface State {
  /** Since when subflows are waited for, in ns; undefined while none are. */
  triedAt: number | undefined;
  /** Until when it rests, in ns. */
  until: number;
  /** Attempts without success in a row. */
  failures: number;
  /** The addresses that it had: with others it is a new link. */
  addresses: string;
}

export class Rests {
  private readonly states = new Map<LinkId, State>();

  isResting(now: number, link: LinkId): boolean {
    return now < (this.states.get(link)?.until ?? Number.NEGATIVE_INFINITY);
  }

  /** When the first rest ends after `now`, in ns; Infinity when none rests. */
  nextAt(now: number): number {
    let at = Number.POSITIVE_INFINITY;
    for (const { until } of this.states.values()) if (until > now) at = Math.min(at, until);
    return at;
  }

  /** Subflows were asked for. */
  noteAttempts(now: number, entries: readonly MissingSubflow[]): void {
    for (const { link } of entries) {
      const state = this.states.get(link);
      if (state !== undefined) state.triedAt ??= now;
    }
  }

  /** Takes in what became of them. A link without a role is not waited for. */
  look(
    now: number,
    connections: Connections,
    uplinks: readonly UplinkCandidate[],
    roles: ReadonlyMap<LinkId, LinkRole>,
  ): void {
    for (const id of this.states.keys()) {
      if (!uplinks.some(({ link }) => link.index === id)) this.states.delete(id);
    }
    for (const { link, ways } of uplinks) {
      const addresses = ways.map(({ address }) => address.toString());
      const state = this.stateOf(link.index, addresses.join());
      const works = connections.countOn(
        (subflow) => isCarrying(subflow) && addresses.includes(subflow.local.address),
      );
      if (works > 0) {
        state.failures = 0;
        state.triedAt = undefined;
      }
      if (state.triedAt === undefined || now - state.triedAt < PATIENCE_NS || !roles.has(link.index))
        continue;
      state.until = now + Math.min(MAX_REST_NS, FIRST_REST_NS * 2 ** state.failures);
      state.failures++;
      state.triedAt = undefined;
    }
  }

  private stateOf(link: LinkId, addresses: string): State {
    let state = this.states.get(link);
    if (state?.addresses !== addresses) {
      state = { triedAt: undefined, until: Number.NEGATIVE_INFINITY, failures: 0, addresses };
      this.states.set(link, state);
    }
    return state;
  }
}

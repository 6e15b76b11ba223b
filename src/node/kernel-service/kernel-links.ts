/**
 * The links of this machine as a policy wants them for one kernel connection: from which of them a subflow to the peer could be opened, by
 * which address, and which of them has to rest after an attempt that failed.
 */
import { SECOND } from '../../base/index.js';
import type { LinkFactsWatch, Reach, WatchedLink } from '../../linux/index.js';
import type { LinkId, PolicyLink } from '../../policy/index.js';
import type { IpAddress } from '../../wire/index.js';

/** How long a link rests after an attempt that failed, in ns; twice as long after the next, up to the second number. */
const REST_NS = SECOND;
const MAX_REST_NS = 32 * SECOND;
/** How long the answer holds whether the kernel has a way to the peer: routes may change without a word to us. */
const WAY_NS = 2 * SECOND;

/** What is remembered of one link. */
interface LinkState {
  /** When an attempt may be made again, in ns. */
  restsUntil: number;
  /** Attempts that failed in a row. */
  failures: number;
  /** The address whose way was asked for last, in text, what came of it, and when that was, in ns. */
  asked: { readonly address: string; readonly isThere: boolean; readonly at: number } | undefined;
  /** Whether its bytes cost money, as it was when it was there last. */
  isMetered: boolean;
}

export class KernelLinks {
  private readonly watch: LinkFactsWatch;
  private readonly reach: Reach;
  private readonly peer: IpAddress;
  private readonly states = new Map<LinkId, LinkState>();

  /** `peer` is the address of the peer. */
  constructor(watch: LinkFactsWatch, reach: Reach, peer: IpAddress) {
    this.watch = watch;
    this.reach = reach;
    this.peer = peer;
  }

  /** The link that has this address; undefined when none has. */
  linkWith(address: IpAddress): LinkId | undefined {
    return this.watch.links.find((link) => link.addresses.some((each) => each.address.equals(address)))
      ?.index;
  }

  /** Whether the bytes of a link cost money; of one that is gone, whether they did, until it is forgotten. */
  isMetered(id: LinkId): boolean {
    const link = this.find(id);
    const state = this.stateOf(id);
    if (link !== undefined) state.isMetered = this.watch.factsOf(link).isMetered;
    return state.isMetered;
  }

  /**
   * The links as they are at `now`. `used` are those that have a path: they are told of even when they are gone, as without carrier.
   * `initial` is the one that the connection began on.
   */
  policyLinks(now: number, used: ReadonlySet<LinkId>, initial: LinkId | undefined): PolicyLink[] {
    const { links } = this.watch;
    const there = links.flatMap((link): PolicyLink[] => {
      const isUsed = used.has(link.index);
      const source = this.sourceOn(link);
      if (!isUsed && (link.isLoopback || source === undefined)) return [];
      const mayOpen =
        !isUsed && source !== undefined && link.hasCarrier && this.mayTry(now, link.index, source);
      const facts = this.watch.factsOf(link);
      return [{ id: link.index, facts, mayOpen, isInitial: link.index === initial, isSpare: false }];
    });
    const lost = [...used].filter((id) => links.every(({ index }) => index !== id));
    return [...there, ...lost.map((id) => goneLink(id, id === initial))];
  }

  /** The address to send to the peer from over a link; undefined where it has none. */
  sourceOn(link: WatchedLink): IpAddress | undefined {
    const { family } = this.peer;
    return link.addresses.find(({ address, scope }) => address.family === family && scope === 'global')
      ?.address;
  }

  /** The link with this number; undefined when there is none. */
  find(id: LinkId): WatchedLink | undefined {
    return this.watch.links.find(({ index }) => index === id);
  }

  /** An attempt over the link failed, or what came of it was lost: it rests. */
  noteFailure(now: number, id: LinkId): void {
    const state = this.stateOf(id);
    state.restsUntil = now + Math.min(MAX_REST_NS, REST_NS * 2 ** state.failures);
    state.failures++;
  }

  /** A path over the link carries data. */
  noteSuccess(id: LinkId): void {
    this.stateOf(id).failures = 0;
  }

  /** When the first link that rests may be tried again, after `now`, in ns; Infinity when none rests. */
  nextAt(now: number): number {
    let at = Number.POSITIVE_INFINITY;
    for (const { restsUntil } of this.states.values()) if (restsUntil > now) at = Math.min(at, restsUntil);
    return at;
  }

  /** What is known of links that are gone is forgotten, but of those that are `used`: they have a path. */
  forgetGone(used: ReadonlySet<LinkId>): void {
    for (const id of this.states.keys())
      if (!used.has(id) && this.find(id) === undefined) this.states.delete(id);
  }

  private stateOf(id: LinkId): LinkState {
    let state = this.states.get(id);
    if (state === undefined) {
      state = { restsUntil: Number.NEGATIVE_INFINITY, failures: 0, asked: undefined, isMetered: false };
      this.states.set(id, state);
    }
    return state;
  }

  private mayTry(now: number, id: LinkId, source: IpAddress): boolean {
    const state = this.stateOf(id);
    if (now < state.restsUntil) return false;
    const address = source.toString();
    if (state.asked?.address !== address || now - state.asked.at >= WAY_NS) {
      const isThere = this.reach.has({ link: id, source, destination: this.peer });
      state.asked = { address, isThere, at: now };
    }
    return state.asked.isThere;
  }
}

/** A link that is no longer there. */
function goneLink(id: LinkId, isInitial: boolean): PolicyLink {
  const facts = { kind: 'unknown', isMetered: false, hasCarrier: false } as const;
  return { id, facts, mayOpen: false, isInitial, isSpare: false };
}

/**
 * Balancers of one design side by side, and the routers before them, which share flows out by a hash. Those that learn tokens tell
 * the others at once, except that some of what they tell may get lost.
 */
import { type RandomSource, randomUnit, type SeededRandom } from '../base/index.js';
import { Beamer } from './beamer.js';
import type { BucketSnapshot } from './bucket-table.js';
import { type DesignName, designNamed } from './designs.js';
import { scramble } from './maglev.js';
import type { PacketView } from './packet-view.js';
import type { ServerSet } from './servers.js';
import type { SteeringSettings } from './settings.js';
import type { Steering } from './steering.js';
import { TokenMap } from './token-map.js';
import type { Verdict } from './verdict.js';

/** How to make {@link FlowBalancers}. */
export interface FlowBalancersOptions {
  readonly design: DesignName;
  readonly count: number;
  readonly settings: SteeringSettings;
  readonly servers: ServerSet;
  readonly random: SeededRandom;
  /** Share of what one balancer tells another that gets lost, 0 to 1. */
  readonly missedTokens: number;
}

export class FlowBalancers {
  /** Tokens that a balancer got to know from another. */
  tokensShared = 0;
  /** Tokens that it should have. */
  tokensMissed = 0;
  /** The token that a balancer learned last; -1 before. Whoever waits for one sets it back. */
  learnedToken = -1;
  private all: readonly Steering[];
  private readonly make: (now: number, buckets?: BucketSnapshot) => Steering;
  private readonly random: RandomSource;
  private readonly missedTokens: number;
  private readonly isLearning: boolean;
  private servers: ServerSet;
  private active: readonly number[];
  private routeSalt = 0;

  constructor({ design, count, settings, servers, random, missedTokens }: FlowBalancersOptions) {
    this.servers = servers;
    this.make = (now, buckets) =>
      designNamed(design)(now, {
        ...{ settings, servers: this.servers, random: random.fork() },
        ...(buckets !== undefined && { buckets }),
      });
    this.all = Array.from({ length: count }, () => this.make(0));
    this.active = this.all.map((_, index) => index);
    this.random = random;
    this.missedTokens = missedTokens;
    this.isLearning = this.all[0] instanceof TokenMap;
  }

  /** Bytes in the tables of all of them. */
  get tableBytes(): number {
    return this.all.reduce((sum, { tableBytes }) => sum + tableBytes, 0);
  }

  /** Tokens that two servers drew, as the first balancer saw it. */
  get tokenCollisions(): number {
    return this.all[0]!.counters.tokenCollisions;
  }

  /** What routers know from now on: the places of balancers, and part of their hash. */
  setRoutes(active: readonly number[], salt: number): void {
    this.active = active;
    this.routeSalt = salt;
  }

  setServers(now: number, servers: ServerSet): void {
    this.servers = servers;
    for (const steering of this.all) steering.setServers(now, servers);
  }

  /** All begin anew, with what balancers of their design tell each other: buckets, or tokens. */
  restart(now: number): void {
    this.all = this.all.map((former) => {
      if (former instanceof Beamer) return this.make(now, former.snapshotBuckets(now));
      const next = this.make(now);
      if (former instanceof TokenMap) (next as TokenMap).importTokens(now, former.exportTokens());
      return next;
    });
  }

  /** The verdict of whichever balancer the packet comes to. */
  steer(now: number, packet: PacketView, verdict: Verdict): void {
    const { active } = this;
    let place = active[0]!;
    if (active.length > 1) {
      const hash = scramble(packet.clientD ^ scramble(packet.clientPort ^ this.routeSalt));
      place = active[hash % active.length]!;
    }
    this.all[place]!.steer(now, packet, verdict);
    if (this.isLearning) this.share(now, place);
  }

  /** Lets time pass from one instant to another: whatever is due in between happens when it is due. */
  advance(from: number, to: number): void {
    for (const steering of this.all) {
      let now = from;
      for (let due = steering.pollTimeout(); due <= to; due = steering.pollTimeout()) {
        now = Math.max(now, due);
        steering.handleTimeout(now);
      }
    }
  }

  private share(now: number, place: number): void {
    const { all } = this;
    for (let event = all[place]!.pollEvent(); event !== undefined; event = all[place]!.pollEvent()) {
      this.learnedToken = event.token;
      const entries = [event];
      for (let other = 0; other < all.length; other++) {
        if (other === place) continue;
        if (this.missedTokens > 0 && randomUnit(this.random) < this.missedTokens) {
          this.tokensMissed++;
          continue;
        }
        this.tokensShared++;
        (all[other] as TokenMap).importTokens(now, entries);
      }
    }
  }
}

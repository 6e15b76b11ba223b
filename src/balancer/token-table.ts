/**
 * Which server owns which token: a bounded table that several balancers can share. A token is 32 bits of a hash, so that two
 * servers can come to own the same one: the table then keeps a claim of each, the oldest first.
 *
 * Tokens come from packets that anybody can forge. A token that no join asked for yet makes room for newer ones, the oldest
 * first; one that a join asked for stays until nobody has for a while. And a later claim never takes the place of an earlier
 * one: of several joins with one token the first goes to the oldest claim, the next to the one behind it, and so around.
 */
import type { MptcpVersion } from '../wire/index.js';
import type { SteeringSettings } from './settings.js';
import { NO_SLOT, SlotTable } from './slot-table.js';
import type { SteeringCounters } from './steering.js';

/** One claim, as balancers tell each other. */
export interface TokenEntry {
  /** 0 to 2^32 - 1. */
  readonly token: number;
  readonly version: MptcpVersion;
  /** Number of the server. */
  readonly server: number;
}

/** What became of a claim. */
export type Learned = 'new' | 'known' | 'refused';

/** Whether a join has asked for a token: the lists of the table. */
const Use = { UNUSED: 0, USED: 1 } as const;
const uses = [Use.UNUSED, Use.USED] as const;

export class TokenTable {
  /** Bytes that an entry costs. */
  static readonly bytesPerEntry = SlotTable.bytesPerSlot + 4 + 2 + 1 + 1;
  private readonly settings: SteeringSettings;
  private readonly counters: SteeringCounters;
  private readonly slots: SlotTable;
  private readonly tokens: Uint32Array;
  private readonly servers: Uint16Array;
  private readonly versions: Uint8Array;
  /** Joins that asked for the token; of the oldest claim only. Wraps. */
  private readonly tries: Uint8Array;

  constructor(settings: SteeringSettings, counters: SteeringCounters) {
    const { maxTokens, tokenIdleNs } = settings;
    this.settings = settings;
    this.counters = counters;
    this.slots = new SlotTable(maxTokens, [tokenIdleNs, tokenIdleNs]);
    this.tokens = new Uint32Array(maxTokens);
    this.servers = new Uint16Array(maxTokens);
    this.versions = new Uint8Array(maxTokens);
    this.tries = new Uint8Array(maxTokens);
  }

  get size(): number {
    return this.slots.size;
  }

  /** Notes that `server` owns `token`. */
  learn(now: number, token: number, version: MptcpVersion, server: number): Learned {
    const { slots, settings, counters } = this;
    let claims = 0;
    for (let slot = this.firstClaim(token); slot !== NO_SLOT; slot = this.nextClaim(slot)) {
      claims++;
      if (this.servers[slot] !== server) continue;
      slots.touch(now, slot, slots.listOf(slot));
      return 'known';
    }
    if (claims >= settings.maxTokenClaims || !this.makeRoom()) {
      counters.tokensRefused++;
      return 'refused';
    }
    if (claims > 0) counters.tokenCollisions++;
    // Tokens are outputs of a hash, but anybody may send one: the places of a chain are bounded by the search for keys.
    const slot = slots.add(now, token | 0, Use.UNUSED);
    this.tokens[slot] = token;
    this.servers[slot] = server;
    this.versions[slot] = version;
    this.tries[slot] = 0;
    counters.tokensLearned++;
    return 'new';
  }

  /** The server that a join with `token` is for; 0 when nobody claims it. */
  find(now: number, token: number): number {
    const { slots, tries } = this;
    let claims = 0;
    let oldest = NO_SLOT;
    for (let slot = this.firstClaim(token); slot !== NO_SLOT; slot = this.nextClaim(slot)) {
      oldest = slot;
      claims++;
    }
    if (oldest === NO_SLOT) return 0;
    // Chains grow at the front: the claims stand there with the newest first.
    let behind = claims - 1 - (tries[oldest]! % claims);
    tries[oldest]!++;
    let chosen = this.firstClaim(token);
    for (; behind > 0; behind--) chosen = this.nextClaim(chosen);
    slots.touch(now, chosen, Use.USED);
    return this.servers[chosen]!;
  }

  /** Forgets the claim of `server`. */
  forget(token: number, server: number): void {
    let slot = this.firstClaim(token);
    while (slot !== NO_SLOT && this.servers[slot] !== server) slot = this.nextClaim(slot);
    if (slot !== NO_SLOT) this.slots.remove(slot);
  }

  /** All claims, those of a token from the oldest to the newest. */
  entries(): TokenEntry[] {
    const { slots } = this;
    const found: { readonly slot: number; readonly at: number }[] = [];
    for (const use of uses) {
      for (let slot = slots.oldest(use); slot !== NO_SLOT; slot = slots.after(slot)) {
        found.push({ slot, at: this.ageOf(slot) });
      }
    }
    found.sort((a, b) => a.at - b.at);
    return found.map(({ slot }) => ({
      token: this.tokens[slot]!,
      version: this.versions[slot] === 0 ? 0 : 1,
      server: this.servers[slot]!,
    }));
  }

  /** Claims on the same token that are older than the one in `slot`. */
  private ageOf(slot: number): number {
    let older = 0;
    for (let next = this.nextClaim(slot); next !== NO_SLOT; next = this.nextClaim(next)) older++;
    return older;
  }

  /** When the next claim expires, in ns; NEVER without claims. */
  nextExpiry(): number {
    return this.slots.nextExpiry();
  }

  /** Forgets the claims whose time is over, a bounded number at a time. */
  expire(now: number): void {
    this.counters.entriesExpired += this.slots.expire(now);
  }

  private makeRoom(): boolean {
    const { slots } = this;
    if (slots.size < slots.capacity) return true;
    const victim = slots.oldest(Use.UNUSED);
    if (victim === NO_SLOT) return false;
    slots.remove(victim);
    this.counters.entriesDisplaced++;
    return true;
  }

  private firstClaim(token: number): number {
    return this.claimFrom(this.slots.first(token | 0), token);
  }

  private nextClaim(slot: number): number {
    return this.claimFrom(this.slots.next(slot), this.tokens[slot]!);
  }

  private claimFrom(start: number, token: number): number {
    let slot = start;
    while (slot !== NO_SLOT && this.tokens[slot] !== token) slot = this.slots.next(slot);
    return slot;
  }
}

/**
 * Beamer's buckets (Olteanu et al., "Stateless datacenter load-balancing with Beamer", NSDI 2018, §4): each belongs to a server,
 * and remembers who had it before and since when. Stable hashing: a change of servers moves as few buckets as there must be for
 * every server to have its share. The new owner forwards packets of flows that it does not know to the former one, so
 * that nothing breaks while the memory of it is fresh.
 *
 * One step of history is kept. So a bucket that changed hands not long ago stays where it is until `chainNs` is over, unless its
 * owner is gone: a server that drains keeps such buckets for as long, and one that came waits for them. Balancers whose clocks
 * agree and that get the same lists at the same times have the same buckets.
 */
import { NEVER, SECOND, SubflowError } from '../base/index.js';
import { type Server, ServerSet } from './servers.js';

/** What the table counts. */
export interface BucketCounters {
  bucketsMoved: number;
}

/** A table of buckets at an instant: a value of its own, which later changes of the table leave alone. */
export interface BucketSnapshot {
  /** {@link BucketTable.generation}. */
  readonly generation: number;
  /** Number of the owner of each bucket; 0 for none. */
  readonly owners: Uint16Array;
  /** Number of the owner before; 0 for none, or for one that is no longer asked. */
  readonly formers: Uint16Array;
  /** When the owner got it from the one before, in ns; `-Infinity` where there is none before. */
  readonly movedAtNs: Float64Array;
  /** {@link BucketTable.nextRevision}. */
  readonly dueAtNs: number;
}

/** A server that takes buckets, while they are shared out. */
interface Share {
  readonly server: Server;
  /** Buckets that are its by weight. */
  readonly due: number;
  /** Buckets that it has. */
  count: number;
}

export class BucketTable {
  /** Bytes for each bucket. */
  static readonly bytesPerBucket = 12;
  readonly size: number;
  /** Rises by one with every change. */
  generation = 0;
  private readonly chainNs: number;
  private readonly counters: BucketCounters;
  /** Number of the owner; 0 for none. */
  private readonly owners: Uint16Array;
  /** Number of the owner before; 0 for none. */
  private readonly formers: Uint16Array;
  /** When the owner got it, ns. */
  private readonly movedAt: Float64Array;
  /** When what waits for the memory of former owners to fade may go on, ns. */
  private dueAt = NEVER;

  constructor(now: number, size: number, chainNs: number, servers: ServerSet, counters: BucketCounters) {
    this.size = size;
    this.chainNs = chainNs;
    this.counters = counters;
    this.owners = new Uint16Array(size);
    this.formers = new Uint16Array(size);
    this.movedAt = new Float64Array(size).fill(Number.NEGATIVE_INFINITY);
    this.revise(now, servers);
    this.counters.bucketsMoved = 0;
  }

  /**
   * The table that `snapshot` was taken of. It does as that one does when both are told the same from then on. Throws
   * `ERR_SUBFLOW_BAD_SETTING` for one of another size than `size`.
   */
  static restore(
    snapshot: BucketSnapshot,
    size: number,
    chainNs: number,
    counters: BucketCounters,
  ): BucketTable {
    if (snapshot.owners.length !== size) {
      throw new SubflowError(
        'ERR_SUBFLOW_BAD_SETTING',
        `a snapshot of ${snapshot.owners.length} buckets makes no table of ${size}`,
        { hint: 'The number of buckets stays the same for the life of a service.' },
      );
    }
    const table = new BucketTable(0, size, chainNs, new ServerSet([]), counters);
    table.generation = snapshot.generation;
    table.owners.set(snapshot.owners);
    table.formers.set(snapshot.formers);
    table.movedAt.set(snapshot.movedAtNs);
    table.dueAt = snapshot.dueAtNs;
    return table;
  }

  /** The table as it is at `now`, which is no earlier than the last change. */
  snapshot(now: number): BucketSnapshot {
    const { generation, size } = this;
    const formers = this.formers.slice();
    const movedAtNs = this.movedAt.slice();
    for (let bucket = 0; bucket < size; bucket++) {
      if (this.isFresh(now, bucket)) continue;
      formers[bucket] = 0;
      movedAtNs[bucket] = Number.NEGATIVE_INFINITY;
    }
    return { generation, owners: this.owners.slice(), formers, movedAtNs, dueAtNs: this.dueAt };
  }

  /** Number of the server that has `bucket`; 0 for none. */
  owner(bucket: number): number {
    return this.owners[bucket]!;
  }

  /** Number of the server that had `bucket` until not long ago; 0 for none. */
  former(now: number, bucket: number): number {
    return this.isFresh(now, bucket) ? this.formers[bucket]! : 0;
  }

  /** When `bucket` changed hands, in whole seconds. */
  movedAtSeconds(bucket: number): number {
    return Math.floor(this.movedAt[bucket]! / SECOND);
  }

  /** Until when whoever had `bucket` before is named, in ns. */
  freshUntil(bucket: number): number {
    return this.movedAt[bucket]! + this.chainNs;
  }

  /** When {@link revise} may move more; NEVER when nothing waits. */
  nextRevision(): number {
    return this.dueAt;
  }

  /** Gives every server its share, as far as that may be now. */
  revise(now: number, servers: ServerSet): void {
    this.dueAt = NEVER;
    const before = this.counters.bucketsMoved;
    const shares = this.sharesOf(servers);
    this.evacuate(now, servers, shares);
    this.level(now, shares);
    if (this.counters.bucketsMoved !== before || this.generation === 0) this.generation++;
  }

  /** Takes buckets from servers that have none to have: gone ones at once, draining ones when their history allows. */
  private evacuate(now: number, servers: ServerSet, shares: readonly Share[]): void {
    for (let bucket = 0; bucket < this.size; bucket++) {
      const owner = servers.find(this.owners[bucket]!);
      if (owner?.state === 'up') continue;
      if (owner !== undefined && this.mustWait(now, bucket, servers)) continue;
      const heir = this.heirOf(now, bucket, shares);
      if (heir === undefined) {
        // The last one that drains goes on with what it has; a bucket of nobody's waits for a server to come.
        if (owner === undefined) this.give(now, bucket, 0, undefined);
        continue;
      }
      heir.count++;
      this.give(now, bucket, heir.server.id, owner);
    }
  }

  /** Moves buckets from servers that have too many to those that have too few. */
  private level(now: number, shares: readonly Share[]): void {
    const byId = new Map(shares.map((share) => [share.server.id, share]));
    let needy = neediest(shares);
    for (let bucket = 0; bucket < this.size && needy !== undefined; bucket++) {
      const rich = byId.get(this.owners[bucket]!);
      if (rich === undefined || rich.count <= rich.due) continue;
      if (this.isFresh(now, bucket)) {
        this.dueAt = Math.min(this.dueAt, this.movedAt[bucket]! + this.chainNs);
        continue;
      }
      rich.count--;
      needy.count++;
      this.give(now, bucket, needy.server.id, rich.server);
      needy = neediest(shares);
    }
  }

  /** Whether somebody in reach is still asked about the flows of `bucket`; then it is looked at again later. */
  private mustWait(now: number, bucket: number, servers: ServerSet): boolean {
    if (!this.isFresh(now, bucket) || servers.find(this.formers[bucket]!) === undefined) return false;
    this.dueAt = Math.min(this.dueAt, this.movedAt[bucket]! + this.chainNs);
    return true;
  }

  /** Who is to have `bucket`: who had it before if it still knows its flows, or else whoever lacks most. */
  private heirOf(now: number, bucket: number, shares: readonly Share[]): Share | undefined {
    const former = this.former(now, bucket);
    const known = former === 0 ? undefined : shares.find(({ server }) => server.id === former);
    return known ?? leastServed(shares);
  }

  /** Gives `bucket` to the server numbered `id`; `from` is its owner so far unless that is gone. */
  private give(now: number, bucket: number, id: number, from: Server | undefined): void {
    const isFresh = this.isFresh(now, bucket);
    if (this.owners[bucket] === id) return;
    const hadOwner = this.owners[bucket] !== 0;
    this.owners[bucket] = id;
    this.counters.bucketsMoved++;
    if (from !== undefined) {
      this.formers[bucket] = from.id;
      this.movedAt[bucket] = now;
    } else if (!hadOwner || !isFresh || this.formers[bucket] === id) {
      this.formers[bucket] = 0;
      this.movedAt[bucket] = Number.NEGATIVE_INFINITY;
    }
  }

  private isFresh(now: number, bucket: number): boolean {
    // As freshUntil() has it, to the last bit: what is due at an instant is no longer fresh then.
    return this.formers[bucket] !== 0 && now < this.movedAt[bucket]! + this.chainNs;
  }

  /** The servers that take buckets, with what each has and should have: by weight, what is left over to the first. */
  private sharesOf(servers: ServerSet): Share[] {
    const total = servers.up.reduce((sum, { weight }) => sum + weight, 0);
    const parts = servers.up.map(({ weight }) => Math.floor((this.size * weight) / total));
    const left = this.size - parts.reduce((sum, part) => sum + part, 0);
    const counts = new Map<number, number>();
    for (const owner of this.owners) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    // Those that have more already get what is left over, so that a list that did not change moves nothing.
    const order = servers.up.map((server, index) => ({ index, has: counts.get(server.id) ?? 0 }));
    order.sort((a, b) => b.has - parts[b.index]! - (a.has - parts[a.index]!) || a.index - b.index);
    for (const { index } of order.slice(0, left)) parts[index]!++;
    return servers.up.map((server, index) => ({
      server,
      due: parts[index]!,
      count: counts.get(server.id) ?? 0,
    }));
  }
}

/** The share that lacks most; undefined when none lacks anything. */
function neediest(shares: readonly Share[]): Share | undefined {
  const share = leastServed(shares);
  return share !== undefined && share.count < share.due ? share : undefined;
}

function leastServed(shares: readonly Share[]): Share | undefined {
  let best: Share | undefined;
  for (const share of shares) {
    if (best === undefined || share.due - share.count > best.due - best.count) best = share;
  }
  return best;
}

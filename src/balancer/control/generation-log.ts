/**
 * The generations of a service as one balancer knows them, and beamer's buckets as they follow from them. Owns the order: numbers rise
 * by one, times rise. Holds the latest generation only, and those since the last snapshot.
 */
import { NEVER, SubflowError } from '../../base/index.js';
import { type BucketSnapshot, BucketTable } from '../bucket-table.js';
import type { DesignName } from '../designs.js';
import { ServerSet } from '../servers.js';
import { defaultSteeringSettings, type SteeringSettings } from '../settings.js';
import type { Generation, GenerationServer, GenerationSnapshot } from './generation.js';

/** Least time between generations, in ns: a double tells so many apart for some centuries. */
const tickNs = 1000;

/** See the module. */
export class GenerationLog {
  private readonly design: DesignName;
  private readonly settings: SteeringSettings;
  private readonly counters = { bucketsMoved: 0 };
  private buckets: BucketTable | undefined;
  private last: Generation | undefined;
  /** Generations since the last snapshot. */
  private tail = 0;

  constructor(design: DesignName, settings: Partial<SteeringSettings> = {}) {
    this.design = design;
    this.settings = { ...defaultSteeringSettings, ...settings };
  }

  /** The latest generation; undefined for a new service. */
  get current(): Generation | undefined {
    return this.last;
  }

  /** Generations since the last snapshot. */
  get length(): number {
    return this.tail;
  }

  /** Buckets of each server, by number; undefined for designs without them. */
  bucketsByServer(): Map<number, number> | undefined {
    const { buckets } = this;
    if (buckets === undefined) return undefined;
    const counts = new Map<number, number>();
    for (let i = 0; i < buckets.size; i++) {
      const owner = buckets.owner(i);
      if (owner !== 0) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    return counts;
  }

  /** Buckets that changed hands since this log began. */
  get bucketsMoved(): number {
    return this.counters.bucketsMoved;
  }

  /** When buckets that wait may move, which takes a generation, in ns; NEVER when none waits. */
  nextRevision(): number {
    return this.buckets?.nextRevision() ?? NEVER;
  }

  /** The generation that would follow at `now`. */
  next(now: number, servers: readonly GenerationServer[], reason: string): Generation {
    const { last } = this;
    if (last === undefined) return { number: 1, atNs: now, servers, reason };
    return { number: last.number + 1, atNs: Math.max(now, last.atNs + tickNs), servers, reason };
  }

  /**
   * Takes the generation that follows. Throws `ERR_SUBFLOW_BAD_STATE` for one that does not, and `ERR_SUBFLOW_BAD_SERVER`; nothing has
   * changed then.
   */
  append(generation: Generation): void {
    const { last } = this;
    const expected = last === undefined ? 1 : last.number + 1;
    if (generation.number !== expected)
      throw outOfOrder(`generation ${generation.number} does not follow ${expected - 1}`);
    if (last !== undefined && generation.atNs <= last.atNs)
      throw outOfOrder(`generation ${generation.number} is not later than the one before it`);
    const set = new ServerSet(generation.servers);
    if (this.buckets !== undefined) this.buckets.revise(generation.atNs, set);
    else if (this.design === 'beamer') this.buckets = this.freshBuckets(generation);
    this.last = generation;
    this.tail++;
  }

  /**
   * Begins anew from a snapshot. False when it has no buckets that this design and these settings could go on with, so that they are
   * shared out anew: connections break by that.
   */
  restore(snapshot: GenerationSnapshot): boolean {
    const { generation, buckets } = snapshot;
    this.last = generation;
    this.tail = 0;
    this.counters.bucketsMoved = 0;
    if (this.design !== 'beamer') return true;
    const { buckets: size, chainNs } = this.settings;
    const isUsable = buckets?.owners.length === size;
    this.buckets = isUsable
      ? BucketTable.restore(buckets, size, chainNs, this.counters)
      : this.freshBuckets(generation);
    return isUsable;
  }

  /** All that another balancer needs to go on from here. Throws `ERR_SUBFLOW_BAD_STATE` before the first generation. */
  snapshot(): GenerationSnapshot {
    const { last: generation } = this;
    if (generation === undefined) throw outOfOrder('there is no generation to take a snapshot of');
    const buckets: BucketSnapshot | undefined = this.buckets?.snapshot(generation.atNs);
    return buckets === undefined ? { generation } : { generation, buckets };
  }

  /** Notes that a snapshot of the latest generation is safe. */
  markCompacted(): void {
    this.tail = 0;
  }

  private freshBuckets({ atNs, servers }: Generation): BucketTable {
    const { buckets, chainNs } = this.settings;
    return new BucketTable(atNs, buckets, chainNs, new ServerSet(servers), this.counters);
  }
}

function outOfOrder(message: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_BAD_STATE', message, {
    hint: 'Load the state anew from the store.',
  });
}

/**
 * `beamer`, after Olteanu, Agache, Voinescu and Raiciu, "Stateless datacenter load-balancing with Beamer" (NSDI 2018): a hash of
 * the client's address and port names a bucket, the bucket a server. Every packet travels to its server within another, which
 * says who had the bucket before; the server forwards what it does not know to that one (daisy-chain.ts). A port of the service's
 * address stands for each server, which announces it: joins to it go straight to their server, and no change moves them.
 *
 * Servers unpack, know their flows, set flag C and announce their port. A client of version 0 or one that ignores the flag joins
 * the service's own port too: such joins go by chance, and are counted.
 */
import { NEVER } from '../base/index.js';
import { type BucketSnapshot, BucketTable } from './bucket-table.js';
import type { PacketView } from './packet-view.js';
import type { ServerSet } from './servers.js';
import { type Steering, SteeringCounters, type SteeringFactory, type SteeringSetup } from './steering.js';
import { type Verdict, VerdictReason } from './verdict.js';

export class Beamer implements Steering {
  readonly counters = new SteeringCounters();
  private readonly buckets: BucketTable;
  /** Whether buckets that wait move by themselves once they may: not where lists of servers alone move any. */
  private readonly isTimed: boolean;
  private servers: ServerSet;

  constructor(now: number, { settings, servers, buckets: from }: SteeringSetup) {
    const { buckets: size, chainNs } = settings;
    this.servers = servers;
    this.isTimed = from === undefined;
    this.buckets =
      from === undefined
        ? new BucketTable(now, size, chainNs, servers, this.counters)
        : BucketTable.restore(from, size, chainNs, this.counters);
  }

  get entryCount(): number {
    return this.buckets.size;
  }

  get tableBytes(): number {
    return this.buckets.size * BucketTable.bytesPerBucket;
  }

  steer(now: number, packet: PacketView, verdict: Verdict): void {
    const { portServer, joinToken } = packet;
    if (joinToken >= 0) {
      this.counters.joins++;
      if (portServer === 0) this.counters.joinsByChance++;
    }
    if (portServer === 0) {
      this.steerByBucket(now, packet, verdict);
      return;
    }
    const server = this.servers.find(portServer);
    if (server === undefined) {
      verdict.refuse(VerdictReason.UNKNOWN_SERVER);
      return;
    }
    if (joinToken >= 0 && this.buckets.owner(packet.hashClient() % this.buckets.size) !== portServer)
      this.counters.misSteersAvoided++;
    verdict.encapsulate(server, undefined, 0, this.buckets.generation);
  }

  private steerByBucket(now: number, packet: PacketView, verdict: Verdict): void {
    const { buckets, servers } = this;
    const bucket = packet.hashClient() % buckets.size;
    const server = servers.find(buckets.owner(bucket));
    if (server === undefined) {
      verdict.refuse(VerdictReason.NO_SERVER);
      return;
    }
    const former = buckets.former(now, bucket);
    const previous = former === 0 ? undefined : servers.find(former);
    const movedAt = previous === undefined ? 0 : buckets.movedAtSeconds(bucket);
    verdict.encapsulate(server, previous, movedAt, buckets.generation);
  }

  setServers(now: number, servers: ServerSet): void {
    this.servers = servers;
    this.buckets.revise(now, servers);
  }

  pollTimeout(): number {
    return this.isTimed ? this.buckets.nextRevision() : NEVER;
  }

  handleTimeout(now: number): void {
    if (now >= this.pollTimeout()) this.buckets.revise(now, this.servers);
  }

  /** The buckets as they are at `now`. */
  snapshotBuckets(now: number): BucketSnapshot {
    return this.buckets.snapshot(now);
  }

  pollEvent(): undefined {
    return undefined;
  }
}

/** Makes `beamer`. */
export const beamer: SteeringFactory = (now, setup) => new Beamer(now, setup);

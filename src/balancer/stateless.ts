/**
 * `stateless` and `maglev`: a hash of addresses and ports names the server, and nothing is kept. The first divides the values
 * of CRC-32 among the servers in proportion to their weights; when the list changes, so do most borders, and connections
 * break. The second looks the value up in a Maglev table, where a change moves little. Neither reads tokens: a join has other
 * addresses or ports than its connection, so it goes to any server. They are here to compare the others with.
 */
import { NEVER } from '../base/index.js';
import { MaglevTable } from './maglev.js';
import type { PacketView } from './packet-view.js';
import type { Server, ServerSet } from './servers.js';
import { type Steering, SteeringCounters, type SteeringFactory } from './steering.js';
import { type Verdict, VerdictReason } from './verdict.js';

/** Number of values of a 32-bit hash. */
const hashValues = 2 ** 32;

/** A way from a hash, 0 to 2^32 - 1, to a server. */
export interface HashTable {
  find(hash: number): Server | undefined;
}

/** The values of a hash in ranges, one for each server in the order of their ids. */
export class HashRanges implements HashTable {
  private readonly servers: readonly Server[];
  /** First value beyond the range of each server. */
  private readonly ends: Float64Array;

  constructor(servers: readonly Server[]) {
    this.servers = servers;
    this.ends = new Float64Array(servers.length);
    const total = servers.reduce((sum, { weight }) => sum + weight, 0);
    let passed = 0;
    servers.forEach(({ weight }, index) => {
      passed += weight;
      this.ends[index] = Math.floor((hashValues * passed) / total);
    });
  }

  find(hash: number): Server | undefined {
    const { ends } = this;
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (hash < ends[middle]!) high = middle;
      else low = middle + 1;
    }
    return this.servers[low];
  }
}

/** A design that keeps nothing. */
class HashSteering implements Steering {
  readonly counters = new SteeringCounters();
  readonly entryCount = 0;
  readonly tableBytes = 0;
  private readonly makeTable: (servers: ServerSet) => HashTable;
  private table: HashTable;

  constructor(servers: ServerSet, makeTable: (servers: ServerSet) => HashTable) {
    this.makeTable = makeTable;
    this.table = makeTable(servers);
  }

  steer(_now: number, packet: PacketView, verdict: Verdict): void {
    if (packet.joinToken >= 0) {
      this.counters.joins++;
      this.counters.joinsByChance++;
    }
    const server = this.table.find(packet.hashFlow());
    if (server === undefined) verdict.refuse(VerdictReason.NO_SERVER);
    else verdict.deliver(server);
  }

  setServers(_now: number, servers: ServerSet): void {
    this.table = this.makeTable(servers);
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Nothing depends on time.
  }

  pollEvent(): undefined {
    return undefined;
  }
}

/** Makes `stateless`. */
export const stateless: SteeringFactory = (_now, { servers }) =>
  new HashSteering(servers, (set) => new HashRanges(set.up));

/** Makes `maglev`. */
export const maglev: SteeringFactory = (_now, { servers, settings }) =>
  new HashSteering(servers, (set) => new MaglevTable(set.up, settings.maglevPlaces));

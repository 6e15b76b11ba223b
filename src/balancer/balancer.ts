/**
 * A balancer without I/O: takes packets, says for each what is to become of it, and keeps count. It owns the rules on which
 * packets are steered (packet-view.ts), the services and the list of servers; where a packet of a service goes is its design's.
 *
 * How to drive it: call `steer` for each packet and carry the verdict out before the next call; `setServers` when the list
 * changes; `handleTimeout` when `pollTimeout` says so; `pollEvent` until it gives undefined, whenever it suits. All instants are
 * of one clock; balancers that share servers, and the servers themselves, agree on it to a second.
 */
import { Deque, type RandomSource } from '../base/index.js';
import type { Endpoint } from '../wire/index.js';
import { Beamer } from './beamer.js';
import type { BucketSnapshot } from './bucket-table.js';
import { type DesignName, designNamed } from './designs.js';
import { isForwarded, PacketView } from './packet-view.js';
import { type ServerChange, ServerSet, type ServerSpec } from './servers.js';
import { defaultJoinPortBase, Services } from './services.js';
import { checkSteeringSettings, defaultSteeringSettings, type SteeringSettings } from './settings.js';
import type { Steering, SteeringCounters, TokenLearnedEvent } from './steering.js';
import { TokenMap } from './token-map.js';
import type { TokenEntry } from './token-table.js';
import { Verdict, verdictReasonNames } from './verdict.js';

/** How to make a {@link Balancer}. */
export interface BalancerOptions {
  readonly design: DesignName;
  /** Addresses and ports that clients connect to. */
  readonly services: readonly Endpoint[];
  readonly servers: readonly ServerSpec[];
  /** Server N is reached at the address of a service by this port plus N. Default {@link defaultJoinPortBase}; 0 for no such ports. */
  readonly joinPortBase?: number;
  /** Secrets of hash tables come from it. */
  readonly random: RandomSource;
  /** What differs from {@link defaultSteeringSettings}. */
  readonly settings?: Partial<SteeringSettings>;
  /**
   * `beamer`: the buckets to begin with, as they were right after `servers` came. From then on lists of servers alone move any: buckets
   * that wait do so until {@link Balancer.setServers}, which whoever keeps several balancers alike calls for all of them.
   */
  readonly buckets?: BucketSnapshot;
}

/** What a balancer has to tell. */
export type BalancerEvent = ServersChangedEvent | TokenLearnedEvent;

/** The list of servers is another one from now on. */
export interface ServersChangedEvent extends ServerChange {
  readonly type: 'servers-changed';
}

/** What a balancer counts of packets. */
export class BalancerCounters {
  packets = 0;
  /** Packets that went to a server. */
  forwarded = 0;
  /** Packets by why they did not, in the order of `verdictReasonNames`; the first counts those that did. */
  readonly byReason = new Float64Array(verdictReasonNames.length);
  /** Events that were forgotten since nobody polled them. */
  eventsDropped = 0;
}

/** See the module. */
export class Balancer {
  readonly design: DesignName;
  readonly counters = new BalancerCounters();
  readonly services: Services;
  private readonly settings: SteeringSettings;
  private readonly steering: Steering;
  private readonly view = new PacketView();
  private readonly verdict = new Verdict();
  private readonly events = new Deque<BalancerEvent>();
  private set: ServerSet;

  /**
   * Throws `ERR_SUBFLOW_UNKNOWN_NAME` for the design, `ERR_SUBFLOW_BAD_SERVER`, `ERR_SUBFLOW_BAD_SERVICE`,
   * `ERR_SUBFLOW_BAD_SETTING`, for buckets of another number than the settings say too.
   */
  constructor(now: number, options: BalancerOptions) {
    const { design, random } = options;
    this.design = design;
    this.settings = { ...defaultSteeringSettings, ...options.settings };
    checkSteeringSettings(this.settings);
    this.services = new Services(options.services, options.joinPortBase ?? defaultJoinPortBase);
    this.set = new ServerSet(options.servers);
    this.steering = designNamed(design)(now, {
      ...{ settings: this.settings, servers: this.set, random },
      ...(options.buckets !== undefined && { buckets: options.buckets }),
    });
  }

  /** The servers in reach. */
  get servers(): ServerSet {
    return this.set;
  }

  /** What the design counts: a view that stays current. */
  get steeringCounters(): Readonly<SteeringCounters> {
    return this.steering.counters;
  }

  /** Entries in the tables of the design. */
  get entryCount(): number {
    return this.steering.entryCount;
  }

  /** Bytes that those take. */
  get tableBytes(): number {
    return this.steering.tableBytes;
  }

  /**
   * What is to become of the IP packet in the `length` bytes at `offset`. The verdict is good until the next call. Never throws,
   * whatever the bytes are; allocates nothing for a packet of a flow that goes on.
   */
  steer(now: number, bytes: Uint8Array, offset = 0, length = bytes.length - offset): Verdict {
    const { counters, verdict, view } = this;
    if (view.read(bytes, offset, length, this.services, verdict)) this.steering.steer(now, view, verdict);
    counters.packets++;
    counters.byReason[verdict.reason]!++;
    if (isForwarded(verdict)) counters.forwarded++;
    return verdict;
  }

  /** Whether the packet that {@link steer} looked at last begins a subflow. */
  get isSyn(): boolean {
    return this.view.isSyn;
  }

  /** Takes a new list of servers in place of the old one. Throws `ERR_SUBFLOW_BAD_SERVER`, and keeps the old one then. */
  setServers(now: number, specs: readonly ServerSpec[]): void {
    const set = new ServerSet(specs);
    this.steering.setServers(now, set);
    const change = set.changesSince(this.set);
    this.set = set;
    this.tell({ type: 'servers-changed', ...change });
  }

  /** When {@link handleTimeout} is wanted, in ns; NEVER when it is not. */
  pollTimeout(): number {
    return this.steering.pollTimeout();
  }

  /** Does what is due at `now`; harmless when nothing is. */
  handleTimeout(now: number): void {
    this.steering.handleTimeout(now);
  }

  /** What there is to tell; undefined when there is nothing more. */
  pollEvent(): BalancerEvent | undefined {
    return this.events.shift() ?? this.steering.pollEvent();
  }

  private tell(event: BalancerEvent): void {
    if (this.events.length >= this.settings.maxEvents) {
      this.events.shift();
      this.counters.eventsDropped++;
    }
    this.events.push(event);
  }

  /** The buckets of `beamer` as they are at `now`, for a balancer that begins; undefined for other designs. */
  snapshotBuckets(now: number): BucketSnapshot | undefined {
    return this.steering instanceof Beamer ? this.steering.snapshotBuckets(now) : undefined;
  }

  /** The tokens that `token-map` knows, for a balancer that begins; none for other designs. */
  exportTokens(): TokenEntry[] {
    return this.steering instanceof TokenMap ? this.steering.exportTokens() : [];
  }

  /** Takes tokens that another balancer knows; other designs have no use for them. */
  importTokens(now: number, entries: readonly TokenEntry[]): void {
    if (this.steering instanceof TokenMap) this.steering.importTokens(now, entries);
  }
}

/**
 * A balancer in the kernel's fast path: the same rules as `balancer/`, carried out by an XDP program, which sends every packet of a
 * service to its server within another and has the server answer by itself. Owns the program, its maps and its links; decides nothing
 * about packets. A change of servers puts another table in the place of the one at work, in one step, while the program goes on
 * and connections, tokens and counters stay (docs/decisions/0010-xdp-objects.md).
 *
 * What differs from the other data paths: a packet that is refused is dropped and counted, not answered by a reset; the tables of
 * `token-map` make room within the eight cells that an entry may have (bpf/joins.h, bpf/tokens.h).
 */
import { randomBytes } from 'node:crypto';
import { SubflowError } from '../../base/index.js';
import {
  type BucketSnapshot,
  BucketTable,
  checkSteeringSettings,
  defaultJoinPortBase,
  defaultSteeringSettings,
  MaglevTable,
  ServerSet,
  Services,
  SteeringCounters,
  verdictReasonNames,
  type Server,
  type ServerSpec,
  type SteeringSettings,
  type TokenEntry,
} from '../../balancer/index.js';
import type { Endpoint, IpAddress } from '../../wire/index.js';
import type { BpfMap } from '../bpf/index.js';
import {
  BpfObject,
  type BpfObjectFile,
  type BpfProgram,
  readPackagedObject,
  sumOverProcessors,
  type TrialRun,
  word,
  type XdpAttachment,
  XdpLink,
} from '../bpf/index.js';
import { importFrames, LearnedTokens } from './shared-tokens.js';
import {
  countEntries,
  makeLastingMaps,
  makeState,
  mapSizes,
  only,
  tableBytes,
  type MapSizes,
} from './xdp-maps.js';
import * as tables from './xdp-tables.js';

/** Designs that the kernel can carry out, by the name of the program. */
const programs = {
  stateless: 'stateless',
  'token-map': 'token_map',
  'direct-address': 'direct_address',
  beamer: 'beamer',
} as const;

/** Name of a design that the kernel can carry out. */
export type XdpDesign = keyof typeof programs;

/** The names in the order of the table. */
export const xdpDesigns = Object.keys(programs) as readonly XdpDesign[];

/** For benchmarks: what the program does besides its work (bpf/measure.h). */
export const XdpMeasuring = { WORKING: 0, ONE_FLOW: 1, MANY_FLOWS: 2 } as const;

/** How to make an {@link XdpBalancer}. */
export interface XdpBalancerOptions {
  readonly design: XdpDesign;
  /** Addresses and ports that clients connect to. */
  readonly services: readonly Endpoint[];
  readonly servers: readonly ServerSpec[];
  /** As of `Balancer`. */
  readonly buckets?: BucketSnapshot;
  /** As of `Balancer`. */
  readonly joinPortBase?: number;
  /** What differs from `defaultSteeringSettings`. */
  readonly settings?: Partial<SteeringSettings>;
  /** Where encapsulated packets come from; of the servers' family. */
  readonly source: IpAddress;
  /** The next hop to each server. */
  readonly route: (server: Server) => tables.XdpRoute;
  /** The time of now, in ns, where lists of servers may come later than they count from. Default: the time that comes with them. */
  readonly clock?: () => number;
  /** One of {@link XdpMeasuring}; default WORKING. */
  readonly measuring?: number;
}

/** What a program counts, by name: packets by why they were not forwarded (`none`: they were), and joins and tokens. */
export type XdpCounters = Readonly<Record<string, number>>;

/** Counters behind those of reasons (bpf/packet.h). */
const otherCounters = [
  ...['no-room', 'joins', 'joins-by-chance'],
  ...['tokens-learned', 'tokens-refused', 'token-collisions'],
  ...['untracked', 'displaced', 'tagged'],
] as const;
const COUNTERS_BYTES = 8 * 32;
/** The program that takes tokens of other balancers. */
const importProgram = 'token_import';

/** See the module. */
export class XdpBalancer {
  readonly design: XdpDesign;
  private readonly options: XdpBalancerOptions;
  private readonly settings: SteeringSettings;
  private readonly services: Services;
  private readonly file: BpfObjectFile;
  private readonly sizes: MapSizes;
  private readonly maps: ReadonlyMap<string, BpfMap>;
  private readonly program: BpfProgram;
  private readonly importer: BpfProgram | undefined;
  private readonly learned: LearnedTokens | undefined;
  private readonly links: XdpLink[] = [];
  private set: ServerSet;
  private buckets: BucketTable | undefined;
  private closed = false;

  /**
   * Loads the program; it works nowhere yet. `now` is in ns of a clock that balancers and servers agree on.
   * @throws SubflowError `ERR_SUBFLOW_BAD_SERVER`, `ERR_SUBFLOW_BAD_SERVICE`, `ERR_SUBFLOW_BAD_SETTING`, `ERR_SUBFLOW_BAD_ROUTE`;
   * VerifierError; SystemError.
   */
  constructor(now: number, options: XdpBalancerOptions) {
    this.design = options.design;
    this.options = options;
    this.settings = { ...defaultSteeringSettings, ...options.settings };
    checkSteeringSettings(this.settings);
    this.services = new Services(options.services, options.joinPortBase ?? defaultJoinPortBase);
    this.set = this.checked(options.servers);
    this.buckets = this.firstBuckets(now);
    this.file = readPackagedObject(programs[options.design]);
    this.sizes = mapSizes(this.settings, options.services);
    const bytes = tables.stateBytes(this.tableOf(now, this.set, this.buckets).length);
    this.maps = makeLastingMaps(this.file, this.sizes, bytes);
    const opened: { close(): void }[] = [];
    try {
      this.publish(now, this.set, this.buckets);
      const object = new BpfObject(this.file, { maps: this.maps, constants: this.constants() });
      opened.push(object);
      const { keys, values } = tables.encodeServices(this.services);
      object.map('services').setAll(keys, values);
      opened.push((this.program = object.load(programs[this.design])));
      const ring = this.maps.get('learned');
      if (ring !== undefined) {
        this.learned = new LearnedTokens(ring, this.sizes.learnedBits);
        this.importer = object.load(importProgram);
      }
      object.close();
    } catch (error) {
      for (const each of [...opened, ...this.maps.values()]) each.close();
      throw error;
    }
  }

  /** The servers in reach. */
  get servers(): ServerSet {
    return this.set;
  }

  /** Has every packet that comes in by an interface meet the program; there may be several. Throws as {@link XdpLink.attach} does. */
  attach(attachment: XdpAttachment): void {
    this.links.push(XdpLink.attach(this.program, attachment));
  }

  /**
   * Takes a new list of servers. No packet is lost, and none meets the old list any more when this returns: that takes some
   * milliseconds, while the kernel waits for packets that are on their way through the program.
   * Throws `ERR_SUBFLOW_BAD_SERVER`, `ERR_SUBFLOW_BAD_ROUTE`, `ERR_SUBFLOW_CLOSED`, SystemError, and keeps the old list then.
   */
  setServers(now: number, specs: readonly ServerSpec[]): void {
    const set = this.checked(specs);
    const buckets = this.revisedBuckets(now, set);
    this.publish(now, set, buckets);
    this.set = set;
    this.buckets = buckets;
  }

  /** When {@link handleTimeout} is wanted, in ns; `Infinity` when it is not. */
  pollTimeout(): number {
    if (this.options.buckets !== undefined) return Number.POSITIVE_INFINITY;
    return this.buckets?.nextRevision() ?? Number.POSITIVE_INFINITY;
  }

  /** Moves the buckets that may move by now. Throws SystemError, and is to be called again then. */
  handleTimeout(now: number): void {
    if (now < this.pollTimeout()) return;
    const buckets = this.revisedBuckets(now, this.set);
    this.publish(now, this.set, buckets);
    this.buckets = buckets;
  }

  /** The buckets of `beamer` as they are at `now`; undefined for other designs. */
  snapshotBuckets(now: number): BucketSnapshot | undefined {
    return this.buckets?.snapshot(now);
  }

  /** Runs the program on a frame that goes nowhere; its tables and counters change as by any other. */
  run(frame: Uint8Array, repeat = 1): TrialRun {
    return this.program.run(frame, repeat);
  }

  /** What was counted so far, on all processors. */
  counters(): XdpCounters {
    const sums = this.counterValues();
    return Object.fromEntries([...verdictReasonNames, ...otherCounters].map((name, i) => [name, sums[i]!]));
  }

  /** The values of {@link counters} in the order of `verdictReasonNames`, and others behind them. */
  counterValues(): number[] {
    return sumOverProcessors(this.maps.get('counters')!.get(only)!, COUNTERS_BYTES);
  }

  /** Subflows that began at the server with this number: SYNs that went there. */
  subflowsAt(server: number): number {
    return sumOverProcessors(this.maps.get('subflows')!.get(word(server))!, 8)[0]!;
  }

  /** Joins and tokens in the tables of `token-map`, or buckets of `beamer`; of more than some thousands, right to a few hundredths. */
  get entryCount(): number {
    const seconds = Number(process.hrtime.bigint() / 1_000_000_000n);
    return this.buckets?.size ?? countEntries(this.maps, this.settings, seconds);
  }

  /** Bytes that the tables of joins and tokens take, whether there are any or not, or those of buckets. */
  get tableBytes(): number {
    return this.buckets === undefined ? tableBytes(this.maps) : this.buckets.size * tables.BUCKET_BYTES;
  }

  /**
   * Tokens that `token-map` learned from packets since the last call, the oldest first, up to `SteeringSettings.maxEvents` (rounded up
   * to a power of 2); none for other designs. Those that came too late are counted in {@link learnedTokensMissed}.
   */
  takeLearnedTokens(): TokenEntry[] {
    return this.learned?.take() ?? [];
  }

  /** Learned tokens that nobody took before others had their places. */
  get learnedTokensMissed(): number {
    return this.learned?.missedCount ?? 0;
  }

  /**
   * Takes tokens that other balancers learned; other designs have no use for them. Entries that make no sense, are of servers that are
   * not in reach or have no room are left out. Costs the event loop about a second for a million.
   */
  importTokens(entries: readonly TokenEntry[]): void {
    if (this.importer === undefined) return;
    for (const frame of importFrames(entries)) this.importer.run(frame);
  }

  /** Detaches the program and lets go of everything. */
  close(): void {
    this.closed = true;
    for (const link of this.links.splice(0)) link.close();
    this.program.close();
    this.importer?.close();
    for (const map of this.maps.values()) map.close();
  }

  private checked(specs: readonly ServerSpec[]): ServerSet {
    const set = new ServerSet(specs);
    const stranger = set.all.find(({ address }) => address.family !== this.options.source.family);
    if (stranger === undefined) return set;
    throw new SubflowError(
      'ERR_SUBFLOW_BAD_SERVER',
      `server ${stranger.id} has an address of another family than ${this.options.source.toString()}`,
      { hint: 'Give the balancer a source address of the family that its servers have.' },
    );
  }

  private firstBuckets(now: number): BucketTable | undefined {
    if (this.design !== 'beamer') return undefined;
    const { buckets, chainNs } = this.settings;
    const from = this.options.buckets;
    const counters = new SteeringCounters();
    return from === undefined
      ? new BucketTable(now, buckets, chainNs, this.set, counters)
      : BucketTable.restore(from, buckets, chainNs, counters);
  }

  /** The buckets after a change: a table of its own, so that the old one is there when the change cannot be had. */
  private revisedBuckets(now: number, set: ServerSet): BucketTable | undefined {
    if (this.buckets === undefined) return undefined;
    const { buckets, chainNs } = this.settings;
    const counters = new SteeringCounters();
    const revised = BucketTable.restore(this.buckets.snapshot(now), buckets, chainNs, counters);
    revised.revise(now, set);
    return revised;
  }

  /** Has packets meet these servers from now on. */
  private publish(now: number, set: ServerSet, buckets: BucketTable | undefined): void {
    if (this.closed) throw new SubflowError('ERR_SUBFLOW_CLOSED', 'the balancer is closed');
    const state = tables.encodeState({
      placed: this.placed(set),
      route: this.options.route,
      generation: (buckets?.generation ?? 0) >>> 0,
      // A list may count as of a time that is long over; who is asked about a bucket's flows follows from the time of now.
      table: this.tableOf(this.options.clock?.() ?? now, set, buckets),
    });
    const map = makeState(state.length);
    try {
      map.set(only, state);
      this.maps.get('states')!.set(only, word(map.fd));
    } finally {
      map.close();
    }
  }

  /** The servers by place: `stateless` has no use for those that take no connections. */
  private placed(set: ServerSet): readonly Server[] {
    return this.design === 'stateless' ? set.up : set.all;
  }

  /** The design's table. */
  private tableOf(now: number, set: ServerSet, buckets: BucketTable | undefined): Uint8Array {
    const { maglevPlaces } = this.settings;
    if (this.design === 'stateless') return tables.encodeRanges(set);
    if (buckets === undefined)
      return tables.encodeMaglev(new MaglevTable(set.up, maglevPlaces), maglevPlaces, set);
    const aheadNs = Number(process.hrtime.bigint()) - now;
    return tables.encodeBuckets(buckets, set, now, aheadNs);
  }

  private constants(): Record<string, Uint8Array> {
    const { settings, sizes, design } = this;
    const seconds = (ns: number): number => Math.ceil(ns / 1e9);
    return {
      settings: tables.encodeSettings(
        this.options.source,
        {
          family: this.options.source.family,
          joinPortBase: this.services.joinPortBase,
          places: design === 'beamer' ? settings.buckets : settings.maglevPlaces,
          newFlowSeconds: seconds(settings.newFlowNs),
          idleSeconds: seconds(settings.idleNs),
          closingSeconds: seconds(settings.closingNs),
          tokenIdleSeconds: seconds(settings.tokenIdleNs),
          tokenClaims: settings.maxTokenClaims,
          joins4Mask: sizes.buckets.joins_4 - 1,
          joins6Mask: sizes.buckets.joins_6 - 1,
          tokensMask: sizes.buckets.tokens - 1,
          learnedBits: sizes.learnedBits,
        },
        tables.encodeServices(this.services).keys.subarray(0, tables.SERVICE_KEY_BYTES),
        randomBytes(tables.SECRET_BYTES),
      ),
      crc_tables: tables.encodeCrcTables(),
      measuring: word(this.options.measuring ?? XdpMeasuring.WORKING),
    };
  }
}

/**
 * A balancer in the kernel's fast path: the same rules as `balancer/`, carried out by an XDP program, which sends every packet of a
 * service to its server within another and has the server answer by itself. Owns the program, its maps and its link; decides nothing about
 * packets. A change of servers loads the program again with other tables and puts it in the place of the one at work, while
 * connections, tokens and counters stay.
 *
 * What differs from the other data paths: a packet that is refused is dropped and counted, not answered by a reset; the tables of
 * `token-map` make room by the kernel's own rule, the entry used longest ago first.
 */
import { SubflowError } from '../../base/index.js';
import {
  type BucketSnapshot,
  BucketTable,
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
} from '../../balancer/index.js';
import type { Endpoint, IpAddress } from '../../wire/index.js';
import {
  BpfMap,
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
  /** One of {@link XdpMeasuring}; default WORKING. */
  readonly measuring?: number;
}

/** What a program counts, by name: packets by why they were not forwarded (`none`: they were), and joins and tokens. */
export type XdpCounters = Readonly<Record<string, number>>;

/** Counters behind those of reasons (bpf/packet.h). */
const otherCounters = [
  ...['no-room', 'joins', 'joins-by-chance'],
  ...['tokens-learned', 'tokens-refused', 'token-collisions'],
] as const;
const COUNTERS_BYTES = 8 * 32;
/** Maps that go from one program to the next. */
const lasting = ['counters', 'tokens', 'joins', 'learned'];

/** See the module. */
export class XdpBalancer {
  readonly design: XdpDesign;
  private readonly options: XdpBalancerOptions;
  private readonly settings: SteeringSettings;
  private readonly services: Services;
  private readonly file: BpfObjectFile;
  private readonly kept = new Map<string, BpfMap>();
  private readonly buckets: BucketTable | undefined;
  private set: ServerSet;
  private program: BpfProgram;
  private link: XdpLink | undefined;

  /**
   * Loads the program; it works nowhere yet. `now` is in ns of a clock that balancers and servers agree on.
   * @throws SubflowError `ERR_SUBFLOW_BAD_SERVER`, `ERR_SUBFLOW_BAD_SERVICE`; VerifierError; SystemError.
   */
  constructor(now: number, options: XdpBalancerOptions) {
    this.design = options.design;
    this.options = options;
    this.settings = { ...defaultSteeringSettings, ...options.settings };
    this.services = new Services(options.services, options.joinPortBase ?? defaultJoinPortBase);
    this.set = this.checked(options.servers);
    if (options.design === 'beamer') {
      const { buckets, chainNs } = this.settings;
      const from = options.buckets;
      this.buckets =
        from === undefined
          ? new BucketTable(now, buckets, chainNs, this.set, new SteeringCounters())
          : BucketTable.restore(from, buckets, chainNs, new SteeringCounters());
    }
    this.file = readPackagedObject(programs[options.design]);
    try {
      this.makeLastingMaps();
      this.program = this.load(now);
    } catch (error) {
      for (const map of this.kept.values()) map.close();
      throw error;
    }
  }

  /** The servers in reach. */
  get servers(): ServerSet {
    return this.set;
  }

  /** Has every packet that comes in by an interface meet the program. Throws as {@link XdpLink.attach} does. */
  attach(attachment: XdpAttachment): void {
    if (this.link !== undefined) {
      throw new SubflowError('ERR_SUBFLOW_BUSY', `the balancer works on ${this.link.device} already`, {
        hint: 'Make one for each interface, or close this one first.',
      });
    }
    this.link = XdpLink.attach(this.program, attachment);
  }

  /** Takes a new list of servers. No packet is lost. Throws as the constructor does, and keeps the old list then. */
  setServers(now: number, specs: readonly ServerSpec[]): void {
    this.set = this.checked(specs);
    this.buckets?.revise(now, this.set);
    this.reload(now);
  }

  /** When {@link handleTimeout} is wanted, in ns; `Infinity` when it is not. */
  pollTimeout(): number {
    if (this.options.buckets !== undefined) return Number.POSITIVE_INFINITY;
    return this.buckets?.nextRevision() ?? Number.POSITIVE_INFINITY;
  }

  /** Moves the buckets that may move by now. */
  handleTimeout(now: number): void {
    if (now < this.pollTimeout()) return;
    this.buckets!.revise(now, this.set);
    this.reload(now);
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
    const sums = sumOverProcessors(this.kept.get('counters')!.get(word(0))!, COUNTERS_BYTES);
    return Object.fromEntries([...verdictReasonNames, ...otherCounters].map((name, i) => [name, sums[i]!]));
  }

  /** A map of the program that lasts: `counters`, and of `token-map` `tokens`, `joins` and `learned`. */
  map(name: string): BpfMap {
    const map = this.kept.get(name);
    if (map === undefined) throw new SubflowError('ERR_SUBFLOW_UNKNOWN_NAME', `there is no map ${name}`);
    return map;
  }

  /** Detaches the program and lets go of everything. */
  close(): void {
    this.link?.close();
    this.link = undefined;
    this.program.close();
    for (const map of this.kept.values()) map.close();
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

  private makeLastingMaps(): void {
    const { maxFlows, maxTokens, maxEvents } = this.settings;
    const entries = new Map([
      ['joins', maxFlows],
      ['tokens', maxTokens],
      ['learned', maxEvents],
    ]);
    for (const definition of this.file.maps) {
      const { name, maxEntries } = definition;
      if (!lasting.includes(name)) continue;
      this.kept.set(name, BpfMap.create({ ...definition, maxEntries: entries.get(name) ?? maxEntries }));
    }
  }

  private reload(now: number): void {
    const before = this.program;
    const program = this.load(now);
    this.link?.replace(program);
    this.program = program;
    before.close();
  }

  /** The program with the settings, services and servers of now. */
  private load(now: number): BpfProgram {
    const has = (name: string): boolean => this.file.maps.some((map) => map.name === name);
    const { maglevPlaces } = this.settings;
    const object = new BpfObject(this.file, {
      maps: this.kept,
      entries: {
        ...(has('places') && { places: Math.ceil(maglevPlaces / 4) }),
        ...(this.buckets !== undefined && { buckets: this.buckets.size }),
      },
      constants: this.constants(),
    });
    try {
      this.fillTables(object, now, has);
      return object.load(programs[this.design]);
    } finally {
      object.close();
    }
  }

  private fillTables(object: BpfObject, now: number, has: (name: string) => boolean): void {
    const { set } = this;
    const { keys, values } = tables.encodeServices(this.services);
    object.map('services').setAll(keys, values);
    fill(object.map('servers'), tables.encodeServers(this.placed, this.options.route));
    if (has('server_places')) {
      const places = new Map(set.all.map(({ id }, place) => [id, place + 1]));
      const map = object.map('server_places');
      fill(
        map,
        tables.encodePlaces(4 * map.maxEntries, (id) => places.get(id) ?? 0),
      );
    }
    if (has('places')) {
      const { maglevPlaces } = this.settings;
      fill(
        object.map('places'),
        tables.encodeMaglev(new MaglevTable(set.up, maglevPlaces), maglevPlaces, set),
      );
    }
    if (this.buckets !== undefined) {
      const aheadNs = Number(process.hrtime.bigint()) - now;
      fill(object.map('buckets'), tables.encodeBuckets(this.buckets, set, now, aheadNs));
    }
  }

  /** The servers by place: `stateless` has no use for those that take no connections. */
  private get placed(): readonly Server[] {
    return this.design === 'stateless' ? this.set.up : this.set.all;
  }

  private constants(): Record<string, Uint8Array> {
    const { settings, set, design } = this;
    const seconds = (ns: number): number => Math.ceil(ns / 1e9);
    const isStateless = design === 'stateless';
    return {
      settings: tables.encodeSettings(
        this.options.source,
        {
          family: this.options.source.family,
          joinPortBase: this.services.joinPortBase,
          servers: this.placed.length,
          places: this.placesOf(),
          generation: (this.buckets?.generation ?? 0) >>> 0,
          newFlowSeconds: seconds(settings.newFlowNs),
          idleSeconds: seconds(settings.idleNs),
          closingSeconds: seconds(settings.closingNs),
          tokenIdleSeconds: seconds(settings.tokenIdleNs),
          tokenClaims: settings.maxTokenClaims,
        },
        tables.encodeServices(this.services).keys.subarray(0, tables.SERVICE_KEY_BYTES),
      ),
      crc_tables: tables.encodeCrcTables(),
      measuring: word(this.options.measuring ?? XdpMeasuring.WORKING),
      ...(isStateless && { range_ends: tables.encodeRangeEnds(set) }),
    };
  }

  /** `settings.places` (bpf/packet.h). */
  private placesOf(): number {
    if (this.design === 'beamer') return this.settings.buckets;
    if (this.design !== 'stateless') return this.settings.maglevPlaces;
    return 2 ** Math.floor(Math.log2(Math.max(1, this.set.up.length)));
  }
}

/** Writes an array map from its first element on. */
function fill(map: BpfMap, values: Uint8Array): void {
  map.setAll(tables.indexKeys(values.length / map.valueBytes), values);
}

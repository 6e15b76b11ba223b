/**
 * What moves packets, as the runtime drives it. A data path is made by `xdpPath(options)` or `userPath(options)`; both send every
 * packet that they forward to its server within another IP packet (balancer/encapsulation.ts), and the server answers the client
 * by itself. Next hops come from linux/next-hop.ts. Decides nothing about servers: generations do.
 */
import type {
  DataPathCounters,
  DesignName,
  Generation,
  GenerationSnapshot,
  SteeringSettings,
  TokenEntry,
} from '../../balancer/index.js';
import type { Endpoint, IpAddress } from '../../wire/index.js';

/** Kind of a data path: a program in the kernel's fast path, or threads of this process. */
export type DataPathKind = 'xdp' | 'user';

/** Makes a data path, at work when the promise resolves. Rejects when it cannot be had, with nothing left on the machine. */
export type DataPathFactory = (options: DataPathOptions) => Promise<DataPath>;

/** Carries packets of services to their servers by one design, on this machine. */
export interface DataPath {
  readonly kind: DataPathKind;
  /**
   * Takes a generation: its servers, as of its time (`Balancer.setServers(generation.atNs, ...)`). Packets go on meanwhile.
   * Called for one generation at a time, in order. Rejects and keeps the old one when it cannot be had.
   */
  apply(generation: Generation): Promise<void>;
  /** What was counted since the start, and what is in the tables now. */
  counters(): Promise<DataPathCounters>;
  /** Tokens learned since the last call, for balancers that share them (`token-map`); empty for other designs. */
  takeLearnedTokens(): Promise<readonly TokenEntry[]>;
  /** Tokens that other balancers learned; other designs than `token-map` have no use for them. */
  importTokens(entries: readonly TokenEntry[]): Promise<void>;
  /** Resolves when the path has ended by itself, with why: an interface that vanished, a worker that died. Never rejects. */
  readonly failed: Promise<Error>;
  /** Detaches and lets go of everything; nothing of it is left on the machine. Twice does no harm. */
  close(): Promise<void>;
}

/** How to make a {@link DataPath}. */
export interface DataPathOptions {
  readonly design: DesignName;
  /** Addresses and ports that clients connect to. */
  readonly services: readonly Endpoint[];
  /** As of `Balancer`. */
  readonly joinPortBase?: number;
  /** What differs from `defaultSteeringSettings`. */
  readonly settings?: Partial<SteeringSettings>;
  /**
   * Where to begin: the servers of its generation, and the buckets as they were (`BalancerOptions.buckets`). With buckets to begin
   * from, nothing but a generation moves any: balancers that share a service have to agree on when.
   */
  readonly start: GenerationSnapshot;
  /** Interfaces that clients' packets come in by: 1 to {@link maxPathInterfaces}. */
  readonly interfaces: readonly string[];
  /** Where encapsulated packets come from. Default: the address that this host has on the way to the first server. */
  readonly source?: IpAddress;
  /** `user`: threads, 1 to 64; default one per core but one. */
  readonly workers?: number;
  /** `xdp`: in the driver, behind it, or in the driver where it can. Default `auto`. */
  readonly mode?: 'auto' | 'native' | 'generic';
}

/** Most interfaces of a data path. */
export const maxPathInterfaces = 16;

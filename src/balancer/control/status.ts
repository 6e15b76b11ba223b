/** The state of a running balancer, for people and programs: `subflow balance status`, and metrics. Put together here, shown elsewhere. */
import { SECOND } from '../../base/index.js';
import { formatEndpoint } from '../../wire/index.js';
import type { ServerState } from '../servers.js';
import type { BalanceConfig } from './config.js';
import type { ControlPlane } from './control-plane.js';
import type { GenerationServer } from './generation.js';
import type { HealthState } from './health-monitor.js';

/** Name of the schema in JSON; fields are only ever added. */
export const statusSchema = 'subflow/balance-status/1';

/** A server. */
export interface ServerStatus {
  readonly id: number;
  readonly address: string;
  readonly weight: number;
  /** What it is in the latest generation. */
  readonly state: ServerState;
  /** What its operator wants of it. */
  readonly wanted: ServerState;
  /** What this balancer's own checks say; null where nothing is checked. */
  readonly health: {
    readonly state: HealthState;
    /** What balancers say together. */
    readonly voted: 'unknown' | 'up' | 'down' | 'split';
    /** Why the last check failed; empty when it did not. */
    readonly why: string;
    /** How long the last check that did well took; null before. */
    readonly rttMs: number | null;
    /** How long ago the last outcome came, in seconds; null before. */
    readonly checkedSecondsAgo: number | null;
  } | null;
  /** Buckets that it has; null for designs without them. */
  readonly buckets: number | null;
  /** Subflows that began there since the balancer began: SYNs that went there, joins among them. */
  readonly subflows: number;
  /** Packets that were forwarded to it; null where the data path does not count them by server. */
  readonly packets: number | null;
}

/** The whole state. */
export interface BalanceStatus {
  readonly schema: typeof statusSchema;
  readonly name: string;
  readonly design: string;
  readonly path: { readonly kind: 'xdp' | 'user'; readonly interfaces: readonly string[] };
  readonly services: readonly string[];
  /** Since when it runs, in seconds. */
  readonly upSeconds: number;
  readonly generation: {
    readonly number: number;
    /** ISO 8601. */
    readonly at: string;
    readonly reason: string;
  };
  readonly config: {
    readonly file: string;
    /** When the configuration in force was read, ISO 8601. */
    readonly loadedAt: string;
    /** What is wrong with the file now, while the former configuration stays in force; null when nothing is. */
    readonly problem: string | null;
  };
  readonly store: {
    readonly kind: 'folder' | 'nats';
    readonly isReachable: boolean;
    /** Why it is not; empty when it is. */
    readonly why: string;
  };
  /** Balancers that were heard of lately, this one included; empty where no health is checked. */
  readonly balancers: readonly { readonly name: string; readonly heardSecondsAgo: number }[];
  readonly servers: readonly ServerStatus[];
  readonly packets: {
    readonly forwarded: number;
    /** Packets of the interfaces that were not forwarded, by why. */
    readonly notForwarded: Readonly<Record<string, number>>;
  };
  readonly joins: {
    readonly total: number;
    /** Those that went where chance would have it: nothing told whose they are. */
    readonly byChance: number;
    /** Those that found their server where the hash of addresses and ports would have led to another; null where the path cannot tell. */
    readonly misSteersAvoided: number | null;
  };
  readonly tables: { readonly entries: number; readonly bytes: number; readonly bucketsMoved: number };
  /** What else the data path counts, by name. */
  readonly more: Readonly<Record<string, number>>;
}

/** What a data path counts. Whole numbers, since its start; they never fall, but `entries` and `tableBytes` do. */
export interface DataPathCounters {
  /** Packets of services by why they were not forwarded, in the names of `verdictReasonNames`; `none` counts those that were. */
  readonly reasons: Readonly<Record<string, number>>;
  /** SYNs with MP_JOIN. */
  readonly joins: number;
  /** Of those, the ones that went where chance would have it: nothing told whose they are. */
  readonly joinsByChance: number;
  /**
   * Of those that did not go by chance, the ones whose addresses and ports alone, by the hash of the design, would have led to another
   * server. Undefined where the path cannot tell.
   */
  readonly misSteersAvoided?: number;
  /** What else the path counts, by name in camelCase: `tokensLearned`, `tokensRefused`, `tokenCollisions`, `noRoom`, `resetsSent` ... */
  readonly more: Readonly<Record<string, number>>;
  /** Packets forwarded to each server, by its number; without those that the path does not count by server. */
  readonly forwardedByServer?: Readonly<Record<number, number>>;
  /** Subflows that began at each server, by its number: SYNs that went there, joins among them. */
  readonly subflowsByServer: Readonly<Record<number, number>>;
  /** Entries in the tables of connections, tokens or buckets now. */
  readonly entries: number;
  /** Bytes that the tables take now. */
  readonly tableBytes: number;
}

/** What a status is put together from. */
export interface StatusSources {
  /** ns since 1970. */
  readonly nowNs: number;
  readonly startedAtNs: number;
  readonly config: BalanceConfig;
  readonly configFile: string;
  readonly loadedAtNs: number;
  readonly problem: string | undefined;
  readonly store: { readonly isReachable: boolean; readonly why: string };
  readonly control: ControlPlane;
  readonly counted: DataPathCounters;
}

/** The state at `nowNs`. There must be a generation. */
export function statusOf(sources: StatusSources): BalanceStatus {
  const { config, control, counted, nowNs } = sources;
  const { number, atNs, reason, servers } = control.log.current!;
  const { none: forwarded = 0, ...notForwarded } = counted.reasons;
  const ago = (atNs: number): number => secondsBetween(atNs, nowNs);
  return {
    ...{ schema: statusSchema, name: config.name, design: config.design },
    path: { kind: config.path, interfaces: config.interfaces },
    services: config.services.map(formatEndpoint),
    upSeconds: ago(sources.startedAtNs),
    generation: { number, at: isoTime(atNs), reason },
    config: {
      ...{
        file: sources.configFile,
        loadedAt: isoTime(sources.loadedAtNs),
        problem: sources.problem ?? null,
      },
    },
    store: { kind: config.store.kind, ...sources.store },
    balancers: control.balancers().map(({ name, heardAtNs }) => ({ name, heardSecondsAgo: ago(heardAtNs) })),
    servers: serversOf(servers, sources),
    packets: { forwarded, notForwarded },
    joins: {
      ...{ total: counted.joins, byChance: counted.joinsByChance },
      misSteersAvoided: counted.misSteersAvoided ?? null,
    },
    tables: {
      ...{ entries: counted.entries, bytes: counted.tableBytes, bucketsMoved: control.log.bucketsMoved },
    },
    more: counted.more,
  };
}

function serversOf(servers: readonly GenerationServer[], sources: StatusSources): ServerStatus[] {
  const { control, counted, nowNs } = sources;
  const buckets = control.log.bucketsByServer();
  const list = [...servers].sort((a, b) => a.id - b.id);
  return list.map(({ id, address, weight = 1, state = 'up', wanted = state }) => {
    const health = control.healthOf(id);
    return {
      ...{ id, address: address.toString(), weight, state, wanted },
      health:
        health === undefined
          ? null
          : {
              ...{ state: health.state, voted: control.votedHealthOf(id).state, why: health.why },
              rttMs: health.rttMs ?? null,
              checkedSecondsAgo:
                health.checkedAtNs === undefined ? null : secondsBetween(health.checkedAtNs, nowNs),
            },
      buckets: buckets === undefined ? null : (buckets.get(id) ?? 0),
      subflows: counted.subflowsByServer[id] ?? 0,
      packets: byServer(counted.forwardedByServer, id),
    };
  });
}

function byServer(counts: Readonly<Record<number, number>> | undefined, id: number): number | null {
  return counts === undefined ? null : (counts[id] ?? 0);
}

function secondsBetween(fromNs: number, toNs: number): number {
  return Math.max(0, Math.round((toNs - fromNs) / (SECOND / 10)) / 10);
}

function isoTime(ns: number): string {
  return new Date(Math.round(ns / 1e6)).toISOString();
}

/**
 * What an operator wants of a balancer, as a value: the file that it stands in is read by node/balancer/config-file.ts, which checks every
 * limit that is named here. Times are in the units of their names.
 */
import type { Endpoint, IpAddress } from '../../wire/index.js';
import type { DesignName } from '../designs.js';
import type { ServerSpec } from '../servers.js';
import type { SteeringSettings } from '../settings.js';
import type { HealthCheckConfig } from './health.js';

/** Where generations live: see `StateStore`. */
export type StoreConfig = FolderStoreConfig | NatsStoreConfig;

/** One balancer alone. */
export interface FolderStoreConfig {
  readonly kind: 'folder';
  /** Made where it is not there. */
  readonly folder: string;
}

/** Several balancers. */
export interface NatsStoreConfig {
  readonly kind: 'nats';
  /** `nats://HOST:PORT` or `tls://HOST:PORT`: 1 to 16. */
  readonly servers: readonly string[];
  /** What this service's state is kept under: letters, digits, `-` and `_`, 1 to 48. */
  readonly bucket: string;
  /** File with what NATS is to be shown. */
  readonly credentialsFile?: string;
  /** Demands TLS; files in PEM. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** Servers that keep a copy, when the bucket is made. */
  readonly replicas?: 1 | 3 | 5;
}

/** The whole configuration. */
export interface BalanceConfig {
  /** Name of this balancer among those that share a store, and in logs: 1 to 128 characters. Default the host's name. */
  readonly name: string;
  readonly design: DesignName;
  /** Kind of data path. Default `xdp`. */
  readonly path: 'xdp' | 'user';
  /** Interfaces that clients' packets come in by: 1 to 16. */
  readonly interfaces: readonly string[];
  /** Addresses and ports that clients connect to: 1 to 64. */
  readonly services: readonly Endpoint[];
  /** Server N is reached at the address of a service by this port plus N; 0 for no such ports. */
  readonly joinPortBase?: number;
  /** Where encapsulated packets come from. Default: the address that this host has on the way to the first server. */
  readonly source?: IpAddress;
  /** `path: user`: threads, 1 to 64. */
  readonly workers?: number;
  /** `path: xdp`: in the driver, behind it, or in the driver where it can. Default `auto`. */
  readonly mode?: 'auto' | 'native' | 'generic';
  readonly servers: readonly ServerSpec[];
  /** How servers are checked; without it they are as `servers` says. */
  readonly health?: HealthCheckConfig;
  readonly settings: Partial<SteeringSettings>;
  readonly store: StoreConfig;
  /** Where metrics can be asked for, as `127.0.0.1:9464`; nowhere by default. */
  readonly metrics?: { readonly listen: string };
  /** Socket that `subflow balance status` asks. Default {@link defaultStatusSocket}. */
  readonly status: { readonly socket: string };
}

/** Where the state of a running balancer can be asked for. */
export const defaultStatusSocket = '/run/subflow/balance.sock';

/** Fields that a running balancer takes over; for a change of any other it has to be started anew. */
export const reloadableFields = ['servers', 'health'] as const;

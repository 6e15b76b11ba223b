/** What the threads of the data path in user space say to each other. All of it can be sent between threads. */
import type { DesignName, SteeringSettings } from '../../balancer/index.js';
import type { PortPlan, RingPlan } from '../../linux/index.js';
import type { WayPlan } from './packet-mover.js';

/** How a worker begins. */
export interface WorkerSetup {
  readonly design: DesignName;
  readonly services: readonly { readonly address: string; readonly port: number }[];
  readonly joinPortBase: number | undefined;
  readonly settings: Partial<SteeringSettings>;
  /** A snapshot as JSON (`snapshotToJson`). */
  readonly start: object;
  /** Where encapsulated packets come from, in text. */
  readonly source: string;
  readonly answersPerSecond: number;
  readonly rings: RingPlan;
  readonly ways: readonly WayPlan[];
  /** A descriptor that the owner writes to when there is something to read. */
  readonly wakeFd: number;
  /** A word that rises with every message, so that a worker need not look for any. */
  readonly mail: SharedArrayBuffer;
  readonly counts: SharedArrayBuffer;
  readonly tokens: SharedArrayBuffer;
  /** Which ring of tokens is its own. */
  readonly member: number;
}

/** To a worker. */
export type WorkerOrder =
  /** Ports to send by that it had not before, and all ways. */
  | { readonly type: 'ways'; readonly ports: readonly PortPlan[]; readonly ways: readonly WayPlan[] }
  /** A generation as JSON (`generationToJson`); answered by `applied`. */
  | { readonly type: 'apply'; readonly generation: object }
  /** Answered by the end of the thread. */
  | { readonly type: 'close' };

/** From a worker. */
export type WorkerReport =
  | { readonly type: 'ready' }
  /** `error`: why it was not taken. */
  | { readonly type: 'applied'; readonly error?: { readonly code: string; readonly message: string } }
  /** The path cannot go on. */
  | { readonly type: 'failed'; readonly why: string };

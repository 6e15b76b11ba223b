/**
 * Where the state of a service lives beyond the life of a process. One balancer alone keeps it in a folder on disk
 * (embedded-store.ts); several share a key-value store, without a leader (nats-store.ts). The store never decides anything:
 * balancers propose the next generation, and the first to append it wins.
 */
import type { Generation, GenerationSnapshot, Observation, TokenEntry } from '../../balancer/index.js';
import { SubflowError } from '../../base/index.js';

/** What a store holds. */
export interface StoredState {
  /** The latest snapshot; undefined where the log begins with generation 1. */
  readonly snapshot: GenerationSnapshot | undefined;
  /** The generations after it, by rising number without a gap. Empty only where there is a snapshot. */
  readonly generations: readonly Generation[];
}

/** See the module. Methods reject with `ERR_SUBFLOW_STORE_UNAVAILABLE` when the store cannot be reached, and may be called again. */
export interface StateStore {
  /** The latest snapshot and the generations after it; undefined for a new service. Rejects with `ERR_SUBFLOW_BAD_STATE` for nonsense. */
  load(): Promise<StoredState | undefined>;
  /**
   * Appends the generation that follows the latest one. It is safe when the promise resolves with true. False when another balancer was
   * first: the caller reads what came (watch) and decides anew.
   */
  append(generation: Generation): Promise<boolean>;
  /** Puts a snapshot in the place of the log up to its generation. Later generations stay. */
  compact(snapshot: GenerationSnapshot): Promise<void>;
  /** What this balancer sees of servers' health; others' through the watch. Forgotten by itself some seconds after the balancer is gone. */
  publish(observation: Observation): Promise<void>;
  /** Tokens for the other balancers (`token-map`). */
  shareTokens(entries: readonly TokenEntry[]): Promise<void>;
  /**
   * Everything that others appended, published or shared from {@link load} on, and whether the store is in reach. Ends when the store is
   * closed; never throws. To be iterated once.
   */
  watch(): AsyncIterable<StoreEvent>;
  /** Lets go of it. Twice does no harm. */
  close(): Promise<void>;
}

/** What happened in a store. */
export type StoreEvent =
  /** Another balancer appended a generation. In order, without a gap; those of this balancer's own may come too, and are to be ignored. */
  | { readonly type: 'generation'; readonly generation: Generation }
  /** Too much was missed to be told one by one: all that there is now. */
  | { readonly type: 'state'; readonly state: StoredState }
  /** What another balancer sees. */
  | { readonly type: 'observation'; readonly observation: Observation }
  /** Another balancer is gone: what it saw counts no more. */
  | { readonly type: 'balancer-gone'; readonly balancer: string }
  /** Tokens that another balancer learned. */
  | { readonly type: 'tokens'; readonly entries: readonly TokenEntry[] }
  /** The store came into reach or went out of it; told at the first chance and with every change. */
  | { readonly type: 'reach'; readonly isReachable: boolean; readonly why: string };

/** Whether an error says that a store cannot be reached, as {@link StateStore} has it. */
export function isUnavailable(error: unknown): error is SubflowError {
  return error instanceof SubflowError && error.code === 'ERR_SUBFLOW_STORE_UNAVAILABLE';
}

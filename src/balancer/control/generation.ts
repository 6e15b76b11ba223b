/**
 * Lists of servers, one after the other. Every balancer of a service takes the same generations in the same order, each as of its time, and
 * nothing else changes a table: so all of them send a packet to the same server, whichever it came by, and one that begins
 * later, from a snapshot, decides as those that ran all along.
 */
import type { BucketSnapshot } from '../bucket-table.js';
import type { ServerSpec, ServerState } from '../servers.js';

/** A server in a generation: what it is, and what its operator wants it to be. */
export interface GenerationServer extends ServerSpec {
  /** What the operator wants of a server that is `gone` for its health; `state` where it is undefined. */
  readonly wanted?: ServerState;
}

/** A list of servers, from an instant on. Never changed; the next one takes its place. */
export interface Generation {
  /** 1 for the first one of a service; rises by one. */
  readonly number: number;
  /**
   * From when on it counts, in ns since 1970 (as a double, which is exact to 256 ns). Later than that of the generation before
   * it, whatever the clock of the balancer that made it says. Data paths take it as of this time, even when it reaches them later.
   */
  readonly atNs: number;
  /** By rising id. Servers that are out of reach are in it as `gone`. */
  readonly servers: readonly GenerationServer[];
  /** Why it was made, for the log: `server 3 is down: connection refused`. At most {@link maxReasonLength} characters. */
  readonly reason: string;
}

/** Most characters in the reason of a generation. */
export const maxReasonLength = 512;

/** All that a balancer needs to decide as those do that ran all along. */
export interface GenerationSnapshot {
  readonly generation: Generation;
  /** Of `beamer`: the buckets right after this generation; undefined for designs without them. */
  readonly buckets?: BucketSnapshot;
}

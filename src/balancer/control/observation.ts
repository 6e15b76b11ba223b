/** What one balancer sees of the servers' health, as it tells the others. Says nothing of what follows: health-vote.ts. */

/** Why a check failed, at most. */
export const maxWhyLength = 200;

/** Health of one server as one balancer sees it. */
export interface ServerObservation {
  readonly id: number;
  readonly isHealthy: boolean;
  /** Why not, from the check that turned the state; empty for a healthy one. At most {@link maxWhyLength} characters. */
  readonly why: string;
}

/** What a balancer sees of all its servers. */
export interface Observation {
  /** Name of the balancer: its own among those that share a store. */
  readonly balancer: string;
  /** When it was made, in ns since 1970. */
  readonly atNs: number;
  /** By rising id; a server that was not checked yet is not in it. */
  readonly servers: readonly ServerObservation[];
}

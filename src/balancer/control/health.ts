/**
 * How servers are checked: the settings, and the interface of one attempt. Sends nothing itself.
 */
import type { Server } from '../servers.js';

/** Names of the kinds of checks. */
export const healthCheckKinds = ['tcp', 'mptcp-join', 'http'] as const;

/** Kind of a check. */
export type HealthCheckKind = (typeof healthCheckKinds)[number];

/** How servers are checked. */
export interface HealthCheckConfig {
  /**
   * `tcp`: a connection to the server's own address comes up. `mptcp-join`: a Multipath TCP connection does, and a second subflow of it.
   * `http`: a GET is answered.
   */
  readonly kind: HealthCheckKind;
  /** Port at the server's own address, 1 to 65,535. */
  readonly port: number;
  /** From one attempt to the next at a server, before jitter, in ms: 50 to 3,600,000. */
  readonly intervalMs: number;
  /** Bound of one attempt, in ms: 10 to `intervalMs`. */
  readonly timeoutMs: number;
  /** Attempts in a row that have to do well before a server that was down is up: 1 to 100. */
  readonly rise: number;
  /** Attempts in a row that have to fail before a server that was up is down: 1 to 100. */
  readonly fall: number;
  /** `http`: what is asked for. Default `/`. */
  readonly path?: string;
  /** `http`: the Host field. Default the server's address and port. */
  readonly host?: string;
  /** `http`: statuses that mean health. Default 200 to 399. */
  readonly statuses?: readonly number[];
}

/** How an attempt ended. */
export type HealthOutcome =
  { readonly healthy: true; readonly rttMs: number } | { readonly healthy: false; readonly why: string };

/** One kind of check, with its settings. */
export interface HealthCheck {
  /**
   * One attempt. Resolves with the outcome and never rejects; bounded by the `timeoutMs` of its settings. When `signal` is aborted it
   * ends at once, with an outcome that nobody reads, and leaves nothing open.
   */
  attempt(server: Server, signal: AbortSignalLike): Promise<HealthOutcome>;
}

/** As much of an `AbortSignal` as a check may rely on: this layer knows neither Node nor the DOM. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What a run of the demo tells: samples while it goes, and the result at the end. */

import type { DemoParameters, PathParameters } from './parameters.js';

/** One path at one instant. */
export interface PathSample {
  readonly name: string;
  /** `opening`: no subflow on it yet; `up`: carries a subflow; `dead`: the demo cut it. */
  readonly state: 'opening' | 'up' | 'dead';
  /** Payload bytes that arrived over this path so far, counted once each. */
  readonly bytes: number;
  /** Smoothed round-trip time that the client's subflow sees, ns; undefined before the first sample. */
  readonly rttNs: number | undefined;
}

/** Everything the live picture shows. */
export interface DemoSample {
  /** Since the client began to connect, ns. */
  readonly atNs: number;
  /** Bytes delivered to the client's application, in order. */
  readonly bytes: number;
  readonly paths: readonly PathSample[];
}

/** What a run ended with. Instants are ns since the client began to connect. */
export interface DemoOutcome {
  readonly peer: 'linux' | 'simulated';
  /** Release of the kernel that was the peer; null in the simulation. */
  readonly kernel: string | null;
  /** Whether the connection was Multipath TCP, or fell back to TCP. */
  readonly multipath: boolean;
  readonly bytes: number;
  readonly sha256: string;
  readonly expectedSha256: string;
  /** When the last byte was delivered. */
  readonly finishedAtNs: number;
  /** When the Wi-Fi was cut; undefined when it was not. */
  readonly failedAtNs: number | undefined;
  /** Longest time without a byte for the application after the cut, ns; undefined when there was no cut. */
  readonly handoverGapNs: number | undefined;
  readonly paths: readonly (PathParameters & PathSample)[];
}

/** The object that `--json` prints. Fields are only ever added. */
export interface DemoReport {
  readonly schema: 'subflow/demo/1';
  readonly peer: 'linux' | 'simulated';
  readonly kernel: string | null;
  readonly multipath: boolean;
  readonly bytes: number;
  readonly sha256: string;
  readonly sha256Match: boolean;
  readonly durationMs: number;
  readonly goodputBps: number;
  readonly failedAtMs: number | null;
  readonly handoverGapMs: number | null;
  readonly seed: number;
  /** As asked for; null for the default. */
  readonly scheduler: string | null;
  readonly congestion: string | null;
  readonly paths: readonly {
    readonly name: string;
    readonly bytes: number;
    readonly share: number;
    readonly rateBps: number;
    readonly delayMs: number;
    readonly loss: number;
    readonly rttMs: number | null;
    readonly state: string;
  }[];
  readonly pcap: string | null;
}

function toMs(ns: number): number {
  return Math.round(ns / 1e4) / 100;
}

/** The report of an outcome. */
export function reportOf(outcome: DemoOutcome, parameters: DemoParameters): DemoReport {
  const { seed, pcap, scheduler, congestion } = parameters;
  const carried = Math.max(
    1,
    outcome.paths.reduce((sum, path) => sum + path.bytes, 0),
  );
  return {
    schema: 'subflow/demo/1',
    peer: outcome.peer,
    kernel: outcome.kernel,
    multipath: outcome.multipath,
    bytes: outcome.bytes,
    sha256: outcome.sha256,
    sha256Match: outcome.sha256 === outcome.expectedSha256,
    durationMs: toMs(outcome.finishedAtNs),
    goodputBps: Math.round((outcome.bytes * 8e9) / Math.max(1, outcome.finishedAtNs)),
    failedAtMs: outcome.failedAtNs === undefined ? null : toMs(outcome.failedAtNs),
    handoverGapMs: outcome.handoverGapNs === undefined ? null : toMs(outcome.handoverGapNs),
    ...{ seed, scheduler: scheduler ?? null, congestion: congestion ?? null },
    paths: outcome.paths.map((path) => ({
      name: path.name,
      bytes: path.bytes,
      share: Math.round((path.bytes / carried) * 1e4) / 1e4,
      rateBps: path.rateBps,
      delayMs: toMs(path.delayNs),
      loss: path.loss,
      rttMs: path.rttNs === undefined ? null : toMs(path.rttNs),
      state: path.state,
    })),
    pcap: pcap ?? null,
  };
}

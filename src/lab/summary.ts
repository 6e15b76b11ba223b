/** How a scenario stands, in numbers: what the page shows and `subflow lab run --json` prints. */
import { SECOND } from '../base/index.js';
import type { Reason } from './decisions.js';
import { writeScenario } from './scenario-text.js';
import { answerBytes } from './scenario.js';
import type { LabWorld } from './world.js';

/** How one path did. Counts are of packets, both directions together, unless the name says otherwise. */
export interface PathSummary {
  readonly name: string;
  /** State of the server's subflow: `none` when there never was one. */
  readonly subflow: string;
  /** Whether data goes over it only while no regular subflow is usable. */
  readonly isBackup: boolean;
  /** Answer bytes that this path was the first to bring. */
  readonly bytes: number;
  /** Of all such bytes, 0 to 1. */
  readonly share: number;
  readonly deliveredPackets: number;
  /** No room in the buffer. */
  readonly droppedPackets: number;
  /** Lost by the medium or a dead path. */
  readonly lostPackets: number;
  /** Smoothed round-trip time of the server's subflow when it was last looked at; null before it was measured. */
  readonly srttNs: number | null;
  readonly cwndBytes: number | null;
  /** How often the scheduler chose it. */
  readonly chosen: number;
}

export interface LabSummary {
  readonly schema: 'subflow/lab-run/1';
  /** The scenario as text: running it again gives the same numbers. */
  readonly scenario: string;
  /** Virtual time that has passed. */
  readonly elapsedNs: number;
  readonly isDone: boolean;
  /** When the connection was open; null before. */
  readonly establishedAtNs: number | null;
  /** When the last byte was read; null before. */
  readonly completedAtNs: number | null;
  readonly bytesWanted: number;
  readonly bytesDelivered: number;
  /** Whether every byte was the right one, in its place. */
  readonly isIntact: boolean;
  /** Bytes delivered over the time since the connection was open, in bit/s. */
  readonly goodputBps: number;
  readonly isMultipath: boolean;
  readonly version: 0 | 1 | null;
  /** Why it fell back to plain TCP; null when it did not. */
  readonly fallback: string | null;
  /** Code of the error that ended the connection; empty without. */
  readonly errorCode: string;
  /** Bytes that the server handed to a further subflow because another failed them. */
  readonly reinjectedBytes: number;
  /** Bytes that reached the client more than once. */
  readonly repeatedBytes: number;
  /** Times from a request to the last byte of its answer; null before the first. */
  readonly medianAnswerNs: number | null;
  readonly longestAnswerNs: number | null;
  readonly paths: readonly PathSummary[];
  /** How often the scheduler decided for each reason. */
  readonly decisions: Readonly<Record<Reason, number>>;
  /** Events of the simulation. */
  readonly events: number;
  /** Packets at the client, and a number that stands for all of them (see `HeaderDigest`). */
  readonly packets: number;
  readonly digest: string;
}

/** The numbers of `world` as it stands. */
export function summarise(world: LabWorld): LabSummary {
  const { client, server, scenario } = world;
  const { establishedAt, completedAt, bytesDelivered } = client;
  const connection = server.socket?.connection;
  const activeNs = (completedAt < 0 ? world.now : completedAt) - establishedAt;
  const times = [...client.answerTimes].sort((a, b) => a - b);
  const own = client.socket?.connection;
  return {
    ...{ schema: 'subflow/lab-run/1', scenario: writeScenario(scenario) },
    ...{ elapsedNs: world.now, isDone: world.isDone },
    establishedAtNs: establishedAt < 0 ? null : establishedAt,
    completedAtNs: completedAt < 0 ? null : completedAt,
    ...{ bytesWanted: answerBytes(scenario.traffic), bytesDelivered, isIntact: client.isIntact },
    goodputBps: establishedAt < 0 || activeNs <= 0 ? 0 : (bytesDelivered * 8 * SECOND) / activeNs,
    isMultipath: establishedAt >= 0 && own?.isFallback === false,
    version: own?.isFallback === false ? (own.version ?? null) : null,
    ...{ fallback: own?.fallbackCause ?? null, errorCode: client.errorCode },
    reinjectedBytes: connection?.statistics.reinjectedBytes ?? 0,
    repeatedBytes: world.series.repeatedBytes,
    medianAnswerNs: times[Math.floor((times.length - 1) / 2)] ?? null,
    longestAnswerNs: times.at(-1) ?? null,
    ...{ paths: summarisePaths(world), decisions: { ...world.decisions.counts } },
    ...{ events: world.eventCount, packets: world.digest.count, digest: world.digest.toString() },
  };
}

function summarisePaths(world: LabWorld): PathSummary[] {
  const { series, decisions } = world;
  const all = series.freshBytes.reduce((sum, bytes) => sum + bytes, 0);
  return world.scenario.paths.map(({ name }, index) => {
    const { forward, backward } = world.links[index]!;
    const sum = (pick: (counters: typeof forward.counters) => number): number =>
      pick(forward.counters) + pick(backward.counters);
    const subflows = world.server.socket?.connection.subflows ?? [];
    const subflow = subflows.findLast((each) => world.pathOf(each) === index);
    const bytes = series.freshBytes[index]!;
    const seen = world.lastSample(index);
    const srttNs = seen?.srttNs ?? 0;
    const state = subflow?.state ?? (seen === undefined ? 'none' : 'closed');
    return {
      ...{ name, subflow: state, isBackup: seen?.isBackup ?? false },
      ...{ bytes, share: all === 0 ? 0 : bytes / all },
      deliveredPackets: sum(({ deliveredPackets }) => deliveredPackets),
      droppedPackets: sum(({ droppedQueue }) => droppedQueue),
      lostPackets: sum((c) => c.droppedLoss + c.droppedBlackhole + c.droppedDown),
      srttNs: srttNs > 0 ? srttNs : null,
      cwndBytes: seen?.cwndBytes ?? null,
      chosen: decisions.chosen[index]!,
    };
  });
}

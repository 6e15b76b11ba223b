/**
 * From the models to the report. Owns the finished reports of connections that were evicted before the end, and the choice
 * of what to evict.
 */
import { SECOND } from '../base/index.js';
import { TcpOptionKind } from '../wire/index.js';
import type { Connection } from './connection.js';
import { reportConnection } from './connection-report.js';
import { reportDelays } from './delays/delays-report.js';
import type { PacketMatcher } from './delays/matcher.js';
import { findingRules } from './findings/index.js';
import { FrameList } from './frame-list.js';
import type { Handshakes } from './handshake.js';
import {
  type CaptureQualityReport,
  type ConnectionReport,
  type FileReport,
  type IgnoredFrames,
  type MptcpOptionName,
  mptcpOptionNames,
  type TraceReport,
} from './report.js';
import type { StatisticsRange } from './statistics-range.js';
import type { Stream } from './stream.js';
import type { Vantage } from './vantage.js';

/** What the analyser has when all is read. */
export interface TraceFacts {
  readonly packets: number;
  readonly files: readonly FileReport[];
  readonly origin: { readonly seconds: number; readonly nanoseconds: number } | undefined;
  readonly durationNs: number;
  readonly ignored: IgnoredFrames;
  /** Occurrences of each kind of TCP option. */
  readonly kindCounts: Float64Array;
  readonly usualHeaders: number;
  readonly quality: CaptureQualityReport;
  readonly handshakes: Handshakes;
  readonly vantages: readonly Vantage[];
  /** Undefined unless delays were measured. */
  readonly matcher: PacketMatcher | undefined;
}

export class TraceReporter {
  private readonly finished: ConnectionReport[] = [];
  private evictedStreams = 0;
  private evictedPlain = 0;
  private evictedJoins = 0;
  /** First frames of joins whose connection is not in the capture. */
  private readonly joinFrames = new FrameList();
  /** Things forgotten of connections, by limit. */
  private readonly forgotten = { intervals: 0, handovers: 0, dataRanges: 0, holes: 0 };
  private readonly range: StatisticsRange;

  constructor(range: StatisticsRange) {
    this.range = range;
  }

  finish(facts: TraceFacts): TraceReport {
    const reports = [...this.finished];
    let plainConnections = this.evictedPlain;
    let unmatchedJoins = this.evictedJoins;
    for (const vantage of facts.vantages) {
      for (const connection of vantage.connections) reports.push(this.report(connection));
      for (const stream of vantage.flows.all()) {
        if (stream.connection !== undefined) continue;
        if (stream.join === undefined) plainConnections++;
        else {
          unmatchedJoins++;
          this.joinFrames.add(stream.firstPacket);
        }
      }
    }
    const connections = reports
      .map((report) => ({ ...report, id: facts.handshakes.finalNumber(report.id) }))
      .sort((one, other) => one.id - other.id);
    plainConnections += connections.filter(({ protocol }) => protocol === 'tcp').length;
    const { origin } = facts;
    const report: TraceReport = {
      packets: facts.packets,
      truncated: facts.files.some(({ problem }) => problem?.code === 'truncated'),
      files: facts.files,
      startTime:
        origin === undefined
          ? null
          : `${BigInt(origin.seconds) * BigInt(SECOND) + BigInt(origin.nanoseconds)}`,
      durationNs: facts.durationNs,
      range: this.range.report(),
      intervalNs: this.range.intervalNs > 0 ? this.range.intervalNs : null,
      options: optionCounts(facts.handshakes.counts),
      tcpOptions: kindCounts(facts),
      malformedOptions: facts.handshakes.malformed,
      malformedFrames: facts.handshakes.malformedFrames.list(),
      quality: facts.quality,
      unmatchedJoins,
      unmatchedJoinFrames: this.joinFrames.list(),
      ignored: { ...facts.ignored },
      plainConnections,
      limitsReached: this.limitsReached(facts),
      connections,
      delays:
        facts.matcher === undefined
          ? null
          : reportDelays(facts.matcher, (id) => facts.handshakes.finalNumber(id)),
      findings: [],
    };
    return { ...report, findings: findingRules.flatMap((rule) => rule.capture?.(report) ?? []) };
  }

  /**
   * Drops the quarter of all streams that has been silent longest, a connection with all that belongs to it at once;
   * returns how many streams that were.
   */
  evict(vantages: readonly Vantage[]): number {
    const ages: number[] = [];
    for (const vantage of vantages) for (const stream of vantage.flows.all()) ages.push(lastPacketOf(stream));
    ages.sort((one, other) => one - other);
    const threshold = ages[Math.floor(ages.length / 4)] ?? 0;
    let dropped = 0;
    for (const vantage of vantages) {
      const kept: Stream[] = [];
      for (const stream of vantage.flows.all()) {
        if (lastPacketOf(stream) > threshold) kept.push(stream);
        else if (stream.connection === undefined) {
          if (stream.join === undefined) this.evictedPlain++;
          else {
            this.evictedJoins++;
            this.joinFrames.add(stream.firstPacket);
          }
        }
      }
      dropped += vantage.flows.count - kept.length;
      vantage.flows.rebuild(kept);
      for (const connection of [...vantage.connections]) {
        if (connection.lastPacket > threshold) continue;
        this.finished.push(this.report(connection));
        vantage.remove(connection);
      }
    }
    this.evictedStreams += dropped;
    return dropped;
  }

  private report(connection: Connection): ConnectionReport {
    const { forgotten } = this;
    for (const data of [connection.clientData, connection.serverData]) {
      forgotten.intervals += data.intervals?.forgotten ?? 0;
      forgotten.handovers += data.handovers.forgotten;
      forgotten.dataRanges += data.ranges.forgotten;
    }
    for (const { fromOpener, fromOther } of connection.subflows) {
      forgotten.holes += fromOpener!.holes.dropped + fromOther!.holes.dropped;
    }
    return reportConnection(connection, this.range.statisticsOf(connection), this.range);
  }

  private limitsReached(facts: TraceFacts): Record<string, number> {
    const { forgotten } = facts.handshakes;
    let waitingJoins = 0;
    for (const vantage of facts.vantages) waitingJoins += vantage.tokens.forgotten;
    const delays = {
      delayStreams: facts.matcher?.forgottenStreams ?? 0,
      delayWindow: facts.matcher?.forgottenPackets ?? 0,
    };
    const counts = { streams: this.evictedStreams, ...forgotten, waitingJoins, ...this.forgotten, ...delays };
    return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  }
}

/** A connection is as fresh as the freshest of its streams. */
function lastPacketOf(stream: Stream): number {
  return stream.connection?.lastPacket ?? stream.lastPacket;
}

function optionCounts(counts: Float64Array): Record<MptcpOptionName, number> {
  return Object.fromEntries(mptcpOptionNames.map((name, index) => [name, counts[index]!])) as Record<
    MptcpOptionName,
    number
  >;
}

/** Counts of the kinds that occurred, by their numbers. */
function kindCounts(facts: TraceFacts): Record<string, number> {
  const seen: [string, number][] = [];
  const counts = facts.kindCounts.slice();
  counts[TcpOptionKind.NOP]! += 2 * facts.usualHeaders;
  counts[TcpOptionKind.TIMESTAMPS]! += facts.usualHeaders;
  for (const [kind, count] of counts.entries()) if (count > 0) seen.push([String(kind), count]);
  return Object.fromEntries(seen);
}

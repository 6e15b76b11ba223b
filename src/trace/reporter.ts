/**
 * From the models to the report. Owns the finished reports of connections that were evicted before the end, and the choice
 * of what to evict.
 */
import { SECOND, uint64ToBigInt } from '../base/index.js';
import { constantTimeEqual, joinHmac } from '../wire/index.js';
import type { Connection, HostView } from './connection.js';
import type { DataDirection } from './data-direction.js';
import { findingRules } from './findings/index.js';
import type { HandshakePacket } from './handshake-packet.js';
import type { Handshakes } from './handshake.js';
import {
  type CaptureQualityReport,
  type ConnectionReport,
  type DataDirectionReport,
  type FileReport,
  type HandoverReport,
  type IgnoredFrames,
  type MptcpOptionName,
  mptcpOptionNames,
  type SubflowDirectionReport,
  type SubflowReport,
  type TraceReport,
} from './report.js';
import type { Stream } from './stream.js';
import type { SubflowDirection } from './subflow-direction.js';
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
  readonly quality: CaptureQualityReport;
  readonly handshakes: Handshakes;
  readonly vantages: readonly Vantage[];
}

export class TraceReporter {
  private readonly finished: ConnectionReport[] = [];
  private evictedStreams = 0;
  private evictedPlain = 0;
  private evictedJoins = 0;

  finish(facts: TraceFacts): TraceReport {
    const connections = [...this.finished];
    let plainConnections = this.evictedPlain;
    let unmatchedJoins = this.evictedJoins;
    for (const vantage of facts.vantages) {
      for (const connection of vantage.connections) connections.push(reportConnection(connection));
      for (const stream of vantage.flows.all()) {
        if (stream.connection !== undefined) continue;
        if (stream.join === undefined) plainConnections++;
        else unmatchedJoins++;
      }
    }
    connections.sort((one, other) => one.id - other.id);
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
      options: optionCounts(facts.handshakes.counts),
      tcpOptions: kindCounts(facts.kindCounts),
      malformedOptions: facts.handshakes.malformed,
      quality: facts.quality,
      unmatchedJoins,
      ignored: { ...facts.ignored },
      plainConnections,
      limitsReached: this.limitsReached(facts),
      connections,
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
          else this.evictedJoins++;
        }
      }
      dropped += vantage.flows.count - kept.length;
      vantage.flows.rebuild(kept);
      for (const connection of [...vantage.connections]) {
        if (connection.lastPacket > threshold) continue;
        this.finished.push(reportConnection(connection));
        vantage.remove(connection);
      }
    }
    this.evictedStreams += dropped;
    return dropped;
  }

  private limitsReached(facts: TraceFacts): Record<string, number> {
    const { forgotten } = facts.handshakes;
    let waitingJoins = 0;
    for (const vantage of facts.vantages) waitingJoins += vantage.tokens.forgotten;
    const counts = { streams: this.evictedStreams, ...forgotten, waitingJoins };
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
function kindCounts(counts: Float64Array): Record<string, number> {
  const seen: [string, number][] = [];
  for (const [kind, count] of counts.entries()) if (count > 0) seen.push([String(kind), count]);
  return Object.fromEntries(seen);
}

/** The report of one connection as it stands. */
export function reportConnection(connection: Connection): ConnectionReport {
  const first = connection.subflows[0]!;
  const report: ConnectionReport = {
    id: connection.id,
    vantage: connection.vantage,
    protocol: connection.isMultipath ? 'mptcp' : 'tcp',
    version: connection.version ?? null,
    fallback: connection.isFallback,
    fallbackCause: connection.fallbackCause ?? null,
    fallbackPacket: connection.isFallback ? connection.fallbackPacket : null,
    checksum: connection.checksum ?? null,
    client: first.clientText,
    server: first.serverText,
    isClientCertain: connection.isClientCertain,
    clientToken: connection.client.token ?? null,
    serverToken: connection.server.token ?? null,
    clientKey: keyText(connection.client),
    serverKey: keyText(connection.server),
    clientInitialDataSeq: initialText(connection.client),
    serverInitialDataSeq: initialText(connection.server),
    keysVerified: connection.keysVerified ?? null,
    startNs: connection.startNs,
    durationNs: connection.endNs - connection.startNs,
    firstPacket: connection.firstPacket,
    lastPacket: connection.lastPacket,
    packets: connection.packets,
    ending: endingOf(connection),
    subflows: connection.subflows.map((stream) => reportSubflow(connection, stream)),
    clientData: reportData(connection.clientData, synBytes(connection, true)),
    serverData: reportData(connection.serverData, synBytes(connection, false)),
    addresses: connection.addresses.map((address) => ({ ...address })),
    signals: [...connection.signals],
    handovers: reportHandovers(connection),
    findings: [],
  };
  return { ...report, findings: findingRules.flatMap((rule) => rule.connection?.(report) ?? []) };
}

function keyText({ key }: HostView): string | null {
  return key === undefined ? null : uint64ToBigInt(key).toString(16).padStart(16, '0');
}

function initialText({ initialDataSeq }: HostView): string | null {
  return initialDataSeq === undefined ? null : uint64ToBigInt(initialDataSeq).toString();
}

function endingOf(connection: Connection): ConnectionReport['ending'] {
  const { clientData, serverData, subflows } = connection;
  if (connection.hasFastClose) return 'aborted';
  if (clientData.dataFinAt >= 0 && serverData.dataFinAt >= 0) return 'closed';
  if (!subflows.every((stream) => stream.isOver)) return 'open';
  const isOrderly = subflows.some((stream) => stream.openerFin && stream.otherFin);
  return isOrderly ? 'closed' : 'aborted';
}

function reportSubflow(connection: Connection, stream: Stream): SubflowReport {
  const { isOpenerClient, join } = stream;
  const fromClient = isOpenerClient ? stream.fromOpener! : stream.fromOther!;
  const fromServer = isOpenerClient ? stream.fromOther! : stream.fromOpener!;
  const isFirst = join === undefined;
  return {
    id: stream.subflow,
    stream: stream.number,
    client: stream.clientText,
    server: stream.serverText,
    joined: join !== undefined || stream.matchedBy !== 'handshake',
    matchedBy: stream.matchedBy,
    openedBy: stream.hasSyn || stream.hasSynAck ? (isOpenerClient ? 'client' : 'server') : null,
    isJoinComplete: isFirst || !stream.hasSyn ? null : join.openerProof !== null && join.otherProof !== null,
    hmacVerified: join === undefined ? null : verifyJoin(connection, stream),
    backup: stream.backup,
    addressId: isFirst ? (stream.matchedBy === 'handshake' ? 0 : null) : join.openerId,
    peerAddressId: isFirst ? (stream.matchedBy === 'handshake' ? 0 : null) : join.otherId,
    startNs: stream.startNs,
    durationNs: stream.endNs - stream.startNs,
    firstPacket: stream.firstPacket,
    lastPacket: stream.lastPacket,
    synRttNs: stream.synNs >= 0 && stream.synAckNs >= 0 ? stream.synAckNs - stream.synNs : null,
    ackRttNs: stream.synAckNs >= 0 && stream.thirdNs >= 0 ? stream.thirdNs - stream.synAckNs : null,
    ending: stream.hasReset ? 'reset' : stream.openerFin && stream.otherFin ? 'fin' : 'open',
    clientBytes: fromClient.bytes,
    serverBytes: fromServer.bytes,
    clientToServer: reportDirection(fromClient, connection.clientData, stream),
    serverToClient: reportDirection(fromServer, connection.serverData, stream),
    handshake: stream.handshake ?? noHandshake,
  };
}

const noHandshake: readonly HandshakePacket[] = [];

/** Whether the proofs of a join that were seen fit the keys; null where that cannot be told (RFC 8684 §3.2). */
function verifyJoin(connection: Connection, stream: Stream): boolean | null {
  const { version } = connection;
  const join = stream.join!;
  const opener = stream.isOpenerClient ? connection.client.key : connection.server.key;
  const other = stream.isOpenerClient ? connection.server.key : connection.client.key;
  const { openerNonce, otherNonce } = join;
  if (version === undefined || opener === undefined || other === undefined) return null;
  if (openerNonce === null || otherNonce === null) return null;
  if (join.otherProof === null && join.openerProof === null) return null;
  const ofOther = joinHmac(version, other, opener, otherNonce, openerNonce).subarray(0, 8);
  const ofOpener = joinHmac(version, opener, other, openerNonce, otherNonce).subarray(0, 20);
  return (
    (join.otherProof === null || constantTimeEqual(join.otherProof, ofOther)) &&
    (join.openerProof === null || constantTimeEqual(join.openerProof, ofOpener))
  );
}

function reportDirection(
  direction: SubflowDirection,
  data: DataDirection,
  stream: Stream,
): SubflowDirectionReport {
  const zeroNs = direction.zeroSince < 0 ? 0 : Math.max(0, stream.endNs - direction.zeroSince);
  return {
    packets: direction.packets,
    bytes: direction.bytes,
    uniqueBytes: direction.uniqueBytes,
    retransmittedBytes: direction.retransmittedBytes,
    retransmittedPackets: direction.retransmittedPackets,
    lateBytes: direction.lateBytes,
    latePackets: direction.latePackets,
    reinjectedBytes: direction.reinjectedBytes,
    reinjectedPackets: direction.reinjectedPackets,
    reinjectedFrom: Object.entries(direction.reinjectedFrom).map(([subflow, bytes]) => ({
      subflow: Number(subflow),
      bytes,
    })),
    share: data.uniqueBytes === 0 ? null : direction.firstCarriedBytes / data.uniqueBytes,
    missingBytes: direction.missingBytes,
    rtt: direction.rtt.summary(),
    flightBytes: direction.flight.summary(),
    ackBytes: direction.ackSizes.summary(),
    goodputBps: goodput(direction.uniqueBytes, direction.firstDataNs, direction.lastDataNs),
    zeroWindows: direction.zeroWindows,
    zeroWindowNs: direction.zeroWindowNs + zeroNs,
    resets: direction.resets,
    initialSeq: direction.isAnchored && direction.isSynSeen ? direction.initialSeq >>> 0 : null,
  };
}

/** What the SYN of the first subflow delivered, for the host that sent it. */
function synBytes(connection: Connection, isClient: boolean): number {
  const first = connection.subflows[0]!;
  return (first.isOpenerClient === isClient ? first.fromOpener! : first.fromOther!).synAccepted;
}

function reportData(data: DataDirection, synBytes: number): DataDirectionReport {
  data.endBlock(data.lastDataNs);
  return {
    bytes: data.bytes,
    uniqueBytes: data.uniqueBytes,
    reinjectedBytes: data.reinjectedBytes,
    synBytes,
    ackedBytes: data.acked,
    goodputBps: goodput(data.uniqueBytes, data.firstDataNs, data.lastDataNs),
    dataRtt: data.rtt.summary(),
    flightBytes: data.flight.summary(),
    outOfOrderBytes: data.outOfOrder.summary(),
    outOfOrderNs: data.outOfOrderNs.summary(),
    windowBlockedNs: data.blockedNs,
    windowBlockedBy: Object.entries(data.blockedBy).map(([subflow, ns]) => ({
      subflow: Number(subflow),
      ns,
    })),
    firstDataNs: data.firstDataNs < 0 ? null : data.firstDataNs,
    lastDataNs: data.lastDataNs < 0 ? null : data.lastDataNs,
    dataFin: data.dataFinAt >= 0,
    mappings: data.mappings,
    badChecksums: data.badChecksums,
    badChecksumPackets: [...data.badChecksumPackets],
    goodChecksums: data.goodChecksums,
  };
}

/** Bits per second of `bytes` between two instants; null when there is no time between them. */
function goodput(bytes: number, firstNs: number, lastNs: number): number | null {
  return lastNs > firstNs && firstNs >= 0 ? (bytes * 8 * SECOND) / (lastNs - firstNs) : null;
}

function reportHandovers(connection: Connection): HandoverReport[] {
  const reports: HandoverReport[] = [];
  for (const by of ['client', 'server'] as const) {
    const { handovers } = by === 'client' ? connection.clientData : connection.serverData;
    handovers.finish();
    for (const { from, to, atNs, gapNs, packet } of handovers.found) {
      const target = connection.subflows[to]!;
      const direction = (by === 'client') === target.isOpenerClient ? target.fromOpener! : target.fromOther!;
      const { synNs, thirdNs } = target;
      // Samples of the direction are of the part of the path behind the place of capture; the handshake shows it whole.
      const rttNs = synNs >= 0 && thirdNs >= 0 ? thirdNs - synNs : direction.rtt.percentile(0.5);
      reports.push({ by, from, to, atNs, gapNs, gapRtt: rttNs > 0 ? gapNs / rttNs : null, packet });
    }
  }
  return reports.sort((one, other) => one.packet - other.packet);
}

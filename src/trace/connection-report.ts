/** The report of one connection: who it is, what was counted of it, and what there is to say of it. */
import { uint64ToBigInt } from '../base/index.js';
import { constantTimeEqual, joinHmac } from '../wire/index.js';
import type { Connection, HostView } from './connection.js';
import { findingRules } from './findings/index.js';
import type { HandshakePacket } from './handshake-packet.js';
import type { ConnectionReport, HandoverReport, SubflowReport } from './report.js';
import { type ConnectionStatistics, nothingSeen } from './statistics.js';
import type { Stream } from './stream.js';

/** A span of time in nanoseconds since the first frame, bounds included. */
export interface Span {
  readonly fromNs: number;
  readonly toNs: number;
}

/** The report of a connection of which `statistics` was counted, in the span of time `range`. */
export function reportConnection(
  connection: Connection,
  statistics: ConnectionStatistics,
  range: Span,
): ConnectionReport {
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
    packets: statistics.packets,
    ending: endingOf(connection),
    subflows: connection.subflows.map((stream) => reportSubflow(connection, stream, statistics)),
    clientData: statistics.clientData,
    serverData: statistics.serverData,
    addresses: connection.addresses.map((address) => ({ ...address })),
    signals: connection.signals.filter(({ atNs }) => isWithin(atNs, range)),
    handovers: reportHandovers(connection).filter(({ atNs }) => isWithin(atNs, range)),
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

function isWithin(atNs: number, { fromNs, toNs }: Span): boolean {
  return atNs >= fromNs && atNs <= toNs;
}

function reportSubflow(
  connection: Connection,
  stream: Stream,
  statistics: ConnectionStatistics,
): SubflowReport {
  const { isOpenerClient, join } = stream;
  const { fromClient, fromServer } = statistics.subflows[stream.subflow] ?? nothingSeen(connection);
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
    clientToServer: fromClient,
    serverToClient: fromServer,
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

function reportHandovers(connection: Connection): HandoverReport[] {
  const reports: HandoverReport[] = [];
  for (const by of ['client', 'server'] as const) {
    const { handovers } = by === 'client' ? connection.clientData : connection.serverData;
    handovers.finish();
    for (const { from, to, atNs, gapNs, idleNs, packet } of handovers.found) {
      const target = connection.subflows[to]!;
      const direction = (by === 'client') === target.isOpenerClient ? target.fromOpener! : target.fromOther!;
      const { synNs, thirdNs } = target;
      // Samples of the direction are of the part of the path behind the place of capture; the handshake shows it whole.
      const rttNs = synNs >= 0 && thirdNs >= 0 ? thirdNs - synNs : direction.rtt.percentile(0.5);
      reports.push({ by, from, to, atNs, gapNs, gapRtt: rttNs > 0 ? gapNs / rttNs : null, idleNs, packet });
    }
  }
  return reports.sort((one, other) => one.packet - other.packet);
}

/** The report of a capture for a person: what was read, then each connection with its subflows and what stands out. */

import type {
  ConnectionReport,
  DataDirectionReport,
  Finding,
  HandoverReport,
  SubflowReport,
  TraceReport,
} from '../../trace/index.js';
import { type TableColumn, tableLines } from '../table.js';
import { formatCount, formatDuration, formatRate, formatShare, formatSize } from '../units.js';

/** Signals and handovers shown of one connection; the JSON has all. */
const SHOWN = 20;

/** The whole report. */
export function reportText(report: TraceReport): string {
  const parts = [captureLines(report), ...report.connections.map(connectionLines)];
  return parts.map((lines) => lines.join('\n')).join('\n\n');
}

function captureLines(report: TraceReport): string[] {
  const { packets, durationNs, options, plainConnections } = report;
  const multipath = report.connections.filter(({ protocol }) => protocol === 'mptcp').length;
  const counts = Object.entries(options).filter(([, count]) => count > 0);
  return [
    ...report.files.map(
      ({ name, format, packets: count, problem }) =>
        `${name}: ${amount(count, 'packet')}${format === null ? '' : `, ${format}`}` +
        (problem === null ? '' : `; ${problem.message} (byte ${problem.offset})`),
    ),
    `${amount(packets, 'packet')} in ${formatDuration(durationNs)}: ` +
      `${amount(multipath, 'connection')} of Multipath TCP, ${plainConnections} of plain TCP`,
    ...(counts.length === 0
      ? []
      : [`Options: ${counts.map(([name, count]) => `${name} ${count}`).join(', ')}`]),
    ...ignoredLine(report),
    ...findingLines(report.findings),
  ];
}

function ignoredLine({ ignored, malformedOptions, limitsReached }: TraceReport): string[] {
  const reasons: readonly (readonly [number, string])[] = [
    [ignored.link, 'with another link layer'],
    [ignored.notIp, 'not IP'],
    [ignored.notTcp, 'not TCP'],
    [ignored.fragments, 'fragments'],
    [ignored.malformed, 'malformed'],
    [ignored.cutHeaders, 'with headers cut'],
  ];
  const told = reasons.filter(([count]) => count > 0).map(([count, reason]) => `${count} ${reason}`);
  const forgotten = Object.entries(limitsReached).map(([name, count]) => `${name} (${count} times)`);
  return [
    ...(told.length === 0 ? [] : [`Not followed: ${told.join(', ')}`]),
    ...(malformedOptions === 0 ? [] : [`Malformed options of Multipath TCP: ${malformedOptions}`]),
    ...(forgotten.length === 0
      ? []
      : [`Limits reached, so something was forgotten: ${forgotten.join(', ')}`]),
  ];
}

function connectionLines(connection: ConnectionReport): string[] {
  const { id, client, server, startNs, durationNs, vantage } = connection;
  const place = vantage === 0 ? '' : `, as seen at place ${vantage + 1}`;
  return [
    `Connection ${id}: ${client} -> ${server}${place}${connection.isClientCertain ? '' : ' (who is the client is a guess)'}`,
    `  ${summary(connection)}; from ${seconds(startNs)}, for ${formatDuration(durationNs)}`,
    ...tokenLine(connection),
    ...indented(subflowTable(connection)),
    ...dataLines('client', connection.clientData),
    ...dataLines('server', connection.serverData),
    ...addressLines(connection),
    ...limited(connection.handovers.map(handoverLine), 'handovers'),
    ...limited(
      connection.signals.map(
        ({ packet, atNs, by, subflow, option, meaning }) =>
          `  ${option} from the ${by} at ${seconds(atNs)} on subflow ${subflow}: ${meaning} [${packet}]`,
      ),
      'signals',
    ),
    ...findingLines(connection.findings),
  ];
}

function summary(connection: ConnectionReport): string {
  const { protocol, version, checksum, ending, fallback, fallbackCause, fallbackPacket } = connection;
  if (protocol === 'tcp') return `plain TCP, ${ending}`;
  const cause = fallbackCause === null ? '' : ` (${fallbackCause})`;
  const where = fallbackPacket === null ? '' : ` [${fallbackPacket}]`;
  return [
    version === null ? 'Multipath TCP, version not captured' : `Multipath TCP version ${version}`,
    ...(checksum === null ? [] : [checksum ? 'with checksums' : 'without checksums']),
    ...(fallback ? [`fell back to TCP${cause}${where}`] : []),
    ending,
  ].join(', ');
}

function tokenLine({ clientToken, serverToken, keysVerified }: ConnectionReport): string[] {
  if (clientToken === null && serverToken === null) return [];
  const hex = (token: number | null): string =>
    token === null ? 'not captured' : `0x${token.toString(16).padStart(8, '0')}`;
  const check = keysVerified === null ? '' : keysVerified ? '; keys verified' : '; the keys do not fit';
  return [`  tokens: client ${hex(clientToken)}, server ${hex(serverToken)}${check}`];
}

const subflowColumns: readonly TableColumn[] = [
  ['subflow', true],
  ['stream', true],
  ['client', false],
  ['server', false],
  ['opened', false],
  ['client sent', true],
  ['server sent', true],
  ['share', true],
  ['rtt', true],
  ['retransmitted', true],
  ['reinjected', true],
  ['ended', false],
].map(([title, isNumber]) => ({ title, isNumber }) as TableColumn);

function subflowTable({ subflows }: ConnectionReport): string[] {
  return tableLines(subflowColumns, subflows.map(subflowCells));
}

function subflowCells(subflow: SubflowReport): string[] {
  const { clientToServer: up, serverToClient: down } = subflow;
  const share = subflow.serverBytes > subflow.clientBytes ? down.share : up.share;
  return [
    ...[String(subflow.id), String(subflow.stream), subflow.client, subflow.server],
    opening(subflow),
    ...[formatSize(subflow.clientBytes), formatSize(subflow.serverBytes)],
    share === null ? '-' : formatShare(share),
    handshakeRtt(subflow),
    formatSize(up.retransmittedBytes + down.retransmittedBytes),
    formatSize(up.reinjectedBytes + down.reinjectedBytes),
    subflow.ending,
  ];
}

/** Both halves of the handshake together: the whole path and back, wherever the capture was made. */
function handshakeRtt({ synRttNs, ackRttNs }: SubflowReport): string {
  return synRttNs === null || ackRttNs === null ? '-' : formatDuration(synRttNs + ackRttNs);
}

function opening({ joined, openedBy, addressId, backup, matchedBy }: SubflowReport): string {
  const how = joined ? `joined${addressId === null ? '' : `, id ${addressId}`}` : 'first';
  return [
    `${how}${openedBy === 'server' ? ', by the server' : ''}`,
    ...(backup ? ['backup'] : []),
    ...(matchedBy === 'data-sequence' ? ['matched by data sequence'] : []),
  ].join(', ');
}

function dataLines(by: 'client' | 'server', data: DataDirectionReport): string[] {
  if (data.uniqueBytes === 0) return [];
  const { reinjectedBytes, goodputBps, dataRtt, outOfOrderBytes, outOfOrderNs, windowBlockedNs } = data;
  const facts = [
    `${formatSize(data.uniqueBytes)} of data`,
    ...(goodputBps === null ? [] : [formatRate(goodputBps)]),
    ...(reinjectedBytes === 0 ? [] : [`${formatSize(reinjectedBytes)} reinjected`]),
    ...(dataRtt === null
      ? []
      : [`DATA_ACK after ${formatDuration(dataRtt.median)} (95 %: ${formatDuration(dataRtt.p95)})`]),
    ...(outOfOrderBytes === null || outOfOrderBytes.max === 0
      ? []
      : [`up to ${formatSize(outOfOrderBytes.max)} out of order`]),
    ...(outOfOrderNs === null ? [] : [`waiting up to ${formatDuration(outOfOrderNs.max)} for a hole`]),
    ...(windowBlockedNs === 0 ? [] : [`window full for ${formatDuration(windowBlockedNs)}`]),
    ...(data.badChecksums === 0 ? [] : [`${amount(data.badChecksums, 'wrong checksum')}`]),
  ];
  return [`  ${by === 'client' ? 'Client' : 'Server'}: ${facts.join(', ')}`];
}

function addressLines({ addresses }: ConnectionReport): string[] {
  return addresses.map(
    ({ owner, addressId, address, port, echoedPacket, removedPacket, announcedPacket }) => {
      const facts = [
        echoedPacket === null ? 'not echoed' : `echoed [${echoedPacket}]`,
        ...(removedPacket === null ? [] : [`removed [${removedPacket}]`]),
      ];
      const where = port === null ? address : `${address} port ${port}`;
      return `  Address ${addressId} of the ${owner}: ${where}, announced [${announcedPacket}], ${facts.join(', ')}`;
    },
  );
}

function handoverLine({ by, from, to, atNs, gapNs, gapRtt, packet }: HandoverReport): string {
  const inRtt = gapRtt === null ? '' : ` (${gapRtt.toFixed(1)} RTT)`;
  return (
    `  Handover of the ${by}'s data at ${seconds(atNs)}: subflow ${from} -> ${to}, ` +
    `gap ${formatDuration(gapNs)}${inRtt} [${packet}]`
  );
}

function findingLines(findings: readonly Finding[]): string[] {
  return findings.map(({ severity, text, packets }) => {
    const where = packets.length === 0 ? '' : ` [${packets.join(', ')}]`;
    return `  ${severity === 'info' ? 'Note' : severity === 'warning' ? 'Warning' : 'Problem'}: ${text}${where}`;
  });
}

function limited(lines: readonly string[], what: string): string[] {
  const rest = lines.length - SHOWN;
  return rest <= 0 ? [...lines] : [...lines.slice(0, SHOWN), `  ... and ${rest} more ${what}`];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function seconds(ns: number): string {
  return `${(ns / 1e9).toFixed(6)} s`;
}

function amount(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

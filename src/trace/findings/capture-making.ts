/** What is wrong with the capture rather than with the network, so that nobody draws conclusions from it. */
import type { ConnectionReport, Finding, SubflowReport, TraceReport } from '../report.js';
import { finding, type FindingRule } from './rule.js';
import { amount, bytesText, directionOf, durationText, hosts, percent } from './words.js';

/** Packets without a single one of the other direction. */
const ONE_WAY_PACKETS = 10;
/** A single byte may be a FIN that was acknowledged and not seen. */
const LEAST_MISSING_BYTES = 2;

export const captureRule: FindingRule = {
  connection: (connection) => [
    ...startsLate(connection),
    ...connection.subflows.flatMap((subflow) => [...lost(subflow), ...oneWay(subflow)]),
  ],
  capture: (report) => [...cutFiles(report), ...madeBadly(report), ...forgotten(report)],
};

function startsLate({ subflows }: ConnectionReport): Finding[] {
  const late = subflows.filter(
    ({ openedBy, matchedBy }) => openedBy === null || matchedBy === 'data-sequence',
  );
  if (late.length === 0) return [];
  const which = late.map(({ id }) => id).join(', ');
  return [
    finding(
      'capture-starts-late',
      'info',
      `The handshake of subflow ${which} was not captured: who opened it, its options and, for the first, ` +
        'the keys are not known (--key gives them)',
      late.map(({ firstPacket }) => firstPacket),
    ),
  ];
}

function lost(subflow: SubflowReport): Finding[] {
  return hosts.flatMap((by) => {
    const { missingBytes, uniqueBytes } = directionOf(subflow, by);
    if (missingBytes < LEAST_MISSING_BYTES || isOneWay(subflow)) return [];
    return [
      finding(
        'capture-lost-packets',
        'warning',
        `${bytesText(missingBytes)} (${percent(missingBytes / (missingBytes + uniqueBytes))}) that the ${by} sent on ` +
          `subflow ${subflow.id} were acknowledged but not captured: the capture lost packets, and what is said of ` +
          'retransmissions is a lower bound',
        [subflow.firstPacket],
      ),
    ];
  });
}

function isOneWay({ clientToServer, serverToClient }: SubflowReport): boolean {
  const [few, many] = [clientToServer.packets, serverToClient.packets].sort((one, other) => one - other);
  return few === 0 && many! >= ONE_WAY_PACKETS;
}

function oneWay(subflow: SubflowReport): Finding[] {
  if (!isOneWay(subflow)) return [];
  const there = subflow.clientToServer.packets > 0 ? 'client' : 'server';
  return [
    finding(
      'capture-one-way',
      'warning',
      `Of subflow ${subflow.id} only packets from the ${there} were captured: the routes differ, ` +
        'or the filter of the capture left the others out',
      [subflow.firstPacket],
    ),
  ];
}

function cutFiles({ files }: TraceReport): Finding[] {
  return files
    .filter(({ problem }) => problem?.code === 'truncated')
    .map(({ name, packets, problem }) =>
      finding(
        'capture-cut',
        'warning',
        `${name} ends amid a record (byte ${problem!.offset}), after ${amount(packets, 'packet')}`,
      ),
    );
}

function madeBadly({ quality, unmatchedJoins }: TraceReport): Finding[] {
  const { cutPayloads, superSegments, duplicates, clockReversals, greatestReversalNs } = quality;
  const found: Finding[] = [];
  if (cutPayloads > 0) {
    const text = `The payload of ${amount(cutPayloads, 'segment')} was cut by the snap length: their checksums cannot be verified`;
    found.push(finding('capture-snapped', 'info', text, quality.cutPackets));
  }
  if (superSegments > 0) {
    const text =
      `${amount(superSegments, 'segment')} exceeded the MSS: captured on a host before its card cut them up, or after it ` +
      'merged them, so counts of packets are not those of the wire (ethtool -K DEVICE tso off gso off gro off)';
    found.push(finding('capture-super-segments', 'info', text, quality.superPackets));
  }
  if (duplicates > 0) {
    const text =
      `${amount(duplicates, 'segment')} came twice within a millisecond: captured on two interfaces or by a mirror ` +
      'port in both directions, or doubled by the network; they count as retransmissions';
    found.push(finding('capture-duplicates', 'warning', text, quality.duplicatePackets));
  }
  if (clockReversals > 0) {
    const text =
      `The time goes back ${amount(clockReversals, 'time')}, by up to ${durationText(greatestReversalNs)}: ` +
      'frames are out of order or the clock was set; round-trip times there mean nothing';
    found.push(finding('capture-clock-reversed', 'warning', text, quality.reversalPackets));
  }
  if (unmatchedJoins > 0) {
    const text =
      `${amount(unmatchedJoins, 'join')} belonged to no connection of the capture: their first subflow was captured ` +
      'elsewhere or before, or somebody guesses tokens';
    found.push(finding('unmatched-joins', 'warning', text));
  }
  return found;
}

function forgotten({ limitsReached }: TraceReport): Finding[] {
  const names = Object.entries(limitsReached).map(([name, count]) => `${name} (${count})`);
  if (names.length === 0) return [];
  return [
    finding(
      'capture-limits',
      'warning',
      `Limits were reached and something was forgotten: ${names.join(', ')}. Read less at once`,
    ),
  ];
}

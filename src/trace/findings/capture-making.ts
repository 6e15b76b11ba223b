/** What is wrong with the capture rather than with the network, so that nobody draws conclusions from it. */
import type { ConnectionReport, Finding, SubflowReport, TraceReport } from '../report.js';
import { finding, type FindingRule } from './rule.js';
import {
  amount,
  bytesText,
  directionOf,
  durationText,
  hosts,
  isCopied,
  percent,
  subflowsText,
  times,
} from './words.js';

/** Packets without a single one of the other direction. */
const ONE_WAY_PACKETS = 10;
/** A single byte may be a FIN that was acknowledged and not seen. */
const LEAST_MISSING_BYTES = 2;

export const captureRule: FindingRule = {
  connection: (connection) => [
    ...startsLate(connection),
    ...connection.subflows.flatMap((subflow) => [...lost(subflow), ...oneWay(subflow), ...copied(subflow)]),
  ],
  capture: (report) => [
    ...cutFiles(report),
    ...damagedFiles(report),
    ...madeBadly(report),
    ...forgotten(report),
  ],
};

function startsLate({ subflows }: ConnectionReport): Finding[] {
  const late = subflows.filter(
    ({ openedBy, matchedBy }) => openedBy === null || matchedBy === 'data-sequence',
  );
  if (late.length === 0) return [];
  const isFirst = late.some(({ id }) => id === 0);
  const [which, are, of] = late.length === 1 ? ['handshake', 'was', 'it'] : ['handshakes', 'were', 'them'];
  return [
    finding(
      'capture-starts-late',
      'info',
      `The ${which} of ${subflowsText(late.map(({ id }) => id))} ${are} not captured: who opened ${of} and with which options ` +
        `is not known${isFirst ? ', nor are the keys (--key gives them)' : ''}`,
      late.map(({ firstPacket }) => firstPacket),
    ),
  ];
}

function lost(subflow: SubflowReport): Finding[] {
  return hosts.flatMap((by) => {
    const { missingBytes, uniqueBytes, missingFrames } = directionOf(subflow, by);
    if (missingBytes < LEAST_MISSING_BYTES || isOneWay(subflow)) return [];
    return [
      finding(
        'capture-lost-packets',
        'warning',
        `${bytesText(missingBytes)} (${percent(missingBytes / (missingBytes + uniqueBytes))}) that the ${by} sent on ` +
          `subflow ${subflow.id} were acknowledged but not captured: the capture lost packets, and what is said of ` +
          'retransmissions is a lower bound (tcpdump loses fewer with -B 16384 -s 160)',
        missingFrames.length > 0 ? missingFrames : [subflow.firstPacket],
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

function copied(subflow: SubflowReport): Finding[] {
  return hosts.flatMap((by) => {
    const direction = directionOf(subflow, by);
    if (!isCopied(direction)) return [];
    return [
      finding(
        'capture-duplicates',
        'warning',
        `${amount(direction.copiedPackets, 'packet')} of the ${by} on subflow ${subflow.id} came twice with the same timestamp, so ` +
          'they were captured at two places: their retransmissions and round-trip times mean nothing. Read the packets of one ' +
          'interface, or a file of each place with --both-ends',
        direction.retransmissionFrames,
      ),
    ];
  });
}

function cutFiles({ files, packets: last }: TraceReport): Finding[] {
  return files
    .filter(({ problem }) => problem?.code === 'truncated')
    .map(({ name, packets, problem }) =>
      finding(
        'capture-cut',
        'warning',
        `${name} ends amid a record (byte ${problem!.offset}), after ${amount(packets, 'packet')}: ` +
          'it was copied while it was written, or the disk was full. What came later is not in the report',
        // Of several files, which frame was the last of this one is not known.
        files.length === 1 ? [last] : [],
      ),
    );
}

function damagedFiles({ files }: TraceReport): Finding[] {
  return files
    .filter(({ problem }) => problem !== null && problem.code !== 'truncated')
    .map(({ name, packets, problem }) =>
      finding(
        'capture-damaged',
        'problem',
        `${name} cannot be read beyond byte ${problem!.offset} (${problem!.message}): only the ${amount(packets, 'packet')} ` +
          'before that are in the report',
        files.length === 1 && packets > 0 ? [packets] : [],
      ),
    );
}

function madeBadly({ quality, connections, ...report }: TraceReport): Finding[] {
  const { cutPayloads, superSegments, duplicates, clockReversals, greatestReversalNs } = quality;
  const found: Finding[] = [];
  // Headers are enough unless there are checksums over the payload.
  if (cutPayloads > 0 && connections.some(({ checksum }) => checksum === true)) {
    const text =
      `The snap length cut the payload of ${amount(cutPayloads, 'segment')}: DSS checksums over it are not verified ` +
      '(tcpdump -s 0 keeps all)';
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
      'port in both directions, or doubled by the network. The second copy counts as a retransmission';
    found.push(finding('capture-duplicates', 'warning', text, quality.duplicatePackets));
  }
  if (quality.damagedSegments > 0) {
    const text =
      `${amount(quality.damagedSegments, 'segment')} had a wrong TCP checksum: damaged on the way to the place of capture, ` +
      'so the receiver drops them and nothing here counts them';
    found.push(finding('segments-damaged', 'warning', text, quality.damagedPackets));
  }
  if (clockReversals > 0) {
    const text =
      `The clock goes back ${times(clockReversals)}, by up to ${durationText(greatestReversalNs)}: ` +
      'frames are out of order or the clock was set; round-trip times there mean nothing';
    found.push(finding('capture-clock-reversed', 'warning', text, quality.reversalPackets));
  }
  const { unmatchedJoins, unmatchedJoinFrames } = report;
  if (unmatchedJoins > 0) {
    const text =
      `${amount(unmatchedJoins, 'join')} ${unmatchedJoins === 1 ? 'belongs' : 'belong'} to no connection of the capture: ` +
      'that began before it, or on another interface, or somebody guesses tokens';
    found.push(finding('unmatched-joins', 'warning', text, unmatchedJoinFrames));
  }
  return found;
}

const limitNames: Readonly<Record<string, string>> = {
  streams: 'TCP streams',
  connections: 'connections',
  subflows: 'subflows',
  signals: 'signals',
  addresses: 'addresses',
  waitingJoins: 'joins without a connection',
  intervals: 'intervals',
  handovers: 'handovers',
  dataRanges: 'ranges of data',
  holes: 'holes in streams',
};

function forgotten({ limitsReached }: TraceReport): Finding[] {
  const names = Object.entries(limitsReached).map(([name, count]) => `${limitNames[name] ?? name}: ${count}`);
  if (names.length === 0) return [];
  return [
    finding(
      'capture-limits',
      'warning',
      `The capture has more than is kept at once, so some of it was forgotten (${names.join(', ')}), and counts of it are ` +
        'too low. Split it, or write the part that matters to a file of its own (--write)',
    ),
  ];
}

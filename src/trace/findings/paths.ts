/** Paths that are much worse than the others. Read first: RFC 6298 §3 (what a sample of the round-trip time is). */
import type { ConnectionReport, Finding, SubflowReport } from '../report.js';
import { finding, type FindingRule } from './rule.js';
import {
  bytesText,
  directionOf,
  durationText,
  handshakeFrames,
  type Host,
  hosts,
  pathRttNs,
  percent,
} from './words.js';

/** Between such paths a scheduler that fills both keeps the data of the fast one waiting. */
const UNEVEN_RATIO = 5;
/** Below, the ratio is that of two machines beside each other. */
const LEAST_RTT_NS = 5_000_000;
/** CUBIC gets a tenth of a usual path at this loss. */
const MUCH_AGAIN = 0.03;
/** With less data, one lost segment is a large share. */
const ENOUGH_BYTES = 100_000;

export const pathRule: FindingRule = {
  connection: (connection) => [
    ...uneven(connection),
    ...connection.subflows.flatMap((subflow) => hosts.flatMap((by) => lossy(subflow, by))),
  ],
};

function uneven({ subflows }: ConnectionReport): Finding[] {
  const known = subflows.flatMap((subflow) => {
    const rttNs = pathRttNs(subflow);
    return rttNs === null ? [] : [{ subflow, rttNs }];
  });
  known.sort((one, other) => one.rttNs - other.rttNs);
  const fastest = known[0];
  const slowest = known.at(-1);
  if (fastest === undefined || slowest === undefined) return [];
  if (slowest.rttNs < LEAST_RTT_NS || slowest.rttNs < fastest.rttNs * UNEVEN_RATIO) return [];
  return [
    finding(
      'rtt-uneven',
      'info',
      `Subflow ${slowest.subflow.id} has a round-trip time of ${durationText(slowest.rttNs)}, subflow ` +
        `${fastest.subflow.id} of ${durationText(fastest.rttNs)}: data that both carry waits for the slower one. ` +
        'If the fast path is enough, make the other a backup',
      [...handshakeFrames(fastest.subflow), ...handshakeFrames(slowest.subflow)],
    ),
  ];
}

function lossy(subflow: SubflowReport, by: Host): Finding[] {
  const { bytes, retransmittedBytes, lateBytes, retransmissionFrames, lateFrames } = directionOf(subflow, by);
  const again = retransmittedBytes + lateBytes;
  if (bytes < ENOUGH_BYTES || again < bytes * MUCH_AGAIN) return [];
  const late = lateBytes > retransmittedBytes;
  return [
    finding(
      'much-retransmission',
      'warning',
      `${percent(again / bytes)} of what the ${by} sent on subflow ${subflow.id} (${bytesText(again)}) ` +
        (late
          ? 'came after what follows it: lost before the place of capture and sent again, or reordered there'
          : 'was sent again: the path loses packets, by congestion or a bad link'),
      late ? lateFrames : retransmissionFrames,
    ),
  ];
}

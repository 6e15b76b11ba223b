/** Paths that are much worse than the others. Read first: RFC 6298 §3 (what a sample of the round-trip time is). */
import { MAX_FRAMES } from '../frame-list.js';
import type { ConnectionReport, Finding, SubflowReport } from '../report.js';
import { finding, type FindingRule } from './rule.js';
import {
  bytesText,
  dataOf,
  directionOf,
  durationText,
  handshakeFrames,
  type Host,
  hosts,
  isCopied,
  pathRttNs,
  percent,
  secondsText,
  times,
} from './words.js';

/** Between such paths a scheduler that fills both keeps the data of the fast one waiting. */
const UNEVEN_RATIO = 5;
/** Below, the ratio is that of two machines beside each other. */
const LEAST_RTT_NS = 5_000_000;
/** CUBIC gets a tenth of a usual path at this loss. */
const MUCH_AGAIN = 0.03;
/** An ACK that is lost costs one time-out; a path that died does not come back after a second one. */
const LEAST_UNANSWERED = 2;
const LEAST_SILENT_NS = 400_000_000;
/** With less data, one lost segment is a large share. */
const ENOUGH_BYTES = 100_000;

export const pathRule: FindingRule = {
  connection: (connection) => [
    ...uneven(connection),
    ...connection.subflows.flatMap((subflow) =>
      hosts.flatMap((by) => [...lossy(subflow, by), ...died(connection, subflow, by)]),
    ),
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

/** Sent again and again without an answer until the subflow was given up, or the capture ended. */
function died(connection: ConnectionReport, subflow: SubflowReport, by: Host): Finding[] {
  const { unackedBytes, unansweredFrames, lastAckNs, resets } = directionOf(subflow, by);
  const isGivenUp = subflow.ending === 'reset' && resets > 0;
  if (unackedBytes === 0 || unansweredFrames.length < LEAST_UNANSWERED) return [];
  if (lastAckNs === null || (subflow.ending !== 'open' && !isGivenUp)) return [];
  const silentNs = subflow.startNs + subflow.durationNs - lastAckNs;
  if (silentNs < LEAST_SILENT_NS) return [];
  const goesOn = (dataOf(connection, by).lastDataNs ?? 0) - lastAckNs >= LEAST_SILENT_NS;
  const others = connection.subflows.length > 1 && goesOn ? ', while the connection went on' : '';
  const often =
    unansweredFrames.length === MAX_FRAMES ? `${MAX_FRAMES} times or more` : times(unansweredFrames.length);
  return [
    finding(
      'path-died',
      'warning',
      `Subflow ${subflow.id} (${subflow.client} -> ${subflow.server}) got no answer from ${secondsText(lastAckNs)} on: the ${by} ` +
        `sent ${bytesText(unackedBytes)} without an ACK, and sent again ${often} in ${durationText(silentNs)}${others}. ` +
        'Its path is gone, or a box on it drops these packets',
      unansweredFrames,
    ),
  ];
}

function lossy(subflow: SubflowReport, by: Host): Finding[] {
  const direction = directionOf(subflow, by);
  const { bytes, retransmittedBytes, lateBytes, retransmissionFrames, lateFrames } = direction;
  const again = retransmittedBytes + lateBytes;
  if (bytes < ENOUGH_BYTES || again < bytes * MUCH_AGAIN || isCopied(direction)) return [];
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

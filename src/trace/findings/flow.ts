/**
 * What kept the data from flowing: windows, reinjection, reordering, handovers.
 * Read first: RFC 8684 §3.3.4 and §3.3.6; Raiciu et al., "How Hard Can It Be?", NSDI 2012, §4.2.
 */
import { MILLISECOND, SECOND } from '../../base/index.js';
import type { ConnectionReport, DataDirectionReport, Finding, HandoverReport } from '../report.js';
import { finding, type FindingRule } from './rule.js';
import {
  bytesText,
  dataOf,
  directionOf,
  durationText,
  type Host,
  hosts,
  pathRttNs,
  peerOf,
  percent,
  placeOf,
  times,
} from './words.js';

/** Share of the time without room from which it is worth a word, and from which it costs. */
const BLOCKED_SHARE = 0.05;
const COSTLY_BLOCKED_SHARE = 0.2;
/** Shorter blocks are those of a transfer that begins. */
const LEAST_BLOCKED_NS = 10 * MILLISECOND;
/** A window that is closed for longer costs more than a round trip nearly everywhere. */
const LONG_ZERO_NS = 100 * MILLISECOND;
/** Schedulers send a few percent twice by design (opportunistic reinjection). */
const MUCH_REINJECTED = 0.05;
const LEAST_REINJECTED_BYTES = 50_000;
/** Half of what is in flight behind a hole: the buffer must be twice as large as one path needs. */
const DEEP_SHARE = 0.5;
const LEAST_DEEP_BYTES = 100_000;
/** Waiting longer than this, people notice; and more than this many round trips is more than a time-out. */
const LONG_GAP_NS = SECOND;
const LONG_GAP_RTT = 10;
const LEAST_GAP_NS = 100 * MILLISECOND;

export const flowRule: FindingRule = {
  connection: (connection) => [
    ...hosts.flatMap((by) => {
      const data = dataOf(connection, by);
      return [
        ...blocked(connection, data, by),
        ...reinjected(connection, data, by),
        ...reordered(data, by),
        ...zeroWindows(connection, by),
      ];
    }),
    ...slowHandovers(connection),
  ],
};

function blocked(connection: ConnectionReport, data: DataDirectionReport, by: Host): Finding[] {
  const { windowBlockedNs, windowBlockedBy, windowBlockedFrames, firstDataNs, lastDataNs } = data;
  if (firstDataNs === null || lastDataNs === null || lastDataNs <= firstDataNs) return [];
  // The last block may end behind the last data.
  const share = Math.min(1, windowBlockedNs / (lastDataNs - firstDataNs));
  if (windowBlockedNs < LEAST_BLOCKED_NS || share < BLOCKED_SHARE) return [];
  const worst = [...windowBlockedBy].sort((one, other) => other.ns - one.ns)[0];
  const subflow = worst === undefined ? undefined : connection.subflows[worst.subflow];
  const isSeveral = connection.subflows.length > 1;
  const rttNs = subflow === undefined ? null : pathRttNs(subflow);
  const culprit =
    worst === undefined || subflow === undefined || !isSeveral
      ? ''
      : `, ${percent(worst.ns / windowBlockedNs)} of that while subflow ${subflow.id}` +
        `${rttNs === null ? '' : ` (${durationText(rttNs)} round trip)`} was waiting for its ACKs`;
  return [
    finding(
      'receive-window-blocked',
      share >= COSTLY_BLOCKED_SHARE ? 'warning' : 'info',
      `The receive window of the ${peerOf(by)} blocked the ${by} ${percent(share)} of the time ` +
        `(${durationText(windowBlockedNs)})${culprit}. A larger receive buffer helps ` +
        `(net.ipv4.tcp_rmem on Linux)${isSeveral ? ', or to make the slowest subflow a backup' : ''}`,
      windowBlockedFrames,
    ),
  ];
}

function zeroWindows(connection: ConnectionReport, by: Host): Finding[] {
  const directions = connection.subflows.map((subflow) => directionOf(subflow, by));
  const count = Math.max(0, ...directions.map(({ zeroWindows: times }) => times));
  if (count === 0) return [];
  const longestNs = Math.max(...directions.map(({ zeroWindowNs }) => zeroWindowNs));
  return [
    finding(
      'zero-window',
      longestNs >= LONG_ZERO_NS ? 'warning' : 'info',
      `The ${by} closed its receive window ${times(count)}, for ${durationText(longestNs)} in all: ` +
        'its application reads more slowly than data comes',
      directions.flatMap(({ zeroWindowFrames }) => zeroWindowFrames),
    ),
  ];
}

function reinjected(connection: ConnectionReport, data: DataDirectionReport, by: Host): Finding[] {
  const { reinjectedBytes, uniqueBytes } = data;
  if (reinjectedBytes < LEAST_REINJECTED_BYTES || reinjectedBytes < uniqueBytes * MUCH_REINJECTED) return [];
  const from = new Map<number, number>();
  for (const subflow of connection.subflows) {
    for (const { subflow: id, bytes } of directionOf(subflow, by).reinjectedFrom) {
      from.set(id, (from.get(id) ?? 0) + bytes);
    }
  }
  const [worst] = [...from].sort(([, one], [, other]) => other - one);
  const rttNs = worst === undefined ? null : pathRttNs(connection.subflows[worst[0]]!);
  const culprit =
    worst === undefined
      ? ''
      : `, most of it (${bytesText(worst[1])}) after subflow ${worst[0]}` +
        `${rttNs === null ? '' : ` (${durationText(rttNs)} round trip)`} had carried it. Unless the scheduler is meant to ` +
        'send everything twice, that path is too slow for the others or was lost: make it a backup';
  return [
    finding(
      'much-reinjection',
      'warning',
      `${bytesText(reinjectedBytes)} of the ${by}'s ${bytesText(uniqueBytes)} ` +
        `(${percent(reinjectedBytes / uniqueBytes)}) went out on a second subflow too${culprit}`,
      connection.subflows.flatMap((subflow) => directionOf(subflow, by).reinjectionFrames),
    ),
  ];
}

function reordered(data: DataDirectionReport, by: Host): Finding[] {
  const { outOfOrderBytes, flightBytes, outOfOrderNs, deepestPacket } = data;
  if (outOfOrderBytes === null || flightBytes === null) return [];
  if (outOfOrderBytes.max < LEAST_DEEP_BYTES || outOfOrderBytes.p95 < flightBytes.max * DEEP_SHARE) return [];
  const waited = outOfOrderNs === null ? '' : `, for up to ${durationText(outOfOrderNs.max)}`;
  return [
    finding(
      'deep-reordering',
      'warning',
      `Up to ${bytesText(outOfOrderBytes.max)} of the ${by}'s data, of ${bytesText(flightBytes.max)} in flight at most, waited ` +
        `for data before it${waited}: the paths differ too much for this scheduler, and the ${peerOf(by)} needs a larger ` +
        'receive buffer',
      [deepestPacket],
    ),
  ];
}

function slowHandovers(connection: ConnectionReport): Finding[] {
  return connection.handovers.filter(isSlow).flatMap((handover) => {
    const { by, from, to, gapNs, gapRtt, idleNs, packet } = handover;
    const isIdle = !isSlow({ ...handover, gapNs: gapNs - idleNs });
    // Where the sender's packets are captured, data without a DATA_ACK is seen: there was none.
    if (isIdle && placeOf(connection.subflows[from]!) === by) return [];
    const text =
      `The ${by}'s data stood still for ${durationText(gapNs)}` +
      `${gapRtt === null ? '' : ` (${gapRtt.toFixed(1)} round trips)`} before it moved from subflow ${from} to subflow ${to}`;
    const why = isIdle
      ? `: the ${by} had nothing to send, or noticed the loss of a path by a time-out only (a capture at the ${by} tells which)`
      : ': a host notices the loss of a path by a time-out only, unless it is told (REMOVE_ADDR, MP_PRIO)';
    return [finding('handover-slow', isIdle ? 'info' : 'warning', text + why, [packet])];
  });
}

function isSlow({ gapNs, gapRtt }: HandoverReport): boolean {
  return gapNs >= LONG_GAP_NS || (gapNs >= LEAST_GAP_NS && gapRtt !== null && gapRtt >= LONG_GAP_RTT);
}

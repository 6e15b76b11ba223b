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
/** Shorter blocks are those of a transfer that begins, whose window grows. */
const LEAST_BLOCKED_NS = 10 * MILLISECOND;
const BEGINNING_RTT = 2;
/** A subflow that takes so much longer than the fastest holds the others up. */
const SLOW_RATIO = 2;
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
  const leastNs = Math.max(LEAST_BLOCKED_NS, BEGINNING_RTT * fastestRttNs(connection));
  if (windowBlockedNs < leastNs || share < BLOCKED_SHARE) return [];
  const worst = [...windowBlockedBy].sort((one, other) => other.ns - one.ns)[0];
  const subflow = worst === undefined ? undefined : connection.subflows[worst.subflow];
  const isSeveral = connection.subflows.length > 1;
  const rttNs = subflow === undefined ? null : pathRttNs(subflow);
  // Near the receiver, what it waits for has often not been seen, so no subflow can be named.
  const isKnown = worst !== undefined && worst.ns >= windowBlockedNs / 2;
  const isSlowest = isKnown && isSeveral && rttNs !== null && rttNs >= SLOW_RATIO * fastestRttNs(connection);
  const culprit =
    subflow === undefined || !isSeveral || !isKnown
      ? ''
      : `, ${percent(worst.ns / windowBlockedNs)} of that while subflow ${subflow.id}` +
        `${rttNs === null ? '' : ` (${durationText(rttNs)} round trip)`} was waiting for its ACKs`;
  return [
    finding(
      'receive-window-blocked',
      share >= COSTLY_BLOCKED_SHARE ? 'warning' : 'info',
      `The receive window of the ${peerOf(by)} blocked the ${by} ${percent(share)} of the time ` +
        `(${durationText(windowBlockedNs)})${culprit}. A larger receive buffer helps ` +
        `(net.ipv4.tcp_rmem on Linux)${isSlowest ? `, or to make subflow ${subflow!.id} a backup` : ''}`,
      windowBlockedFrames,
    ),
  ];
}

/** Least round-trip time of a subflow; 0 when none is known. */
function fastestRttNs({ subflows }: ConnectionReport): number {
  const known = subflows.flatMap((subflow) => pathRttNs(subflow) ?? []);
  return known.length === 0 ? 0 : Math.min(...known);
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
  const sources = connection.subflows.flatMap((subflow) =>
    directionOf(subflow, by).reinjectedFrom.map(({ subflow: from, bytes }) => ({
      id: subflow.id,
      from,
      bytes,
    })),
  );
  const [worst] = sources.sort((one, other) => other.bytes - one.bytes);
  const rttNs = worst === undefined ? null : pathRttNs(connection.subflows[worst.from]!);
  const culprit =
    worst === undefined
      ? ''
      : `, most of it (${bytesText(worst.bytes)}) on subflow ${worst.id} after ` +
        `${worst.from === worst.id ? 'the same subflow' : `subflow ${worst.from}`}` +
        `${rttNs === null ? '' : ` (${durationText(rttNs)} round trip)`} had carried it`;
  const advice =
    worst !== undefined && worst.from === worst.id
      ? 'Its DATA_ACKs were late: data before it was missing, since another path lost or held it, or the receiver had no room'
      : 'Unless the scheduler is meant to send everything twice, a path is too slow for the others or was lost: make it a backup';
  return [
    finding(
      'much-reinjection',
      'warning',
      `${bytesText(reinjectedBytes)} of the ${by}'s ${bytesText(uniqueBytes)} ` +
        `(${percent(reinjectedBytes / uniqueBytes)}) went out in a second mapping too${culprit}. ${advice}`,
      connection.subflows.flatMap((subflow) => directionOf(subflow, by).reinjectionFrames),
    ),
  ];
}

function reordered(data: DataDirectionReport, by: Host): Finding[] {
  const { outOfOrderBytes, flightBytes, outOfOrderNs, deepestPacket, crossedBytes, crossedPacket } = data;
  if (outOfOrderBytes === null || flightBytes === null) return [];
  // What one path lost keeps its own successors waiting: that is no difference between paths.
  if (
    crossedBytes < LEAST_DEEP_BYTES ||
    outOfOrderBytes.max < LEAST_DEEP_BYTES ||
    outOfOrderBytes.p95 < flightBytes.max * DEEP_SHARE
  )
    return [];
  const waited = outOfOrderNs === null ? '' : `, for up to ${durationText(outOfOrderNs.max)}`;
  return [
    finding(
      'deep-reordering',
      'warning',
      `Up to ${bytesText(outOfOrderBytes.max)} of the ${by}'s data, of ${bytesText(flightBytes.max)} in flight at most, waited ` +
        `for data before it${waited}: the paths differ too much for this scheduler, and the ${peerOf(by)} needs a larger ` +
        'receive buffer',
      [deepestPacket, crossedPacket],
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

/**
 * Becoming plain TCP: when it is allowed, and what changes. The stream goes on where it stood: from here on data
 * offsets and subflow offsets differ by a constant.
 * Read first: RFC 8684 §3.7.
 */
import type { MptcpVersion } from '../wire/index.js';
import type { ConnectionCore } from './core.js';
import type { FallbackCause } from './events.js';
import type { Subflow } from './subflow.js';

/** Bytes of a DSS with an infinite mapping and a checksum, padded. */
export const INFINITE_MAPPING_BYTES = 20;

/**
 * Whether the stream can go on as plain TCP over `subflow`: it is the only one there ever was, and what is in flight
 * either way is contiguous (RFC 8684 §3.7).
 */
export function mayFallBack(core: ConnectionCore, subflow: Subflow): boolean {
  return (
    subflow.isInitial &&
    !core.hadJoin &&
    subflow.state !== 'closed' &&
    core.counters.reinjectedBytes === 0 &&
    !core.receiver.hasGap &&
    !core.subflows.some(mayBeJoined)
  );
}

/** Whether this side has sent the proof of a join: the peer may know of it, and use it, before this side hears that. */
function mayBeJoined({ join, state }: Subflow): boolean {
  return join?.isActive === true && (state === 'joining' || state === 'active');
}

/**
 * Makes the connection plain TCP over `subflow`; the caller has made sure that it may be, or that no data was sent yet.
 * For `nextVersion` see `FallbackEvent`.
 */
export function fallBack(
  core: ConnectionCore,
  subflow: Subflow,
  cause: FallbackCause,
  nextVersion?: MptcpVersion,
): void {
  if (core.isFallback) return;
  const { sender, receiver } = core;
  const tcp = subflow.tcp;
  core.isFallback = true;
  core.fallbackCause = cause;
  core.sendShift = sender.nxt - tcp.pushEnd;
  subflow.isConfirmed = true;
  subflow.records = undefined;
  subflow.outbox = undefined;
  tcp.dataOptionBytes = 0;
  tcp.ackOptionBytes = 0;
  sender.windowEdge = Number.POSITIVE_INFINITY;
  sender.reinjections = undefined;
  // A DATA_FIN means nothing any more: the FIN takes its place once the data is out.
  sender.isFinSent = false;
  core.addresses = undefined;
  core.paths = undefined;
  core.maySchedule = true;
  // Joins under way come to nothing: see `resetJoins`.
  if (core.subflows.length > 1) core.isUnsettled = true;
  if (core.localKeys !== undefined) core.tell({ type: 'token', token: core.localKeys.token, active: false });
  core.tell({ type: 'fallback', cause, ...(nextVersion !== undefined && { nextVersion }) });
  receiver.finAt = Number.POSITIVE_INFINITY;
  adoptStream(core, subflow);
  if (tcp.isPeerFinished) noteStreamEnd(core, subflow);
}

/**
 * Falls back where the peer may still believe in Multipath TCP: what is sent next announces the infinite mapping, in case
 * it gets through (RFC 8684 §3.7).
 */
export function fallBackAloud(core: ConnectionCore, subflow: Subflow, cause: FallbackCause): void {
  if (core.isFallback) return;
  fallBack(core, subflow, cause);
  core.infiniteFrom = subflow.tcp.pushEnd;
  subflow.tcp.dataOptionBytes = INFINITE_MAPPING_BYTES;
}

/** Bytes that wait for a mapping or a checksum are simply the next bytes of the stream now. */
function adoptStream(core: ConnectionCore, subflow: Subflow): void {
  const { receiver } = core;
  const waiting = subflow.mappings?.takeWaiting() ?? [];
  const start = waiting[0]?.start ?? subflow.tcp.rcvDelivered;
  core.receiveShift = receiver.next - start;
  subflow.mappings = undefined;
  for (const run of waiting) receiveStream(core, subflow, run.start, run.bytes);
}

/** Takes bytes of the subflow's stream as bytes of the connection's stream. */
export function receiveStream(
  core: ConnectionCore,
  subflow: Subflow,
  start: number,
  bytes: Uint8Array,
): void {
  const { receiver, counters } = core;
  receiver.deliver(start + core.receiveShift, bytes);
  const { fresh, dropped } = receiver.delivery;
  subflow.bytesReceived += fresh;
  counters.bytesReceived += fresh;
  counters.droppedBytes += dropped;
}

/** The peer's FIN, the last number that came in order, is the end of the stream: bytes before it may still wait in TCP. */
export function noteStreamEnd(core: ConnectionCore, subflow: Subflow): void {
  core.receiver.noteFin(subflow.tcp.rcvNxt - 1 + core.receiveShift);
}

/** Takes what TCP acknowledged as acknowledged (RFC 8684 §3.7: after an infinite mapping only subflow ACKs count). */
export function acknowledgeStream(core: ConnectionCore, now: number, subflow: Subflow): void {
  const { sender, counters } = core;
  const una = sender.una;
  // Data ends at pushEnd: beyond it there is only the FIN.
  const acked = Math.min(subflow.tcp.sndUna, subflow.tcp.pushEnd) + core.sendShift;
  if (sender.acknowledge(acked)) {
    counters.bytesAcked += sender.una - una;
    core.dataProgressAt = now;
  }
  if (subflow.tcp.sndUna > core.infiniteFrom) {
    core.infiniteFrom = Number.POSITIVE_INFINITY;
    subflow.tcp.dataOptionBytes = 0;
  }
  if (sender.isFinSent && subflow.tcp.sndUna > subflow.tcp.pushEnd) sender.isFinAcked = true;
}

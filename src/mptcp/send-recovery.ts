/**
 * Sending again at the data level: what a subflow failed, because it timed out, ended, or acknowledged bytes that never
 * reached the peer's data level. TCP's own retransmissions are not known here.
 * Read first: RFC 8684 §3.3.6.
 */
import { MILLISECOND, NEVER } from '../base/index.js';
import type { ConnectionCore } from './core.js';
import { fallBackAloud, mayFallBack } from './fallback.js';
import type { ReinjectionCause } from './send-data.js';
import type { Subflow } from './subflow.js';

/** Most doublings of the data-level timer. */
const MAX_BACKOFF = 8;

/** Counts and tells that `bytes` of data were handed to `subflow` once more. */
export function noteReinjection(
  core: ConnectionCore,
  cause: ReinjectionCause,
  subflow: Subflow,
  bytes: number,
): void {
  const { counters } = core;
  counters.reinjectedBytes += bytes;
  if (cause === 'subflow-failed') counters.failureReinjectedBytes += bytes;
  else if (cause === 'data-timeout') counters.timerReinjectedBytes += bytes;
  else counters.windowReinjectedBytes += bytes;
  core.tell({ type: 'reinjection', cause, subflow, bytes });
}

/** Queues all of a subflow's data that the peer has not acknowledged at the data level. */
export function reinjectAll(core: ConnectionCore, subflow: Subflow): void {
  const { records } = subflow;
  if (records === undefined || core.isCopiedElsewhere(subflow)) return;
  const failed = [subflow];
  if (core.scheduler.mayCopy !== undefined) {
    // Others that ended before it were not made good while this one was to carry everything.
    core.sender.reinject(core.sender.una, core.sender.nxt, failed, 'subflow-failed');
    core.maySchedule = true;
    return;
  }
  for (let i = 0; i < records.length; i++) {
    const record = records.at(i)!;
    if (!record.reinjected) core.sender.reinject(record.dataStart, record.dataEnd, failed, 'subflow-failed');
    record.reinjected = true;
  }
  core.maySchedule = true;
}

/**
 * A subflow's retransmission timer fired: what it has in flight is sent on others at once, without waiting for TCP to
 * give up. With no other subflow there is nothing to gain: TCP sends it again itself.
 */
export function reinjectUnacked(core: ConnectionCore, subflow: Subflow): void {
  const { records } = subflow;
  if (records === undefined || !core.hasOtherUsable(subflow)) return;
  if (core.isCopiedElsewhere(subflow)) return;
  const acked = subflow.tcp.sndUna;
  const failed = [subflow];
  for (let i = 0; i < records.length; i++) {
    const record = records.at(i)!;
    if (record.reinjected || record.end <= acked) continue;
    record.reinjected = true;
    core.sender.reinject(record.dataStart, record.dataEnd, failed, 'subflow-failed');
  }
  core.maySchedule = true;
}

/** Longest time that a receiver may hold back the acknowledgment of a lone segment (RFC 8985 §7.2 reckons with it). */
const MAX_ACK_DELAY_NS = 200 * MILLISECOND;

/**
 * When `subflow` will have been silent for too long, in ns: nothing came on it, not even a repeated acknowledgment, since
 * data was put in flight. A live path answers within its round-trip time, so this shows a dead one well before its
 * retransmission timer, which has to allow for more. `NEVER` when nothing is in flight.
 */
export function silenceEndsAt(core: ConnectionCore, subflow: Subflow): number {
  const { tcp } = subflow;
  if (subflow.isStale || subflow.state !== 'active') return NEVER;
  if (subflow.records === undefined || tcp.sndUna === tcp.pushEnd) return probeEndsAt(core, subflow);
  const since = Math.max(tcp.lastReceivedAt, subflow.outstandingSince);
  const patienceNs = tcp.bytesInFlight > tcp.mss ? core.settings.silenceNs : MAX_ACK_DELAY_NS;
  return since + 2 * tcp.rtt.srttNs + patienceNs;
}

/** The same where nothing is in flight but perhaps a probe: whoever gets one answers at once (RFC 9293 §3.8.4). */
function probeEndsAt(core: ConnectionCore, { tcp, probedAt }: Subflow): number {
  if (probedAt <= tcp.lastReceivedAt) return NEVER;
  return probedAt + 2 * tcp.rtt.srttNs + core.settings.silenceNs;
}

/** Whether a silent subflow is worth knowing: there is another for its data, or a path manager that would open one. */
export function mindsSilence(core: ConnectionCore): boolean {
  if (core.paths?.manager.watchesPaths === true) return !core.isFallback && core.phase === 'open';
  let count = 0;
  const { subflows } = core;
  for (let i = 0; i < subflows.length; i++) if (subflows[i]!.state === 'active') count++;
  return count > 1;
}

/** Gives others the data of a subflow that has been silent for too long, and keeps new data from it until it speaks. */
export function checkSilence(core: ConnectionCore, now: number, subflow: Subflow): void {
  if (now < silenceEndsAt(core, subflow) || !mindsSilence(core)) return;
  subflow.isSuspect = true;
  noteStall(core, subflow);
  reinjectUnacked(core, subflow);
}

/** Tells a path manager that wants to know that a subflow does not do its work. */
export function noteStall(core: ConnectionCore, subflow: Subflow): void {
  if (core.paths?.manager.watchesPaths === true) core.notePath({ type: 'subflow-stalled', subflow });
}

/** A subflow became usable: those that are stale may be waiting for exactly that. */
export function relieveStale(core: ConnectionCore): void {
  for (const subflow of core.subflows) if (subflow.isStale) reinjectUnacked(core, subflow);
}

/**
 * The data-level retransmission timeout, in ns. Subflows that are stale count only where all are: others were given their
 * data, and their own timeouts double while they are silent.
 */
function dataRtoNs(core: ConnectionCore): number {
  let rtoNs = 0;
  let staleRtoNs = 0;
  const { subflows } = core;
  for (let i = 0; i < subflows.length; i++) {
    const subflow = subflows[i]!;
    if (subflow.state !== 'active' && subflow.state !== 'closing') continue;
    if (subflow.isStale) staleRtoNs = Math.max(staleRtoNs, subflow.tcp.rtt.rtoNs);
    else rtoNs = Math.max(rtoNs, subflow.tcp.rtt.rtoNs);
  }
  if (rtoNs === 0) rtoNs = staleRtoNs;
  const { minDataRtoNs, maxDataRtoNs } = core.settings;
  // Data first gets the time that TCP needs to notice by itself; a DATA_FIN alone has nobody else to send it again.
  const factor = core.sender.una < core.sender.nxt ? 2 : 1;
  const base = Math.max(minDataRtoNs, factor * rtoNs);
  if (core.dataTimeouts === 0) return Math.min(maxDataRtoNs, base);
  return Math.min(maxDataRtoNs, base * 2 ** Math.min(core.dataTimeouts, MAX_BACKOFF));
}

/** When the data-level timer is due, in ns. Plain TCP has none, and nothing can be done without a subflow. */
export function dataTimerAt(core: ConnectionCore): number {
  if (core.isFallback || core.phase !== 'open' || !core.sender.isOutstanding) return NEVER;
  if (core.graceDeadline !== NEVER) return NEVER;
  return core.dataProgressAt + dataRtoNs(core);
}

/**
 * The data-level timer fired. Returns whether there is still hope: false after too many in a row at which the peer's TCP
 * had everything; while TCP itself is still trying, its own limits count.
 */
export function handleDataTimeout(core: ConnectionCore, now: number): boolean {
  const { sender } = core;
  core.counters.dataTimeouts++;
  core.dataTimeouts++;
  core.dataProgressAt = now;
  const [only] = core.subflows;
  if (only?.isSilent === true && mayFallBack(core, only)) {
    // The peer's TCP acknowledges but its data level is not heard. It may be plain TCP, to which a second copy of the
    // bytes would be new bytes.
    fallBackAloud(core, only, 'no-data-sequence-signal');
    return true;
  }
  if (sender.una < sender.nxt) {
    core.recoveryEnd = sender.nxt;
    if (reinjectHead(core)) core.dataSilences++;
  } else {
    core.dataSilences++;
    for (const subflow of core.subflows) if (subflow.state === 'active') subflow.tcp.requestAck(now);
  }
  return core.dataSilences <= core.settings.maxDataTimeouts;
}

/**
 * Queues the oldest bytes that the peer lacks, unless a subflow is still working on them: then its own timer decides,
 * and the answer is false. During a recovery each acknowledgment that moves on leads to the next such bytes. They go where
 * they were tried least: several subflows may run over one box that loses what it acknowledges.
 */
export function reinjectHead(core: ConnectionCore): boolean {
  const { sender } = core;
  let end = sender.nxt;
  const tried: Subflow[] = [];
  for (const subflow of core.subflows) {
    const { records } = subflow;
    for (let i = 0; records !== undefined && i < records.length; i++) {
      const record = records.at(i)!;
      if (record.dataStart > sender.una) {
        end = Math.min(end, record.dataStart);
        continue;
      }
      if (record.dataEnd <= sender.una) continue;
      const isInFlight = record.end > subflow.tcp.sndUna;
      if (isInFlight && (!subflow.isStale || !core.hasOtherUsable(subflow))) return false;
      end = Math.min(end, record.dataEnd);
      tried.push(subflow);
    }
  }
  if (core.subflows.length === 0) return false;
  sender.reinject(sender.una, end, mostTried(core, tried), 'data-timeout');
  core.maySchedule = true;
  return true;
}

/**
 * Of the subflows in `tried`, each there as often as it was tried, those that were tried more often than some usable one;
 * the last where all were tried alike.
 */
function mostTried(core: ConnectionCore, tried: readonly Subflow[]): readonly Subflow[] {
  const timesOf = (subflow: Subflow): number => tried.filter((other) => other === subflow).length;
  const usable = core.subflows.filter(({ state }) => state === 'active');
  const fresh = usable.filter(({ isStale }) => !isStale);
  const least = Math.min(...(fresh.length > 0 ? fresh : usable).map(timesOf));
  const most = core.subflows.filter((subflow) => timesOf(subflow) > least);
  return most.length > 0 ? most : tried.slice(-1);
}

/**
 * Ending everything at once, and making sure that the peer learns it. Two forms: a RST with MP_FASTCLOSE on every subflow,
 * after which there is nothing left (what Linux does); or an ACK with MP_FASTCLOSE on one, repeated until the peer
 * answers with its RST, while the others are reset plainly.
 * Read first: RFC 8684 §3.5.
 *
 * ```
 *   abort, 'reset':  RST + MP_FASTCLOSE on every subflow                                       --> gone
 *   abort, 'ack':    ACK + MP_FASTCLOSE on one, RST on the others --> waiting --- RST heard -----> gone
 *                                             repeated each RTO, 3 times  |  ---- MP_FASTCLOSE --> RST, gone
 *                                                                         +----- nothing heard --> RST + MP_FASTCLOSE, gone
 * ```
 */
import { uint64ToBigInt } from '../base/index.js';
import type { ConnectionCore } from './core.js';
import type { Subflow } from './subflow.js';
import { resetSubflow } from './subflow-end.js';

/** How often the ACK is sent again before a RST takes its place; the number that RFC 8684 §3.5 recommends. */
const MAX_REPETITIONS = 3;

/** An MP_FASTCLOSE on an ACK that waits for the peer's RST. */
export interface FastCloseWait {
  /** The subflow that carries it. */
  readonly subflow: Subflow;
  /** How often it was repeated. */
  repetitions: number;
  /** When it is repeated next, or given up, in ns. */
  nextAt: number;
}

/** Whether the peer's MP_FASTCLOSE names this side's key: only the owner of both keys can end the connection. */
export function isOwnKey(core: ConnectionCore, receiverKey: bigint): boolean {
  return core.localKeys !== undefined && receiverKey === uint64ToBigInt(core.localKeys.key);
}

/**
 * Resets every subflow; `isFast` has the RSTs carry MP_FASTCLOSE, so that the peer ends the connection and does not wait
 * for the subflows to come back.
 */
export function resetAll(core: ConnectionCore, now: number, isFast: boolean): void {
  core.fastClose = undefined;
  for (const subflow of core.subflows) {
    subflow.sendsFastClose = isFast && !core.isFallback && subflow.isConfirmed;
    resetSubflow(core, now, subflow, undefined);
  }
}

/** Asks the peer with an ACK to end the connection; false when no subflow is there that could carry it. */
export function closeByAck(core: ConnectionCore, now: number): boolean {
  if (core.isFallback || core.remoteKeys === undefined || core.fastClose !== undefined) return false;
  const carrier = core.carrier();
  if (carrier === undefined) return false;
  core.fastClose = { subflow: carrier, repetitions: 0, nextAt: now + carrier.tcp.rtt.rtoNs };
  core.receiver.discard();
  for (const subflow of core.subflows) if (subflow !== carrier) resetSubflow(core, now, subflow, undefined);
  // No more data goes over it, and its end needs no FIN.
  carrier.state = 'closing';
  carrier.outbox = undefined;
  carrier.tcp.requestAck(now);
  core.isUnsettled = true;
  return true;
}

/** Repeats what was not answered in time; after the last time a RST clears what is left on the way. */
export function repeatFastClose(core: ConnectionCore, now: number): void {
  const wait = core.fastClose;
  if (wait === undefined || now < fastCloseAt(core)) return;
  if (wait.repetitions >= MAX_REPETITIONS) {
    resetAll(core, now, true);
    return;
  }
  wait.repetitions++;
  wait.nextAt = now + wait.subflow.tcp.rtt.rtoNs * 2 ** wait.repetitions;
  wait.subflow.tcp.requestAck(now);
}

/** When {@link repeatFastClose} is due, in ns. */
export function fastCloseAt(core: ConnectionCore): number {
  const wait = core.fastClose;
  return wait === undefined || wait.subflow.wasClosed ? Number.POSITIVE_INFINITY : wait.nextAt;
}

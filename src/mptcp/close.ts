/**
 * How a connection ends: in order, when both sides have said and acknowledged that there is no more; at once, with
 * MP_FASTCLOSE; or because nothing is left to carry it.
 * Read first: RFC 8684 §3.3.3 and §3.5.
 *
 * ```
 *                 shutdown                peer's end of data
 *   both open  ------------> sending over ------------------>  closed: subflows end with FINs
 *       |                                                        ^
 *       +---- peer's end of data ----> receiving over -- shutdown, acknowledged
 *
 *   any state: abort, MP_FASTCLOSE received, no subflow left for too long --> closed: subflows end with RSTs
 * ```
 */
import type { CloseReason } from '../tcp/index.js';
import type { ConnectionCore } from './core.js';
import type { ConnectionError, ConnectionErrorCode } from './events.js';
import { closeByAck, isOwnKey, resetAll } from './fast-close.js';
import { closeSubflow } from './subflow-end.js';

/** What the end of the last subflow means to the user of the stream. */
const errors: Readonly<Record<CloseReason, readonly [ConnectionErrorCode, string]>> = {
  normal: ['ECONNRESET', 'the peer closed every subflow in the middle of the stream'],
  reset: ['ECONNRESET', 'the peer reset the connection'],
  refused: ['ECONNREFUSED', 'the peer refused the connection'],
  timeout: ['ETIMEDOUT', 'the peer did not answer in time'],
  unreachable: ['EHOSTUNREACH', 'the network cannot reach the peer'],
  aborted: ['ETIMEDOUT', 'no path to the peer was left'],
};

/** The error that the user sees when the last subflow ended so. */
export function errorFor(reason: CloseReason): ConnectionError {
  const [code, message] = errors[reason];
  return { code, message };
}

/** Tells the owner, once, that the peer's stream has ended, and ends the connection when both have. */
export function checkFinished(core: ConnectionCore, now: number): void {
  if (core.phase !== 'open') return;
  if (core.receiver.isFinished && !core.toldPeerClosed) {
    core.toldPeerClosed = true;
    core.tell({ type: 'peer-closed' });
  }
  if (core.receiver.isFinished && core.sender.isFinAcked) finish(core, now);
}

/** Both directions are over: what is left is to end the subflows in order. */
function finish(core: ConnectionCore, now: number): void {
  enterClosed(core, undefined);
  // A peer that is gone acknowledges no FIN, or never sends its own: FIN-WAIT-2 has no timer in TCP.
  core.closeDeadline = now + core.settings.closeTimeoutNs;
  for (const subflow of core.subflows) closeSubflow(core, now, subflow);
}

/** The peer had its time to close: fails the connection, or resets what is left of one that is closed already. */
export function handleCloseTimeout(core: ConnectionCore, now: number): void {
  if (core.phase !== 'closed') {
    fail(core, now, errorFor('timeout'));
    return;
  }
  core.closeDeadline = Number.POSITIVE_INFINITY;
  resetAll(core, now, false);
}

/** Fails the connection: the owner is told why, and whatever is left of it is reset. */
export function fail(core: ConnectionCore, now: number, error: ConnectionError): void {
  if (core.phase === 'closed') return;
  enterClosed(core, error);
  resetAll(core, now, true);
}

/** The owner's wish to end everything now. A second time it no longer waits for the peer. */
export function abort(core: ConnectionCore, now: number): void {
  const asks = core.settings.fastClose === 'ack' || !core.rules.hasFastCloseByReset;
  const mayAsk = asks && core.phase === 'open';
  if (core.phase !== 'closed') enterClosed(core, undefined);
  if (!mayAsk || !closeByAck(core, now)) resetAll(core, now, true);
}

/**
 * The peer's MP_FASTCLOSE: believed only with this side's key, and answered with a RST on every subflow; also when this
 * side was closing at the same time (RFC 8684 §3.5).
 */
export function handleFastClose(core: ConnectionCore, now: number, receiverKey: bigint): void {
  if (!isOwnKey(core, receiverKey)) return;
  if (core.phase !== 'closed')
    enterClosed(core, { code: 'ECONNRESET', message: 'the peer closed the connection at once' });
  resetAll(core, now, false);
}

function enterClosed(core: ConnectionCore, error: ConnectionError | undefined): void {
  core.phase = 'closed';
  core.wantsWritable = false;
  core.closeDeadline = Number.POSITIVE_INFINITY;
  core.graceDeadline = Number.POSITIVE_INFINITY;
  core.pathEvents = undefined;
  core.paths = undefined;
  core.addresses = undefined;
  core.sender.reinjections = undefined;
  if (core.localKeys !== undefined && !core.isFallback) {
    core.tell({ type: 'token', token: core.localKeys.token, active: false });
  }
  core.tell({ type: 'closed', error });
}

/**
 * How a subflow ends: closed in order, reset by this side, or lost. Whatever it has not delivered for certain goes back
 * to the data level, so that other subflows, present or future, carry it.
 * Read first: RFC 8684 §3.3.3, §3.3.6 and §3.6.
 */
import type { CloseReason } from '../tcp/index.js';
import type { ConnectionCore } from './core.js';
import type { ResetReasonCode } from './reset-reason.js';
import { reinjectAll } from './send-recovery.js';
import type { Subflow } from './subflow.js';

/**
 * Resets a subflow. With a reason the RST carries MP_TCPRST; transient trouble invites the peer to try again. What
 * follows happens when the event of its TCP connection is dealt with.
 */
export function resetSubflow(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  reason: ResetReasonCode | undefined,
  transient = false,
): void {
  if (subflow.state === 'closed') return;
  if (reason !== undefined) {
    subflow.resetReason = reason;
    subflow.resetTransient = transient;
  }
  subflow.tcp.abort(now);
  core.isUnsettled = true;
  core.maySchedule = true;
}

/** Closes a subflow in order. Data that the peer has not acknowledged is sent again elsewhere, if there is elsewhere. */
export function closeSubflow(core: ConnectionCore, now: number, subflow: Subflow): void {
  if (subflow.state === 'closed' || subflow.state === 'closing') return;
  if (subflow.state !== 'active') {
    resetSubflow(core, now, subflow, undefined);
    return;
  }
  subflow.state = 'closing';
  subflow.tcp.shutdown(now);
  if (!core.isFallback && core.phase === 'open') reinjectAll(core, subflow);
}

/** A subflow's TCP connection is over, but for its TIME-WAIT. */
export function endSubflow(core: ConnectionCore, now: number, subflow: Subflow, reason: CloseReason): void {
  if (subflow.wasClosed) return;
  subflow.wasClosed = true;
  subflow.state = 'closed';
  subflow.closeReason = reason;
  subflow.outbox = undefined;
  subflow.priorityAt = Number.POSITIVE_INFINITY;
  subflow.removalCheck = undefined;
  if (!core.isFallback && core.phase === 'open') reinjectAll(core, subflow);
  subflow.records = undefined;
  subflow.mappings = undefined;
  core.maySchedule = true;
  core.tell({
    type: 'subflow-closed',
    subflow,
    reason,
    resetReason: subflow.resetReason,
    transient: subflow.resetTransient,
  });
  core.notePath({ type: 'subflow-closed', subflow });
  noteLoneliness(core, now, subflow, reason);
}

/** Starts the grace time when the connection has no subflow left but could still get one. */
function noteLoneliness(core: ConnectionCore, now: number, last: Subflow, reason: CloseReason): void {
  // A join that never came about says nothing of how the connection lost its peer.
  if (last.wasOpened) core.graceReason = reason;
  if (core.phase !== 'open' || core.isFallback || core.countSubflows() > 0) return;
  // A RST without any such option is what a host sends that knows nothing of the connection: nothing to wait for.
  const isForgotten = reason === 'reset' && last.resetReason === undefined && !last.wasResetKnowingly;
  core.graceDeadline = isForgotten || !core.isConfirmed ? now : now + core.settings.graceNs;
}

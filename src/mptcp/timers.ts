/** Everything of one connection that happens because time passes, TCP's own timers aside. */
import { continueCheck } from './address-removal.js';
import { repeatAnnouncements } from './addresses.js';
import { errorFor, fail, handleCloseTimeout } from './close.js';
import type { ConnectionCore } from './core.js';
import { fastCloseAt, repeatFastClose } from './fast-close.js';
import { promptTimerAt, repeatPrompt } from './fast-open.js';
import { allowJoinsInTime, joinsAllowedAt } from './handshake-capable.js';
import { repeatJoinAck } from './handshake-join.js';
import { pathsDueAt, wakePaths } from './paths.js';
import { repeatPriority } from './priority.js';
import {
  checkSilence,
  dataTimerAt,
  handleDataTimeout,
  mindsSilence,
  silenceEndsAt,
} from './send-recovery.js';

/** When the first timer is due, TCP's included, in ns. */
export function nextTimerAt(core: ConnectionCore): number {
  let at = Math.min(dataTimerAt(core), core.closeDeadline, core.graceDeadline, fastCloseAt(core));
  if (core.addresses !== undefined) at = Math.min(at, core.addresses.nextAt);
  at = Math.min(at, promptTimerAt(core), joinsAllowedAt(core));
  at = Math.min(at, pathsDueAt(core));
  const { subflows } = core;
  const hasChoice = mindsSilence(core);
  for (let i = 0; i < subflows.length; i++) {
    const subflow = subflows[i]!;
    at = Math.min(at, subflow.tcp.pollTimeout());
    at = Math.min(at, subflow.priorityAt);
    if (subflow.join !== undefined) at = Math.min(at, subflow.join.ackDeadline);
    if (subflow.removalCheck !== undefined) at = Math.min(at, subflow.removalCheck.nextAt);
    if (hasChoice) at = Math.min(at, silenceEndsAt(core, subflow));
  }
  return at;
}

/** Does what is due. */
export function handleTimers(core: ConnectionCore, now: number): void {
  for (const subflow of core.subflows) {
    if (now >= subflow.tcp.paceAt) core.maySchedule = true;
    subflow.tcp.handleTimeout(now);
    repeatJoinAck(core, now, subflow);
    checkSilence(core, now, subflow);
    repeatPriority(core, now, subflow);
    continueCheck(core, now, subflow);
  }
  repeatAnnouncements(core, now);
  wakePaths(core, now);
  if (now >= dataTimerAt(core) && !handleDataTimeout(core, now)) fail(core, now, errorFor('timeout'));
  repeatFastClose(core, now);
  repeatPrompt(core, now);
  allowJoinsInTime(core, now);
  if (now >= core.closeDeadline) handleCloseTimeout(core, now);
  checkGrace(core, now);
}

/** Fails a connection that was without a subflow for too long. */
export function checkGrace(core: ConnectionCore, now: number): void {
  if (now >= core.graceDeadline) fail(core, now, errorFor(core.graceReason));
}

/**
 * MP_PRIO: which subflows are backups. Each side says what it wants of the other; nothing confirms it, so it is said a
 * few times (Linux says it once, and a loss leaves the peer sending on a path that it should spare).
 * Read first: RFC 8684 §3.3.8.
 */
import type { MpPrio } from '../wire/index.js';
import type { ConnectionCore } from './core.js';
import type { Subflow } from './subflow.js';

/** How often an MP_PRIO is repeated, a retransmission timeout apart and then two. */
const REPETITIONS = 2;

/**
 * Takes an MP_PRIO: it concerns the subflow it came on, and no other (RFC 8684 §3.3.8). In version 0 it may name an
 * address of its sender instead, and then concerns every subflow from there (RFC 6824 §3.3.8); see the setting for why
 * that is ignored unless asked for.
 */
export function handlePriority(core: ConnectionCore, subflow: Subflow, option: MpPrio): void {
  const { backup, addressId } = option;
  if (addressId === undefined) {
    notePriority(core, subflow, backup);
    return;
  }
  if (!core.rules.hasPriorityForAddress || !core.settings.acceptPriorityForAddress) return;
  for (const other of core.subflows) {
    if (other.remoteId === addressId && other.state === 'active') notePriority(core, other, backup);
  }
}

function notePriority(core: ConnectionCore, subflow: Subflow, backup: boolean): void {
  if (subflow.peerBackup === backup) return;
  subflow.peerBackup = backup;
  core.maySchedule = true;
  core.tell({ type: 'subflow-priority', subflow, peerBackup: backup });
}

/** Changes this side's wish for a subflow and tells the peer. */
export function setPriority(core: ConnectionCore, now: number, subflow: Subflow, backup: boolean): void {
  if (subflow.backup === backup) return;
  subflow.backup = backup;
  core.maySchedule = true;
  if (core.isFallback || subflow.state !== 'active') return;
  subflow.priorityRepeats = REPETITIONS;
  sayPriority(now, subflow);
}

/** A join is through: says what changed since its SYN, which carried the wish of that time. */
export function confirmPriority(core: ConnectionCore, now: number, subflow: Subflow): void {
  const { backup } = subflow;
  if (backup === subflow.saidBackup) return;
  subflow.backup = subflow.saidBackup;
  setPriority(core, now, subflow, backup);
}

/** Says it again when it is time. */
export function repeatPriority(core: ConnectionCore, now: number, subflow: Subflow): void {
  if (now < subflow.priorityAt) return;
  subflow.priorityAt = Number.POSITIVE_INFINITY;
  if (core.isFallback || subflow.state !== 'active') return;
  subflow.priorityRepeats--;
  sayPriority(now, subflow);
}

function sayPriority(now: number, subflow: Subflow): void {
  subflow.saidBackup = subflow.backup;
  subflow.enqueueOption(now, { subtype: 'MP_PRIO', backup: subflow.backup });
  const waitNs = subflow.tcp.rtt.rtoNs * (REPETITIONS + 1 - subflow.priorityRepeats);
  subflow.priorityAt = subflow.priorityRepeats > 0 ? now + waitNs : Number.POSITIVE_INFINITY;
}

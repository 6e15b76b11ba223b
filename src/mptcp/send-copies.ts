/**
 * The same bytes on several subflows, where the scheduler wants that (`Scheduler.mayCopy`): each subflow goes through the
 * stream by itself, from what the peer has not acknowledged to what was sent, as its windows allow. The peer keeps what
 * comes first (RFC 8684 §3.3.4 lets data sequence numbers come more than once).
 */
import type { ConnectionCore } from './core.js';
import { pushRecord, recordLimit } from './push-record.js';
import type { Subflow } from './subflow.js';

/** Gives each subflow that is to carry copies, and has room, what it did not carry yet. */
export function pushCopies(core: ConnectionCore, now: number): void {
  const { subflows } = core;
  if (core.isFallback) return;
  for (let i = 0; i < subflows.length; i++) {
    const subflow = subflows[i]!;
    if (core.scheduler.mayCopy!(subflow)) catchUp(core, now, subflow);
  }
}

function catchUp(core: ConnectionCore, now: number, subflow: Subflow): void {
  const { sender } = core;
  for (;;) {
    const start = Math.max(subflow.copiedTo, sender.una);
    const missing = sender.nxt - start;
    if (missing <= 0) return;
    const length = Math.min(missing, subflow.sendRoomBytes(now, missing), recordLimit(core, subflow));
    if (length <= 0) return;
    pushRecord(core, now, subflow, start, length);
    subflow.copiedTo = start + length;
    core.counters.copiedBytes += length;
  }
}

/**
 * What the peer's DATA_ACK brings: data that may be forgotten, and room in its window. Bogus ones change nothing.
 * Read first: RFC 8684 §3.3.2 to §3.3.5.
 */
import type { ConnectionCore } from './core.js';
import { reinjectHead } from './send-recovery.js';
import type { Subflow } from './subflow.js';

/** Takes a DATA_ACK up to data offset `offset` that came on `subflow`, whose TCP has seen the segment already. */
export function handleDataAck(core: ConnectionCore, now: number, subflow: Subflow, offset: number): void {
  const { sender } = core;
  const una = sender.una;
  if (sender.acknowledge(offset)) {
    core.counters.bytesAcked += sender.una - una;
    core.dataProgressAt = now;
    core.dataTimeouts = 0;
    core.maySchedule = true;
    const { subflows } = core;
    for (let i = 0; i < subflows.length; i++) subflows[i]!.releaseRecords(sender.una);
    if (core.recoveryEnd > 0) recover(core);
  }
  // The window counts from the DATA_ACK, on whichever subflow it came (RFC 8684 §3.3.5): its right edge never goes back.
  if (offset < una || offset > sender.nxt + 1) return;
  const edge = offset + (subflow.tcp.peerWindowEdge - subflow.tcp.sndUna);
  if (edge > sender.windowEdge) {
    sender.windowEdge = edge;
    core.maySchedule = true;
  }
}

/** After a data-level timeout, acknowledgments that stop short of its end point to the next bytes that were lost. */
function recover(core: ConnectionCore): void {
  if (core.sender.una >= core.recoveryEnd) core.recoveryEnd = 0;
  else reinjectHead(core);
}

/**
 * What the peer's DATA_ACK brings: data that may be forgotten, and room in its window. Bogus ones change nothing.
 * Read first: RFC 8684 §3.3.2 to §3.3.5.
 */
import type { ConnectionCore } from './core.js';
import { reinjectHead } from './send-recovery.js';

/**
 * Takes a DATA_ACK up to data offset `offset`; the segment that brought it offers `windowBytes` of room. The window counts
 * from the DATA_ACK, on whichever subflow both came (RFC 8684 §3.3.5), and its right edge never goes back. TCP's own
 * edge would not do: it is the furthest that the subflow ever saw, of a window that the others have filled since.
 */
export function handleDataAck(core: ConnectionCore, now: number, offset: number, windowBytes: number): void {
  const { sender } = core;
  const una = sender.una;
  if (sender.acknowledge(offset)) {
    core.counters.bytesAcked += sender.una - una;
    core.dataProgressAt = now;
    core.dataTimeouts = 0;
    core.dataSilences = 0;
    core.maySchedule = true;
    const { subflows } = core;
    for (let i = 0; i < subflows.length; i++) subflows[i]!.releaseRecords(sender.una);
    if (core.recoveryEnd > 0) recover(core);
  }
  if (offset < una || offset > sender.nxt + 1) return;
  const edge = offset + windowBytes;
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

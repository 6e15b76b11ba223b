/**
 * Hands data to subflows: asks the scheduler, cuts records, gives each its mapping. Called before segments are polled,
 * and cheap when there is nothing to do.
 * Read first: RFC 8684 §3.3.1, §3.3.5 and §3.3.8.
 */
import type { ConnectionCore } from './core.js';
import { holdsAnswer, pushSynData } from './fast-open.js';
import { pushRecord, recordLimit } from './push-record.js';
import type { ScheduleContext } from './scheduler/scheduler.js';
import { pushCopies } from './send-copies.js';
import { noteReinjection } from './send-recovery.js';
import { unblock } from './send-unblock.js';
import type { Subflow } from './subflow.js';

/** No subflow failed data that is new. */
const none: readonly Subflow[] = [];

/** What the scheduler is told; written again for every question. */
class Question implements ScheduleContext {
  now = 0;
  purpose: 'new' | 'reinjection' = 'new';
  dataOffset = 0;
  pendingBytes = 0;
  windowBytes = 0;
  peerWindowBytes = 0;
  windowBlocks = 0;
  failed: readonly Subflow[] = none;

  /** Bytes that could go out if a subflow had the room. */
  get wantedBytes(): number {
    return Math.min(this.pendingBytes, this.windowBytes);
  }
}

/** Reused for every question of every connection: a scheduler may read it during `select` only. */
const question = new Question();

/** Hands out what may go: first what is sent again, then new data, then the end of the stream. */
export function pushData(core: ConnectionCore, now: number): void {
  if (!core.maySchedule) return;
  core.maySchedule = false;
  if (core.phase === 'handshake') {
    pushSynData(core, now);
    return;
  }
  if (core.owesKeys || core.pendingFail !== undefined || holdsAnswer(core)) return;
  if (core.sender.reinjections !== undefined && !pushReinjections(core, now)) return;
  pushNew(core, now);
  endStream(core, now);
}

/** Sends again what is due; false when some of it waits for room, which new data must not take. */
function pushReinjections(core: ConnectionCore, now: number): boolean {
  const { sender } = core;
  for (let next = sender.firstReinjection(); next !== undefined; next = sender.firstReinjection()) {
    question.now = now;
    question.purpose = 'reinjection';
    question.dataOffset = next.start;
    question.pendingBytes = next.end - next.start;
    question.windowBytes = next.end - next.start;
    question.peerWindowBytes = sender.windowEdge - sender.una;
    question.windowBlocks = core.windowBlocks;
    question.failed = next.failed;
    const subflow = core.scheduler.select(core.subflows, question);
    question.failed = none;
    if (subflow === undefined) return false;
    const length = Math.min(
      next.end - next.start,
      subflow.sendRoomBytes(now, question.wantedBytes),
      recordLimit(core, subflow),
    );
    if (length <= 0) return false;
    pushRecord(core, now, subflow, next.start, length);
    noteReinjection(core, next.cause, subflow, length);
    next.start += length;
  }
  return true;
}

function pushNew(core: ConnectionCore, now: number): void {
  const { sender } = core;
  const mayCopy = core.scheduler.mayCopy !== undefined;
  if (mayCopy) pushCopies(core, now);
  while (sender.unsentBytes > 0) {
    const available = sender.unsentBytes;
    const window = windowFor(core);
    if (window <= 0) {
      unblock(core, now);
      return;
    }
    question.now = now;
    question.purpose = 'new';
    question.dataOffset = sender.nxt;
    question.pendingBytes = available;
    question.windowBytes = window;
    question.peerWindowBytes = sender.windowEdge - sender.una;
    question.windowBlocks = core.windowBlocks;
    const subflow = core.scheduler.select(core.subflows, question);
    if (subflow === undefined) return;
    const wanted = Math.min(available, window);
    const length = Math.min(wanted, subflow.sendRoomBytes(now, wanted), recordLimit(core, subflow));
    if (length <= 0 || !isWorthwhile(core, subflow, length, available)) {
      // What is left of the window is too little for a segment: it blocks like one that is closed.
      if (window < available && window < subflow.tcp.mss) unblock(core, now);
      return;
    }
    pushRecord(core, now, subflow, sender.nxt, length);
    if (mayCopy && Math.max(subflow.copiedTo, sender.una) >= sender.nxt)
      subflow.copiedTo = sender.nxt + length;
    if (sender.una === sender.nxt && !sender.isFinSent) core.dataProgressAt = now;
    sender.nxt += length;
    subflow.bytesSent += length;
    core.counters.bytesSent += length;
    if (mayCopy) pushCopies(core, now);
  }
}

/**
 * Room in the peer's data-level window. When it is closed and nothing is outstanding a segment's worth goes out all the
 * same: TCP turns it into its window probe (RFC 9293 §3.8.6.1), which is how a lost window update is found out.
 */
function windowFor(core: ConnectionCore): number {
  const { sender } = core;
  const window = sender.windowEdge - sender.nxt;
  return window <= 0 && sender.una === sender.nxt ? 1 : window;
}

/** Whether a record of `length` bytes may go now rather than wait to become a full segment. */
function isWorthwhile(core: ConnectionCore, subflow: Subflow, length: number, available: number): boolean {
  if (length >= subflow.tcp.mss) return true;
  // Nagle's rule concerns the end of what the writer gave; a window that is too small, the silly window (RFC 9293 §3.8.6.2).
  if (length === available) return core.sender.isEnded || subflow.tcp.mayPush(length);
  return core.sender.una === core.sender.nxt;
}

/** Once all data is out, tells the peer that there is no more: with a FIN, or with a DATA_FIN on an ACK. */
function endStream(core: ConnectionCore, now: number): void {
  const { sender } = core;
  if (!sender.isEnded || sender.isFinAcked || sender.unsentBytes > 0 || sender.isFinSent) return;
  if (core.isFallback) {
    sender.isFinSent = true;
    for (const subflow of core.subflows) subflow.tcp.shutdown(now);
    return;
  }
  const subflow = finCarrier(core);
  if (subflow === undefined) return;
  if (sender.una === sender.nxt) core.dataProgressAt = now;
  sender.isFinSent = true;
  subflow.tcp.requestAck(now);
}

/** The subflow whose next ACK brings the DATA_FIN: every ACK does from then on, until it is acknowledged. */
function finCarrier(core: ConnectionCore): Subflow | undefined {
  let best: Subflow | undefined;
  for (const subflow of core.subflows) {
    if (subflow.state === 'active' && (best === undefined || best.isStale)) best = subflow;
  }
  return best;
}

/**
 * What is done when the peer's data-level window is all that stops new data: some bytes at its left edge are missing
 * there, on their way over a slow subflow, while a quicker one has room and nothing to send. Those bytes go over the
 * quicker one too (opportunistic retransmission), and the slow subflow's congestion window is halved (penalisation), so
 * that it holds less of the window the next time.
 * Read first: Raiciu, Paasch, Barré, Ford, Honda, Duchene, Bonaventure, Handley: How Hard Can It Be? Designing and
 * Implementing a Deployable Multipath TCP, NSDI 2012, §4.2.
 */
import type { ConnectionCore } from './core.js';
import { pushRecord, recordLimit } from './push-record.js';
import type { DataRecord } from './send-record.js';
import { noteReinjection } from './send-recovery.js';
import type { Subflow } from './subflow.js';

/** New data waits, and the peer's window has no room for it. */
export function unblock(core: ConnectionCore, now: number): void {
  const { settings, sender } = core;
  if (core.isFallback || core.subflows.length < 2 || sender.una === sender.nxt) return;
  const helper = helperOf(core, now);
  if (helper === undefined) return;
  const holder = holderOf(core, helper);
  if (holder === undefined) return;
  core.windowBlocks++;
  if (settings.penalisation) penalise(core, now, holder);
  if (settings.opportunisticRetransmission && sender.una >= core.unblockedTo)
    sendAgain(core, now, holder, helper);
}

/** The quickest subflow that has room; a backup never helps, it would carry data while regular subflows work. */
function helperOf({ subflows }: ConnectionCore, now: number): Subflow | undefined {
  let helper: Subflow | undefined;
  for (let i = 0; i < subflows.length; i++) {
    const subflow = subflows[i]!;
    if (subflow.state !== 'active' || subflow.isStale || subflow.isBackup) continue;
    if (helper !== undefined && subflow.tcp.rtt.srttNs >= helper.tcp.rtt.srttNs) continue;
    if (subflow.sendRoomBytes(now) > 0) helper = subflow;
  }
  return helper;
}

/**
 * The subflow on which the first byte that the peer lacks is under way: a slower one than `helper`. Undefined where
 * `helper` carries that byte itself.
 */
function holderOf(core: ConnectionCore, helper: Subflow): Subflow | undefined {
  const { una } = core.sender;
  if (isCarriedBy(helper, una)) return undefined;
  const { subflows } = core;
  for (let i = 0; i < subflows.length; i++) {
    const subflow = subflows[i]!;
    if (subflow === helper || subflow.tcp.rtt.srttNs <= helper.tcp.rtt.srttNs) continue;
    if (recordAt(subflow, una) !== undefined) return subflow;
  }
  return undefined;
}

/**
 * Whether the quick subflow carries the byte at data offset `at`. If so it was sent again there: that record is one of the newest, with
 * hundreds before it, and is asked for with nearly every ACK while the window is closed.
 */
function isCarriedBy({ records }: Subflow, at: number): boolean {
  if (records === undefined) return false;
  for (let i = records.length - 1; i >= 0; i--) {
    const { dataStart, dataEnd } = records.at(i)!;
    if (dataStart <= at && at < dataEnd) return true;
  }
  return false;
}

/** The record of the slow subflow that holds the byte at data offset `at`: nearly always its first, for they come in order. */
function recordAt({ records }: Subflow, at: number): DataRecord | undefined {
  if (records === undefined) return undefined;
  for (let i = 0; i < records.length; i++) {
    const record = records.at(i)!;
    if (record.dataStart <= at && at < record.dataEnd) return record;
  }
  return undefined;
}

/** Halves the window of the slow subflow, at most once in a round trip of its own. */
function penalise(core: ConnectionCore, now: number, holder: Subflow): void {
  const { tcp } = holder;
  if (now - holder.penalisedAt < tcp.rtt.srttNs || !tcp.penalise(now)) return;
  holder.penalisedAt = now;
  core.counters.penalties++;
  core.tell({ type: 'subflow-penalised', subflow: holder, cwndBytes: tcp.cwndBytes });
}

/** Sends what the slow subflow holds at the left edge over the quick one. */
function sendAgain(core: ConnectionCore, now: number, holder: Subflow, helper: Subflow): void {
  const { una } = core.sender;
  const record = recordAt(holder, una)!;
  const missing = record.dataEnd - una;
  const length = Math.min(missing, helper.sendRoomBytes(now, missing), recordLimit(core, helper));
  if (length <= 0) return;
  pushRecord(core, now, helper, una, length);
  core.unblockedTo = una + length;
  if (length === missing) record.reinjected = true;
  noteReinjection(core, 'window-blocked', helper, length);
}

/**
 * Which Multipath TCP options go on a segment, written in place behind TCP's own. Options that do not fit together go
 * on separate ACKs. Decides nothing but that.
 * Read first: RFC 8684 §3.3 and §3 (figure 3); TCP leaves 40 bytes for all options of a segment.
 */
import { SEQ32_SPACE, uint64Add, uint64ToBigInt } from '../base/index.js';
import type { OutgoingSegment } from '../tcp/index.js';
import { TcpFlag, dssChecksum, dssLength, emitMptcpOption, mptcpOptionLength } from '../wire/index.js';
import type { DssFields, MptcpOption } from '../wire/index.js';
import type { ConnectionCore } from './core.js';
import { INFINITE_MAPPING_BYTES } from './fallback.js';
import { capableForAck, capableForSyn, capableForSynAck, owesPrompt } from './handshake-capable.js';
import { joinForAck, joinForSyn, noteJoinAckSent } from './handshake-join.js';
import type { DataRecord } from './send-record.js';
import type { Subflow } from './subflow.js';

type Segment = OutgoingSegment<DataRecord>;

/** Bytes of options to keep free on data segments of a Multipath TCP subflow. */
export function dataOptionBytes(core: ConnectionCore): number {
  // DSS with 64-bit DATA_ACK, mapping and perhaps checksum; MP_CAPABLE with the first data's length takes no more.
  return core.settings.dataSequenceBits === 64 ? 28 : 24;
}

/** Whether a record of `subflow` that begins at `start` is the client's first that has data sequence numbers. */
export function isFirstRecord(core: ConnectionCore, subflow: Subflow, start: number): boolean {
  return start === 1 + subflow.synBytesSent && subflow.isInitial && core.isClient;
}

/** Bytes of options to keep free on the initial subflow's SYN, or on the answer to it: MP_CAPABLE, with a key or without. */
export function synOptionBytes(core: ConnectionCore): number {
  if (core.isFallback || !core.settings.enabled) return 0;
  return core.isClient && !core.rules.synCarriesKey ? 4 : 12;
}

/** Bytes of options to keep free on segments without payload: a DSS with a DATA_ACK. */
export const ACK_OPTION_BYTES = 12;

/** Writes the options of `out`, a segment of `subflow` that TCP has just filled in. */
export function writeOptions(core: ConnectionCore, now: number, subflow: Subflow, out: Segment): void {
  if (core.isFallback) {
    writeFarewell(core, now, subflow, out);
    return;
  }
  if ((out.flags & TcpFlag.SYN) !== 0) writeSyn(core, subflow, out);
  else if ((out.flags & TcpFlag.RST) !== 0) writeReset(core, subflow, out);
  else if (out.record !== undefined) writeData(core, now, subflow, out, out.record);
  else writeAck(core, now, subflow, out);
}

function writeSyn(core: ConnectionCore, subflow: Subflow, out: Segment): void {
  const { join } = subflow;
  if (join !== undefined) append(out, joinForSyn(core, subflow, join));
  else if (!core.isClient) append(out, capableForSynAck(core));
  else if ((out.flags & TcpFlag.ACK) === 0) {
    const option = capableForSyn(core, subflow);
    if (option !== undefined) append(out, option);
  }
}

/** A RST says why, and whether the whole connection goes with it (RFC 8684 §3.5 and §3.6). */
function writeReset(core: ConnectionCore, subflow: Subflow, out: Segment): void {
  if (subflow.sendsFastClose && core.remoteKeys !== undefined) {
    append(out, fastCloseOption(core));
    return;
  }
  if (subflow.failedSeq !== undefined) append(out, { subtype: 'MP_FAIL', dataSeq: subflow.failedSeq });
  if (!core.rules.hasResetReason) {
    writeResetAck(core, subflow, out);
    return;
  }
  if (subflow.resetReason === undefined) return;
  append(out, { subtype: 'MP_TCPRST', flags: subflow.resetTransient ? 1 : 0, reason: subflow.resetReason });
}

/** In version 0 a RST acknowledges data like any other segment: it shows that this host knows the connection. */
function writeResetAck(core: ConnectionCore, subflow: Subflow, out: Segment): void {
  if (core.remoteKeys === undefined || !subflow.isConfirmed) return;
  fillAck(core, out.dss);
  out.appendDss();
}

function fastCloseOption(core: ConnectionCore): MptcpOption {
  return { subtype: 'MP_FASTCLOSE', receiverKey: uint64ToBigInt(core.remoteKeys!.key) };
}

function writeData(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  out: Segment,
  record: DataRecord,
): void {
  const { keysConfirm } = core.rules;
  if (!subflow.isConfirmed && keysConfirm && isFirstRecord(core, subflow, record.start)) {
    append(out, capableForAck(core, record));
    subflow.hasShownKeys = true;
    if (owesFin(core, subflow, record)) subflow.tcp.requestAck(now);
    return;
  }
  const { dss } = out;
  fillAck(core, dss);
  // Before the client's key is known there is nothing to acknowledge (RFC 8684 erratum 6609).
  dss.hasAck = core.remoteKeys !== undefined;
  dss.dataFin = record.dataFin;
  dss.hasMapping = true;
  dss.seq64 = core.settings.dataSequenceBits === 64;
  dss.seqHi = record.seqHi;
  dss.seqLo = record.seqLo;
  dss.subflowSeq = (record.start - subflow.synBytesSent) >>> 0;
  dss.dataLength = record.mappingLength;
  dss.hasChecksum = record.checksum >= 0;
  dss.checksum = record.checksum;
  out.hasDss = true;
  // What waits for an ACK without payload must not wait for the data to end.
  if (subflow.outbox !== undefined || owesFin(core, subflow, record)) subflow.tcp.requestAck(now);
}

/** Whether the DATA_FIN was never on the wire and this, the last data, does not carry it either. */
function owesFin(core: ConnectionCore, subflow: Subflow, record: DataRecord): boolean {
  if (record.dataFin) core.sender.isFinShown = true;
  return core.sender.isFinSent && !core.sender.isFinShown && subflow.tcp.unsentBytes === 0;
}

function writeAck(core: ConnectionCore, now: number, subflow: Subflow, out: Segment): void {
  if (core.remoteKeys === undefined) return;
  const { join } = subflow;
  if (!subflow.isConfirmed && join !== undefined && (join.owesProof || subflow.state !== 'active')) {
    if (!join.isActive || join.peerNonce === undefined) return;
    append(out, joinForAck(core, join));
    noteJoinAckSent(core, now, subflow);
    return;
  }
  if (subflow === core.fastClose?.subflow) {
    makeRoom(out, 12);
    append(out, fastCloseOption(core));
    return;
  }
  const { sender } = core;
  const bearsFin = sender.isFinSent && !sender.isFinAcked;
  // The DATA_FIN goes before a repetition of the keys, for the answer to either confirms; but not before the third ACK.
  if (!subflow.isConfirmed && subflow.isInitial && core.isClient && !(bearsFin && subflow.hasShownKeys)) {
    const option = capableForAck(core, undefined);
    // With Fast Open the server's data may be here already, and out of order.
    makeRoom(out, padded(mptcpOptionLength(option)));
    append(out, option);
    if (owesPrompt(core)) appendPrompt(core, out);
    subflow.hasShownKeys = true;
    if (core.owesKeys) {
      core.owesKeys = false;
      core.maySchedule = true;
    }
    if (bearsFin) subflow.tcp.requestAck(now);
    return;
  }
  fillAck(core, out.dss);
  if (bearsFin) fillFin(core, out.dss);
  const option = subflow.outbox?.[0];
  if (option === undefined) {
    makeRoom(out, padded(dssLength(out.dss)));
    out.hasDss = true;
    return;
  }
  writeControl(now, subflow, out, option);
}

/**
 * A DATA_ACK behind the keys: the one that acknowledges MP_CAPABLE itself (RFC 8684 §3.1). In 32 bits, whatever the
 * connection's width is (§3.3.2): with timestamps, the two options fill the 40 bytes.
 */
function appendPrompt(core: ConnectionCore, out: Segment): void {
  fillAck(core, out.dss);
  out.dss.ack64 = false;
  if (padded(dssLength(out.dss)) <= out.extensionRoom) out.appendDss();
}

/** A control option and, if both fit, the DSS filled in before. */
function writeControl(now: number, subflow: Subflow, out: Segment, option: MptcpOption): void {
  const length = padded(mptcpOptionLength(option));
  makeRoom(out, length);
  const hasRoom = padded(dssLength(out.dss)) + length <= out.extensionRoom;
  if (hasRoom) out.appendDss();
  append(out, option);
  subflow.outbox!.shift();
  if (subflow.outbox!.length === 0) subflow.outbox = undefined;
  // What did not fit goes on an ACK of its own.
  if (!hasRoom || subflow.outbox !== undefined) subflow.tcp.requestAck(now);
}

/** Frees `bytes` of option space on an ACK: SACK blocks can wait; timestamps only yield to what else never would fit. */
function makeRoom(out: Segment, bytes: number): void {
  while (out.sackCount > 0 && out.extensionRoom < bytes) out.sackCount--;
  if (out.extensionRoom < bytes) out.hasTimestamps = false;
}

/** The DATA_ACK (RFC 8684 §3.3.2), and no mapping. */
function fillAck(core: ConnectionCore, dss: DssFields): void {
  fillAckAt(core, core.receiver.ackOffset, dss);
}

function fillAckAt(core: ConnectionCore, offset: number, dss: DssFields): void {
  if (offset !== core.ackOffset && core.remoteKeys !== undefined) computeAck(core, offset);
  dss.hasAck = true;
  dss.ack64 = core.acks64;
  dss.ackLo = core.ackLo;
  dss.ackHi = core.ackHi;
  dss.hasMapping = false;
  dss.dataFin = false;
  dss.hasChecksum = false;
}

/** The data sequence number of `offset`, kept until it changes: a sender repeats it on every segment. */
function computeAck(core: ConnectionCore, offset: number): void {
  const base = core.remoteKeys!.initialSeq;
  const low = base.lo + (offset >>> 0);
  core.ackOffset = offset;
  core.ackLo = low >>> 0;
  core.ackHi = (base.hi + Math.floor(offset / SEQ32_SPACE) + (low >= SEQ32_SPACE ? 1 : 0)) >>> 0;
}

/** The mapping of a DATA_FIN without data: subflow sequence number 0, length 1 (RFC 8684 §3.3.3). */
function fillFin(core: ConnectionCore, dss: DssFields): void {
  core.sender.isFinShown = true;
  const seq = uint64Add(core.localKeys!.initialSeq, core.sender.finAt);
  dss.dataFin = true;
  dss.hasMapping = true;
  dss.seq64 = core.settings.dataSequenceBits === 64;
  dss.seqHi = seq.hi;
  dss.seqLo = seq.lo;
  dss.subflowSeq = 0;
  dss.dataLength = 1;
  dss.hasChecksum = core.usesChecksum;
  dss.checksum = core.usesChecksum ? dssChecksum(seq, 0, 1, []) : 0;
}

/**
 * After a failure in the middle of the stream: MP_FAIL once, and the infinite mapping, until what is under it is
 * acknowledged. That ends all signalling (RFC 8684 §3.7), so data that would announce it waits for the MP_FAIL: see
 * `pushData`. It goes without data too where there is room, and on a FIN for certain: a peer that knew nothing of it would
 * take the end of the stream for that of a subflow, when all of the data was out before. Where none was, no mapping was.
 */
function writeFarewell(core: ConnectionCore, now: number, subflow: Subflow, out: Segment): void {
  const { record } = out;
  const isPending = core.infiniteFrom !== Number.POSITIVE_INFINITY;
  const isLast = (out.flags & TcpFlag.FIN) !== 0;
  if (record !== undefined) {
    if (record.start >= core.infiniteFrom || (isPending && isLast)) writeInfinite(core, subflow, out);
    // Data that TCP had already must not take the place of the ACK that says so.
    if (core.pendingFail !== undefined) subflow.tcp.requestAck(now);
    return;
  }
  if ((out.flags & (TcpFlag.SYN | TcpFlag.RST)) !== 0) return;
  const hasFailed = core.pendingFail !== undefined;
  if (core.pendingFail !== undefined) {
    makeRoom(out, 12);
    append(out, { subtype: 'MP_FAIL', dataSeq: core.pendingFail });
    core.pendingFail = undefined;
    core.maySchedule = true;
  }
  if (core.farewellAck >= 0) {
    writeFarewellAck(core, out);
  } else if (isPending && !hasFailed && core.infiniteFrom > 1) {
    if (isLast) makeRoom(out, INFINITE_MAPPING_BYTES);
    writeInfinite(core, subflow, out);
  }
}

/**
 * The last DATA_ACK: it goes up to where mappings were understood, whatever the stream has taken in since, and not behind
 * the one before, which may have covered a DATA_FIN.
 */
function writeFarewellAck(core: ConnectionCore, out: Segment): void {
  fillAckAt(core, Math.max(core.ackOffset, Math.min(core.farewellAck, core.receiver.next)), out.dss);
  core.farewellAck = -1;
  if (padded(dssLength(out.dss)) <= out.extensionRoom) out.appendDss();
}

/** The infinite mapping: from what was acknowledged last on, the stream is plain TCP (RFC 8684 §3.7). */
function writeInfinite(core: ConnectionCore, subflow: Subflow, out: Segment): void {
  const una = core.sender.una;
  const seq = uint64Add(core.localKeys!.initialSeq, una);
  const { dss } = out;
  dss.hasAck = false;
  dss.dataFin = false;
  dss.hasMapping = true;
  dss.seq64 = true;
  dss.seqHi = seq.hi;
  dss.seqLo = seq.lo;
  dss.subflowSeq = (una - core.sendShift - subflow.synBytesSent) >>> 0;
  dss.dataLength = 0;
  dss.hasChecksum = core.usesChecksum;
  dss.checksum = 0;
  if (out.extensionLength + padded(dssLength(dss)) <= out.extensionRoom) out.appendDss();
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

function append(out: Segment, option: MptcpOption): void {
  out.pad(emitMptcpOption(option, out.extension, out.extensionLength));
}

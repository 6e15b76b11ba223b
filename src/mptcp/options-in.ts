/**
 * Reads the Multipath TCP options of a segment that TCP accepted, and has done what they say. The one DSS of nearly
 * every segment is read without allocation.
 * Read first: RFC 8684 §3.3 to §3.7.
 */
import { offsetOf, seq32, uint64Add, uint64Distance, uint64ToBigInt } from '../base/index.js';
import { Verdict } from '../tcp/index.js';
import { DssFields, MpTcpRstFlag, MptcpSubtype, TcpFlag, dssChecksum, parseDss } from '../wire/index.js';
import type { MpCapable, MptcpOption, TcpSegment } from '../wire/index.js';
import { handleRemoveAddr } from './address-removal.js';
import { handleAddAddr } from './addresses.js';
import { handleFail } from './checksum-failure.js';
import { handleFastClose } from './close.js';
import type { ConnectionCore } from './core.js';
import { handleExperiment } from './experiment.js';
import { fallBack, fallBackAloud, mayFallBack } from './fallback.js';
import { noteSignal, readConfirmation, readSynAck, readThirdAck } from './handshake-capable.js';
import {
  answerRepeatedJoin,
  endHoldBack,
  isHeldBack,
  readCrossingJoin,
  readJoinAck,
  readJoinAnswer,
  readJoinSynAck,
} from './handshake-join.js';
import { optionAt } from './option-list.js';
import { handlePriority } from './priority.js';
import { declareMapping, noteDataFin } from './receive-subflow.js';
import { ResetReason } from './reset-reason.js';
import { handleDataAck } from './send-acknowledgment.js';
import { resetSubflow } from './subflow-end.js';
import type { Subflow } from './subflow.js';

/** Reused for every DSS parsed. */
const parsed = new DssFields();

/** Reads the options of `segment`; `verdict` is TCP's, and includes ACCEPTED. */
export function readOptions(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  segment: TcpSegment,
  verdict: number,
): void {
  const wasHeldBack = isHeldBack(subflow);
  if (!subflow.isConfirmed) readHandshake(core, now, subflow, segment, verdict);
  if ((verdict & Verdict.RESET) !== 0 && !core.rules.hasResetReason)
    subflow.wasResetKnowingly = segment.mptcpCount > 0;
  if ((verdict & Verdict.ACKED) !== 0) noteSilence(core, now, subflow, segment.mptcpCount === 0);
  // On SYNs there are handshakes only.
  if ((segment.flags & TcpFlag.SYN) !== 0) return;
  if (segment.dss === undefined) readEach(core, now, subflow, segment);
  else if (!core.isFallback) readDss(core, now, subflow, segment, segment.dss);
  if (wasHeldBack && isHeldBack(subflow)) endHoldBack(core, now, subflow);
}

/** Reads the options of `segment` from its bytes, one after the other. */
function readEach(core: ConnectionCore, now: number, subflow: Subflow, segment: TcpSegment): void {
  for (let i = 0; i < segment.mptcpCount && !core.isFallback; i++) {
    const subtype = segment.bytes[segment.mptcpOffsets[i]! + 2]! >>> 4;
    if (subtype === MptcpSubtype.DSS) {
      const error = parseDss(segment.bytes, segment.mptcpOffsets[i]!, segment.mptcpLengths[i]!, parsed);
      if (error === undefined) readDss(core, now, subflow, segment, parsed);
    } else {
      const option = optionAt(segment, i);
      if (option !== undefined) readOther(core, now, subflow, segment, option);
    }
  }
}

/**
 * Notes whether acknowledgments come without options. A peer that acknowledges data without them, never did at the data
 * level and never sent data with them is plain TCP, or looks so through the path, whatever else it said; where that is the
 * path of a join, it is of no use (RFC 8684 §3.7). One that sent data with them speaks Multipath TCP: who fell back alone
 * would take the end of the subflow for that of the stream.
 */
function noteSilence(core: ConnectionCore, now: number, subflow: Subflow, isSilent: boolean): void {
  subflow.isSilent = isSilent;
  const { tcp } = subflow;
  // A FIN is no data.
  if (Math.min(tcp.sndUna, tcp.pushEnd) <= 1 || !subflow.isConfirmed || core.isFallback) return;
  if (!isSilent) subflow.hadAnswer = true;
  else if (subflow.join !== undefined) {
    if (!subflow.hadAnswer) resetSubflow(core, now, subflow, ResetReason.MIDDLEBOX);
  } else if (!core.hadDataAck && !core.hadSignalWithData && mayFallBack(core, subflow)) {
    fallBackAloud(core, subflow, 'no-data-sequence-signal');
  }
}

/** What a subflow's handshake waits for may be in this segment. */
function readHandshake(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  segment: TcpSegment,
  verdict: number,
): void {
  const { join } = subflow;
  if ((verdict & Verdict.RESET) !== 0) return;
  if ((segment.flags & TcpFlag.SYN) !== 0) {
    // To the SYN+ACK of a peer that opened at the same time TCP's verdict is that of an ACK.
    const answersCrossing = join?.isCrossed === true && !join.isActive;
    if ((verdict & Verdict.SYN) === 0 && !answersCrossing) return;
    if (join !== undefined && (segment.flags & TcpFlag.ACK) === 0)
      readCrossingJoin(core, now, subflow, segment);
    else if (join !== undefined) readJoinSynAck(core, now, subflow, segment);
    else if (core.isClient) readSynAck(core, subflow, segment);
    return;
  }
  if (join !== undefined) {
    if (join.isActive) readJoinAnswer(core, now, subflow, segment);
    else readJoinAck(core, now, subflow, segment);
  } else if (core.isClient) {
    readConfirmation(core, now, subflow, segment);
  } else {
    readThirdAck(core, now, subflow, segment);
  }
}

/** Acts on a DSS of `segment`. */
function readDss(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  segment: TcpSegment,
  dss: Readonly<DssFields>,
): void {
  if (core.remoteKeys === undefined || !(subflow.isConfirmed || subflow.isInitial)) return;
  if (dss.hasAck) {
    const initial = core.localKeys!.initialSeq;
    const offset = dss.ack64
      ? uint64Distance(dss.ackHi, dss.ackLo, initial)
      : offsetOf(seq32(dss.ackLo), seq32(initial.lo), core.sender.una);
    // What a RST acknowledges was received; its window is that of a subflow which is gone.
    const isReset = (segment.flags & TcpFlag.RST) !== 0;
    const { una } = core.sender;
    handleDataAck(core, now, offset, isReset ? 0 : subflow.tcp.windowOf(segment));
    if (core.sender.una > una) core.hadDataAck = true;
  }
  if (segment.payloadLength > 0) core.hadSignalWithData = true;
  if (dss.hasMapping) readMapping(core, now, subflow, dss);
  if (!core.mayJoin) noteSignal(core, now, subflow);
}

function readMapping(core: ConnectionCore, now: number, subflow: Subflow, dss: Readonly<DssFields>): void {
  // RFC 8684 §3.3.1: 64-bit sequence numbers are acknowledged with 64 bits.
  core.acks64 = dss.seq64;
  if (dss.dataLength === 0) {
    // Once both streams are over there is nothing left to become plain.
    if (core.phase === 'closed' || !mayFallBack(core, subflow)) return;
    fallBack(core, subflow, 'infinite-mapping');
    // Silently; but in version 0 its data is acknowledged at the data level once, as it would have been.
    if (!core.rules.hasResetReason) core.farewellAck = Number.POSITIVE_INFINITY;
    return;
  }
  const initial = core.remoteKeys!.initialSeq;
  const dataStart = dss.seq64
    ? uint64Distance(dss.seqHi, dss.seqLo, initial)
    : offsetOf(seq32(dss.seqLo), seq32(initial.lo), core.receiver.next);
  if (dss.hasChecksum && !core.usesChecksum && core.rules.forbidsUnagreedChecksum) {
    resetSubflow(core, now, subflow, ResetReason.MPTCP_ERROR);
    return;
  }
  const checksum = dss.hasChecksum && core.usesChecksum ? dss.checksum : -1;
  const length = dss.dataFin ? dss.dataLength - 1 : dss.dataLength;
  if (length === 0) {
    // A DATA_FIN alone maps no byte of the subflow, whatever its subflow sequence number says (RFC 8684 §3.3.3).
    if (isFinIntact(core, dss, checksum, dataStart)) noteDataFin(core, now, subflow, dataStart);
    return;
  }
  const skipped = subflow.synBytesReceived;
  const start = skipped + offsetOf(seq32(dss.subflowSeq), seq32(0), subflow.tcp.rcvNxt - skipped);
  const { dataFin } = dss;
  if (subflow.mappings?.isRepetition(start, length, dataStart, checksum) === true) {
    // The mapping says nothing new, but the stream may have ended behind it meanwhile.
    if (dataFin) noteDataFin(core, now, subflow, dataStart + length);
    return;
  }
  declareMapping(core, now, subflow, {
    start,
    length,
    dataStart,
    dataFin,
    checksum,
    held: undefined,
    heldBytes: 0,
  });
}

/**
 * Whether the checksum of a DATA_FIN alone is right, or absent. It covers the pseudo-header only, in which the data
 * sequence number has 64 bits whatever its width on the wire (RFC 8684 §3.3.1).
 */
function isFinIntact(
  core: ConnectionCore,
  dss: Readonly<DssFields>,
  checksum: number,
  dataStart: number,
): boolean {
  if (checksum < 0) return true;
  const seq = uint64Add(core.remoteKeys!.initialSeq, dataStart);
  return dataStart >= 0 && dssChecksum(seq, dss.subflowSeq, dss.dataLength, []) === checksum;
}

function readOther(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  segment: TcpSegment,
  option: MptcpOption,
): void {
  // A reset says only why; everything else needs a subflow that has proved to be the connection's.
  if (option.subtype === 'MP_TCPRST') {
    if ((segment.flags & TcpFlag.RST) === 0 || !core.rules.hasResetReason) return;
    subflow.resetReason = option.reason;
    subflow.resetTransient = (option.flags & MpTcpRstFlag.TRANSIENT) !== 0;
    return;
  }
  if (core.remoteKeys === undefined || !(subflow.isConfirmed || subflow.isInitial)) return;
  switch (option.subtype) {
    case 'MP_CAPABLE':
      // In version 0 it maps nothing, but shows that options pass with data (RFC 6824 §3.1).
      if (!core.rules.keysConfirm && segment.payloadLength > 0) core.hadSignalWithData = true;
      readCapable(core, now, subflow, option);
      break;
    case 'MP_JOIN':
      if (option.phase === 'ack') answerRepeatedJoin(now, subflow);
      break;
    case 'ADD_ADDR':
      handleAddAddr(core, now, subflow, option);
      break;
    case 'REMOVE_ADDR':
      handleRemoveAddr(core, now, option.addressIds);
      break;
    case 'MP_PRIO':
      handlePriority(core, subflow, option);
      break;
    case 'MP_FAIL':
      handleFail(core, now, subflow);
      break;
    case 'MP_FASTCLOSE':
      handleFastClose(core, now, option.receiverKey);
      break;
    case 'MP_EXPERIMENTAL':
      handleExperiment(core, subflow, option);
      break;
    case 'DSS':
    case 'UNKNOWN':
      // The DSS was read in place; the others have no meaning here and harm nothing.
      break;
  }
}

/** MP_CAPABLE on data is a mapping of the first bytes (RFC 8684 §3.1). */
function readCapable(core: ConnectionCore, now: number, subflow: Subflow, option: MpCapable): void {
  if (core.isClient || !subflow.isInitial || option.dataLength === undefined) return;
  if (option.version !== core.rules.number) return;
  if (option.receiverKey !== uint64ToBigInt(core.localKeys!.key)) return;
  const checksum = core.usesChecksum ? (option.checksum ?? -1) : -1;
  const length = option.dataLength;
  const start = 1 + subflow.synBytesReceived;
  if (length === 0 || subflow.mappings?.isRepetition(start, length, start, checksum) === true) return;
  declareMapping(core, now, subflow, {
    start,
    length,
    dataStart: start,
    dataFin: false,
    checksum,
    held: undefined,
    heldBytes: 0,
  });
}

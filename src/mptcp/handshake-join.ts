/**
 * The handshake that adds a subflow: MP_JOIN on the SYN, the SYN+ACK and the third ACK, each side proving that it has
 * both keys. Knows nothing of why a subflow is wanted.
 * Read first: RFC 8684 §3.2; RFC 6824 §3.2 for version 0, where the proof in the third ACK is the whole of it.
 *
 * ```
 * A (opens)                                                     B
 *   SYN      MP_JOIN(token B, nonce A, id A)             -->
 *            MP_JOIN(8 bytes of HMAC B, nonce B, id B)   <--     SYN+ACK
 *   ACK      MP_JOIN(20 bytes of HMAC A)                 -->     active
 *   active                                               <--     ACK
 * ```
 * The third ACK is sent again until it is answered, and A sends no data before that unless `earlyJoinData` lets it.
 *
 * When the SYNs of two joins cross on the same addresses and ports, they make one subflow (RFC 8684 §3.9.2): each side
 * answers the other's SYN as B does, and goes on as A does once it has the answer to its own. Each proves itself twice.
 */
import { MILLISECOND, SECOND, seq32 } from '../base/index.js';
import { TcpConnection } from '../tcp/index.js';
import type { TcpParameters } from '../tcp/index.js';
import { TcpFlag, constantTimeEqual, isSameEndpoint } from '../wire/index.js';
import type { MpJoin, MpJoinSyn, TcpSegment } from '../wire/index.js';
import { noteJoinedAt } from './addresses.js';
import { coupled } from './congestion.js';
import type { ConnectionCore } from './core.js';
import { findJoin } from './option-list.js';
import { localIdOf } from './local-id.js';
import { confirmPriority } from './priority.js';
import { ResetReason } from './reset-reason.js';
import type { ResetReasonCode } from './reset-reason.js';
import type { DataRecord } from './send-record.js';
import { relieveStale } from './send-recovery.js';
import { Subflow } from './subflow.js';
import type { FlowTuple } from './subflow.js';
import { resetSubflow } from './subflow-end.js';

/** Bytes of the proof in the SYN+ACK. */
const SHORT_PROOF_BYTES = 8;
/** Bytes of the proof in the third ACK. */
const LONG_PROOF_BYTES = 20;
/** Round trips after which a subflow that owes an answer looks as if none would come. */
const LATE_ROUND_TRIPS = 1.5;
/** How long a join that came while nothing else works is held back, in ns. */
const HOLD_BACK_NS = 5 * MILLISECOND;
/** First wait for the answer to a third ACK before RTT is known, in ns; the settings bound how often it is repeated. */
const MAX_ACK_WAIT_NS = 8 * SECOND;

/** What one join has to remember. */
export class JoinHandshake {
  /** Whether this side sent the SYN, and is not answering one of the peer's that crossed it. */
  isActive: boolean;
  /** Whether the SYNs of both sides crossed. */
  isCrossed = false;
  /** This side's nonce. */
  readonly nonce: number;
  /** The peer's nonce; undefined until it came. */
  peerNonce: number | undefined;
  /** Third ACKs sent. */
  acksSent = 0;
  /** Whether the next ACK is a third ACK, though data may flow already. */
  owesProof = true;
  /** When the third ACK is sent again, or a proven join no longer held back, in ns; Infinity while nothing is awaited. */
  ackDeadline = Number.POSITIVE_INFINITY;

  constructor(isActive: boolean, nonce: number, peerNonce: number | undefined) {
    this.isActive = isActive;
    this.nonce = nonce;
    this.peerNonce = peerNonce;
  }
}

/** A join that the connection does not take: the owner answers the SYN with a RST that carries this MP_TCPRST. */
export interface JoinRefusal {
  readonly refused: true;
  /** Undefined where the version has no MP_TCPRST: the RST carries no option. */
  readonly reason: ResetReasonCode | undefined;
  readonly transient: boolean;
}

/** This side's proof, whole. */
function ownProof(core: ConnectionCore, join: JoinHandshake): Uint8Array {
  return core.rules.joinProof(core.localKeys!.key, core.remoteKeys!.key, join.nonce, join.peerNonce!);
}

/** The proof the peer must give, whole. */
function peerProof(core: ConnectionCore, join: JoinHandshake): Uint8Array {
  return core.rules.joinProof(core.remoteKeys!.key, core.localKeys!.key, join.peerNonce!, join.nonce);
}

/** The MP_JOIN of a SYN or SYN+ACK of `subflow`. */
export function joinForSyn(core: ConnectionCore, subflow: Subflow, join: JoinHandshake): MpJoin {
  const common = {
    subtype: 'MP_JOIN',
    backup: subflow.saidBackup,
    addressId: subflow.localId,
    nonce: join.nonce,
  } as const;
  if (join.isActive) return { ...common, phase: 'syn', token: core.remoteKeys!.token };
  return { ...common, phase: 'synack', hmac: ownProof(core, join).slice(0, SHORT_PROOF_BYTES) };
}

/** The MP_JOIN of the third ACK. */
export function joinForAck(core: ConnectionCore, join: JoinHandshake): MpJoin {
  return { subtype: 'MP_JOIN', phase: 'ack', hmac: ownProof(core, join).slice(0, LONG_PROOF_BYTES) };
}

/** Reads the SYN of a join; gives why it is refused, or the option. May give up an older join to make room. */
export function judgeJoin(
  core: ConnectionCore,
  now: number,
  syn: TcpSegment,
  tuple: FlowTuple,
): MpJoinSyn | JoinRefusal {
  const option = findJoin(syn);
  if (option?.phase !== 'syn') return refusal(core, ResetReason.MPTCP_ERROR, false);
  // Before the peer's key is confirmed there is nothing to prove a join with, and plain TCP has no subflows.
  if (!core.isConfirmed || core.isFallback || core.phase === 'closed')
    return refusal(core, ResetReason.MPTCP_ERROR, false);
  const isInitial = isSameEndpoint(tuple.local, core.tuple.local);
  if (isInitial && !core.settings.joinInitialAddress) return refusal(core, ResetReason.PROHIBITED, false);
  if (core.countSubflows() >= core.settings.maxSubflows && !displaceHalfOpen(core, now))
    return refusal(core, ResetReason.LACK_OF_RESOURCES, true);
  return option;
}

/**
 * Gives up the peer's join that has waited longest for its proof. Whoever overheard the token can fill every place with
 * SYNs (RFC 7430 §5); a real join is half-open for a round trip only, so that those that stay are not the peer's.
 */
function displaceHalfOpen(core: ConnectionCore, now: number): boolean {
  const oldest = core.subflows.find(({ join, state }) => join?.isActive === false && state === 'opening');
  if (oldest === undefined) return false;
  // Should it have been the peer's after all, it is to try again before long, which a want of resources would not suggest.
  resetSubflow(core, now, oldest, ResetReason.UNSPECIFIED, true);
  return true;
}

function refusal(core: ConnectionCore, reason: ResetReasonCode, transient: boolean): JoinRefusal {
  return { refused: true, reason: core.rules.hasResetReason ? reason : undefined, transient };
}

/** Takes a join that {@link judgeJoin} let pass. */
export function acceptSubflow(
  core: ConnectionCore,
  now: number,
  option: MpJoinSyn,
  syn: TcpSegment,
  tuple: FlowTuple,
  parameters: TcpParameters,
): Subflow {
  const subflow = new Subflow({
    id: core.nextSubflowId++,
    tuple,
    localId: localIdOf(core, tuple.local.address),
    remoteId: option.addressId,
    backup: false,
    join: new JoinHandshake(false, core.random.nextUint32(), option.nonce),
    staleTimeouts: core.settings.staleTimeouts,
    tcp: TcpConnection.accept<DataRecord>(now, coupled(core, parameters), syn),
  });
  subflow.peerBackup = option.backup;
  subflow.peerInitialSeq = seq32(syn.seq);
  core.subflows.push(subflow);
  return subflow;
}

/** What an active join is made from. */
export interface JoinRequest extends FlowTuple {
  readonly localId: number;
  readonly remoteId: number;
  readonly backup: boolean;
  readonly parameters: TcpParameters;
}

/** Opens a subflow towards the peer. */
export function joinSubflow(core: ConnectionCore, now: number, request: JoinRequest): Subflow {
  const subflow = new Subflow({
    id: core.nextSubflowId++,
    tuple: { local: request.local, remote: request.remote },
    localId: request.localId,
    remoteId: request.remoteId,
    backup: request.backup,
    join: new JoinHandshake(true, core.random.nextUint32(), undefined),
    staleTimeouts: core.settings.staleTimeouts,
    tcp: TcpConnection.connect<DataRecord>(now, coupled(core, request.parameters)),
  });
  core.subflows.push(subflow);
  return subflow;
}

/** The MP_JOIN of `phase` that a packet of the handshake bears; without one the subflow is reset (RFC 8684 §3.2). */
function expectJoin<Phase extends MpJoin['phase']>(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  segment: TcpSegment,
  phase: Phase,
): Extract<MpJoin, { phase: Phase }> | undefined {
  const option = findJoin(segment);
  if (option?.phase === phase) return option as Extract<MpJoin, { phase: Phase }>;
  resetSubflow(core, now, subflow, ResetReason.MPTCP_ERROR);
  return undefined;
}

/**
 * The side that opened the subflow reads the SYN of the peer, which opens it too: answers it as if it had not. Should the
 * peer have missed our SYN, its third ACK has the proof.
 */
export function readCrossingJoin(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  segment: TcpSegment,
): void {
  const join = subflow.join!;
  const option = expectJoin(core, now, subflow, segment, 'syn');
  if (option === undefined) return;
  if (option.token !== core.localKeys!.token) {
    resetSubflow(core, now, subflow, ResetReason.MPTCP_ERROR);
    return;
  }
  join.isActive = false;
  join.isCrossed = true;
  join.peerNonce = option.nonce;
  subflow.peerBackup = option.backup;
  subflow.remoteId = option.addressId;
}

/** The side that opened the subflow reads the SYN+ACK. A missing or wrong proof resets it (RFC 8684 §3.2). */
export function readJoinSynAck(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  segment: TcpSegment,
): void {
  const join = subflow.join!;
  const option = expectJoin(core, now, subflow, segment, 'synack');
  if (option === undefined) return;
  join.isActive = true;
  join.peerNonce = option.nonce;
  if (!constantTimeEqual(option.hmac, peerProof(core, join).slice(0, SHORT_PROOF_BYTES))) {
    core.counters.hmacFailures++;
    resetSubflow(core, now, subflow, ResetReason.MPTCP_ERROR);
    return;
  }
  subflow.peerBackup = option.backup;
  subflow.remoteId = option.addressId;
  subflow.state = 'joining';
  armJoinAck(core, now, subflow);
}

/** The third ACK leaves: with `earlyJoinData` data may follow it, though the peer does not know us for certain yet. */
export function noteJoinAckSent(core: ConnectionCore, now: number, subflow: Subflow): void {
  subflow.join!.owesProof = false;
  if (subflow.state !== 'joining' || !maySendEarly(core, now, subflow)) return;
  subflow.state = 'active';
  core.maySchedule = true;
  // What waits to be said goes along: how far this side received, which addresses are gone.
  core.isUnsettled = true;
  subflow.tcp.requestAck(now);
  relieveStale(core);
}

/** Whether `earlyJoinData` holds for `subflow`. */
function maySendEarly(core: ConnectionCore, now: number, subflow: Subflow): boolean {
  const { earlyJoinData } = core.settings;
  return earlyJoinData === 'alone' ? !hasLively(core, now, subflow) : earlyJoinData;
}

/** Whether a subflow other than `except` may carry data and does not look as if it could not. */
function hasLively(core: ConnectionCore, now: number, except: Subflow): boolean {
  return core.subflows.some((other) => other !== except && other.state === 'active' && !isLate(now, other));
}

/** Whether `subflow` is silent, or owes an answer for longer than usual. */
function isLate(now: number, { isStale, tcp, outstandingSince }: Subflow): boolean {
  if (isStale) return true;
  if (tcp.sndUna === tcp.pushEnd) return false;
  return now - Math.max(tcp.lastReceivedAt, outstandingSince) > LATE_ROUND_TRIPS * tcp.rtt.srttNs;
}

/**
 * Whether `segment` came to a subflow whose opener has not proved itself, and is to be left: early data that overtook the third
 * ACK, or whose third ACK was lost. Nothing of it is kept; TCP sends it again behind the proof.
 */
export function isBeforeProof(core: ConnectionCore, subflow: Subflow, segment: TcpSegment): boolean {
  return (
    subflow.join?.isActive === false &&
    !subflow.isConfirmed &&
    core.settings.earlyJoinData !== false &&
    (segment.flags & (TcpFlag.SYN | TcpFlag.RST)) === 0 &&
    findJoin(segment)?.phase !== 'ack'
  );
}

/** The other side reads what follows its SYN+ACK: only the full proof makes the subflow one of this connection. */
export function readJoinAck(core: ConnectionCore, now: number, subflow: Subflow, segment: TcpSegment): void {
  const join = subflow.join!;
  const option = findJoin(segment);
  if (option?.phase !== 'ack') {
    resetSubflow(core, now, subflow, ResetReason.MPTCP_ERROR);
    return;
  }
  if (!constantTimeEqual(option.hmac, peerProof(core, join).slice(0, LONG_PROOF_BYTES))) {
    core.counters.hmacFailures++;
    resetSubflow(core, now, subflow, ResetReason.MPTCP_ERROR);
    return;
  }
  noteJoinedAt(core, subflow.local);
  // The answer that lets the peer send (RFC 8684 §3.2: it must wait for this ACK).
  subflow.tcp.requestAck(now);
  if (core.settings.earlyJoinData === false || hasLively(core, now, subflow))
    activateJoin(core, now, subflow);
  else holdBack(now, subflow);
}

/**
 * The peer joins while nothing else works: right behind its proof comes what it has received so far. Waiting a moment for
 * that keeps the first window from being filled with what the peer has, or cannot use yet.
 */
function holdBack(now: number, subflow: Subflow): void {
  subflow.isConfirmed = true;
  subflow.state = 'joining';
  subflow.join!.ackDeadline = now + HOLD_BACK_NS;
}

/** Whether `subflow` proved itself and is held back: see {@link holdBack}. */
export function isHeldBack({ isConfirmed, state }: Subflow): boolean {
  return state === 'joining' && isConfirmed;
}

/** A subflow that was held back takes part from now on; what others are late with goes over it at once. */
export function endHoldBack(core: ConnectionCore, now: number, subflow: Subflow): void {
  for (const other of core.subflows)
    if (other.state === 'active' && isLate(now, other)) other.isSuspect = true;
  activateJoin(core, now, subflow);
}

/**
 * The side that opened the subflow sees its third ACK answered: anything but a repeated SYN+ACK or a RST is one. Where the
 * SYNs crossed, it may be the third ACK of the peer.
 */
export function readJoinAnswer(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  segment: TcpSegment,
): void {
  if ((segment.flags & (TcpFlag.SYN | TcpFlag.RST)) !== 0) return;
  if (subflow.join!.isCrossed && findJoin(segment) !== undefined) readJoinAck(core, now, subflow, segment);
  else activateJoin(core, now, subflow);
}

/** A third ACK that comes again was not seen to be answered: answer once more. */
export function answerRepeatedJoin(now: number, subflow: Subflow): void {
  const { join, isConfirmed } = subflow;
  if (isConfirmed && (join?.isActive === false || join?.isCrossed === true)) subflow.tcp.requestAck(now);
}

function activateJoin(core: ConnectionCore, now: number, subflow: Subflow): void {
  core.hadJoin = true;
  subflow.isConfirmed = true;
  subflow.state = 'active';
  subflow.wasOpened = true;
  subflow.join!.ackDeadline = Number.POSITIVE_INFINITY;
  core.graceDeadline = Number.POSITIVE_INFINITY;
  core.maySchedule = true;
  relieveStale(core);
  confirmPriority(core, now, subflow);
  core.tell({ type: 'subflow-opened', subflow });
  core.notePath({ type: 'subflow-opened', subflow });
}

/** Asks for the third ACK now and sets the time of its repetition. */
function armJoinAck(core: ConnectionCore, now: number, subflow: Subflow): void {
  const join = subflow.join!;
  const wait = Math.min(core.settings.joinAckTimeoutNs * 2 ** join.acksSent, MAX_ACK_WAIT_NS);
  join.acksSent++;
  join.owesProof = true;
  join.ackDeadline = now + wait;
  subflow.tcp.requestAck(now);
}

/** Repeats a third ACK that is due, or gives the subflow up. */
export function repeatJoinAck(core: ConnectionCore, now: number, subflow: Subflow): void {
  const join = subflow.join;
  if (join === undefined || now < join.ackDeadline) return;
  if (isHeldBack(subflow)) {
    endHoldBack(core, now, subflow);
    return;
  }
  if (join.acksSent > core.settings.joinAckRetries) {
    join.ackDeadline = Number.POSITIVE_INFINITY;
    resetSubflow(core, now, subflow, ResetReason.UNACCEPTABLE_PERFORMANCE, true);
    return;
  }
  armJoinAck(core, now, subflow);
}

/** Plain TCP has one subflow: resets those whose join was under way when the connection fell back. */
export function resetJoins(core: ConnectionCore, now: number): void {
  for (const subflow of core.subflows) {
    if (!subflow.isInitial) resetSubflow(core, now, subflow, ResetReason.MPTCP_ERROR);
  }
}

/**
 * The handshake that begins a connection: MP_CAPABLE on the SYN, the SYN+ACK, the third ACK and the first data.
 * Decides whether both sides speak Multipath TCP, and falls back where they do not. Knows nothing of joins.
 * Read first: RFC 8684 §3.1 and §3.7; RFC 6824 §3.1 and §3.6 for version 0.
 *
 * ```
 * client                                                        server
 *   SYN      MP_CAPABLE(version, flags)                  -->
 *            MP_CAPABLE(version, flags, key B)           <--     SYN+ACK
 *   ACK      MP_CAPABLE(..., key A, key B)               -->     confirmed
 *   data     MP_CAPABLE(..., key A, key B, length)       -->     confirmed, when the ACK was lost
 *   confirmed                           DSS(DATA_ACK)    <--     anything
 * ```
 * Version 0 has key A in the SYN too, no MP_CAPABLE on data, and the first DSS confirms either side.
 */
import { NEVER, seq32, seqAt, uint64, uint64ToBigInt } from '../base/index.js';
import { MpCapableFlag, TcpFlag } from '../wire/index.js';
import type { MpCapable, MptcpVersion, TcpSegment } from '../wire/index.js';
import { keyState } from './core.js';
import type { ConnectionCore } from './core.js';
import { fallBack, fallBackAloud } from './fallback.js';
import { promptServer, setBack } from './fast-open.js';
import { findCapable, optionAt } from './option-list.js';
import type { DataRecord } from './send-record.js';
import type { MptcpSettings } from './settings.js';
import type { Subflow } from './subflow.js';
import { answerTo } from './version.js';

/** Flags of this side's MP_CAPABLE. */
function flagsOf(core: ConnectionCore): number {
  let flags: number = MpCapableFlag.HMAC;
  if (core.usesChecksum) flags |= MpCapableFlag.CHECKSUM;
  if (!core.settings.joinInitialAddress && core.rules.hasJoinPermission)
    flags |= MpCapableFlag.NO_JOIN_TO_INITIAL;
  return flags;
}

/** Whether an MP_CAPABLE is one that this side can work with, its version aside (RFC 8684 §3.1: flags B and H). */
function isUsable(option: MpCapable): boolean {
  return (option.flags & MpCapableFlag.HMAC) !== 0 && (option.flags & MpCapableFlag.EXTENSIBILITY) === 0;
}

/** Takes over what the peer's flags demand. */
function heedFlags(core: ConnectionCore, option: MpCapable): void {
  if ((option.flags & MpCapableFlag.CHECKSUM) !== 0) core.usesChecksum = true;
  const forbidsInitial = (option.flags & MpCapableFlag.NO_JOIN_TO_INITIAL) !== 0;
  if (forbidsInitial && core.rules.hasJoinPermission) core.peerForbidsInitial = true;
}

/**
 * The MP_CAPABLE of the client's next SYN. Undefined once too many of them went unanswered: something on the path may
 * drop SYNs with unknown options (RFC 8684 §3.7).
 */
export function capableForSyn(core: ConnectionCore, subflow: Subflow): MpCapable | undefined {
  subflow.sentPlainSyn = subflow.synsSent >= core.settings.synsBeforeFallback;
  subflow.synsSent++;
  if (subflow.sentPlainSyn) return undefined;
  const { number, synCarriesKey } = core.rules;
  return {
    subtype: 'MP_CAPABLE',
    version: number,
    flags: flagsOf(core),
    ...(synCarriesKey && { senderKey: uint64ToBigInt(core.localKeys!.key) }),
  };
}

/** The MP_CAPABLE of the server's SYN+ACK. */
export function capableForSynAck(core: ConnectionCore): MpCapable {
  return {
    subtype: 'MP_CAPABLE',
    version: core.rules.number,
    flags: flagsOf(core),
    senderKey: uint64ToBigInt(core.localKeys!.key),
  };
}

/** The MP_CAPABLE of the client's third ACK, or of its first data when `record` is given. */
export function capableForAck(core: ConnectionCore, record: DataRecord | undefined): MpCapable {
  return {
    subtype: 'MP_CAPABLE',
    version: core.rules.number,
    flags: flagsOf(core),
    senderKey: uint64ToBigInt(core.localKeys!.key),
    receiverKey: uint64ToBigInt(core.remoteKeys!.key),
    ...(record !== undefined && { dataLength: record.mappingLength }),
    ...(record !== undefined && record.checksum >= 0 && { checksum: record.checksum }),
  };
}

/**
 * The version in which a server with `settings` answers `syn`; undefined when it answers as plain TCP. A higher version
 * than it speaks is answered with its highest, and the client may then fall back (RFC 8684 §3.1).
 */
export function versionFor(settings: MptcpSettings, syn: TcpSegment): MptcpVersion | undefined {
  if (!settings.enabled || syn.mptcpCount === 0) return undefined;
  const option = findCapable(syn);
  if (option === undefined || !isUsable(option)) return undefined;
  return answerTo(option.version, settings.versions);
}

/** The server reads a SYN that {@link versionFor} let pass: its flags, and in version 0 the client's key. */
export function readSyn(core: ConnectionCore, syn: TcpSegment): void {
  const option = findCapable(syn)!;
  heedFlags(core, option);
  // RFC 6824 §3.1. A client of a higher version that was answered with this one shows none.
  if (core.rules.synCarriesKey && option.version === core.rules.number && option.senderKey !== undefined)
    core.remoteKeys = keyState(core.rules, uint64(option.senderKey));
}

/**
 * The client reads the SYN+ACK: takes the server's key, or falls back. It falls back too when a SYN crossed its own, whatever
 * that carries: who has which key first, and whose proof confirms whom, follows from one side being the client (RFC 8684
 * §3.1). So the SYN+ACKs of a simultaneous open carry no MP_CAPABLE, and a peer that missed our SYN falls back as well.
 */
export function readSynAck(core: ConnectionCore, subflow: Subflow, segment: TcpSegment): void {
  if ((segment.flags & TcpFlag.ACK) === 0) {
    fallBack(core, subflow, 'simultaneous-open');
    return;
  }
  const option = findCapable(segment);
  if (subflow.sentPlainSyn) {
    // The server answers the SYN that it saw last, or an earlier one; without MP_CAPABLE in the third ACK it falls back.
    fallBack(core, subflow, option === undefined ? 'syn-lost' : 'syn-late');
    return;
  }
  const { versions } = core.settings;
  const asked = core.rules.number;
  if (option?.senderKey === undefined || option.receiverKey !== undefined || !isUsable(option)) {
    // RFC 8684 §3.1: a server that only speaks higher versions does not answer, plain TCP neither.
    const higher = versions.find((version) => version > asked);
    fallBack(core, subflow, 'no-capable-in-syn-ack', higher);
    return;
  }
  if (option.version < asked) {
    // RFC 8684 §3.1: the server's version cannot be spoken after this SYN, but it can after the next.
    const offered = versions.find((version) => version === option.version);
    fallBack(core, subflow, 'lower-version', offered);
    return;
  }
  // Our own key, from the SYN, is what comes back on a path that returns options as they were.
  const isEcho = core.rules.synCarriesKey && option.senderKey === uint64ToBigInt(core.localKeys!.key);
  if (option.version > asked || isEcho) {
    fallBack(core, subflow, 'no-capable-in-syn-ack');
    return;
  }
  heedFlags(core, option);
  core.remoteKeys = keyState(core.rules, uint64(option.senderKey));
  core.owesKeys = !core.rules.keysConfirm;
}

/**
 * Whether the server must not look at `segment` yet: until it has the client's key it can neither acknowledge at the
 * data level nor tell a stripped path from a reordered one, so only the segment that follows the SYN counts. TCP's
 * retransmissions bring the others again.
 */
export function isTooEarly(core: ConnectionCore, subflow: Subflow, segment: TcpSegment): boolean {
  return (
    !core.isClient &&
    core.remoteKeys === undefined &&
    (segment.flags & (TcpFlag.SYN | TcpFlag.RST)) === 0 &&
    seq32(segment.seq) !== seqAt(subflow.peerInitialSeq, 1 + subflow.synBytesReceived)
  );
}

/** The server reads the first segment that follows the SYN: takes the client's key, or falls back. */
export function readThirdAck(core: ConnectionCore, now: number, subflow: Subflow, segment: TcpSegment): void {
  if (!core.rules.keysConfirm && core.remoteKeys !== undefined) {
    readFirstSignal(core, now, subflow, segment);
    return;
  }
  const option = findCapable(segment);
  if (
    option?.senderKey === undefined ||
    option.receiverKey !== uint64ToBigInt(core.localKeys!.key) ||
    option.version !== core.rules.number ||
    !core.rules.keysConfirm ||
    !isUsable(option)
  ) {
    // With Fast Open data may have left, and the client may have seen its mappings.
    if (core.sender.nxt > 1) fallBackAloud(core, subflow, 'no-capable-in-ack');
    else fallBack(core, subflow, 'no-capable-in-ack');
    return;
  }
  heedFlags(core, option);
  core.remoteKeys = setBack(keyState(core.rules, uint64(option.senderKey)), subflow.synBytesReceived);
  confirm(core, now, subflow);
}

/**
 * The client reads the first segments that follow the SYN+ACK: a DATA_ACK, or an announcement that only the owner of
 * the keys can make, confirms the server; a segment without any option of ours says that the path strips them.
 */
export function readConfirmation(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  segment: TcpSegment,
): void {
  if (!core.rules.keysConfirm) {
    readFirstSignal(core, now, subflow, segment);
    return;
  }
  for (let i = 0; i < segment.mptcpCount; i++) {
    const option = optionAt(segment, i);
    if (
      (option?.subtype === 'DSS' && option.dataAck !== undefined) ||
      (option?.subtype === 'ADD_ADDR' && !option.echo)
    ) {
      confirm(core, now, subflow);
      if (owesPrompt(core)) promptServer(core, now, subflow);
      return;
    }
  }
  if (segment.mptcpCount === 0) fallBack(core, subflow, 'no-data-sequence-signal');
}

/**
 * Whether the server took data from the client's SYN: its program may have answered before the third ACK came, and Linux
 * then keeps that answer until it hears a DATA_ACK. The third ACK has one where no data follows; data shows the keys in
 * its place, and leaves no room for it. The first DATA_ACK of the server's is then answered with one: see `promptServer`.
 */
export function owesPrompt(core: ConnectionCore): boolean {
  return core.fastOpen !== undefined && core.fastOpen.acceptedBytes > 0;
}

/**
 * Version 0, where both keys are known from the SYNs: either side waits for the first DSS, whatever it says (RFC 6824
 * §3.1). The keys in the third ACK prove nothing and are not looked at. A segment without any option of ours says that
 * the path strips them; data that is in flight by then was mapped, so the next says that it is the last (§3.6).
 */
function readFirstSignal(core: ConnectionCore, now: number, subflow: Subflow, segment: TcpSegment): void {
  for (let i = 0; i < segment.mptcpCount; i++) {
    if (optionAt(segment, i)?.subtype !== 'DSS') continue;
    confirm(core, now, subflow);
    // So that a server that spoke first hears a DSS too.
    if (owesPrompt(core) && core.isClient) promptServer(core, now, subflow);
    else if (core.isClient) subflow.tcp.requestAck(now);
    return;
  }
  if (segment.mptcpCount > 0) return;
  fallBackAloud(core, subflow, core.isClient ? 'no-data-sequence-signal' : 'no-capable-in-ack');
}

function confirm(core: ConnectionCore, now: number, subflow: Subflow): void {
  subflow.isConfirmed = true;
  core.isConfirmed = true;
  core.confirmedAt = now;
  // With Fast Open a server of version 0 may have spoken before our third ACK left: it is not waiting for the keys.
  core.owesKeys = false;
  core.maySchedule = true;
  core.tell({ type: 'confirmed' });
  if (core.rules.keysConfirm || !core.isClient) allowJoins(core);
}

/**
 * A client of version 0 heard a DSS. The server resets joins that come before it heard one itself, and that it did is
 * sure once it acknowledged data, and likely a round trip after our answer to its first one.
 */
export function noteSignal(core: ConnectionCore, now: number, subflow: Subflow): void {
  if (!core.isConfirmed) return;
  const isDataAcked = core.sender.una > 1 + (core.fastOpen?.acceptedBytes ?? 0);
  if (isDataAcked || now >= core.confirmedAt + subflow.tcp.rtt.srttNs) allowJoins(core);
}

/**
 * When a client of version 0 that has heard one DSS, and may hear no more, begins to join, in ns: RFC 6824 §3.1 asks for
 * no second one, and a round trip later our answer to it is there as well. NEVER where that is settled.
 */
export function joinsAllowedAt(core: ConnectionCore): number {
  if (core.mayJoin || !core.isConfirmed || core.isFallback || core.phase !== 'open') return NEVER;
  const [subflow] = core.subflows;
  return subflow === undefined ? NEVER : core.confirmedAt + subflow.tcp.rtt.srttNs;
}

/** Lets joins begin when it is time. */
export function allowJoinsInTime(core: ConnectionCore, now: number): void {
  if (now >= joinsAllowedAt(core)) allowJoins(core);
}

function allowJoins(core: ConnectionCore): void {
  core.mayJoin = true;
  core.notePath({ type: 'established' });
}

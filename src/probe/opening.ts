/**
 * How a conversation begins: the handshake with MP_CAPABLE, and what the target makes of it.
 * Read first: RFC 8684 §3.1, RFC 6824 §3.1, RFC 9293 §3.5.
 */
import { seq32, seqDistance } from '../base/index.js';
import {
  type IcmpError,
  type IpAddress,
  type MpCapable,
  MpCapableFlag,
  type MptcpOption,
  TcpFlag,
  type TcpOption,
  type TcpPacket,
} from '../wire/index.js';
import { type Conversation, mptcpOptions } from './conversation.js';
import type { Flow } from './flow.js';
import type { HeardSegment } from './heard.js';
import { ask, isReset, isSynAck, type Script } from './script.js';

/** What became of a SYN. */
export type Opening =
  /** The answer has MP_CAPABLE. */
  | {
      readonly kind: 'mptcp';
      /** Version of the answer. */
      readonly version: number;
      /** DSS checksums are in use, since either side asked for them. */
      readonly checksum: boolean;
      /** The target asked for them by itself. */
      readonly asksForChecksum: boolean;
      /** The C bit: no joins to this address and port. */
      readonly refusesJoins: boolean;
    }
  /** A SYN+ACK without MP_CAPABLE; `echoed` when it brought the probe's own option back. */
  | { readonly kind: 'plain'; readonly echoed: boolean }
  | { readonly kind: 'refused' }
  | { readonly kind: 'silent' }
  /** An ICMP error came instead. */
  | { readonly kind: 'unreachable'; readonly by: IpAddress; readonly error: IcmpError };

/** What is unusual about a SYN. */
export interface OpeningOptions {
  /** Version in the option; the conversation's when left out. */
  readonly version?: number;
  /** Flags of MP_CAPABLE; checksums asked for and the version's hash when left out. */
  readonly flags?: number;
  /** False sends a SYN without MP_CAPABLE. */
  readonly multipath?: boolean;
  readonly payload?: Uint8Array;
  /** Further options behind the others. */
  readonly more?: readonly TcpOption[];
}

const USUAL_FLAGS = MpCapableFlag.CHECKSUM | MpCapableFlag.HMAC;

/** The options of a SYN that have nothing to do with MPTCP: a usual handful, so that the SYN looks like any other. */
export const usualSynOptions: readonly TcpOption[] = [
  { kind: 'mss', mss: 1460 },
  { kind: 'sack-permitted' },
  { kind: 'nop' },
  { kind: 'window-scale', shift: 7 },
];

/** MP_CAPABLE as the SYN has it: with the key in version 0, without in version 1. */
export function capableOfSyn(talk: Conversation, options: OpeningOptions = {}): MpCapable {
  const version = options.version ?? talk.version;
  const flags = options.flags ?? USUAL_FLAGS;
  return { subtype: 'MP_CAPABLE', version, flags, ...(version === 0 && { senderKey: talk.ownKey }) };
}

/** The SYN and its answer. */
export function* open(talk: Conversation, flow: Flow, options: OpeningOptions = {}): Script<Opening> {
  const capable = capableOfSyn(talk, options);
  const isMultipath = options.multipath ?? true;
  talk.ownFlags = capable.flags;
  const segment = {
    flags: TcpFlag.SYN,
    options: [...usualSynOptions, ...(isMultipath ? mptcpOptions(capable) : []), ...(options.more ?? [])],
    ...(options.payload !== undefined && { payload: options.payload }),
  };
  const answer = yield* ask(talk, flow, segment, ({ tcp }) => isAnswerToSyn(flow, tcp));
  if (answer === undefined) return unanswered(talk, flow);
  return answeredOpening(talk, flow, capable, answer);
}

/** What the answer to a SYN with `capable` means; the flow is open then, unless it was a RST. */
export function answeredOpening(
  talk: Conversation,
  flow: Flow,
  capable: MpCapable,
  answer: HeardSegment,
): Opening {
  if (isReset(answer.tcp)) return { kind: 'refused' };
  flow.open(answer.tcp);
  // A target that takes no data from a SYN has it sent again.
  flow.next = seq32(answer.tcp.ack);
  return understood(talk, capable, answer.options);
}

/** Whether a segment answers a SYN: it acknowledges the SYN, and at most what the SYN carried (RFC 9293 §3.10.7.3). */
export function isAnswerToSyn(flow: Flow, tcp: TcpPacket): boolean {
  const acked = seqDistance(seq32(tcp.ack), flow.initial);
  const isAcceptable = acked >= 1 && acked <= seqDistance(flow.next, flow.initial);
  return (tcp.flags & TcpFlag.ACK) !== 0 && isAcceptable && (isSynAck(tcp) || isReset(tcp));
}

function understood(talk: Conversation, sent: MpCapable, options: readonly MptcpOption[]): Opening {
  const capable = options.find((option): option is MpCapable => option.subtype === 'MP_CAPABLE');
  if (capable === undefined) return { kind: 'plain', echoed: false };
  const isEcho =
    capable.senderKey === undefined || (sent.senderKey !== undefined && capable.senderKey === sent.senderKey);
  if (isEcho) return { kind: 'plain', echoed: true };
  if (capable.version === talk.version) talk.learnPeerKey(capable.senderKey);
  const asksForChecksum = (capable.flags & MpCapableFlag.CHECKSUM) !== 0;
  return {
    kind: 'mptcp',
    version: capable.version,
    asksForChecksum,
    checksum: asksForChecksum || (sent.flags & MpCapableFlag.CHECKSUM) !== 0,
    refusesJoins: capable.version > 0 && (capable.flags & MpCapableFlag.NO_JOIN_TO_INITIAL) !== 0,
  };
}

function unanswered(talk: Conversation, flow: Flow): Opening {
  const heard = talk.heard.find((one) => one.kind === 'error' && one.flow === flow);
  if (heard?.kind !== 'error') return { kind: 'silent' };
  return { kind: 'unreachable', by: heard.source, error: heard.message };
}

/** The third packet of the handshake, with both keys; `receiverKey` is the target's own when left out. */
export function confirm(talk: Conversation, flow: Flow, receiverKey?: bigint): void {
  talk.send(flow, { options: mptcpOptions(capableOfAck(talk, receiverKey)) });
}

/** MP_CAPABLE with both keys, as the third packet has it. */
export function capableOfAck(talk: Conversation, receiverKey?: bigint): MpCapable {
  const { peer, version } = talk;
  return {
    subtype: 'MP_CAPABLE',
    version,
    flags: talk.ownFlags,
    senderKey: talk.ownKey,
    receiverKey: receiverKey ?? (peer === undefined ? 0n : peer.keyValue),
  };
}

/** Whether a segment acknowledges `flow` in full, with or without options. */
export function acknowledges(flow: Flow, tcp: TcpPacket): boolean {
  return flow.isAcknowledgedBy(tcp) && (tcp.flags & TcpFlag.SYN) === 0;
}

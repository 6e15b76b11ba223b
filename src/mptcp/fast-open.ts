/**
 * Fast Open of a connection: data in the SYN of its initial subflow. That data belongs to the stream and comes first in
 * it, but it takes no data sequence numbers and no relative subflow sequence numbers (RFC 8684 appendix B.2 and erratum
 * 6609): a mapping could not be told from one that a middlebox has shifted. So the first byte after it is the one with
 * the number that follows the initial one, and with relative subflow sequence number 1.
 *
 * Inside, offsets count every byte of the stream; once it is known how many the SYN delivered, the initial data
 * sequence number of that direction is set so far back, and `Subflow` keeps the same difference for its own numbers.
 *
 * Knows nothing of cookies but their bytes. Read first: RFC 7413 §4, RFC 8684 appendix B.
 */
import { uint64Add } from '../base/index.js';
import type { FastOpenAnswer, FastOpenOffer } from '../tcp/index.js';
import type { TcpSegment } from '../wire/index.js';
import type { ConnectionCore, KeyState } from './core.js';
import { receiveStream } from './fallback.js';
import { DataRecord } from './send-record.js';
import type { Subflow } from './subflow.js';

/** How Fast Open went, for one connection. */
export interface FastOpenStatus {
  /** Bytes of the stream that the SYN carried, in the direction of the SYN. */
  readonly sentBytes: number;
  /** How many of them the server took from the SYN; the client sends the others again. */
  readonly acceptedBytes: number;
  /**
   * Whether nothing about it can change any more. For the client: the SYN+ACK came. For the server: the client's ACK
   * came, so that its address is proved by more than a cookie.
   */
  readonly isSettled: boolean;
  /** SYNs of the client that went unanswered; when above 0, those with data or the option may be what the path drops. */
  readonly lostSyns: number;
  /** The cookie that the server handed out; undefined for none. */
  readonly cookie: Uint8Array | undefined;
  /** Whether it came in the option's older form. */
  readonly experimental: boolean;
  /** Largest segment that the peer takes, as its SYN said; 0 when it did not say. */
  readonly peerMss: number;
}

/** The same, as the connection keeps it. */
export class FastOpen implements FastOpenStatus {
  sentBytes = 0;
  acceptedBytes = 0;
  isSettled = false;
  lostSyns = 0;
  cookie: Uint8Array | undefined = undefined;
  experimental = false;
  peerMss = 0;
  /** Client: when the server is prompted again, in ns; Infinity when it is not. */
  promptAt = Number.POSITIVE_INFINITY;
  /** Client: how often it was. */
  prompts = 0;
}

/** How often a server that may keep its answer back is prompted once more. */
const MAX_PROMPTS = 3;

/** The SYN's record has no mapping. */
const unmapped = { hi: 0, lo: 0 };

/** Client, before the SYN leaves: what is written by now goes along, as far as it fits. */
export function pushSynData(core: ConnectionCore, now: number): void {
  const { fastOpen, sender } = core;
  const subflow = core.subflows[0];
  if (fastOpen === undefined || subflow === undefined) return;
  const length = Math.min(subflow.tcp.synDataRoom, sender.unsentBytes);
  if (length <= 0) return;
  const pieces = sender.queue.views(1, length, length);
  subflow.tcp.push(now, new DataRecord(1, 1, pieces, length, unmapped, false));
  // `sender` is told once it is known how much the server took: until then nothing can be lost.
  fastOpen.sentBytes = length;
}

/** Client: the SYN is acknowledged. What it delivered is acknowledged; what is left is data like any other. */
export function settleSynData(core: ConnectionCore, subflow: Subflow, segment: TcpSegment): void {
  const { fastOpen, sender } = core;
  if (fastOpen === undefined || fastOpen.isSettled || subflow.tcp.sndUna === 0) return;
  fastOpen.isSettled = true;
  fastOpen.lostSyns = subflow.tcp.statistics.timeouts;
  fastOpen.peerMss = segment.mss;
  fastOpen.experimental = segment.fastOpenExperimental;
  if (segment.fastOpenLength > 0) {
    const { fastOpenOffset, fastOpenLength } = segment;
    fastOpen.cookie = segment.bytes.slice(fastOpenOffset, fastOpenOffset + fastOpenLength);
  }
  const accepted = Math.min(subflow.tcp.sndUna - 1, fastOpen.sentBytes);
  fastOpen.acceptedBytes = accepted;
  core.tell({ type: 'fast-open', status: fastOpen });
  // Where a SYN crossed ours this is plain TCP since, and what the SYN did not deliver has left TCP again.
  if (core.isFallback) core.sendShift = 1 + accepted - subflow.tcp.pushEnd;
  if (accepted === 0) return;
  sender.nxt = 1 + accepted;
  sender.acknowledge(1 + accepted);
  core.counters.bytesSent += accepted;
  core.counters.bytesAcked += accepted;
  subflow.bytesSent += accepted;
  subflow.synBytesSent = accepted;
  if (core.localKeys !== undefined) core.localKeys = setBack(core.localKeys, accepted);
}

/**
 * Client: sends the DATA_ACK that the server may keep its answer for (see `owesPrompt`). Nothing else need follow it that
 * would make up for its loss, so it is repeated after each retransmission timeout for a while, or until data came.
 */
export function promptServer(core: ConnectionCore, now: number, subflow: Subflow): void {
  subflow.tcp.requestAck(now);
  core.fastOpen!.promptAt = now + subflow.tcp.rtt.rtoNs;
}

/** Client: when {@link repeatPrompt} is due, in ns. */
export function promptTimerAt(core: ConnectionCore): number {
  return core.fastOpen === undefined ? Number.POSITIVE_INFINITY : core.fastOpen.promptAt;
}

/** Client: prompts the server again if it is time, and nothing of its answer was heard. */
export function repeatPrompt(core: ConnectionCore, now: number): void {
  const { fastOpen } = core;
  if (fastOpen === undefined || now < fastOpen.promptAt) return;
  const subflow = core.subflows.find(({ isInitial, state }) => isInitial && state === 'active');
  const isSilent = core.receiver.next === 1 && !core.receiver.isFinished && !core.isFallback;
  fastOpen.promptAt = Number.POSITIVE_INFINITY;
  if (subflow === undefined || !isSilent || fastOpen.prompts >= MAX_PROMPTS) return;
  fastOpen.prompts++;
  subflow.tcp.requestAck(now);
  fastOpen.promptAt = now + subflow.tcp.rtt.rtoNs * 2 ** fastOpen.prompts;
}

/** Server: takes the data of the SYN that began the connection. */
export function receiveSynData(core: ConnectionCore, subflow: Subflow, answer: FastOpenAnswer): void {
  const { tcp } = subflow;
  const fastOpen = new FastOpen();
  core.fastOpen = fastOpen;
  fastOpen.cookie = answer.cookie;
  fastOpen.experimental = answer.experimental;
  let at = tcp.rcvDelivered;
  for (let bytes = tcp.pollReceive(); bytes !== undefined; bytes = tcp.pollReceive()) {
    receiveStream(core, subflow, at, bytes);
    at = tcp.rcvDelivered;
  }
  fastOpen.sentBytes = at - 1;
  fastOpen.acceptedBytes = at - 1;
  subflow.synBytesReceived = at - 1;
  // The client's key, where it was in the SYN already.
  if (core.remoteKeys !== undefined) core.remoteKeys = setBack(core.remoteKeys, at - 1);
}

/**
 * Server: whether data waits until the client's key has come. RFC 8684 erratum 6609 lets it leave with mappings that
 * acknowledge nothing; but Linux takes the first segment without a DATA_ACK for a sign that options are stripped, and
 * goes on as plain TCP. So the owner has to ask for it. In version 0 the key is in the SYN.
 */
export function holdsAnswer(core: ConnectionCore): boolean {
  return core.remoteKeys === undefined && !core.isFallback && !core.answersEarly;
}

/** Server: the client's ACK came. */
export function settleFastOpen(core: ConnectionCore): void {
  const { fastOpen } = core;
  if (fastOpen === undefined || fastOpen.isSettled) return;
  fastOpen.isSettled = true;
  core.tell({ type: 'fast-open', status: fastOpen });
}

/** `keys` whose data offset 0 lies `bytes` further back: bytes in the SYN take no data sequence numbers. */
export function setBack(keys: KeyState, bytes: number): KeyState {
  return bytes === 0 ? keys : { ...keys, initialSeq: uint64Add(keys.initialSeq, -bytes) };
}

/** What the client's `offer` needs to keep. */
export function fastOpenOf(offer: FastOpenOffer | undefined): FastOpen | undefined {
  return offer === undefined ? undefined : new FastOpen();
}

/**
 * Acknowledges data before it has arrived, keeps a copy and sends it again itself when it is lost: performance
 * enhancing proxies of satellite and mobile networks (RFC 3135 §3.1.1; Hesmans et al. 2013, §4.6). TCP's
 * acknowledgement then says nothing about the receiver; MPTCP has DATA_ACKs for this reason (RFC 8684 §3.3.2).
 */

import { MILLISECOND, NEVER, seq32, seqAt, seqDistance } from '../../base/index.js';
import { TcpFlag, TcpOptionKind } from '../../wire/index.js';
import type { Packet } from '../device.js';
import { type Direction, type MiddleboxOutput, opposite } from '../middlebox.js';
import { FlowTable, nextDue } from './flow-table.js';
import { removeOptions } from './option-removal.js';
import { copyOf, OpenedSegment, optionPlaces, ownSegment, rewritten } from './segment.js';
import { SegmentBox } from './segment-box.js';

export interface PreAcknowledgingOptions {
  /** Payload bytes of a direction of a flow that pass before it begins. Default 0. */
  readonly afterBytes?: number;
  /** Segments kept for each direction of a flow; with as many it acknowledges no more. Default 128. */
  readonly maxKept?: number;
  /** How long the receiver's acknowledgement is waited for, in ns. Default 300 ms. */
  readonly timeoutNs?: number;
  /** Most flows remembered. Default 64. */
  readonly maxFlows?: number;
}

/** A segment that the sender has been told has arrived. */
interface KeptSegment {
  readonly end: number;
  readonly packet: Packet;
}

/** One direction of a flow. */
interface Stream {
  /** Number up to which the box has acknowledged; undefined until the SYN was seen. */
  acked: number | undefined;
  /** Payload bytes that passed. */
  bytes: number;
  /** What the receiver said last about its own stream and window, for acknowledgements in its name. */
  peerSeq: number;
  peerWindow: number;
  /** What the receiver has not acknowledged, oldest first. */
  readonly kept: KeptSegment[];
  /** When the oldest is sent again, in ns; NEVER while none is kept. */
  dueAt: number;
  /** How often the oldest was sent again. */
  repeats: number;
}

/** How often a segment is sent again: a receiver that is gone without a word must not be sent to for ever. */
const maxRepeats = 64;

/** Longest wait for the receiver's acknowledgement, in ns. */
const slowestTimeoutNs = 4000 * MILLISECOND;

/** See the module. */
export class PreAcknowledging extends SegmentBox {
  /** Acknowledgements made by the box. */
  acknowledged = 0;
  private readonly afterBytes: number;
  private readonly maxKept: number;
  private readonly timeoutNs: number;
  private readonly flows: FlowTable<Record<Direction, Stream>>;
  /** The segment that is sent again. */
  private readonly again = new OpenedSegment();

  constructor(options: PreAcknowledgingOptions = {}) {
    super('cut');
    this.afterBytes = options.afterBytes ?? 0;
    this.maxKept = options.maxKept ?? 128;
    this.timeoutNs = Math.min(options.timeoutNs ?? 300 * MILLISECOND, slowestTimeoutNs);
    this.flows = new FlowTable(options.maxFlows ?? 64);
  }

  override pollTimeout(): number {
    return nextDue(this.flows);
  }

  override handleTimeout(now: number, out: MiddleboxOutput): void {
    for (const flow of this.flows.values()) {
      this.sendAgain(now, flow, 'outward', out);
      this.sendAgain(now, flow, 'inward', out);
    }
  }

  protected handleSegment(
    now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    const flow =
      this.flows.find(segment, direction) ??
      this.flows.set(segment, direction, { outward: newStream(), inward: newStream() });
    if (segment.has(TcpFlag.RST)) this.flows.delete(segment, direction);
    const own = flow[direction];
    const other = flow[opposite(direction)];
    if (segment.has(TcpFlag.SYN)) own.acked = (segment.tcp.seq + 1) >>> 0;
    if (segment.has(TcpFlag.SYN | TcpFlag.RST) || own.acked === undefined || other.acked === undefined) {
      out.pass(segment.packet, direction);
      return;
    }
    this.takeAck(now, other, segment);
    const isCovered = seqDistance(seq32(other.acked), seq32(segment.tcp.ack)) > 0;
    if (segment.tcp.payloadLength > 0) this.preAcknowledge(now, own, segment, direction, out);
    out.pass(isCovered ? withAck(segment, other.acked) : segment.packet, direction);
  }

  /** Heeds what `segment` says about the stream against it. */
  private takeAck(now: number, stream: Stream, segment: OpenedSegment): void {
    const { ack, seq, window } = segment.tcp;
    stream.peerSeq = seqAt(seq32(seq), segment.sequenceLength);
    stream.peerWindow = window;
    const { kept } = stream;
    let count = 0;
    while (count < kept.length && seqDistance(seq32(kept[count]!.end), seq32(ack)) <= 0) count++;
    kept.splice(0, count);
    if (count > 0) {
      stream.dueAt = now + this.timeoutNs;
      stream.repeats = 0;
    }
    if (kept.length === 0) stream.dueAt = NEVER;
    if (seqDistance(seq32(ack), seq32(stream.acked!)) > 0) stream.acked = ack;
  }

  /** Acknowledges `segment` in the receiver's name if it is the next in order and can be kept. */
  private preAcknowledge(
    now: number,
    stream: Stream,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    const { payloadLength, seq } = segment.tcp;
    stream.bytes += payloadLength;
    // A FIN is for the receiver itself to acknowledge.
    if (seq !== stream.acked || segment.has(TcpFlag.FIN) || stream.kept.length >= this.maxKept) return;
    if (stream.bytes <= this.afterBytes) return;
    const end = seqAt(seq32(seq), payloadLength);
    stream.kept.push({ end, packet: copyOf(segment.packet) });
    if (stream.dueAt === NEVER) stream.dueAt = now + this.timeoutNs;
    stream.acked = end;
    this.acknowledged++;
    const fields = { seq: stream.peerSeq, ack: end, flags: TcpFlag.ACK, window: stream.peerWindow };
    const options = echoedTimestamps(segment);
    out.pass(ownSegment(segment, 'back', { ...fields, options }), opposite(direction));
  }

  private sendAgain(
    now: number,
    flow: Record<Direction, Stream>,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    const stream = flow[direction];
    if (stream.dueAt > now) return;
    if (stream.repeats++ >= maxRepeats) {
      stream.kept.length = 0;
      stream.repeats = 0;
    }
    const oldest = stream.kept[0];
    stream.dueAt = oldest === undefined ? NEVER : now + this.timeoutNs;
    if (oldest === undefined || !this.again.open(oldest.packet)) return;
    // Its acknowledgement was true when it was new. One that is far behind would get it thrown away (RFC 5961 §5).
    out.pass(rewritten(this.again, { ack: flow[opposite(direction)].acked! }), direction);
  }
}

function newStream(): Stream {
  return { acked: undefined, bytes: 0, peerSeq: 0, peerWindow: 0, kept: [], dueAt: NEVER, repeats: 0 };
}

/** `segment` with the acknowledgement that the box has given already; blocks beyond a hole mean nothing to the sender. */
function withAck(segment: OpenedSegment, ack: number): Packet {
  const { options } = segment;
  const places = optionPlaces(options).filter(({ kind }) => kind === TcpOptionKind.SACK);
  return rewritten(segment, { ack, options: removeOptions(options, places, 'nop') });
}

/** A timestamps option in answer to that of `segment`, whose clock stands in for the receiver's (RFC 7323 §3.2). */
function echoedTimestamps(segment: OpenedSegment): Uint8Array {
  const { options } = segment;
  const place = optionPlaces(options).find(
    ({ kind, length }) => kind === TcpOptionKind.TIMESTAMPS && length === 10,
  );
  if (place === undefined) return new Uint8Array(0);
  const answer = new Uint8Array(12).fill(TcpOptionKind.NOP);
  answer.set(options.subarray(place.at, place.at + 2), 2);
  answer.set(options.subarray(place.at + 6, place.at + 10), 4);
  answer.set(options.subarray(place.at + 2, place.at + 6), 8);
  return answer;
}

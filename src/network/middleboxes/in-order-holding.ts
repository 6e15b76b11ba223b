/**
 * Holds back what comes behind a hole until the hole is filled: boxes that inspect the stream do so, and the receiver
 * then never says which bytes are missing (Honda et al., IMC 2011, §4.3: some paths do not pass a segment behind a
 * hole). The sender has only its timer to go by.
 */

import { NEVER, SECOND, seq32, seqAt, seqDistance } from '../../base/index.js';
import { TcpFlag } from '../../wire/index.js';
import type { Packet } from '../device.js';
import type { Direction, MiddleboxOutput } from '../middlebox.js';
import { FlowTable, nextDue } from './flow-table.js';
import type { OpenedSegment } from './segment.js';
import { SegmentBox } from './segment-box.js';

export interface InOrderHoldingOptions {
  /** Segments held for each direction of a flow; beyond it all of them are let go. Default 256. */
  readonly maxHeld?: number;
  /** Flows remembered. Default 64. */
  readonly maxFlows?: number;
  /** How long a hole is waited for, in ns. Default 5 s. */
  readonly patienceNs?: number;
}

/** A segment behind a hole. */
interface HeldSegment {
  readonly seq: number;
  readonly end: number;
  readonly packet: Packet;
}

/** One direction of a flow. */
interface Stream {
  /** Number of the next byte in order; undefined until the SYN was seen. */
  next: number | undefined;
  /** What waits behind the hole, in the order in which it came. */
  held: HeldSegment[];
  /** When it is let go whatever is missing, in ns; NEVER while nothing waits. */
  dueAt: number;
}

/** See the module. */
export class InOrderHolding extends SegmentBox {
  /** Segments that had to wait. */
  heldBack = 0;
  private readonly maxHeld: number;
  private readonly patienceNs: number;
  private readonly flows: FlowTable<Record<Direction, Stream>>;

  constructor(options: InOrderHoldingOptions = {}) {
    super('cut');
    this.maxHeld = options.maxHeld ?? 256;
    this.patienceNs = options.patienceNs ?? 5 * SECOND;
    this.flows = new FlowTable(options.maxFlows ?? 64);
  }

  override pollTimeout(): number {
    return nextDue(this.flows);
  }

  override handleTimeout(now: number, out: MiddleboxOutput): void {
    for (const flow of this.flows.values()) {
      if (flow.outward.dueAt <= now) this.letGo(flow.outward, 'outward', out);
      if (flow.inward.dueAt <= now) this.letGo(flow.inward, 'inward', out);
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
    const stream = flow[direction];
    const { seq } = segment.tcp;
    const end = seqAt(seq32(seq), segment.sequenceLength);
    if (segment.has(TcpFlag.SYN | TcpFlag.RST) || stream.next === undefined) {
      if (segment.has(TcpFlag.SYN)) stream.next = end;
      out.pass(segment.packet, direction);
      return;
    }
    if (seqDistance(seq32(seq), seq32(stream.next)) > 0) {
      this.hold(now, stream, { seq, end, packet: segment.packet }, direction, out);
      return;
    }
    if (seqDistance(end, seq32(stream.next)) > 0) stream.next = end;
    out.pass(segment.packet, direction);
    this.letGoInOrder(stream, direction, out);
  }

  private hold(
    now: number,
    stream: Stream,
    held: HeldSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    this.heldBack++;
    if (stream.held.length === 0) stream.dueAt = now + this.patienceNs;
    stream.held.push(held);
    if (stream.held.length > this.maxHeld) this.letGo(stream, direction, out);
  }

  /** Lets go of what is in order by now. */
  private letGoInOrder(stream: Stream, direction: Direction, out: MiddleboxOutput): void {
    if (stream.held.length === 0) return;
    stream.held.sort((a, b) => seqDistance(seq32(a.seq), seq32(b.seq)));
    let count = 0;
    for (const { end, packet, seq } of stream.held) {
      if (seqDistance(seq32(seq), seq32(stream.next!)) > 0) break;
      if (seqDistance(seq32(end), seq32(stream.next!)) > 0) stream.next = end;
      out.pass(packet, direction);
      count++;
    }
    stream.held.splice(0, count);
    if (stream.held.length === 0) stream.dueAt = NEVER;
  }

  /** Lets go of everything that waits, and of the hole. */
  private letGo(stream: Stream, direction: Direction, out: MiddleboxOutput): void {
    for (const { end, packet } of stream.held.splice(0)) {
      if (seqDistance(seq32(end), seq32(stream.next!)) > 0) stream.next = end;
      out.pass(packet, direction);
    }
    stream.dueAt = NEVER;
  }
}

function newStream(): Stream {
  return { next: undefined, held: [], dueAt: NEVER };
}

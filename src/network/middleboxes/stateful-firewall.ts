/**
 * Lets through only flows whose first SYN it saw, and forgets them after a while: nearly every firewall and home router.
 * RFC 5382 §5 asks for two hours of patience; Honda et al. and Hätönen et al. (IMC 2010) measured minutes. What it has
 * forgotten it drops without a word, so neither end learns of it.
 */

import { NEVER, SECOND } from '../../base/index.js';
import { TcpFlag } from '../../wire/index.js';
import { type Direction, type MiddleboxOutput, opposite } from '../middlebox.js';
import { FlowTable } from './flow-table.js';
import { type OpenedSegment, ownSegment } from './segment.js';
import { SegmentBox } from './segment-box.js';

export interface StatefulFirewallOptions {
  /** Idle time in ns after which a flow is forgotten. Default 7440 s (RFC 5382 §5). */
  readonly idleTimeoutNs?: number;
  /** Payload bytes, of all flows together, after which the box restarts and has forgotten all. Default: never. */
  readonly restartsAfterBytes?: number;
  /** Whether hosts in the network may begin flows to those behind the box. Default false. */
  readonly admitsInward?: boolean;
  /** What becomes of packets of flows that it does not know. Default: drop. */
  readonly answer?: 'drop' | 'reset';
  /** Most flows remembered. Default 1024. */
  readonly maxFlows?: number;
}

/** See the module. */
export class StatefulFirewall extends SegmentBox {
  /** Packets dropped. */
  dropped = 0;
  private readonly idleTimeoutNs: number;
  private restartsAfterBytes: number;
  private readonly admitsInward: boolean;
  private readonly resets: boolean;
  private readonly maxFlows: number | undefined;
  private flows: FlowTable<{ usedAt: number }>;
  private passedBytes = 0;

  constructor(options: StatefulFirewallOptions = {}) {
    super('whole');
    this.idleTimeoutNs = options.idleTimeoutNs ?? 7440 * SECOND;
    this.restartsAfterBytes = options.restartsAfterBytes ?? NEVER;
    this.admitsInward = options.admitsInward ?? false;
    this.resets = options.answer === 'reset';
    this.maxFlows = options.maxFlows;
    this.flows = new FlowTable(this.maxFlows);
  }

  /** Forgets every flow. */
  restart(): void {
    this.flows = new FlowTable(this.maxFlows);
  }

  protected handleSegment(
    now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    this.passedBytes += segment.tcp.payloadLength;
    if (this.passedBytes > this.restartsAfterBytes) {
      this.restartsAfterBytes = NEVER;
      this.restart();
    }
    if (!this.isKnown(now, segment, direction)) {
      this.dropped++;
      if (this.resets && !segment.has(TcpFlag.RST)) this.answerReset(segment, direction, out);
      return;
    }
    if (segment.has(TcpFlag.RST)) this.flows.delete(segment, direction);
    out.pass(segment.packet, direction);
  }

  /** Whether `segment` belongs to a flow that may pass, which it may also begin. */
  private isKnown(now: number, segment: OpenedSegment, direction: Direction): boolean {
    const flow = this.flows.find(segment, direction);
    if (flow !== undefined && now - flow.usedAt <= this.idleTimeoutNs) {
      flow.usedAt = now;
      return true;
    }
    const isFirst = segment.has(TcpFlag.SYN) && !segment.has(TcpFlag.ACK);
    if (!isFirst || (direction === 'inward' && !this.admitsInward)) return false;
    this.flows.set(segment, direction, { usedAt: now });
    return true;
  }

  /** RFC 9293 §3.10.7.1: what a host would answer that knows no such connection. */
  private answerReset(segment: OpenedSegment, direction: Direction, out: MiddleboxOutput): void {
    const { ack, seq } = segment.tcp;
    const hasAck = segment.has(TcpFlag.ACK);
    const fields = hasAck
      ? { seq: ack, ack: 0, flags: TcpFlag.RST }
      : { seq: 0, ack: (seq + segment.sequenceLength) >>> 0, flags: TcpFlag.RST | TcpFlag.ACK };
    out.pass(ownSegment(segment, 'back', { ...fields, window: 0 }), opposite(direction));
  }
}

/**
 * Ends a flow by RSTs of its own to both sides, with numbers that are just right: censors and boxes that limit
 * connections (Clayton et al. 2006; Weaver et al., NDSS 2009). A RST ends a subflow, never the connection, as long as
 * there is another one (RFC 8684 §3.6).
 */

import { seq32, seqAt } from '../../base/index.js';
import { TcpFlag } from '../../wire/index.js';
import { type Direction, type MiddleboxOutput, opposite } from '../middlebox.js';
import { FlowTable } from './flow-table.js';
import { type OpenedSegment, ownSegment } from './segment.js';
import { SegmentBox } from './segment-box.js';

/** See the module: once a flow. */
export class ResetInjection extends SegmentBox {
  /** Flows that were ended. */
  ended = 0;
  private readonly afterBytes: number;
  /** Payload bytes of both directions; Infinity once the flow was ended. */
  private readonly flows = new FlowTable<{ bytes: number }>();

  /** `afterBytes`: payload bytes of a flow, both directions together, that pass before. Default 20,000. */
  constructor(afterBytes = 20_000) {
    super('whole');
    this.afterBytes = afterBytes;
  }

  protected handleSegment(
    _now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    const flow = this.flows.find(segment, direction) ?? this.flows.set(segment, direction, { bytes: 0 });
    flow.bytes += segment.tcp.payloadLength;
    out.pass(segment.packet, direction);
    if (flow.bytes <= this.afterBytes || flow.bytes === Number.POSITIVE_INFINITY) return;
    if (!segment.has(TcpFlag.ACK)) return;
    flow.bytes = Number.POSITIVE_INFINITY;
    this.ended++;
    const { ack, seq } = segment.tcp;
    const next = seqAt(seq32(seq), segment.sequenceLength);
    const flags = TcpFlag.RST | TcpFlag.ACK;
    out.pass(ownSegment(segment, 'same', { seq: next, ack, flags, window: 0 }), direction);
    out.pass(ownSegment(segment, 'back', { seq: ack, ack: next, flags, window: 0 }), opposite(direction));
  }
}

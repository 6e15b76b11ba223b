/**
 * Sends a segment of the box's own in place of one to come, without moving any number: whoever sits beside a path and
 * is quicker than the sender does so. The receiver takes the bytes that came first; the true ones look like a
 * retransmission. Weaver et al. (PAM 2014) found such boxes at several providers.
 */

import { TcpFlag } from '../../wire/index.js';
import type { Direction, MiddleboxOutput } from '../middlebox.js';
import { FlowTable } from './flow-table.js';
import { type OpenedSegment, ownSegment } from './segment.js';
import { SegmentBox } from './segment-box.js';

export interface DataInjectionOptions {
  /** Payload bytes of a direction of a flow that pass before the injection. Default 20,000. */
  readonly afterBytes?: number;
  /** What is injected, cut to the length of the segment that it takes the place of. */
  readonly data: Uint8Array;
  /** Default: both directions. */
  readonly direction?: Direction;
}

/** See the module: once in each direction of a flow. */
export class DataInjection extends SegmentBox {
  /** Segments injected so far. */
  injected = 0;
  private readonly afterBytes: number;
  private readonly data: Uint8Array;
  private readonly direction: Direction | undefined;
  /** Payload bytes that passed; -1 once the injection was made. */
  private readonly flows = new FlowTable<Record<Direction, number>>();

  constructor(options: DataInjectionOptions) {
    super('cut');
    this.afterBytes = options.afterBytes ?? 20_000;
    this.data = options.data;
    this.direction = options.direction;
  }

  protected handleSegment(
    _now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    const passed =
      this.flows.find(segment, direction) ?? this.flows.set(segment, direction, { outward: 0, inward: 0 });
    const isTouched = this.direction === undefined || this.direction === direction;
    const { ack, flags, payloadLength, seq, window } = segment.tcp;
    if (isTouched && payloadLength > 0 && passed[direction] >= 0) {
      passed[direction] += payloadLength;
      if (passed[direction] > this.afterBytes) {
        passed[direction] = -1;
        this.injected++;
        const payload = this.data.subarray(0, payloadLength);
        const own = { seq, ack, flags: flags & ~TcpFlag.FIN, window, payload };
        out.pass(ownSegment(segment, 'same', own), direction);
      }
    }
    out.pass(segment.packet, direction);
  }
}

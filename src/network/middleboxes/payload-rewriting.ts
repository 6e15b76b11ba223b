/**
 * Changes bytes of the payload without changing how many there are: what boxes do that rewrite addresses in text of
 * the same length, downgrade headers or mistake bytes for something they know (Hesmans et al. 2013, §4.4). The DSS
 * checksum is there to find it (RFC 8684 §3.3.1).
 */

import { seq32, seqDistance, SubflowError } from '../../base/index.js';
import { TcpFlag } from '../../wire/index.js';
import type { Direction, MiddleboxOutput } from '../middlebox.js';
import { FlowTable } from './flow-table.js';
import { type OpenedSegment, rewritten } from './segment.js';
import { SegmentBox } from './segment-box.js';

export interface PayloadRewritingOptions {
  /** Offset in the flow's stream of the first byte changed, 0 or more. Default 20,000. */
  readonly fromByte?: number;
  /** Bytes from one that is changed to the next, 1 or more; Infinity changes one only. Default Infinity. */
  readonly everyBytes?: number;
  /** Default: both directions. */
  readonly direction?: Direction;
}

/** Where each direction's stream starts, as wire sequence numbers; undefined until its SYN was seen. */
interface Starts {
  outward: number | undefined;
  inward: number | undefined;
}

/** What is done to a byte: the case of a letter changes. */
const changedBits = 0x20;

/** See the module. A byte sent again is changed again in the same way. */
export class PayloadRewriting extends SegmentBox {
  /** Bytes changed so far, those sent again included. */
  changed = 0;
  private readonly fromByte: number;
  private readonly everyBytes: number;
  private readonly direction: Direction | undefined;
  private readonly flows = new FlowTable<Starts>();

  /** Throws ERR_SUBFLOW_ARGUMENT for options out of range. */
  constructor(options: PayloadRewritingOptions = {}) {
    super('cut');
    this.fromByte = options.fromByte ?? 20_000;
    this.everyBytes = options.everyBytes ?? Number.POSITIVE_INFINITY;
    this.direction = options.direction;
    if (!(this.fromByte >= 0 && this.everyBytes >= 1)) {
      throw new SubflowError('ERR_SUBFLOW_ARGUMENT', 'bytes are changed from 0 on, and every one at most');
    }
  }

  protected handleSegment(
    _now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    const start = streamStart(this.flows, segment, direction);
    const at = start === undefined ? 0 : seqDistance(seq32(segment.tcp.seq), seq32(start));
    const first = start === undefined ? Number.POSITIVE_INFINITY : this.firstChange(at);
    const isTouched = this.direction === undefined || this.direction === direction;
    if (!isTouched || first >= at + segment.tcp.payloadLength) {
      out.pass(segment.packet, direction);
      return;
    }
    const payload = segment.payload.slice();
    for (let place = first - at; place < payload.length; place += this.everyBytes) {
      payload[place]! ^= changedBits;
      this.changed++;
    }
    out.pass(rewritten(segment, { payload }), direction);
  }

  /** Offset of the first byte at `at` or behind that is changed. */
  private firstChange(at: number): number {
    if (at <= this.fromByte) return this.fromByte;
    if (this.everyBytes === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    return this.fromByte + Math.ceil((at - this.fromByte) / this.everyBytes) * this.everyBytes;
  }
}

/** The number of the first byte of the stream that `segment` belongs to; its SYN tells. */
function streamStart(
  flows: FlowTable<Starts>,
  segment: OpenedSegment,
  direction: Direction,
): number | undefined {
  let starts = flows.find(segment, direction);
  if (segment.has(TcpFlag.SYN)) {
    starts ??= flows.set(segment, direction, { outward: undefined, inward: undefined });
    starts[direction] = (segment.tcp.seq + 1) >>> 0;
  }
  return starts?.[direction];
}

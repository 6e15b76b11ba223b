/**
 * Drops SYNs that carry an option the box does not know, without a word: Honda et al. (IMC 2011, §4.2) saw few, but
 * whoever sits behind one cannot connect at all until a SYN without the option is tried (RFC 8684 §3.7).
 */

import { TcpFlag } from '../../wire/index.js';
import type { Direction, MiddleboxOutput } from '../middlebox.js';
import { mptcpPlaces } from './option-removal.js';
import type { OpenedSegment } from './segment.js';
import { SegmentBox } from './segment-box.js';

/** See the module: SYNs with any MPTCP option, of either direction. */
export class SynDrop extends SegmentBox {
  /** SYNs dropped so far. */
  dropped = 0;

  constructor() {
    super('whole');
  }

  protected handleSegment(
    _now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    if (segment.has(TcpFlag.SYN) && mptcpPlaces(segment.options).length > 0) {
      this.dropped++;
      return;
    }
    out.pass(segment.packet, direction);
  }
}

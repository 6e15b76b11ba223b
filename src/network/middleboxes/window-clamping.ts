/**
 * Lowers the receive windows that both ends advertise, as bandwidth managers do to slow a sender down. MPTCP advertises
 * one window on all subflows (RFC 8684 §3.3.4), and must live with different ones.
 */

import { SubflowError } from '../../base/index.js';
import { TcpFlag } from '../../wire/index.js';
import type { Direction, MiddleboxOutput } from '../middlebox.js';
import { type OpenedSegment, rewritten } from './segment.js';
import { SegmentBox } from './segment-box.js';

/** See the module. */
export class WindowClamping extends SegmentBox {
  private readonly maxWindow: number;

  /** `maxWindow`: the most that the window field says, 1 to 65535, before the ends scale it. Default 2000. */
  constructor(maxWindow = 2000) {
    super('whole');
    this.maxWindow = maxWindow;
    if (!(maxWindow >= 1 && maxWindow <= 65_535)) {
      throw new SubflowError('ERR_SUBFLOW_ARGUMENT', `a window field holds 1 to 65535, not ${maxWindow}`);
    }
  }

  protected handleSegment(
    _now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    const { window } = segment.tcp;
    const isLowered = window > this.maxWindow && !segment.has(TcpFlag.SYN | TcpFlag.RST);
    out.pass(isLowered ? rewritten(segment, { window: this.maxWindow }) : segment.packet, direction);
  }
}

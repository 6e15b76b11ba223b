/**
 * Cuts segments into smaller ones: what boxes with a smaller segment size of their own do, and network cards that cut
 * for the sender. Honda et al. (IMC 2011, §4.5) and Hesmans et al. (2013, §4.3) found options copied onto every piece
 * (as cards do) and boxes that keep them on the first piece only.
 */

import { SubflowError } from '../../base/index.js';
import type { Packet } from '../device.js';
import { segmentPacket } from '../gso.js';
import type { Direction, MiddleboxOutput } from '../middlebox.js';
import { PacketSlab } from '../packet-slab.js';
import { mptcpPlaces, removeOptions } from './option-removal.js';
import { OpenedSegment, rewritten } from './segment.js';
import { SegmentBox } from './segment-box.js';

export interface SplittingOptions {
  /** Most payload bytes of a piece, 1 or more. Default 500. */
  readonly pieceBytes?: number;
  /** Which pieces carry the MPTCP options. Default: every. */
  readonly optionsOn?: 'every' | 'first';
}

/** See the module. */
export class Splitting extends SegmentBox {
  private readonly pieceBytes: number;
  private readonly optionsOnFirst: boolean;
  private readonly memory = new PacketSlab(64 * 1024);
  private readonly pieces: Packet[] = [];
  private readonly piece = new OpenedSegment();

  constructor(options: SplittingOptions = {}) {
    super('cut');
    this.pieceBytes = options.pieceBytes ?? 500;
    if (!(this.pieceBytes >= 1)) {
      throw new SubflowError('ERR_SUBFLOW_ARGUMENT', `a piece has at least one byte, not ${this.pieceBytes}`);
    }
    this.optionsOnFirst = options.optionsOn === 'first';
  }

  protected handleSegment(
    _now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    const { pieces } = this;
    if (segment.tcp.payloadLength <= this.pieceBytes) {
      out.pass(segment.packet, direction);
      return;
    }
    segmentPacket(segment.packet, this.memory, pieces, this.pieceBytes);
    pieces.forEach((piece, index) => {
      out.pass(index > 0 && this.optionsOnFirst ? this.withoutMptcp(piece) : piece, direction);
    });
    pieces.length = 0;
  }

  private withoutMptcp(packet: Packet): Packet {
    const { piece } = this;
    if (!piece.open(packet)) return packet;
    const { options } = piece;
    return rewritten(piece, { options: removeOptions(options, mptcpPlaces(options), 'nop') });
  }
}

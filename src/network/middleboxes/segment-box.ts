/**
 * What the boxes that look into TCP have in common: packets are opened one segment at a time. Super-segments are cut
 * first where a box must see what the wire would carry. What is no TCP, is a fragment or is damaged passes untouched:
 * a box that wrote a right checksum under damaged bytes would make them look whole.
 */

import { NEVER } from '../../base/index.js';
import type { Packet } from '../device.js';
import { isSuperSegment, segmentPacket } from '../gso.js';
import type { Direction, Middlebox, MiddleboxOutput } from '../middlebox.js';
import { PacketSlab } from '../packet-slab.js';
import { OpenedSegment } from './segment.js';

/** Bytes in one block of the memory that cut super-segments go to. */
const slabBytes = 128 * 1024;

/** A box that sees TCP segments. */
export abstract class SegmentBox implements Middlebox {
  private readonly segment = new OpenedSegment();
  private readonly cutsSuperSegments: boolean;
  private readonly slab = new PacketSlab(slabBytes);
  private readonly parts: Packet[] = [];

  /** `superSegments`: whether they are cut into what the wire would carry, or handled whole. */
  constructor(superSegments: 'cut' | 'whole') {
    this.cutsSuperSegments = superSegments === 'cut';
  }

  handlePacket(now: number, packet: Packet, direction: Direction, out: MiddleboxOutput): void {
    if (!this.cutsSuperSegments || !isSuperSegment(packet)) {
      this.handleOne(now, packet, direction, out);
      return;
    }
    const { parts } = this;
    if (segmentPacket(packet, this.slab, parts) === 0) {
      out.pass(packet, direction);
      return;
    }
    for (const part of parts) this.handleOne(now, part, direction, out);
    parts.length = 0;
  }

  /** Nothing is ever due, unless a box says otherwise. */
  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(_now: number, _out: MiddleboxOutput): void {
    // Nothing is ever due.
  }

  /** Handles a segment that crosses in `direction`; it is open until the call returns. */
  protected abstract handleSegment(
    now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void;

  private handleOne(now: number, packet: Packet, direction: Direction, out: MiddleboxOutput): void {
    if (this.segment.open(packet)) this.handleSegment(now, this.segment, direction, out);
    else out.pass(packet, direction);
  }
}

/**
 * Merges segments as a network card's receive offload does and cuts them anew at another size as its segmentation
 * offload does: the options, which had to be the same to be merged, stand on every piece. Hesmans et al. (2013, §4.3)
 * found that all cards they tried copy options; so one mapping comes several times and covers more than its segment.
 */

import { MILLISECOND, NEVER, SubflowError } from '../../base/index.js';
import type { Packet } from '../device.js';
import { coalescePackets } from '../gro.js';
import { isSuperSegment, segmentPacket } from '../gso.js';
import type { Direction, Middlebox, MiddleboxOutput } from '../middlebox.js';
import { PacketSlab } from '../packet-slab.js';

export interface OffloadOptions {
  /** Payload bytes of the pieces that leave, 1 or more. Default 1000. */
  readonly pieceBytes?: number;
  /** How long packets are collected, in ns. Default 1 ms. */
  readonly holdNs?: number;
  /** Packets collected at most; more are let go early. Default 64. */
  readonly maxHeld?: number;
}

/** What one direction has collected. */
interface Batch {
  readonly packets: Packet[];
  dueAt: number;
}

/** See the module. */
export class OffloadResegmentation implements Middlebox {
  /** Packets that were merged with others. */
  merged = 0;
  private readonly pieceBytes: number;
  private readonly holdNs: number;
  private readonly maxHeld: number;
  private readonly slab = new PacketSlab(256 * 1024);
  private readonly batches: Record<Direction, Batch> = {
    outward: { packets: [], dueAt: NEVER },
    inward: { packets: [], dueAt: NEVER },
  };

  /** Throws ERR_SUBFLOW_ARGUMENT for options out of range. */
  constructor(options: OffloadOptions = {}) {
    this.pieceBytes = options.pieceBytes ?? 1000;
    this.holdNs = options.holdNs ?? MILLISECOND;
    this.maxHeld = options.maxHeld ?? 64;
    if (!(this.pieceBytes >= 1 && this.maxHeld >= 1)) {
      throw new SubflowError(
        'ERR_SUBFLOW_ARGUMENT',
        'pieces have bytes, and at least one packet is collected',
      );
    }
  }

  handlePacket(now: number, packet: Packet, direction: Direction, out: MiddleboxOutput): void {
    const batch = this.batches[direction];
    if (isSuperSegment(packet)) segmentPacket(packet, this.slab, batch.packets);
    else batch.packets.push(packet);
    if (batch.dueAt === NEVER) batch.dueAt = now + this.holdNs;
    if (batch.packets.length >= this.maxHeld) this.letGo(direction, out);
  }

  pollTimeout(): number {
    return Math.min(this.batches.outward.dueAt, this.batches.inward.dueAt);
  }

  handleTimeout(now: number, out: MiddleboxOutput): void {
    if (this.batches.outward.dueAt <= now) this.letGo('outward', out);
    if (this.batches.inward.dueAt <= now) this.letGo('inward', out);
  }

  private letGo(direction: Direction, out: MiddleboxOutput): void {
    const batch = this.batches[direction];
    const wholes: Packet[] = [];
    const pieces: Packet[] = [];
    coalescePackets(batch.packets, this.slab, wholes);
    this.merged += batch.packets.length - wholes.length;
    for (const whole of wholes) {
      // What is no TCP cannot be cut and needs none.
      if (segmentPacket(whole, this.slab, pieces, this.pieceBytes) === 0) pieces.push(whole);
    }
    for (const piece of pieces) out.pass(piece, direction);
    batch.packets.length = 0;
    batch.dueAt = NEVER;
  }
}

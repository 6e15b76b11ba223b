/** A box that loses, duplicates and damages packets before a device that does not do so by itself, such as a TUN. */

import { NEVER, type RandomSource, randomBelow, randomUnit } from '../base/index.js';
import { IpPacket } from '../wire/index.js';
import { Packet } from './device.js';
import { type LossModel, LossProcess, noLoss, requireProbability } from './loss-model.js';
import type { Direction, Middlebox, MiddleboxOutput } from './middlebox.js';
import { withChecksum } from './packet-edit.js';

/** What goes wrong with packets of either direction. Probabilities lie in [0, 1] and are 0 when left out. */
export interface Faults {
  readonly loss?: LossModel;
  readonly duplicateProbability?: number;
  /** One bit of the packet is flipped. */
  readonly corruptProbability?: number;
}

/** What was done to packets. */
export class FaultCounters {
  lost = 0;
  duplicated = 0;
  corrupted = 0;
}

/** See the module. Put it before a device with `MiddleboxDevice`. */
export class FaultInjector implements Middlebox {
  readonly counters = new FaultCounters();
  private readonly random: RandomSource;
  private readonly outwardLoss: LossProcess;
  private readonly inwardLoss: LossProcess;
  private readonly duplicateProbability: number;
  private readonly corruptProbability: number;
  private readonly scratch = new IpPacket();

  /** Throws ERR_SUBFLOW_ARGUMENT for a probability out of range. */
  constructor(random: RandomSource, faults: Faults) {
    this.random = random;
    this.outwardLoss = new LossProcess(random);
    this.inwardLoss = new LossProcess(random);
    this.outwardLoss.model = faults.loss ?? noLoss;
    this.inwardLoss.model = faults.loss ?? noLoss;
    this.duplicateProbability = faults.duplicateProbability ?? 0;
    this.corruptProbability = faults.corruptProbability ?? 0;
    requireProbability(this.duplicateProbability);
    requireProbability(this.corruptProbability);
  }

  handlePacket(_now: number, packet: Packet, direction: Direction, out: MiddleboxOutput): void {
    if ((direction === 'outward' ? this.outwardLoss : this.inwardLoss).isLost()) {
      this.counters.lost++;
      return;
    }
    const passed = this.isDrawn(this.corruptProbability) ? this.corrupt(packet) : packet;
    if (this.isDrawn(this.duplicateProbability)) {
      this.counters.duplicated++;
      out.pass(new Packet(passed.bytes.slice(), passed.segmentSize, passed.needsChecksum), direction);
    }
    out.pass(passed, direction);
  }

  /** It holds nothing back. */
  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Nothing is ever due.
  }

  private isDrawn(probability: number): boolean {
    return probability > 0 && randomUnit(this.random) < probability;
  }

  /** Flips one bit; see `LinkDirection` for why the checksum comes first. */
  private corrupt(packet: Packet): Packet {
    this.counters.corrupted++;
    const whole = withChecksum(packet, this.scratch);
    const bit = randomBelow(this.random, whole.bytes.length * 8);
    whole.bytes[bit >> 3]! ^= 1 << (bit & 7);
    return whole;
  }
}

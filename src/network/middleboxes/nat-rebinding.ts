/**
 * A translator that forgets its mappings while they are in use, as one does that restarts or whose public address
 * changes. What follows comes from another port: the server does not know it.
 */

import { NEVER } from '../../base/index.js';
import { IpPacket } from '../../wire/index.js';
import type { Packet } from '../device.js';
import type { Direction, Middlebox, MiddleboxOutput } from '../middlebox.js';
import type { Nat } from '../nat.js';
import { readIp } from '../packet-edit.js';

/** See the module: once. */
export class NatRebinding implements Middlebox {
  private readonly nat: Nat;
  private readonly afterBytes: number;
  private passedBytes = 0;
  private isDone = false;
  private readonly ip = new IpPacket();

  /** `afterBytes`: bytes of IP packets, both directions together, after which `nat` forgets. */
  constructor(nat: Nat, afterBytes: number) {
    this.nat = nat;
    this.afterBytes = afterBytes;
  }

  handlePacket(now: number, packet: Packet, direction: Direction, out: MiddleboxOutput): void {
    if (readIp(packet, this.ip)) this.passedBytes += this.ip.totalLength;
    if (!this.isDone && this.passedBytes > this.afterBytes) {
      this.isDone = true;
      this.nat.rebind();
    }
    this.nat.handlePacket(now, packet, direction, out);
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Nothing is ever due.
  }
}

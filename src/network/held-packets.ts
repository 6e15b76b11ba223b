import type { Packet } from './device.js';

/** Packets, or parts of super-segments, that wait for a moment to be handed over together; in order of arrival. */
export class HeldPackets {
  private readonly packets: Packet[] = [];
  private readonly parts: number[] = [];

  get length(): number {
    return this.packets.length;
  }

  /** Adds a packet (`part` -1) or part `part` of one. */
  add(packet: Packet, part: number): void {
    this.packets.push(packet);
    this.parts.push(part);
  }

  packetAt(index: number): Packet {
    return this.packets[index]!;
  }

  partAt(index: number): number {
    return this.parts[index]!;
  }

  /** How many parts of the same super-segment follow each other from `index` on; 1 for a packet. */
  runFrom(index: number): number {
    const packet = this.packets[index];
    const first = this.parts[index]!;
    if (first < 0) return 1;
    let count = 1;
    while (this.packets[index + count] === packet && this.parts[index + count] === first + count) count++;
    return count;
  }

  /** Lets go of all. */
  clear(): void {
    this.packets.length = 0;
    this.parts.length = 0;
  }
}

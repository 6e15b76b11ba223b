import type { Packet } from './device.js';

/** Packets, or parts of super-segments, that wait for a moment to be handed over together; in order of arrival. */
export class HeldPackets {
  /** Places beyond `count` are free. */
  private readonly packets: (Packet | undefined)[] = [];
  private readonly parts: number[] = [];
  private count = 0;

  get length(): number {
    return this.count;
  }

  /** Adds a packet (`part` -1) or part `part` of one. */
  add(packet: Packet, part: number): void {
    const place = this.count++;
    this.packets[place] = packet;
    this.parts[place] = part;
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
    for (let at = index + 1; at < this.count; at++, count++) {
      if (this.packets[at] !== packet || this.parts[at] !== first + count) break;
    }
    return count;
  }

  /** Lets go of all. */
  clear(): void {
    // The length of an array is set by a call of the runtime.
    for (let i = 0; i < this.count; i++) this.packets[i] = undefined;
    this.count = 0;
  }
}

import type { Packet } from './device.js';

/** Packets, or parts of super-segments, that wait for a moment to be handed over together; in order of arrival. */
export class HeldPackets {
  /** Packets, the first part of each (-1: the packet itself) and how many there are; what is beyond `runs` is free. */
  private readonly packets: (Packet | undefined)[] = [];
  private readonly parts: number[] = [];
  private readonly counts: number[] = [];
  private runs = 0;
  private held = 0;

  /** Packets and parts held. */
  get length(): number {
    return this.held;
  }

  /** Runs of parts of one super-segment that follow each other; a packet is a run of its own. */
  get runCount(): number {
    return this.runs;
  }

  /** Adds a packet (`part` -1, `count` 1) or `count` parts of one from `part` on. */
  add(packet: Packet, part: number, count: number): void {
    this.held += count;
    const last = this.runs - 1;
    if (last >= 0 && part > 0 && this.packets[last] === packet) {
      if (this.parts[last]! + this.counts[last]! === part) {
        this.counts[last]! += count;
        return;
      }
    }
    const place = this.runs++;
    this.packets[place] = packet;
    this.parts[place] = part;
    this.counts[place] = count;
  }

  /** The packet of run `index`, of which the parts from {@link partAt} on are held, {@link countAt} of them. */
  packetAt(index: number): Packet {
    return this.packets[index]!;
  }

  partAt(index: number): number {
    return this.parts[index]!;
  }

  countAt(index: number): number {
    return this.counts[index]!;
  }

  /** Lets go of all. */
  clear(): void {
    // To set the length of an array is a call of the runtime.
    for (let i = 0; i < this.runs; i++) this.packets[i] = undefined;
    this.runs = 0;
    this.held = 0;
  }
}

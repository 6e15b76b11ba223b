import { NEVER } from '../base/index.js';
import type { Packet } from './device.js';

/**
 * Packets on a wire with the instants at which they left and arrive, in order of arrival; a ring that grows. A part of a
 * super-segment is kept as the whole and the number of the part, so that it need not exist before somebody looks at it.
 */
export class PacketRing {
  private packets: (Packet | undefined)[] = new Array<Packet | undefined>(16).fill(undefined);
  /** Which part of the packet it is; -1 for the packet itself. */
  private parts = new Int32Array(16);
  private leftAt = new Float64Array(16);
  private arriveAt = new Float64Array(16);
  private mask = 15;
  private head = 0;
  private count = 0;

  get length(): number {
    return this.count;
  }

  /** When the first packet arrives; NEVER when there is none. */
  get firstArrival(): number {
    return this.count === 0 ? NEVER : this.arriveAt[this.head]!;
  }

  /** Which part of the first packet is meant; -1 for the packet itself. There must be one. */
  get firstPart(): number {
    return this.parts[this.head]!;
  }

  /** When the last packet arrives; minus infinity when there is none. */
  get lastArrival(): number {
    return this.count === 0 ? -NEVER : this.arriveAt[(this.head + this.count - 1) & this.mask]!;
  }

  /** Adds a packet that arrives no earlier than the last one. */
  push(packet: Packet, part: number, leftAt: number, arriveAt: number): void {
    if (this.count > this.mask) this.grow();
    const place = (this.head + this.count) & this.mask;
    this.packets[place] = packet;
    this.parts[place] = part;
    this.leftAt[place] = leftAt;
    this.arriveAt[place] = arriveAt;
    this.count++;
  }

  /** Adds a packet behind all that arrive no later. */
  insertByArrival(packet: Packet, part: number, leftAt: number, arriveAt: number): void {
    this.push(packet, part, leftAt, arriveAt);
    let to = this.count - 1;
    for (; to > 0; to--) {
      const before = (this.head + to - 1) & this.mask;
      if (this.arriveAt[before]! <= arriveAt) break;
      const place = (this.head + to) & this.mask;
      this.packets[place] = this.packets[before];
      this.parts[place] = this.parts[before]!;
      this.leftAt[place] = this.leftAt[before]!;
      this.arriveAt[place] = this.arriveAt[before]!;
    }
    const place = (this.head + to) & this.mask;
    this.packets[place] = packet;
    this.parts[place] = part;
    this.leftAt[place] = leftAt;
    this.arriveAt[place] = arriveAt;
  }

  /** Takes the packet that arrives first; there must be one. */
  shift(): Packet {
    const packet = this.packets[this.head]!;
    this.packets[this.head] = undefined;
    this.head = (this.head + 1) & this.mask;
    this.count--;
    return packet;
  }

  /** Multiplies what is left, at `now`, of the time until each packet has left; arrivals move along, in order. */
  stretch(now: number, factor: number): void {
    let previous = -NEVER;
    for (let i = 0; i < this.count; i++) {
      const place = (this.head + i) & this.mask;
      const left = this.leftAt[place]!;
      if (left > now) {
        const next = now + (left - now) * factor;
        this.leftAt[place] = next;
        this.arriveAt[place] = Math.max(previous, this.arriveAt[place]! + next - left);
      }
      previous = this.arriveAt[place]!;
    }
  }

  /** Lets go of all packets. */
  clear(): void {
    this.packets.fill(undefined);
    this.head = 0;
    this.count = 0;
  }

  private grow(): void {
    const size = (this.mask + 1) * 2;
    const packets = new Array<Packet | undefined>(size).fill(undefined);
    const parts = new Int32Array(size);
    const leftAt = new Float64Array(size);
    const arriveAt = new Float64Array(size);
    for (let i = 0; i < this.count; i++) {
      const place = (this.head + i) & this.mask;
      packets[i] = this.packets[place];
      parts[i] = this.parts[place]!;
      leftAt[i] = this.leftAt[place]!;
      arriveAt[i] = this.arriveAt[place]!;
    }
    this.packets = packets;
    this.parts = parts;
    this.leftAt = leftAt;
    this.arriveAt = arriveAt;
    this.mask = size - 1;
    this.head = 0;
  }
}

import { NEVER } from '../base/index.js';
import type { Packet } from './device.js';

/**
 * Packets on a wire with the instants at which they left and arrive, in order of arrival; a ring that grows. A part of a
 * super-segment is kept as the whole and the number of the part, so that it need not exist before somebody looks at it; and
 * parts that leave one after the other, each for as long as the one before, share a place.
 */
export class PacketRing {
  private packets: (Packet | undefined)[] = new Array<Packet | undefined>(16).fill(undefined);
  /** Which part of the packet it is; -1 for the packet itself. And how many parts there are from it on. */
  private parts = new Int32Array(16);
  private counts = new Int32Array(16);
  /** When the first of these parts has left, and arrives. */
  private leftAt = new Float64Array(16);
  private arriveAt = new Float64Array(16);
  /** How long each of the others takes to leave, and is on its way. */
  private stepNs = new Float64Array(16);
  private delayNs = new Float64Array(16);
  private mask = 15;
  private head = 0;
  /** Places taken. */
  private places = 0;
  private inside = 0;
  private lastAt = -NEVER;

  /** Packets and parts inside. */
  get length(): number {
    return this.inside;
  }

  /** When the first packet arrives; NEVER when there is none. */
  get firstArrival(): number {
    return this.places === 0 ? NEVER : this.arriveAt[this.head]!;
  }

  /** Which part of the first packet is meant; -1 for the packet itself. There must be one. */
  get firstPart(): number {
    return this.parts[this.head]!;
  }

  /** When the last packet arrives; minus infinity when there is none. */
  get lastArrival(): number {
    return this.places === 0 ? -NEVER : this.lastAt;
  }

  /** Adds a packet that arrives no earlier than the last one. */
  push(packet: Packet, part: number, leftAt: number, arriveAt: number): void {
    if (this.places > this.mask) this.grow();
    const place = (this.head + this.places) & this.mask;
    this.packets[place] = packet;
    this.parts[place] = part;
    this.counts[place] = 1;
    this.leftAt[place] = leftAt;
    this.arriveAt[place] = arriveAt;
    this.places++;
    this.inside++;
    this.lastAt = arriveAt;
  }

  /**
   * Adds a part that takes `stepNs` to leave, at `leftAt`, and arrives `delayNs` later, no earlier than the last packet.
   * Where it continues the last one, it has no place of its own.
   */
  pushPart(packet: Packet, part: number, leftAt: number, stepNs: number, delayNs: number): void {
    const arriveAt = leftAt + delayNs;
    const place = (this.head + this.places - 1) & this.mask;
    if (this.places > 0 && this.packets[place] === packet) {
      const count = this.counts[place]!;
      const isNext = this.parts[place]! + count === part && this.stepNs[place] === stepNs;
      if (isNext && this.delayNs[place] === delayNs) {
        this.counts[place] = count + 1;
        this.inside++;
        this.lastAt = arriveAt;
        return;
      }
    }
    this.push(packet, part, leftAt, arriveAt);
    const last = (this.head + this.places - 1) & this.mask;
    this.stepNs[last] = stepNs;
    this.delayNs[last] = delayNs;
  }

  /** Adds a packet behind all that arrive no later. */
  insertByArrival(packet: Packet, part: number, leftAt: number, arriveAt: number): void {
    this.unroll();
    const lastAt = Math.max(this.lastArrival, arriveAt);
    this.push(packet, part, leftAt, arriveAt);
    this.lastAt = lastAt;
    let to = this.places - 1;
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
    const { head } = this;
    const packet = this.packets[head]!;
    this.inside--;
    const count = this.counts[head]!;
    if (count > 1) {
      this.advance(head, 1);
      return packet;
    }
    this.packets[head] = undefined;
    this.head = (head + 1) & this.mask;
    this.places--;
    return packet;
  }

  /** How many parts the first place has that arrive until `now`: 1 or more, the first being one of them. */
  countUntil(now: number): number {
    const { head } = this;
    const count = this.counts[head]!;
    let due = 1;
    let leftAt = this.leftAt[head]!;
    const stepNs = this.stepNs[head]!;
    const delayNs = this.delayNs[head]!;
    for (; due < count; due++) {
      leftAt += stepNs;
      if (leftAt + delayNs > now) break;
    }
    return due;
  }

  /** Takes the first `count` parts of the first place, of which there are as many. */
  shiftParts(count: number): Packet {
    const { head } = this;
    const packet = this.packets[head]!;
    if (count < this.counts[head]!) {
      this.inside -= count;
      this.advance(head, count);
      return packet;
    }
    this.inside -= count - 1;
    this.counts[head] = 1;
    return this.shift();
  }

  /** The first `by` parts of a place are gone; there are more. Adds as those did who offered them, for the same sums. */
  private advance(place: number, by: number): void {
    let leftAt = this.leftAt[place]!;
    for (let i = 0; i < by; i++) leftAt += this.stepNs[place]!;
    this.leftAt[place] = leftAt;
    this.arriveAt[place] = leftAt + this.delayNs[place]!;
    this.parts[place]! += by;
    this.counts[place]! -= by;
  }

  /** Multiplies what is left, at `now`, of the time until each packet has left; arrivals move along, in order. */
  stretch(now: number, factor: number): void {
    this.unroll();
    let previous = -NEVER;
    for (let i = 0; i < this.places; i++) {
      const place = (this.head + i) & this.mask;
      const left = this.leftAt[place]!;
      if (left > now) {
        const next = now + (left - now) * factor;
        this.leftAt[place] = next;
        this.arriveAt[place] = Math.max(previous, this.arriveAt[place]! + next - left);
      }
      previous = this.arriveAt[place]!;
    }
    this.lastAt = previous;
  }

  /** Gives every part a place of its own. */
  private unroll(): void {
    if (this.inside === this.places) return;
    const whole = new PacketRing();
    while (this.places > 0) {
      const { firstPart, firstArrival } = this;
      const leftAt = this.leftAt[this.head]!;
      whole.push(this.shift(), firstPart, leftAt, firstArrival);
    }
    this.take(whole);
  }

  private take(other: PacketRing): void {
    this.packets = other.packets;
    this.parts = other.parts;
    this.counts = other.counts;
    this.leftAt = other.leftAt;
    this.arriveAt = other.arriveAt;
    this.stepNs = other.stepNs;
    this.delayNs = other.delayNs;
    this.mask = other.mask;
    this.head = other.head;
    this.places = other.places;
    this.inside = other.inside;
    this.lastAt = other.lastAt;
  }

  /** Lets go of all packets. */
  clear(): void {
    this.packets.fill(undefined);
    this.head = 0;
    this.places = 0;
    this.inside = 0;
  }

  private grow(): void {
    const size = (this.mask + 1) * 2;
    const packets = new Array<Packet | undefined>(size).fill(undefined);
    for (let i = 0; i < this.places; i++) packets[i] = this.packets[(this.head + i) & this.mask];
    this.packets = packets;
    this.parts = this.grown(this.parts, new Int32Array(size));
    this.counts = this.grown(this.counts, new Int32Array(size));
    this.leftAt = this.grown(this.leftAt, new Float64Array(size));
    this.arriveAt = this.grown(this.arriveAt, new Float64Array(size));
    this.stepNs = this.grown(this.stepNs, new Float64Array(size));
    this.delayNs = this.grown(this.delayNs, new Float64Array(size));
    this.mask = size - 1;
    this.head = 0;
  }

  /** `to` with what `from` holds, from the head on. */
  private grown<T extends Int32Array | Float64Array>(from: T, to: T): T {
    for (let i = 0; i < this.places; i++) to[i] = from[(this.head + i) & this.mask]!;
    return to;
  }
}

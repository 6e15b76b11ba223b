/** Devices that look at what passes another device, and change nothing. */

import {
  type Device,
  type DeviceCapabilities,
  noReceiver,
  type Packet,
  type PacketReceiver,
} from './device.js';
import type { Direction } from './middlebox.js';

/** Somebody who looks at packets. The packet is not its own: it keeps no view of the bytes and does not write to them. */
export interface PacketObserver {
  /** `packet` passed at `now` (ns), out of the host or in to it. */
  observe(now: number, packet: Packet, direction: Direction): void;
}

/** A device with observers: they see each packet before the device, or the host, gets it. */
export class TapDevice implements Device, PacketReceiver {
  private readonly inner: Device;
  private readonly observers: readonly PacketObserver[];
  private receiver: PacketReceiver = noReceiver;

  constructor(inner: Device, observers: readonly PacketObserver[]) {
    this.inner = inner;
    this.observers = observers;
    inner.attach(this);
  }

  get capabilities(): DeviceCapabilities {
    return this.inner.capabilities;
  }

  get isUp(): boolean {
    return this.inner.isUp;
  }

  send(now: number, packet: Packet): void {
    for (let i = 0; i < this.observers.length; i++) this.observers[i]!.observe(now, packet, 'outward');
    this.inner.send(now, packet);
  }

  attach(receiver: PacketReceiver): void {
    this.receiver = receiver;
  }

  handlePacket(now: number, packet: Packet): void {
    for (let i = 0; i < this.observers.length; i++) this.observers[i]!.observe(now, packet, 'inward');
    this.receiver.handlePacket(now, packet);
  }

  handleCarrier(now: number, up: boolean): void {
    this.receiver.handleCarrier(now, up);
  }
}

/** A number that stands for everything that was observed: order, times and every byte. Two runs alike have the same. */
export class PacketDigest implements PacketObserver {
  /** Two accumulators of 32 bits each. */
  private first = 0x811c9dc5 | 0;
  private second = 0x9747b28c | 0;
  /** Packets seen. */
  count = 0;

  observe(now: number, packet: Packet, direction: Direction): void {
    const { bytes } = packet;
    this.count++;
    this.add(now | 0);
    this.add(Math.floor(now / 0x1_0000_0000));
    this.add(bytes.length * 2 + (direction === 'inward' ? 1 : 0));
    const whole = bytes.length & ~3;
    let at = 0;
    for (; at < whole; at += 4) {
      this.add(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    }
    for (; at < bytes.length; at++) this.add(bytes[at]!);
  }

  /** Sixteen hexadecimal digits. */
  toString(): string {
    return [this.first, this.second].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  private add(word: number): void {
    this.first = Math.imul(this.first ^ word, 0x01000193);
    const mixed = Math.imul(this.second ^ Math.imul(word, 0xcc9e2d51), 0x1b873593);
    this.second = (mixed << 13) | (mixed >>> 19);
  }
}

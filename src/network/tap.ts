/** Devices that look at what passes another device, and change nothing. */

import { viewOf } from '../wire/index.js';
import {
  type Device,
  type DeviceCapabilities,
  noReceiver,
  type Packet,
  type PacketReceiver,
} from './device.js';
import type { Direction } from './middlebox.js';
import { WordDigest } from './word-digest.js';

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
  /** Packets seen. */
  count = 0;
  private readonly words = new WordDigest();

  observe(now: number, packet: Packet, direction: Direction): void {
    const { words } = this;
    const { bytes } = packet;
    this.count++;
    words.addTime(now);
    words.add(bytes.length * 2 + (direction === 'inward' ? 1 : 0));
    words.addBytes(viewOf(bytes), bytes.length);
  }

  /** Sixteen hexadecimal digits. */
  toString(): string {
    return this.words.toString();
  }
}

/**
 * Boxes between a host and its network: a translator, a firewall, a thing that rewrites options. A box is a function
 * from one packet to any number of packets; {@link MiddleboxDevice} puts it before a device, simulated or real.
 */

import { NEVER } from '../base/index.js';
import {
  type Device,
  type DeviceCapabilities,
  noReceiver,
  type Packet,
  type PacketReceiver,
} from './device.js';
import type { EventItem } from './event-queue.js';
import type { Simulator } from './simulator.js';

/** Which way a packet crosses a box: out of the host that stands behind it, or in to it. */
export type Direction = 'outward' | 'inward';

/** The other way. */
export function opposite(direction: Direction): Direction {
  return direction === 'outward' ? 'inward' : 'outward';
}

/** What a box lets out; it may answer a packet in the direction it came from. */
export class MiddleboxOutput {
  /** Packets that go on to the network, in order. */
  readonly outward: Packet[] = [];
  /** Packets that go on to the host, in order. */
  readonly inward: Packet[] = [];

  /** Lets `packet` go on in `direction`. */
  pass(packet: Packet, direction: Direction): void {
    (direction === 'outward' ? this.outward : this.inward).push(packet);
  }
}

/** A box. It owns the packets it is given until it lets them out. */
export interface Middlebox {
  /** Handles `packet`, which crosses in `direction` at `now` (ns); what goes on is added to `out`. */
  handlePacket(now: number, packet: Packet, direction: Direction, out: MiddleboxOutput): void;
  /** When {@link handleTimeout} wants to be called, in ns; NEVER when it does not. */
  pollTimeout(): number;
  /** Does what is due at `now` (ns), such as letting out what was held back. */
  handleTimeout(now: number, out: MiddleboxOutput): void;
}

/** A box without state or time: a function from one packet to the packets that go on. */
export function packetFunction(
  transform: (packet: Packet, direction: Direction) => readonly Packet[],
): Middlebox {
  return {
    handlePacket: (_now, packet, direction, out) => {
      for (const result of transform(packet, direction)) out.pass(result, direction);
    },
    pollTimeout: () => NEVER,
    handleTimeout: () => undefined,
  };
}

/** A device with a box before it. */
export class MiddleboxDevice implements Device, PacketReceiver, EventItem {
  dueAt = NEVER;
  dueOrder = 0;
  queueIndex = -1;
  private readonly simulator: Simulator;
  private readonly box: Middlebox;
  private readonly inner: Device;
  private output = new MiddleboxOutput();
  /** Another one, empty, for what comes while packets of the first are sent on. */
  private spare: MiddleboxOutput | undefined = undefined;
  private receiver: PacketReceiver = noReceiver;

  constructor(simulator: Simulator, box: Middlebox, inner: Device) {
    this.simulator = simulator;
    this.box = box;
    this.inner = inner;
    inner.attach(this);
  }

  get capabilities(): DeviceCapabilities {
    return this.inner.capabilities;
  }

  get isUp(): boolean {
    return this.inner.isUp;
  }

  send(now: number, packet: Packet): void {
    this.box.handlePacket(now, packet, 'outward', this.output);
    this.flush(now);
  }

  attach(receiver: PacketReceiver): void {
    this.receiver = receiver;
  }

  handlePacket(now: number, packet: Packet): void {
    this.box.handlePacket(now, packet, 'inward', this.output);
    this.flush(now);
  }

  handleCarrier(now: number, up: boolean): void {
    this.receiver.handleCarrier(now, up);
  }

  handleDue(now: number): void {
    this.box.handleTimeout(now, this.output);
    this.flush(now);
  }

  /** Sends on what the box let out. Whoever gets a packet may answer at once: what follows from that goes into the other output. */
  private flush(now: number): void {
    const { output } = this;
    const { outward, inward } = output;
    this.output = this.spare ?? new MiddleboxOutput();
    this.spare = undefined;
    this.simulator.schedule(this, this.box.pollTimeout());
    for (let i = 0; i < outward.length; i++) this.inner.send(now, outward[i]!);
    for (let i = 0; i < inward.length; i++) this.receiver.handlePacket(now, inward[i]!);
    outward.length = 0;
    inward.length = 0;
    this.spare = output;
  }
}

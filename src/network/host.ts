/**
 * A host of the simulated network: a stack with its devices and the application on top. Owns the order in which they
 * are served and the memory that packets leave in; decides nothing about the protocol.
 */

import { assert, NEVER } from '../base/index.js';
import {
  type InterfaceAddress,
  MAX_HEADER_BYTES,
  type Stack,
  type StackEvent,
  TransmitBuffer,
} from '../stack/index.js';
import { type Device, Packet, type PacketReceiver } from './device.js';
import type { EventItem } from './event-queue.js';
import { PacketSlab } from './packet-slab.js';
import type { Simulator } from './simulator.js';

/** Packets that a stack may send without the clock moving on; more is a loop in the stack. */
const maxPacketsAtOnce = 100_000;

/**
 * What uses the sockets of a host. It acts on them when it is called here, and then only. It does not write to the bytes
 * that it reads: they may be the very ones that the other host's application wrote.
 */
export interface Application {
  /** The stack has something to say at `now` (ns). */
  handleEvent(now: number, event: StackEvent): void;
  /** When {@link handleTimeout} is wanted, in ns; NEVER when it is not. */
  pollTimeout(): number;
  /** Does what the application itself has to do at `now` (ns). */
  handleTimeout(now: number): void;
}

/** An application that does nothing. */
const noApplication: Application = {
  handleEvent: () => undefined,
  pollTimeout: () => NEVER,
  handleTimeout: () => undefined,
};

/** How a device becomes an interface of the stack. */
export interface InterfaceSetup {
  /** Unique on the host. */
  readonly name: string;
  readonly addresses: readonly InterfaceAddress[];
  /** Preference among interfaces; lower first. Default 0. */
  readonly metric?: number;
}

/** A stack with devices and an application. */
export class Host implements EventItem {
  dueAt = NEVER;
  dueOrder = 0;
  queueIndex = -1;
  readonly name: string;
  readonly stack: Stack;
  private readonly simulator: Simulator;
  private readonly ports: HostPort[] = [];
  private application: Application = noApplication;
  private slab = new PacketSlab(0);
  private readonly out = new TransmitBuffer(new Uint8Array(0));
  /** Filled in for every packet that comes in. */
  private readonly meta: {
    segmentSize: number;
    checksumValid: boolean;
    buffer: ArrayBufferLike | undefined;
  } = {
    segmentSize: 0,
    checksumValid: false,
    buffer: undefined,
  };
  /** Bytes that the largest packet takes. */
  private largestPacket = 0;
  /** Whether {@link pump} is at work further up the call stack. */
  private pumping = false;
  /** Whether something happened that {@link pump} has not looked at. */
  private isTouched = false;

  constructor(simulator: Simulator, name: string, stack: Stack) {
    this.out.takesNotes = true;
    this.simulator = simulator;
    this.name = name;
    this.stack = stack;
  }

  /** Attaches the stack to `device`; returns the id of the interface. */
  addDevice(now: number, device: Device, setup: InterfaceSetup): number {
    const { mtu, checksumOffload, maxOffloadBytes } = device.capabilities;
    const id = this.stack.addInterface(now, {
      ...setup,
      mtu,
      capabilities: { checksumOffload, maxOffloadBytes },
    });
    this.ports[id] = new HostPort(this, device, id);
    this.largestPacket = Math.max(this.largestPacket, MAX_HEADER_BYTES + Math.max(mtu, maxOffloadBytes));
    this.slab = new PacketSlab(Math.max(64 * 1024, 8 * this.largestPacket));
    if (!device.isUp) this.stack.setInterfaceState(now, id, false);
    device.attach(this.ports[id]);
    this.wake(now);
    return id;
  }

  /** Puts `application` on top and lets it act. */
  run(now: number, application: Application): void {
    this.application = application;
    this.wake(now);
  }

  /** Looks after the stack: to be called when somebody other than the application did something to it. */
  wake(now: number): void {
    this.isTouched = true;
    this.pump(now);
  }

  handleDue(now: number): void {
    if (this.stack.pollTimeout() <= now) this.stack.handleTimeout(now);
    if (this.application.pollTimeout() <= now) this.application.handleTimeout(now);
    this.wake(now);
  }

  /** A packet came in through the interface `id`. */
  receive(now: number, id: number, packet: Packet): void {
    const { meta } = this;
    const { note } = packet;
    if (note !== undefined && this.stack.handleNote(now, id, note, packet.length)) {
      this.isTouched = true;
      this.pump(now);
      return;
    }
    meta.segmentSize = packet.segmentSize;
    meta.checksumValid = packet.needsChecksum;
    meta.buffer = packet.buffer;
    this.stack.handlePacket(now, id, packet.bytes, meta);
    this.isTouched = true;
    this.pump(now);
  }

  /** The device of the interface `id` came up or went down. */
  setCarrier(now: number, id: number, up: boolean): void {
    this.stack.setInterfaceState(now, id, up);
    this.wake(now);
  }

  /** Sends what there is to send and tells the application what happened, until both are quiet. */
  private pump(now: number): void {
    // A device may hand packets back before `send` returns; they are looked at when the loop comes round.
    if (this.pumping) return;
    this.pumping = true;
    while (this.isTouched) {
      this.isTouched = false;
      this.deliverEvents(now);
      this.transmit(now);
      // Sending may end a connection.
      if (this.deliverEvents(now)) this.isTouched = true;
    }
    this.pumping = false;
    this.simulator.schedule(this, Math.min(this.stack.pollTimeout(), this.application.pollTimeout()));
  }

  /** Tells the application what the stack has to say; returns whether that was anything. */
  private deliverEvents(now: number): boolean {
    let event = this.stack.pollEvent();
    if (event === undefined) return false;
    for (; event !== undefined; event = this.stack.pollEvent()) this.application.handleEvent(now, event);
    return true;
  }

  private transmit(now: number): void {
    const { out, slab, stack } = this;
    for (let count = 0; ; count++) {
      assert(count < maxPacketsAtOnce, `${this.name} sends without end`);
      out.bytes = slab.reserve(this.largestPacket);
      out.offset = slab.offset;
      if (!stack.pollTransmit(now, out)) return;
      const { length, note } = out;
      const packet =
        note === undefined
          ? new Packet(slab.take(length), out.segmentSize, out.checksumStart >= 0, slab.buffer)
          : Packet.of(note, length);
      this.ports[out.interfaceId]!.device.send(now, packet);
    }
  }
}

/** Where a device of the host delivers. */
class HostPort implements PacketReceiver {
  readonly device: Device;
  private readonly host: Host;
  private readonly id: number;

  constructor(host: Host, device: Device, id: number) {
    this.host = host;
    this.device = device;
    this.id = id;
  }

  handlePacket(now: number, packet: Packet): void {
    this.host.receive(now, this.id, packet);
  }

  handleCarrier(now: number, up: boolean): void {
    this.host.setCarrier(now, this.id, up);
  }
}

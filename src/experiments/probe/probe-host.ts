/** A probe as a host of the simulated network: one device, one run after the other. */

import { assert, NEVER } from '../../base/index.js';
import {
  type Device,
  type EventItem,
  Packet,
  type PacketReceiver,
  type Simulator,
  withChecksum,
} from '../../network/index.js';
import type { ScriptRun } from '../../probe/index.js';
import { IpPacket } from '../../wire/index.js';

/** Drives runs over a device in virtual time. */
export class ProbeHost implements PacketReceiver, EventItem {
  dueAt = NEVER;
  dueOrder = 0;
  queueIndex = -1;
  private readonly simulator: Simulator;
  private readonly device: Device;
  private readonly ip = new IpPacket();
  private current: ScriptRun<unknown> | undefined;

  constructor(simulator: Simulator, device: Device) {
    this.simulator = simulator;
    this.device = device;
    device.attach(this);
  }

  /** Drives `run` to its end, or until `isEnough` stops it, and lets the network come to rest; virtual time passes. */
  complete(run: ScriptRun<unknown>, isEnough?: () => boolean): void {
    this.current = run;
    run.begin(this.simulator.now);
    this.pump(this.simulator.now);
    while (!run.isOver) {
      const outcome = this.simulator.run({ maxEvents: isEnough === undefined ? 1000 : 1, until: this.dueAt });
      if (isEnough?.() === true) run.stop(this.simulator.now);
      assert(outcome !== 'idle' || run.isOver, 'a run of the probe waits for nothing');
    }
    this.pump(this.simulator.now);
    this.simulator.cancel(this);
    this.current = undefined;
  }

  handlePacket(now: number, packet: Packet): void {
    if (this.current === undefined) return;
    this.current.handlePacket(now, withChecksum(packet, this.ip).bytes.slice());
    this.pump(now);
  }

  handleCarrier(): void {
    // The links of these worlds do not go down.
  }

  handleDue(now: number): void {
    this.current?.handleTimeout(now);
    this.pump(now);
  }

  private pump(now: number): void {
    const { current } = this;
    if (current === undefined) return;
    for (let bytes = current.pollTransmit(); bytes !== undefined; bytes = current.pollTransmit())
      this.device.send(now, new Packet(bytes));
    this.simulator.schedule(this, current.pollTimeout());
  }
}

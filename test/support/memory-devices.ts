/** Two devices joined by memory, for event loops: what goes in at one comes out at the other a turn later. */
import {
  noReceiver,
  type Device,
  type DeviceCapabilities,
  type Packet,
  type PacketReceiver,
} from '../../src/network/index.js';

const DEFAULTS: DeviceCapabilities = { mtu: 1500, checksumOffload: true, maxOffloadBytes: 65_000 };

export class MemoryDevice implements Device {
  readonly capabilities: DeviceCapabilities;
  isUp = true;
  /** Packets that were given to it. */
  packets = 0;
  private receiver: PacketReceiver = noReceiver;
  private peer: MemoryDevice | undefined;
  private queue: Packet[] = [];

  constructor(capabilities: DeviceCapabilities) {
    this.capabilities = capabilities;
  }

  /** Makes two that are joined. */
  static pair(capabilities: Partial<DeviceCapabilities> = {}): [MemoryDevice, MemoryDevice] {
    const left = new MemoryDevice({ ...DEFAULTS, ...capabilities });
    const right = new MemoryDevice({ ...DEFAULTS, ...capabilities });
    left.peer = right;
    right.peer = left;
    return [left, right];
  }

  send(_now: number, packet: Packet): void {
    this.packets++;
    if (!this.isUp) return;
    if (this.queue.push(packet) === 1) setImmediate(() => this.deliver());
  }

  attach(receiver: PacketReceiver): void {
    this.receiver = receiver;
  }

  /** Cuts or mends the line at this end, and says so. */
  setUp(up: boolean): void {
    this.isUp = up;
    this.receiver.handleCarrier(0, up);
  }

  private deliver(): void {
    const { queue, peer } = this;
    this.queue = [];
    if (peer === undefined || !peer.isUp) return;
    for (const packet of queue) peer.receiver.handlePacket(0, packet);
  }
}

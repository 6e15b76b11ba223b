/**
 * A queue before a wire that paths of several hosts go through: packets of all of them wait together, and each goes on
 * along its own path. One way only; it is put before devices, and knows nothing of what is in a packet.
 */

import { Deque } from '../base/index.js';
import type { Device, DeviceCapabilities, Packet, PacketReceiver } from './device.js';
import { LinkDirection } from './link.js';
import { defaultLinkOptions, type LinkCounters, type LinkOptions } from './link-options.js';
import type { Simulator } from './simulator.js';

/** What of a link a bottleneck can have: whatever leaves it is a packet that came, so that it can tell whose it is. */
export type BottleneckOptions = Pick<LinkOptions, 'rateBps' | 'delayNs' | 'jitterNs' | 'loss' | 'queue'>;

export class SharedBottleneck implements PacketReceiver {
  private readonly direction: LinkDirection;
  /** Where the packets inside go on; they leave in the order in which they came. */
  private readonly exits = new Deque<Device>();

  /** What is left out of `options` is that of {@link defaultLinkOptions}. */
  constructor(simulator: Simulator, options: Partial<BottleneckOptions>) {
    this.direction = new LinkDirection(simulator, { ...defaultLinkOptions, ...options });
    this.direction.attach(this);
  }

  get counters(): LinkCounters {
    return this.direction.counters;
  }

  /** Changes properties from `now` on; see {@link LinkDirection.configure}. */
  configure(now: number, changes: Partial<BottleneckOptions>): void {
    this.direction.configure(now, changes);
  }

  /** A device that sends through the bottleneck to `device`; what that receives comes in as before. It takes no super-segments. */
  before(device: Device): Device {
    return new BottleneckEntry(this, device);
  }

  /** Takes over `packet`, which goes on to `exit`. */
  offer(now: number, packet: Packet, exit: Device): void {
    const { direction, exits } = this;
    const before = direction.packetsInside;
    direction.offer(now, packet);
    if (direction.packetsInside > before) exits.push(exit);
  }

  handlePacket(now: number, packet: Packet): void {
    this.exits.shift()!.send(now, packet);
  }

  handleCarrier(): void {
    // Nobody can bring it down.
  }
}

class BottleneckEntry implements Device {
  readonly capabilities: DeviceCapabilities;
  private readonly bottleneck: SharedBottleneck;
  private readonly exit: Device;

  constructor(bottleneck: SharedBottleneck, exit: Device) {
    this.bottleneck = bottleneck;
    this.exit = exit;
    this.capabilities = { ...exit.capabilities, checksumOffload: false, maxOffloadBytes: 0 };
  }

  get isUp(): boolean {
    return this.exit.isUp;
  }

  send(now: number, packet: Packet): void {
    this.bottleneck.offer(now, packet, this.exit);
  }

  attach(receiver: PacketReceiver): void {
    this.exit.attach(receiver);
  }
}

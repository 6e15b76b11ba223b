/**
 * The simulated data path: a balancer with devices, and the box before a server that unpacks. The balancer's machine is a switch
 * too: what is for a server's own address goes there, what comes from a server and is for no server goes out, whatever the
 * balancer thinks; so answers pass it by. Decides nothing: every packet goes where the verdict says.
 */
import { NEVER } from '../base/index.js';
import {
  type Device,
  type EventItem,
  type Middlebox,
  type MiddleboxOutput,
  type Direction,
  Packet,
  type PacketReceiver,
  type Simulator,
} from '../network/index.js';
import type { IpAddress } from '../wire/index.js';
import { IpPacket, parseIp } from '../wire/index.js';
import type { Balancer } from './balancer.js';
import type { DaisyChain } from './daisy-chain.js';
import { encapsulate } from './encapsulation.js';
import { type Verdict, VerdictAction } from './verdict.js';

/** What happened at the machine of a balancer, beside what the balancer itself counts. */
export class SimulatedBalancerCounters {
  /** Packets that were for a server's own address. */
  switched = 0;
  /** Bytes that encapsulation added. */
  overheadBytes = 0;
  /** Encapsulated packets that came from outside, and were stopped at the border. */
  stopped = 0;
  /** Packets for which there was no device. */
  unreachable = 0;
}

/** The machine of a balancer. */
export class SimulatedBalancer implements EventItem {
  dueAt = NEVER;
  dueOrder = 0;
  queueIndex = -1;
  readonly counters = new SimulatedBalancerCounters();
  balancer: Balancer;
  private readonly simulator: Simulator;
  private readonly address: IpAddress;
  /** Ways to clients, with the addresses behind each. */
  private readonly outside: { readonly device: Device; readonly addresses: readonly IpAddress[] }[] = [];
  /** Ways to servers, by number, with the server's own address. */
  private readonly inside = new Map<number, { readonly device: Device; readonly address: IpAddress }>();
  private readonly ip = new IpPacket();

  /** `address` is where encapsulated packets come from. */
  constructor(simulator: Simulator, balancer: Balancer, address: IpAddress) {
    this.simulator = simulator;
    this.balancer = balancer;
    this.address = address;
  }

  /** Attaches a device that leads to clients with these addresses. */
  addClients(device: Device, addresses: readonly IpAddress[]): void {
    this.outside.push({ device, addresses });
    device.attach(new Port((now, packet) => this.takeOutside(now, packet)));
  }

  /** Attaches a device that leads to server `id`, whose own address is `address`. */
  addServer(device: Device, id: number, address: IpAddress): void {
    this.inside.set(id, { device, address });
    device.attach(new Port((now, packet) => this.takeInside(now, packet)));
  }

  handleDue(now: number): void {
    this.balancer.handleTimeout(now);
    this.simulator.schedule(this, this.balancer.pollTimeout());
  }

  /** Has the balancer's clock looked after: to be called after a change of servers. */
  wake(): void {
    this.simulator.schedule(this, this.balancer.pollTimeout());
  }

  private takeOutside(now: number, packet: Packet): void {
    const { bytes } = packet;
    if (this.isTunnel(bytes)) {
      this.counters.stopped++;
      return;
    }
    if (this.sendInside(now, packet)) return;
    this.carryOut(now, packet, this.balancer.steer(now, bytes));
    this.wake();
  }

  private takeInside(now: number, packet: Packet): void {
    if (!this.sendInside(now, packet)) this.sendOutside(now, packet);
  }

  private carryOut(now: number, packet: Packet, verdict: Verdict): void {
    const { server } = verdict;
    const to = server === undefined ? undefined : this.inside.get(server.id);
    if (server === undefined || to === undefined) return;
    if (verdict.action !== VerdictAction.ENCAPSULATE) {
      to.device.send(now, packet);
      return;
    }
    const outer = encapsulate(packet.bytes, 0, packet.bytes.length, {
      source: this.address,
      destination: server.address,
      previous: verdict.previous?.address,
      movedAtSeconds: verdict.movedAtSeconds,
      generation: verdict.generation,
    });
    this.counters.overheadBytes += outer.length - packet.bytes.length;
    to.device.send(now, new Packet(outer));
  }

  private isTunnel(bytes: Uint8Array): boolean {
    const { ip } = this;
    return parseIp(bytes, 0, bytes.length, ip) === undefined && (ip.protocol === 4 || ip.protocol === 41);
  }

  /** Sends a packet to the server whose own address it is for, if it is for one. */
  private sendInside(now: number, packet: Packet): boolean {
    const { bytes } = packet;
    const { ip } = this;
    if (parseIp(bytes, 0, bytes.length, ip) !== undefined) return false;
    for (const { device, address } of this.inside.values()) {
      if (address.family !== ip.family || !address.equalsBytes(bytes, ip.destinationOffset)) continue;
      this.counters.switched++;
      device.send(now, packet);
      return true;
    }
    return false;
  }

  private sendOutside(now: number, packet: Packet): void {
    const { bytes } = packet;
    const { ip } = this;
    for (const { device, addresses } of this.outside) {
      for (const address of addresses) {
        if (address.family !== ip.family || !address.equalsBytes(bytes, ip.destinationOffset)) continue;
        device.send(now, packet);
        return;
      }
    }
    this.counters.unreachable++;
  }
}

/** A device of the machine. */
class Port implements PacketReceiver {
  private readonly take: (now: number, packet: Packet) => void;

  constructor(take: (now: number, packet: Packet) => void) {
    this.take = take;
  }

  handlePacket(now: number, packet: Packet): void {
    this.take(now, packet);
  }

  handleCarrier(): void {
    // Servers that are out of reach are taken off the list; the device drops what is for them.
  }
}

/** The box before a server: unpacks what is its own and sends on what is another's. */
export class UnpackingBox implements Middlebox {
  private readonly chain: DaisyChain;
  private readonly stack: { knowsPacket(now: number, bytes: Uint8Array): boolean };

  /** `stack` is the server's. */
  constructor(chain: DaisyChain, stack: { knowsPacket(now: number, bytes: Uint8Array): boolean }) {
    this.chain = chain;
    this.stack = stack;
  }

  handlePacket(now: number, packet: Packet, direction: Direction, out: MiddleboxOutput): void {
    const { chain } = this;
    let arrival = direction === 'outward' ? 'plain' : chain.open(packet.bytes);
    if (arrival === 'plain') {
      out.pass(packet, direction);
      return;
    }
    if (arrival === 'drop') return;
    const inner = packet.bytes.subarray(chain.innerOffset, chain.innerOffset + chain.innerLength);
    if (arrival === 'ask') arrival = chain.settle(now, this.stack.knowsPacket(now, inner));
    if (arrival === 'keep') out.pass(new Packet(inner), 'inward');
    else if (arrival === 'forward') out.pass(new Packet(chain.forwarded(now)), 'outward');
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Holds nothing back.
  }
}

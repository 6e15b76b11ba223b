/**
 * Where the ways of clients and servers cross, before the balancer: what is for the service takes the link to the balancer, what is
 * for a server's own address goes straight there. It counts, over time, what of clients' bytes passes the balancer.
 */

import type { Packet } from '../../network/index.js';
import { type Device, type PacketReceiver } from '../../network/index.js';
import { type IpAddress, IpPacket, parseIp } from '../../wire/index.js';

/** A way to somebody. */
interface Way {
  readonly address: IpAddress;
  readonly device: Device;
}

export class Crossing {
  /** Bytes of IP packets to and from clients, by bin of time, and those of them that passed the balancer. */
  readonly totalBytes: number[] = [];
  readonly balancedBytes: number[] = [];
  private readonly balancer: Device;
  private readonly binNs: number;
  private readonly clients: Way[] = [];
  private readonly servers: Way[] = [];
  private readonly ip = new IpPacket();

  /** `balancer` is the link to the balancer; `binNs` the width of a bin of time. */
  constructor(balancer: Device, binNs: number) {
    this.balancer = balancer;
    this.binNs = binNs;
    balancer.attach(port((now, packet) => this.sendOut(now, packet, true)));
  }

  /** Attaches a device that leads to a client. */
  addClient(device: Device, address: IpAddress): void {
    this.clients.push({ device, address });
    device.attach(port((now, packet) => this.sendIn(now, packet)));
  }

  /** Attaches a device that leads to a server's own address. */
  addServer(device: Device, address: IpAddress): void {
    this.servers.push({ device, address });
    this.addReturn(device);
  }

  /** Attaches a device by which a server answers past the balancer. */
  addReturn(device: Device): void {
    device.attach(port((now, packet) => this.sendOut(now, packet, false)));
  }

  private sendIn(now: number, packet: Packet): void {
    const own = this.wayOf(this.servers, packet);
    this.count(now, packet, own === undefined);
    (own?.device ?? this.balancer).send(now, packet);
  }

  private sendOut(now: number, packet: Packet, isBalanced: boolean): void {
    this.count(now, packet, isBalanced);
    this.wayOf(this.clients, packet)?.device.send(now, packet);
  }

  private wayOf(ways: readonly Way[], { bytes }: Packet): Way | undefined {
    const { ip } = this;
    if (parseIp(bytes, 0, bytes.length, ip) !== undefined) return undefined;
    return ways.find(
      ({ address }) => address.family === ip.family && address.equalsBytes(bytes, ip.destinationOffset),
    );
  }

  private count(now: number, { bytes }: Packet, isBalanced: boolean): void {
    const bin = Math.floor(now / this.binNs);
    while (this.totalBytes.length <= bin) {
      this.totalBytes.push(0);
      this.balancedBytes.push(0);
    }
    this.totalBytes[bin]! += bytes.length;
    if (isBalanced) this.balancedBytes[bin]! += bytes.length;
  }
}

function port(take: (now: number, packet: Packet) => void): PacketReceiver {
  return {
    handlePacket: take,
    handleCarrier: () => undefined,
  };
}

/**
 * A router: takes packets in through its devices and sends them on by the longest matching prefix. Owns the hop limit
 * and the errors that RFC 792 and RFC 4443 want of a router; it neither fragments nor queues (links queue).
 * Read first: RFC 1812 §4.3 and §5.3, RFC 4443 §2.4 and §3, RFC 1191 §4.
 */

import { SubflowError } from '../base/index.js';
import {
  emitIcmp,
  emitIpHeader,
  type IcmpError,
  icmpExtensionBytes,
  icmpLength,
  IcmpUnreachableCode,
  Icmpv6UnreachableCode,
  ipHeaderLength,
  IpAddress,
  IpPacket,
  IpProtocol,
  pseudoHeaderSum,
  type WritableIcmpExtension,
} from '../wire/index.js';
import { type Device, Packet, type PacketReceiver } from './device.js';
import { decrementHopLimit, readIp, wireBytes } from './packet-edit.js';

/** Most bytes of an ICMP error: what every path carries (RFC 1812 §4.3.2.3, RFC 4443 §2.4 c). */
const maxErrorBytes = { 4: 576, 6: 1280 } as const;

/** What happened to packets. */
export class RouterCounters {
  forwarded = 0;
  /** The hop limit ran out. */
  droppedHopLimit = 0;
  /** Larger than the device they would have left by carries. */
  droppedTooBig = 0;
  /** No route. */
  droppedNoRoute = 0;
  /** No IP packet, or for the router itself. */
  droppedOther = 0;
  /** ICMP errors sent. */
  errorsSent = 0;
}

/** A way to a prefix. */
interface Route {
  readonly prefix: IpAddress;
  readonly prefixLength: number;
  readonly port: RouterPort;
}

/** How a router complains. */
export interface RouterOptions {
  /** Most bytes of a packet that errors quote; as many as fit when left out. 28 are the least of IPv4 (RFC 792). */
  readonly maxQuotedBytes?: number;
  /** What errors tell behind the quotation, which is padded with zeros to 128 bytes then (RFC 4884 §4.1). */
  readonly extensions?: readonly WritableIcmpExtension[];
}

/** Where extensions begin at the earliest, and a multiple of what either family counts quotations in (RFC 4884 §4). */
const minPaddedBytes = 128;

/** See the module. */
export class Router {
  readonly counters = new RouterCounters();
  /** Longest prefix first. */
  private readonly routes: Route[] = [];
  private readonly ports: RouterPort[] = [];
  private readonly ip = new IpPacket();
  private readonly maxQuotedBytes: number;
  private readonly extensions: Uint8Array | undefined;

  constructor(options: RouterOptions = {}) {
    this.maxQuotedBytes = options.maxQuotedBytes ?? Infinity;
    this.extensions = options.extensions && icmpExtensionBytes(options.extensions);
  }

  /** Attaches the router to `device`; `addresses`, one for each family, are whom its errors come from. Returns an id. */
  addDevice(device: Device, addresses: readonly IpAddress[]): number {
    const port = new RouterPort(this, device, addresses);
    device.attach(port);
    return this.ports.push(port) - 1;
  }

  /** Sends packets to the prefix by the device `id`. Of equal prefixes the one added last counts. */
  addRoute(prefix: IpAddress, prefixLength: number, id: number): void {
    const port = this.ports[id];
    if (port === undefined) throw new SubflowError('ERR_SUBFLOW_ARGUMENT', `the router has no device ${id}`);
    const place = this.routes.findIndex((route) => route.prefixLength <= prefixLength);
    this.routes.splice(place < 0 ? this.routes.length : place, 0, { prefix, prefixLength, port });
  }

  /** Takes away the routes to exactly this prefix. */
  removeRoute(prefix: IpAddress, prefixLength: number): void {
    for (let i = this.routes.length - 1; i >= 0; i--) {
      const route = this.routes[i]!;
      if (route.prefixLength === prefixLength && route.prefix.equals(prefix)) this.routes.splice(i, 1);
    }
  }

  /** Forwards `packet`, which came in through `from`. */
  forward(now: number, packet: Packet, from: RouterPort): void {
    const { counters, ip } = this;
    if (!readIp(packet, ip) || this.isOwn(ip)) {
      counters.droppedOther++;
      return;
    }
    if (ip.hopLimit <= 1) {
      counters.droppedHopLimit++;
      this.sendError(now, packet, from, (quotedBytes) => ({ type: 'time-exceeded', code: 0, quotedBytes }));
      return;
    }
    const to = this.lookUp(ip.family, packet.bytes, ip.destinationOffset);
    if (to === undefined) {
      counters.droppedNoRoute++;
      const code = ip.family === 4 ? IcmpUnreachableCode.NETWORK : Icmpv6UnreachableCode.NO_ROUTE;
      this.sendError(now, packet, from, (quotedBytes) => ({ type: 'unreachable', code, quotedBytes }));
      return;
    }
    const { mtu } = to.device.capabilities;
    if (wireBytes(packet, ip) > mtu) {
      counters.droppedTooBig++;
      this.sendError(now, packet, from, (quotedBytes) => tooBig(ip.family, mtu, quotedBytes));
      return;
    }
    decrementHopLimit(packet.bytes, ip);
    counters.forwarded++;
    to.device.send(now, packet);
  }

  private lookUp(family: 4 | 6, bytes: Uint8Array, offset: number): RouterPort | undefined {
    const destination = IpAddress.read(family, bytes, offset);
    for (const route of this.routes) {
      if (route.prefix.sharesPrefix(destination, route.prefixLength)) return route.port;
    }
    return undefined;
  }

  private isOwn(ip: IpPacket): boolean {
    const { bytes, destinationOffset, family } = ip;
    return this.ports.some(({ addresses }) =>
      addresses.some((own) => own.family === family && own.equalsBytes(bytes, destinationOffset)),
    );
  }

  /** Tells the sender of the packet that `ip` describes what became of it, unless that could make matters worse. */
  private sendError(
    now: number,
    packet: Packet,
    from: RouterPort,
    describe: (quotedBytes: Uint8Array) => IcmpError,
  ): void {
    const { ip } = this;
    const { family } = ip;
    const source = from.addresses.find((own) => own.family === family);
    const destination = IpAddress.read(family, packet.bytes, ip.sourceOffset);
    if (source === undefined || !this.mayComplain(packet, destination)) return;
    const ipBytes = ipHeaderLength(family);
    const message = this.extended(describe(this.quotation(packet, maxErrorBytes[family] - ipBytes - 8)));
    const protocol = family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6;
    const payloadLength = icmpLength(message);
    const bytes = new Uint8Array(ipBytes + payloadLength);
    emitIpHeader(bytes, 0, { source, destination, protocol, payloadLength, hopLimit: 64 });
    const pseudo = family === 4 ? 0 : pseudoHeaderSum(source, destination, protocol, payloadLength);
    emitIcmp(message, family, bytes, ipBytes, pseudo);
    this.counters.errorsSent++;
    from.device.send(now, new Packet(bytes));
  }

  /** What an error with room for `room` bytes quotes. */
  private quotation({ bytes }: Packet, room: number): Uint8Array {
    const { extensions, maxQuotedBytes } = this;
    if (extensions === undefined) return bytes.slice(0, Math.min(room, maxQuotedBytes));
    // A quotation before extensions has whole words, of eight bytes in IPv6.
    const length = Math.min(bytes.length, maxQuotedBytes, (room - extensions.length) & ~7);
    const padded = new Uint8Array(Math.max(minPaddedBytes, (length + 7) & ~7));
    padded.set(bytes.subarray(0, length));
    return padded;
  }

  /** The error with what this router tells of itself, if it is of a kind that may (RFC 4884 §4). */
  private extended(message: IcmpError): IcmpError {
    const { extensions } = this;
    return extensions === undefined || message.type === 'packet-too-big'
      ? message
      : { ...message, extensions };
  }

  /** RFC 1122 §3.2.2, RFC 4443 §2.4 e: no errors about errors, later fragments or packets from nobody in particular. */
  private mayComplain(packet: Packet, source: IpAddress): boolean {
    const { ip } = this;
    if (ip.fragmentOffset !== 0 || !source.isOneHost) return false;
    const type = packet.bytes[ip.payloadOffset];
    if (ip.protocol === IpProtocol.ICMP) return type === 0 || type === 8;
    return ip.protocol !== IpProtocol.ICMPV6 || (type !== undefined && type >= 128);
  }
}

function tooBig(family: 4 | 6, mtuBytes: number, quotedBytes: Uint8Array): IcmpError {
  return family === 4
    ? { type: 'unreachable', code: IcmpUnreachableCode.FRAGMENTATION_NEEDED, mtuBytes, quotedBytes }
    : { type: 'packet-too-big', code: 0, mtuBytes, quotedBytes };
}

/** One device of a router. */
class RouterPort implements PacketReceiver {
  readonly device: Device;
  readonly addresses: readonly IpAddress[];
  private readonly router: Router;

  constructor(router: Router, device: Device, addresses: readonly IpAddress[]) {
    this.router = router;
    this.device = device;
    this.addresses = addresses;
  }

  handlePacket(now: number, packet: Packet): void {
    this.router.forward(now, packet, this);
  }

  handleCarrier(): void {
    // Routes are the owner's business, whatever the state of a device.
  }
}

/**
 * Packets on the host's own addresses, without a TUN: the userspace stack speaks TCP with other hosts from an address that the
 * kernel has configured, and neither firewall nor routing is touched. What comes in is seen by a packet socket, which gets a copy;
 * what goes out leaves by a raw IP socket bound to the interface; and a {@link PortShield} keeps the kernel from answering.
 *
 * Only TCP segments to shielded ports come in, and ICMP errors. A port is shielded when the stack first sends from it;
 * one to listen on, by {@link RawDevice.listenOn} until {@link RawDevice.stopListening}. No offload on the way out; on the way in, what the kernel has merged comes
 * merged.
 *
 * Read first: packet(7), raw(7).
 */
import { closeSync } from 'node:fs';
import {
  type Device,
  type DeviceCapabilities,
  noReceiver,
  Packet,
  type PacketReceiver,
} from '../network/index.js';
import { IpAddress, IpPacket, IpProtocol, parseIp, readU16 } from '../wire/index.js';
import { SubflowError } from '../base/index.js';
import {
  AF_INET,
  AF_INET6,
  AF_PACKET,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_PACKET,
  SOL_SOCKET,
  SO_BINDTODEVICE,
  SO_RCVBUFFORCE,
} from './constants.js';
import {
  NativeBuffer,
  bind,
  ioctl,
  sendFrom,
  setsockopt,
  socket,
  watchReadable,
  type ReadableWatch,
} from './libc.js';
import { LinkMonitor } from './link-monitor.js';
import { inside, type NetworkNamespace } from './namespace.js';
import { attachFilter, packetsTo4, packetsTo6 } from './packet-filter.js';
import { PortShield } from './port-shield.js';
import { MAX_PACKET_BYTES, MAX_READ_BYTES, ReceivedPacket, readPacket } from './received-packet.js';
import { SlabAllocator } from './slab-allocator.js';
import { encodeSocketAddress } from './socket-address.js';
import { SystemError } from './system-error.js';
import type { DeviceStatistics } from './tun.js';
import type { DeviceOwner } from './tun-device.js';

const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const IPPROTO_RAW = 255;
const PACKET_VNET_HDR = 15;
const SIOCGIFMTU = 0x8921;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
/** Kinds of links whose packets start with an Ethernet header (linux/if_arp.h); all others that are served have none. */
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;
const ETHERNET_HEADER_BYTES = 14;

const RECEIVE_BUFFER_BYTES = 16 << 20;
const BATCH = 64;
const DEFAULT_MAX_PORTS = 1024;

export interface RawDeviceOptions {
  /** The interface that owns the address. */
  readonly interfaceName: string;
  /** The address to speak from, one that the kernel has on the interface. */
  readonly address: IpAddress;
  /** Where the interface is; the caller's namespace when absent. */
  readonly namespace?: NetworkNamespace;
  /** Ports shielded for connections at a time; 1024 when absent. The one used longest ago goes first. */
  readonly maxPorts?: number;
  /**
   * Hands over every ICMP error and echo reply, as who traces a path wants, and not only what a stack acts on; false when
   * absent.
   */
  readonly allIcmp?: boolean;
}

export class RawDevice implements Device {
  readonly capabilities: DeviceCapabilities;
  readonly statistics: DeviceStatistics = { packetsReceived: 0, packetsSent: 0, packetsDropped: 0 };
  private readonly address: IpAddress;
  private readonly owner: DeviceOwner;
  private readonly allIcmp: boolean;
  private readonly shield: PortShield;
  private readonly monitor: LinkMonitor;
  private readonly receiveFd: number;
  private readonly sendFd: number;
  private readonly linkHeaderBytes: number;
  private readonly watch: ReadableWatch;
  private readonly slabs = new SlabAllocator(MAX_READ_BYTES);
  private readonly incoming = new ReceivedPacket();
  private readonly outgoing = new NativeBuffer(MAX_PACKET_BYTES);
  private readonly ip = new IpPacket();
  private receiver: PacketReceiver = noReceiver;
  /** The destination last sent to, as the kernel wants it: packets come in runs. */
  private lastDestination: IpAddress | undefined;
  private lastSocketAddress: Uint8Array = new Uint8Array(0);
  private closed = false;

  /**
   * @throws SystemError `EPERM` without CAP_NET_RAW, `ENODEV` for an interface that is not there.
   * @throws SubflowError `ERR_SUBFLOW_LINK_TYPE` for a link that carries neither Ethernet frames nor bare IP.
   */
  constructor(options: RawDeviceOptions, owner: DeviceOwner) {
    const { interfaceName, address, namespace, maxPorts = DEFAULT_MAX_PORTS } = options;
    this.address = address;
    this.owner = owner;
    this.allIcmp = options.allIcmp ?? false;
    const opened: number[] = [];
    try {
      const sockets = inside(namespace, () => openSockets(interfaceName, address, opened));
      this.receiveFd = sockets.receiveFd;
      this.sendFd = sockets.sendFd;
      this.linkHeaderBytes = sockets.linkHeaderBytes;
      this.capabilities = { mtu: sockets.mtu, checksumOffload: false, maxOffloadBytes: 0 };
      this.monitor = new LinkMonitor(interfaceName, namespace, (up) => {
        this.receiver.handleCarrier(owner.beginInput(), up);
        owner.endInput();
      });
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      throw error;
    }
    this.shield = new PortShield(address, namespace, maxPorts);
    this.watch = watchReadable(this.receiveFd, () => this.receiveBatch());
  }

  get isUp(): boolean {
    return !this.closed && this.monitor.isUp;
  }

  attach(receiver: PacketReceiver): void {
    this.receiver = receiver;
  }

  /**
   * Takes `port` from the kernel for a listener of the stack's.
   * @throws SystemError `EADDRINUSE` when a program of the kernel's has it.
   */
  listenOn(port: number): void {
    this.shield.keep(port);
  }

  /** The listener on `port` is gone; what it accepted goes on. */
  stopListening(port: number): void {
    this.shield.unkeep(port);
  }

  /**
   * Sends a packet; one that the kernel would not take is dropped and counted. So is one from a port that belongs to a program of
   * the kernel's: the connection fails in time, as on a path that carries nothing.
   */
  send(_now: number, packet: Packet): void {
    const { bytes } = packet;
    if (this.closed || bytes.length > MAX_PACKET_BYTES || !this.parse(bytes) || !this.mayUsePort(bytes)) {
      this.statistics.packetsDropped++;
      return;
    }
    this.outgoing.bytes.set(bytes);
    const sent = sendFrom(this.sendFd, this.outgoing.address, bytes.length, this.socketAddress(bytes));
    if (sent >= 0) this.statistics.packetsSent++;
    else this.statistics.packetsDropped++;
  }

  /** Shields the port that the packet in `ip` leaves from; false when it is taken. */
  private mayUsePort(bytes: Uint8Array): boolean {
    if (this.ip.protocol !== IpProtocol.TCP) return true;
    try {
      this.shield.use(readU16(bytes, this.ip.payloadOffset));
      return true;
    } catch (error) {
      if (error instanceof SystemError) return false;
      throw error;
    }
  }

  /** Gives the ports back to the kernel, which will reset what still comes for them. Closing twice does nothing. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.watch.close();
    this.monitor.close();
    this.shield.close();
    closeSync(this.receiveFd);
    closeSync(this.sendFd);
  }

  private receiveBatch(): void {
    const now = this.owner.beginInput();
    const { incoming } = this;
    for (let i = 0; i < BATCH && !this.closed; i++) {
      if (!readPacket(this.receiveFd, this.slabs, this.linkHeaderBytes, incoming)) break;
      if (!this.isWanted(incoming.bytes)) continue;
      this.statistics.packetsReceived++;
      this.receiver.handlePacket(
        now,
        new Packet(incoming.bytes, incoming.segmentSize, incoming.checksumStart >= 0),
      );
    }
    this.owner.endInput();
  }

  /** Segments to ports that are the stack's, and ICMP errors: the kernel answers everything else itself. */
  private isWanted(bytes: Uint8Array): boolean {
    if (!this.parse(bytes)) return false;
    const { ip } = this;
    if (ip.payloadLength < 4) return false;
    switch (ip.protocol) {
      case IpProtocol.TCP:
        return ip.fragmentOffset === 0 && this.shield.has(readU16(bytes, ip.payloadOffset + 2));
      case IpProtocol.ICMP:
        return isWantedIcmp(bytes[ip.payloadOffset]!, this.allIcmp);
      case IpProtocol.ICMPV6:
        return isWantedIcmpv6(bytes[ip.payloadOffset]!, this.allIcmp);
      default:
        return false;
    }
  }

  private parse(bytes: Uint8Array): boolean {
    return parseIp(bytes, 0, bytes.length, this.ip) === undefined && this.ip.family === this.address.family;
  }

  private socketAddress(bytes: Uint8Array): Uint8Array {
    const at = this.ip.destinationOffset;
    if (this.lastDestination?.equalsBytes(bytes, at) !== true) {
      const destination = IpAddress.read(this.address.family, bytes, at);
      this.lastDestination = destination;
      this.lastSocketAddress = encodeSocketAddress(destination.toString(), 0);
    }
    return this.lastSocketAddress;
  }
}

const ICMP_ECHO_REPLY = 0;
const ICMP_UNREACHABLE = 3;
const ICMP_TIME_EXCEEDED = 11;
const ICMP_PARAMETER_PROBLEM = 12;
const ICMPV6_PACKET_TOO_BIG = 2;
const ICMPV6_PARAMETER_PROBLEM = 4;
const ICMPV6_ECHO_REPLY = 129;

/** Whether to hand over an ICMP message of this type. */
function isWantedIcmp(type: number, all: boolean): boolean {
  if (type === ICMP_UNREACHABLE) return true;
  return all && [ICMP_ECHO_REPLY, ICMP_TIME_EXCEEDED, ICMP_PARAMETER_PROBLEM].includes(type);
}

function isWantedIcmpv6(type: number, all: boolean): boolean {
  if (type <= ICMPV6_PACKET_TOO_BIG) return true;
  return all && (type <= ICMPV6_PARAMETER_PROBLEM || type === ICMPV6_ECHO_REPLY);
}

interface Sockets {
  readonly receiveFd: number;
  readonly sendFd: number;
  readonly mtu: number;
  readonly linkHeaderBytes: number;
}

/** Opens both sockets; every descriptor goes to `opened` at once, so that a failure leaves none behind. */
function openSockets(interfaceName: string, address: IpAddress, opened: number[]): Sockets {
  const type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
  // Protocol 0: nothing comes in before the filter and the interface are set.
  const receiveFd = socket(AF_PACKET, type, 0);
  opened.push(receiveFd);
  setsockopt(receiveFd, SOL_PACKET, PACKET_VNET_HDR, 1);
  setsockopt(receiveFd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES);
  const { a, b, c, d } = address;
  attachFilter(
    receiveFd,
    address.family === 4 ? packetsTo4(d, [IpProtocol.TCP, IpProtocol.ICMP]) : packetsTo6([a, b, c, d]),
  );
  const linkHeaderBytes = linkHeaderOf(
    interfaceName,
    interfaceNumber(receiveFd, SIOCGIFHWADDR, interfaceName, 2),
  );
  const mtu = interfaceNumber(receiveFd, SIOCGIFMTU, interfaceName, 4);
  const index = interfaceNumber(receiveFd, SIOCGIFINDEX, interfaceName, 4);
  const local = new Uint8Array(20);
  const view = new DataView(local.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, address.family === 4 ? ETH_P_IP : ETH_P_IPV6);
  view.setInt32(4, index, true);
  bind(receiveFd, local, interfaceName);
  const sendFd = socket(address.family === 4 ? AF_INET : AF_INET6, type, IPPROTO_RAW);
  opened.push(sendFd);
  setsockopt(sendFd, SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${interfaceName}\0`));
  return { receiveFd, sendFd, mtu: Math.min(mtu, 65_535), linkHeaderBytes };
}

/** Asks for a number of `bytes` bytes that the kernel knows of an interface. */
function interfaceNumber(fd: number, request: number, name: string, bytes: 2 | 4): number {
  const argument = new Uint8Array(40);
  argument.set(new TextEncoder().encode(name).subarray(0, 15));
  ioctl(fd, request, argument, name);
  const view = new DataView(argument.buffer);
  return bytes === 2 ? view.getUint16(16, true) : view.getInt32(16, true);
}

function linkHeaderOf(name: string, linkType: number): number {
  if (linkType === ARPHRD_ETHER || linkType === ARPHRD_LOOPBACK) return ETHERNET_HEADER_BYTES;
  // ARPHRD_PPP, ARPHRD_RAWIP, ARPHRD_TUNNEL, ARPHRD_TUNNEL6, ARPHRD_NONE: bare IP packets.
  if ([512, 519, 768, 769, 0xfffe].includes(linkType)) return 0;
  throw new SubflowError(
    'ERR_SUBFLOW_LINK_TYPE',
    `${name} is a kind of link that is not served (${linkType})`,
    {
      hint: 'Use an Ethernet, loopback, PPP or tunnel interface, or a TUN device.',
    },
  );
}

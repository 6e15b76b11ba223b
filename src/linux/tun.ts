/**
 * TUN devices: IP packets exchanged with the kernel of a network namespace through a descriptor. Owns the descriptor,
 * the virtio header in front of every packet, and the memory that packets are received into; knows nothing of what the
 * packets say beyond the IP version. With offload the kernel hands over TCP segments of up to 64 KiB whose checksum it
 * did not compute, and cuts and finishes what it is given the same way.
 *
 * Read first: Linux Documentation/networking/tuntap.rst, and struct virtio_net_hdr in the virtio specification
 * (VIRTIO 1.2 §5.1.6).
 */
import { closeSync, constants, openSync } from 'node:fs';
import { SubflowError } from '../base/index.js';
import {
  EAGAIN,
  EIO,
  ENOBUFS,
  IFF_NO_PI,
  IFF_TUN,
  IFF_VNET_HDR,
  TUNSETIFF,
  TUNSETOFFLOAD,
  TUN_F_CSUM,
  TUN_F_TSO4,
  TUN_F_TSO6,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_NONE,
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_LENGTH,
} from './constants.js';
import {
  addressOf,
  ioctl,
  ioctlValue,
  unsupportedReason,
  watchReadable,
  writeFrom,
  type ReadableWatch,
} from './libc.js';
import { inside, type NetworkNamespace } from './namespace.js';
import { SlabAllocator } from './slab-allocator.js';
import { SystemError } from './system-error.js';
import { MAX_READ_BYTES, readPacket, type ReceivedPacket } from './received-packet.js';

/** Room that a sender leaves before the IP header, for the header that the device puts there. */
export const TUN_HEADROOM = VIRTIO_NET_HDR_LENGTH;

/** What a device is asked to send; the stack's TransmitBuffer has these. */
export interface OutgoingPacket {
  /** Holds the packet with at least {@link TUN_HEADROOM} bytes before it, which the device overwrites. */
  readonly bytes: Uint8Array;
  /** Where the IP header starts. */
  readonly offset: number;
  /** Bytes from the IP header on. */
  readonly length: number;
  /** Payload bytes of each segment to cut the packet into; 0 to leave it whole. */
  readonly segmentSize: number;
  /** Where the transport header starts, counted from the IP header, when the device fills in the checksum; else -1. */
  readonly checksumStart: number;
  /** Where the checksum field lies within the transport header; -1 when the checksum is whole. */
  readonly checksumOffset: number;
  /** Bytes of the IP header with extensions. */
  readonly ipHeaderLength: number;
  /** Bytes of the TCP header with options. */
  readonly tcpHeaderLength: number;
}

export interface TunOptions {
  /** Name of the interface, 1 to 15 characters; `%d` in it is replaced by a number. */
  readonly name: string;
  /** Where the interface appears; the caller's own namespace when absent. */
  readonly namespace?: NetworkNamespace;
  /** Largest IP packet in bytes, 1280 (the least that IPv6 allows) to 65,535; 1500 when absent. The caller sets it on the interface. */
  readonly mtu?: number;
  /** Let segmentation and checksums be the device's; true when absent. Without, every packet is whole and fits the MTU. */
  readonly offload?: boolean;
}

/** What a device counted since it was opened. */
export interface DeviceStatistics {
  packetsReceived: number;
  packetsSent: number;
  /** Packets that the kernel would not take: the interface is down, or memory short. A link may lose packets. */
  packetsDropped: number;
}

export class Tun {
  readonly name: string;
  readonly mtu: number;
  readonly capabilities: { readonly checksumOffload: boolean; readonly maxOffloadBytes: number };
  readonly statistics: DeviceStatistics = { packetsReceived: 0, packetsSent: 0, packetsDropped: 0 };
  private readonly fd: number;
  private readonly slabs = new SlabAllocator(MAX_READ_BYTES);
  private watch: ReadableWatch | undefined;
  /** The buffer last sent from and its address: a sender has one, and looking it up costs more than the rest. */
  private sendBytes: Uint8Array | undefined;
  private sendAddress = 0;
  private closed = false;

  private constructor(fd: number, name: string, mtu: number, offload: boolean) {
    this.fd = fd;
    this.name = name;
    this.mtu = mtu;
    this.capabilities = { checksumOffload: offload, maxOffloadBytes: offload ? 65_536 : 0 };
  }

  /**
   * Makes the interface; it goes away with the device, and is down and without addresses at first.
   * @throws SystemError `EPERM` without the right to, `EBUSY` when the name is taken, `ENOENT` without the TUN driver.
   */
  static open(options: TunOptions): Tun {
    const { namespace, name, mtu = 1500, offload = true } = options;
    if (name.length < 1 || name.length > 15 || /[/\s]/.test(name)) {
      throw new SubflowError('ERR_SUBFLOW_INVALID_ARGUMENT', `"${name}" cannot name an interface`, {
        hint: 'Use 1 to 15 characters without spaces and slashes.',
      });
    }
    const unsupported = unsupportedReason();
    if (unsupported !== undefined) {
      throw new SubflowError('ERR_SUBFLOW_NOT_LINUX', `a TUN device needs Linux: ${unsupported}`, {
        hint: 'Use the simulation, which runs everywhere: subflow demo --simulate.',
      });
    }
    const open = (): Tun => {
      const fd = openDriver();
      try {
        return new Tun(fd, configure(fd, name, offload), mtu, offload);
      } catch (error) {
        closeSync(fd);
        throw error;
      }
    };
    return inside(namespace, open);
  }

  /** The room a sender has to leave before the IP header. */
  get headroom(): number {
    return TUN_HEADROOM;
  }

  /**
   * Takes the next packet from the kernel. False when none waits.
   * @throws SystemError `EBADFD` when the interface was removed.
   */
  receive(into: ReceivedPacket): boolean {
    if (!readPacket(this.fd, this.slabs, 0, into)) return false;
    this.statistics.packetsReceived++;
    return true;
  }

  /**
   * Hands a packet to the kernel. False when the kernel did not take it, which counts as a loss: its memory is short,
   * or the interface is down.
   * @throws SystemError for anything else, as `EINVAL` for a packet that is none.
   */
  send(packet: OutgoingPacket): boolean {
    const start = packet.offset - VIRTIO_NET_HDR_LENGTH;
    this.writeHeader(packet, start);
    if (packet.bytes !== this.sendBytes) {
      this.sendBytes = packet.bytes;
      this.sendAddress = addressOf(packet.bytes);
    }
    const result = writeFrom(this.fd, this.sendAddress + start, VIRTIO_NET_HDR_LENGTH + packet.length);
    if (result >= 0) {
      this.statistics.packetsSent++;
      return true;
    }
    if (result === -EAGAIN || result === -ENOBUFS || result === -EIO) {
      this.statistics.packetsDropped++;
      return false;
    }
    throw new SystemError('write', -result, { detail: this.name });
  }

  /** Calls `onReadable` from the event loop while packets wait, until closed. Replaces an earlier one. */
  onReadable(onReadable: () => void): void {
    this.watch?.close();
    this.watch = watchReadable(this.fd, onReadable);
  }

  /** Removes the interface. Closing twice does nothing. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.watch?.close();
    closeSync(this.fd);
  }

  /** Writes the virtio header that goes before the packet; all its numbers are little-endian on these machines. */
  private writeHeader(packet: OutgoingPacket, at: number): void {
    const bytes = packet.bytes;
    const partial = packet.checksumStart >= 0;
    const segments = packet.segmentSize > 0;
    const headers = segments ? packet.ipHeaderLength + packet.tcpHeaderLength : 0;
    const version = bytes[packet.offset]! >>> 4;
    bytes[at] = partial ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0;
    bytes[at + 1] = !segments
      ? VIRTIO_NET_HDR_GSO_NONE
      : version === 4
        ? VIRTIO_NET_HDR_GSO_TCPV4
        : VIRTIO_NET_HDR_GSO_TCPV6;
    bytes[at + 2] = headers & 0xff;
    bytes[at + 3] = headers >>> 8;
    bytes[at + 4] = packet.segmentSize & 0xff;
    bytes[at + 5] = packet.segmentSize >>> 8;
    bytes[at + 6] = partial ? packet.checksumStart & 0xff : 0;
    bytes[at + 7] = partial ? packet.checksumStart >>> 8 : 0;
    bytes[at + 8] = partial ? packet.checksumOffset & 0xff : 0;
    bytes[at + 9] = partial ? packet.checksumOffset >>> 8 : 0;
  }
}

function openDriver(): number {
  try {
    return openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'EIO';
    throw new SubflowError(code, `open ${code}: /dev/net/tun`, {
      cause,
      hint:
        code === 'ENOENT' || code === 'ENODEV'
          ? 'Load the driver: modprobe tun. In a container, pass the device on: --device /dev/net/tun.'
          : 'Run as root, or give the program the capability CAP_NET_ADMIN and access to /dev/net/tun.',
    });
  }
}

/** Makes the interface and returns its name. */
function configure(fd: number, name: string, offload: boolean): string {
  const request = new Uint8Array(40);
  for (let i = 0; i < name.length; i++) request[i] = name.charCodeAt(i);
  new DataView(request.buffer).setUint16(16, IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, true);
  ioctl(fd, TUNSETIFF, request, `TUN interface ${name}`);
  ioctlValue(fd, TUNSETOFFLOAD, offload ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0, `offload of ${name}`);
  return String.fromCharCode(...request.subarray(0, request.indexOf(0)));
}

/**
 * Sockets of the family AF_XDP and their memory. Owns the calls that make them, in the order that the kernel wants, and their mappings;
 * the rings themselves are used by whoever makes views of them (packet-port.ts), in any thread of this process.
 *
 * All sockets of one memory may pass frames on to each other. The first one at a queue of an interface has a ring to fill and one of
 * completed frames, which the later ones at the same queue share with it.
 *
 * Read first: Linux Documentation/networking/af_xdp.rst; linux/if_xdp.h.
 */
import { closeSync } from 'node:fs';
import {
  AF_XDP,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
  SOL_XDP,
  SO_SNDBUFFORCE,
} from '../constants.js';
import { bind, getsockopt, mapMemory, setsockopt, socket, unmapMemory } from '../libc.js';
import { SystemError } from '../system-error.js';
import type { MappedRing } from './ring.js';

const XDP_MMAP_OFFSETS = 1;
const XDP_RX_RING = 2;
const XDP_TX_RING = 3;
const XDP_UMEM_REG = 4;
const XDP_UMEM_FILL_RING = 5;
const XDP_UMEM_COMPLETION_RING = 6;
const XDP_STATISTICS = 7;
/** Packets that one call sends at most; 32 by default, and always before Linux 6.18. */
const XDP_MAX_TX_SKB_BUDGET = 9;
const XDP_PGOFF_RX_RING = 0;
const XDP_PGOFF_TX_RING = 0x8000_0000;
const XDP_UMEM_PGOFF_FILL_RING = 0x1_0000_0000;
const XDP_UMEM_PGOFF_COMPLETION_RING = 0x1_8000_0000;
const XDP_SHARED_UMEM = 1;
const XDP_COPY = 2;
const XDP_USE_NEED_WAKEUP = 8;

const DESCRIPTOR_BYTES = 16;
const ADDRESS_BYTES = 8;
/** What waits to leave may take this much of the kernel's memory for each socket. */
const SEND_BUFFER_BYTES = 16 << 20;

/** Memory that packets lie in, in frames of one size. */
export interface FrameMemory {
  readonly address: number;
  readonly bytes: number;
  /** 2048 or 4096. */
  readonly frameBytes: number;
}

/** Places of the rings of a socket, each a power of two. */
export interface RingSizes {
  readonly receive: number;
  readonly send: number;
  readonly fill: number;
  readonly completion: number;
}

/** The rings that sockets at one queue share. */
export interface SharedRings {
  readonly fill: MappedRing;
  readonly completion: MappedRing;
}

/** What the kernel counts of a socket (struct xdp_statistics). */
export interface XdpSocketStatistics {
  /** Longer than a frame, or for another reason. */
  readonly dropped: number;
  /** The ring of received packets was full. */
  readonly ringFull: number;
  /** There was no frame to receive to. */
  readonly noFrame: number;
  /** Descriptors that made no sense, of either direction. */
  readonly invalid: number;
}

/** How to make a socket. */
export interface XdpSocketOptions {
  readonly interfaceIndex: number;
  readonly queue: number;
  readonly sizes: RingSizes;
  /** Shows in errors. */
  readonly label: string;
}

/** Gets memory for `frames` frames, cleared. Throws SystemError. */
export function allocateFrames(frames: number, frameBytes: number): FrameMemory {
  const bytes = frames * frameBytes;
  return { address: mapMemory(bytes, -1, 0, `${frames} frames`), bytes, frameBytes };
}

/** See the module. */
export class XdpSocket {
  readonly fd: number;
  readonly interfaceIndex: number;
  readonly queue: number;
  readonly receive: MappedRing;
  readonly send: MappedRing;
  readonly shared: SharedRings;
  private readonly mappings: MappedRing[] = [];
  private closed = false;

  /**
   * Makes a socket, of a memory of its own (`memory`), or of that of `first` and, if it is given, with the rings of `neighbour` at the
   * same queue.
   * @throws SystemError `EAFNOSUPPORT` for a kernel without such sockets, `EPERM`, `EBUSY` when another program has the queue, `ENODEV`.
   */
  constructor(
    options: XdpSocketOptions,
    origin:
      | { readonly memory: FrameMemory }
      | { readonly first: XdpSocket; readonly neighbour?: XdpSocket | undefined },
  ) {
    const { interfaceIndex, queue, sizes, label } = options;
    this.interfaceIndex = interfaceIndex;
    this.queue = queue;
    this.fd = socket(AF_XDP, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    try {
      const neighbour = 'first' in origin ? origin.neighbour : undefined;
      if ('memory' in origin) this.register(origin.memory);
      setsockopt(this.fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER_BYTES);
      setsockopt(this.fd, SOL_XDP, XDP_RX_RING, sizes.receive);
      setsockopt(this.fd, SOL_XDP, XDP_TX_RING, sizes.send);
      if (neighbour === undefined) {
        setsockopt(this.fd, SOL_XDP, XDP_UMEM_FILL_RING, sizes.fill);
        setsockopt(this.fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, sizes.completion);
      }
      this.raiseBudget(sizes.send);
      const offsets = this.offsets();
      const map = (at: number, page: number, size: number, each: number): MappedRing =>
        this.map(offsets, at, page, size, each);
      this.receive = map(0, XDP_PGOFF_RX_RING, sizes.receive, DESCRIPTOR_BYTES);
      this.send = map(32, XDP_PGOFF_TX_RING, sizes.send, DESCRIPTOR_BYTES);
      this.shared = neighbour?.shared ?? {
        fill: map(64, XDP_UMEM_PGOFF_FILL_RING, sizes.fill, ADDRESS_BYTES),
        completion: map(96, XDP_UMEM_PGOFF_COMPLETION_RING, sizes.completion, ADDRESS_BYTES),
      };
      const partner = 'first' in origin ? (neighbour ?? origin.first) : undefined;
      bind(this.fd, socketAddress(interfaceIndex, queue, partner?.fd), `${label}, queue ${queue}`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** What the kernel counted since the socket was made. */
  statistics(): XdpSocketStatistics {
    const value = new Uint8Array(48);
    getsockopt(this.fd, SOL_XDP, XDP_STATISTICS, value);
    const view = new DataView(value.buffer);
    const at = (word: number): number => Number(view.getBigUint64(8 * word, true));
    return { dropped: at(0), invalid: at(1) + at(2), ringFull: at(3), noFrame: at(4) };
  }

  /** Closes the socket and unmaps its rings: no thread may use them any more. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const { address, bytes } of this.mappings) unmapMemory(address, bytes);
    closeSync(this.fd);
  }

  private register(memory: FrameMemory): void {
    const request = new Uint8Array(32);
    const view = new DataView(request.buffer);
    view.setBigUint64(0, BigInt(memory.address), true);
    view.setBigUint64(8, BigInt(memory.bytes), true);
    view.setUint32(16, memory.frameBytes, true);
    setsockopt(this.fd, SOL_XDP, XDP_UMEM_REG, request);
  }

  private raiseBudget(packets: number): void {
    try {
      setsockopt(this.fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, packets);
    } catch (error) {
      const isOlder = error instanceof SystemError && ['ENOPROTOOPT', 'EINVAL'].includes(error.code);
      if (!isOlder) throw error;
    }
  }

  /** Where indices and entries are in the four rings (struct xdp_mmap_offsets). */
  private offsets(): DataView {
    const value = new Uint8Array(128);
    getsockopt(this.fd, SOL_XDP, XDP_MMAP_OFFSETS, value);
    return new DataView(value.buffer);
  }

  private map(offsets: DataView, at: number, page: number, size: number, entryBytes: number): MappedRing {
    const word = (index: number): number => Number(offsets.getBigUint64(at + 8 * index, true));
    const entriesAt = word(2);
    const bytes = entriesAt + size * entryBytes;
    const ring = {
      ...{ address: mapMemory(bytes, this.fd, page, 'a ring of packets'), bytes },
      ...{ producerAt: word(0), consumerAt: word(1), entriesAt, size },
    };
    this.mappings.push(ring);
    return ring;
  }
}

/** struct sockaddr_xdp. Sockets that share memory take their flags from the one whose memory it is. */
function socketAddress(interfaceIndex: number, queue: number, sharedFd: number | undefined): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_XDP, true);
  view.setUint16(2, sharedFd === undefined ? XDP_COPY | XDP_USE_NEED_WAKEUP : XDP_SHARED_UMEM, true);
  view.setUint32(4, interfaceIndex, true);
  view.setUint32(8, queue, true);
  view.setUint32(12, sharedFd ?? 0, true);
  return bytes;
}

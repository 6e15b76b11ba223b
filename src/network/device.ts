/**
 * What a stack is attached to. A simulated interface, a TUN device, a raw socket and a browser's world all are
 * devices, and a device can stand before another: a capture writer, a fault injector, a middlebox.
 *
 * Packets move by hand-over: whoever is handed a {@link Packet} owns it and its bytes from then on and may write to
 * them; whoever handed it over keeps no view of them. So a router lowers the hop limit in place, and a stack keeps
 * views of the payload it was given, without a copy.
 */

import { PacketWriter, type SegmentNote } from '../stack/index.js';
import { PacketSlab } from './packet-slab.js';

/** Writes the packets that somebody wants to see after all, to memory of all worlds: no two share a byte. */
const writer = new PacketWriter(64);
const slab = new PacketSlab(256 * 1024);

/**
 * One IP packet on its way, or one super-segment that stands for several. It may not exist as bytes yet: they are made
 * when somebody first asks for them, so that nobody can tell, and a packet that goes from stack to stack without anyone
 * looking at it costs neither writing nor reading.
 */
export class Packet {
  /** Bytes of the IP packet. */
  readonly length: number;
  /** 0 for an ordinary packet; else the bytes of TCP payload in each of the segments that it stands for. */
  readonly segmentSize: number;
  /**
   * The sum in the transport header covers the pseudo-header only: whoever sends the packet where others read it fills
   * in the rest, and whoever receives it so may take it for intact (it never left the machine).
   */
  readonly needsChecksum: boolean;
  private memory: ArrayBufferLike | undefined;
  private content: Uint8Array | undefined;
  private unwritten: SegmentNote | undefined = undefined;

  constructor(
    bytes: Uint8Array | undefined,
    segmentSize = 0,
    needsChecksum = false,
    buffer?: ArrayBufferLike,
    length = bytes?.length ?? 0,
  ) {
    this.content = bytes;
    this.segmentSize = segmentSize;
    this.needsChecksum = needsChecksum;
    this.memory = buffer;
    this.length = length;
  }

  /** The packet of `length` bytes that `note` stands for. */
  static of(note: SegmentNote, length: number): Packet {
    const packet = new Packet(undefined, note.segmentSize, note.leavesChecksum, undefined, length);
    packet.unwritten = note;
    return packet;
  }

  /** The IP packet, from the first byte of its header to its last byte. */
  get bytes(): Uint8Array {
    return this.content ?? this.write();
  }

  /** What `bytes` is a view of, where its maker had it at hand: whoever makes further views of it need not ask. */
  get buffer(): ArrayBufferLike | undefined {
    return this.memory;
  }

  /** What it says, while nobody has asked for its bytes, and could have changed them; undefined from then on. */
  get note(): SegmentNote | undefined {
    return this.unwritten;
  }

  private write(): Uint8Array {
    const block = slab.reserve(this.length);
    writer.writeNote(this.unwritten!, block, slab.offset);
    this.unwritten = undefined;
    this.memory = slab.buffer;
    this.content = slab.take(this.length);
    return this.content;
  }
}

/** What a device does for the stack above it. */
export interface DeviceCapabilities {
  /** Largest IP packet it carries, in bytes, headers counted; 68 (IPv4) or 1280 (IPv6) to 65535. */
  readonly mtu: number;
  /** It takes packets with {@link Packet.needsChecksum}. */
  readonly checksumOffload: boolean;
  /** Most bytes of TCP payload in one super-segment, up to 65536; 0 when it takes none. */
  readonly maxOffloadBytes: number;
}

/** Who takes the packets that come in through a device. */
export interface PacketReceiver {
  /** Takes over `packet`, which came in at `now` (ns). */
  handlePacket(now: number, packet: Packet): void;
  /** The device came up or went down at `now` (ns). */
  handleCarrier(now: number, up: boolean): void;
}

/** A way for IP packets out of and into a host. */
export interface Device {
  readonly capabilities: DeviceCapabilities;
  /** Whether packets can pass at all; a device that is down drops what it is given. */
  readonly isUp: boolean;
  /** Takes over `packet`, which leaves the host at `now` (ns). A device without room drops it. */
  send(now: number, packet: Packet): void;
  /** Names who gets the packets that come in. A device has one receiver; the last one named counts. */
  attach(receiver: PacketReceiver): void;
}

/** The receiver of a device that nobody attached to yet: packets that come in are gone. */
export const noReceiver: PacketReceiver = {
  handlePacket: () => undefined,
  handleCarrier: () => undefined,
};

/** Ties two devices together: what comes in through one leaves through the other. */
export function bridge(first: Device, second: Device): void {
  first.attach({
    handlePacket: (now, packet) => second.send(now, packet),
    handleCarrier: () => undefined,
  });
  second.attach({
    handlePacket: (now, packet) => first.send(now, packet),
    handleCarrier: () => undefined,
  });
}

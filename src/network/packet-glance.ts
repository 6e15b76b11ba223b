/**
 * Looks at packets without having them written: of one that goes from stack to stack as a note (see `Packet.note`), only the
 * headers are written here, for whoever reads headers; its payload stays where its sender has it. So who watches a simulated
 * world need not slow it, nor change the way that its packets go.
 */
import { MAX_HEADER_BYTES, PacketWriter } from '../stack/index.js';
import { IpPacket, viewOf } from '../wire/index.js';
import type { Packet } from './device.js';
import { canHoldTcp } from './packet-edit.js';

const noBytes: Uint8Array = new Uint8Array(0);

export class PacketGlance {
  /** The packet from its first byte on, or its headers alone. Good until the next look, and not to be written to. */
  bytes: Uint8Array;
  /** The same memory, for whoever reads numbers. */
  view: DataView;
  /** How many of `bytes` are the packet's. */
  length = 0;
  /** The rest of the packet: empty where `bytes` holds all of it. */
  rest = noBytes;
  /** Bytes of its headers, of IP and of TCP; of all of it where it is no TCP. */
  headerLength = 0;
  private readonly writer = new PacketWriter(64);
  private readonly memory: Uint8Array = new Uint8Array(MAX_HEADER_BYTES);
  private readonly memoryView = viewOf(this.memory);
  private readonly ip = new IpPacket();

  constructor() {
    this.bytes = this.memory;
    this.view = this.memoryView;
  }

  /** Looks at `packet`, which stays as it is. */
  look(packet: Packet): void {
    const { note } = packet;
    if (note === undefined) {
      this.bytes = packet.bytes;
      this.view = viewOf(packet.bytes);
      this.length = packet.length;
      this.rest = noBytes;
      this.headerLength = this.findPayload(packet);
    } else {
      this.bytes = this.memory;
      this.view = this.memoryView;
      this.length = this.writer.writeNoteHeaders(note, this.memory);
      this.rest = note.payload;
      this.headerLength = this.length;
    }
  }

  private findPayload(packet: Packet): number {
    const { ip } = this;
    if (!canHoldTcp(packet, ip)) return packet.length;
    const headerLength = (packet.bytes[ip.payloadOffset + 12]! >>> 4) * 4;
    return Math.min(packet.length, ip.payloadOffset + headerLength);
  }
}

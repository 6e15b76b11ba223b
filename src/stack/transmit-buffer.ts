/**
 * The caller's place for one outgoing packet. The stack fills it in; nothing here is allocated from packet to packet.
 */

import type { SegmentNote } from './segment-note.js';

/** Octets that the headers of one packet take at most: IPv6 (40) and TCP with all its options (60). */
export const MAX_HEADER_BYTES = 100;

export class TransmitBuffer {
  /**
   * The caller's memory. From `offset` on it must have room for {@link MAX_HEADER_BYTES} and the larger of the MTU and
   * the `maxOffloadBytes` of every interface.
   */
  bytes: Uint8Array;
  /** Where the IP packet starts in `bytes`; chosen by the caller, who may want room for a device's own header before it. */
  offset: number;
  /** Octets of the IP packet. */
  length = 0;
  /** The interface it leaves by. */
  interfaceId = -1;
  /** Payload octets of each segment when this is a super-segment that the device must cut up; 0 when it is not. */
  segmentSize = 0;
  /**
   * Where the TCP header starts, in octets from the start of the IP packet, when the device is to finish the checksum
   * (the field then holds the folded sum of the pseudo-header, as virtio-net wants it); -1 when the checksum is complete.
   */
  checksumStart = -1;
  /** Where the checksum field lies, in octets from `checksumStart`; -1 when the checksum is complete. */
  checksumOffset = -1;
  /** Octets of the IP header. */
  ipHeaderLength = 0;
  /** Octets of the TCP header with its options; 0 when the packet is not TCP. */
  tcpHeaderLength = 0;
  /** Whether the caller has use for segments that are not written: see {@link TransmitBuffer.note}. Chosen by the caller. */
  takesNotes = false;
  /** The packet, where it was not written: then `bytes` holds nothing of it. Undefined where it was. */
  note: SegmentNote | undefined = undefined;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
  }

  /** The packet as a view. */
  get packet(): Uint8Array {
    return this.bytes.subarray(this.offset, this.offset + this.length);
  }
}

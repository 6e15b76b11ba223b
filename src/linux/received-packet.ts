/**
 * Packets as the kernel gives them with a virtio header in front, from a TUN device or a packet socket: read into slabs and
 * handed on as views. Owns no descriptor; knows nothing of what the packets say.
 *
 * Read first: struct virtio_net_hdr in the virtio specification (VIRTIO 1.2 §5.1.6).
 */
import {
  EAGAIN,
  ENETDOWN,
  VIRTIO_NET_HDR_F_DATA_VALID,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_NONE,
  VIRTIO_NET_HDR_LENGTH,
} from './constants.js';
import { readInto } from './libc.js';
import type { SlabAllocator } from './slab-allocator.js';
import { SystemError } from './system-error.js';

/** The longest packet: an IPv6 header and a payload of 2^16 - 1 bytes. */
export const MAX_PACKET_BYTES = 40 + 65_535;
/** Link headers before the IP header, at most. */
const MAX_LINK_HEADER_BYTES = 32;
/** The most that one read brings. */
export const MAX_READ_BYTES = VIRTIO_NET_HDR_LENGTH + MAX_LINK_HEADER_BYTES + MAX_PACKET_BYTES;

/** A received packet; the caller owns one and has it filled again and again. */
export class ReceivedPacket {
  /** The packet from its IP header on. Stays as it is for as long as anybody holds it. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Payload bytes of each segment that the packet stands for; 0 when it is a single one. */
  segmentSize = 0;
  /** The sender vouches for the checksum: do not verify it. */
  checksumValid = false;
  /** Where the transport header starts, when its checksum field only holds the pseudo header's sum; -1 otherwise. */
  checksumStart = -1;
  /** Where the checksum field lies within the transport header; -1 when the checksum is whole. */
  checksumOffset = -1;
}

/**
 * Reads the next packet from `fd`, and skips `linkHeaderBytes` of it. False when none waits.
 * @throws SystemError when the descriptor gives none any more, as `EBADFD` when the interface was removed.
 */
export function readPacket(
  fd: number,
  slabs: SlabAllocator,
  linkHeaderBytes: number,
  into: ReceivedPacket,
): boolean {
  const skip = VIRTIO_NET_HDR_LENGTH + linkHeaderBytes;
  for (;;) {
    const length = readInto(fd, slabs.address, MAX_READ_BYTES);
    if (length < 0) {
      // A link that goes down says so once; packets come again when it is up.
      if (length === -EAGAIN || length === -ENETDOWN) return false;
      throw new SystemError('read', -length);
    }
    if (length <= skip) continue;
    const header = slabs.bytes;
    const at = slabs.offset;
    const flags = header[at]!;
    const needsChecksum = (flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0;
    into.segmentSize =
      header[at + 1] === VIRTIO_NET_HDR_GSO_NONE ? 0 : header[at + 4]! | (header[at + 5]! << 8);
    into.checksumValid = needsChecksum || (flags & VIRTIO_NET_HDR_F_DATA_VALID) !== 0;
    into.checksumStart = needsChecksum ? (header[at + 6]! | (header[at + 7]! << 8)) - linkHeaderBytes : -1;
    into.checksumOffset = needsChecksum ? header[at + 8]! | (header[at + 9]! << 8) : -1;
    into.bytes = slabs.keep(skip, length - skip);
    return true;
  }
}

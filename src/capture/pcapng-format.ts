/** Numbers of the pcapng format (draft-ietf-opsawg-pcapng §3.5, §4 and §10.1), for reader and writer. */

export const BlockType = {
  SECTION_HEADER: 0x0a0d_0d0a,
  INTERFACE: 1,
  /** The obsolete form of a packet (Appendix A). */
  PACKET: 2,
  SIMPLE_PACKET: 3,
  ENHANCED_PACKET: 6,
} as const;

/** Stands in a section header in the byte order of its section. */
export const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;

export const OptionCode = {
  END: 0,
  COMMENT: 1,
  SECTION_HARDWARE: 2,
  SECTION_OS: 3,
  SECTION_APPLICATION: 4,
  INTERFACE_NAME: 2,
  INTERFACE_DESCRIPTION: 3,
  INTERFACE_TIME_RESOLUTION: 9,
  INTERFACE_TIME_OFFSET: 14,
  PACKET_FLAGS: 2,
} as const;

/** The two lowest bits of a packet's flags (§4.3.1). */
export const DIRECTION_MASK = 3;
export const DIRECTION_INBOUND = 1;
export const DIRECTION_OUTBOUND = 2;

/** Type, length, and the length again at the end. */
export const BLOCK_OVERHEAD_BYTES = 12;

/** `length` with the padding to 32 bits. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}

/**
 * Reads and writes of network-order integers in a Uint8Array. No bounds are checked: the caller has established that
 * the range lies within the array. Small enough that the compiler puts them in line, which a DataView per packet is not;
 * where many packets are written to one piece of memory, a DataView made once for all of them is quicker still.
 */

/** A view of the bytes that reads and writes whole numbers; to be made once for memory that is used again and again. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The unsigned 16-bit integer at `offset`. */
export function readU16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

/**
 * The signed 32-bit integer at `offset`. The hot path reads it so and makes it unsigned where it is used: should the
 * compiler not put this function in line, a signed result still comes back without an allocation, while an unsigned
 * one of 2^31 or more does not.
 */
export function readI32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
}

/** The unsigned 32-bit integer at `offset`. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return readI32(bytes, offset) >>> 0;
}

/** Writes the low 16 bits of `value` at `offset`. */
export function writeU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

/** Writes the low 32 bits of `value` at `offset`. */
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** The unsigned 64-bit integer at `offset`. Allocates: not for the hot path. */
export function readU64(bytes: Uint8Array, offset: number): bigint {
  return (BigInt(readU32(bytes, offset)) << 32n) | BigInt(readU32(bytes, offset + 4));
}

/** Writes `value` modulo 2^64 at `offset`. */
export function writeU64(bytes: Uint8Array, offset: number, value: bigint): void {
  writeU32(bytes, offset, Number(BigInt.asUintN(32, value >> 32n)));
  writeU32(bytes, offset + 4, Number(BigInt.asUintN(32, value)));
}

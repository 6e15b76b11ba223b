/**
 * CRC-32 (polynomial 0x04c11db7, reflected; the one of zlib and Ethernet) of 32-bit words in network order, so that what
 * is hashed need not lie in one piece. A step gives a signed number, which the caller's loop keeps without a box.
 */

/** What a checksum begins with. */
export const CRC32_START = -1;

/** Tables for a byte that is followed by 0 to 3 others of its word, 256 entries each. */
const tables = makeTables();

function makeTables(): Int32Array {
  const made = new Int32Array(1024);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0xedb8_8320);
    made[byte] = crc;
  }
  for (let i = 256; i < 1024; i++) made[i] = (made[i - 256]! >>> 8) ^ made[made[i - 256]! & 0xff]!;
  return made;
}

/** `crc` after the four bytes of `word`, the highest first. */
export function crc32Word(crc: number, word: number): number {
  const swapped = (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
  const x = crc ^ swapped;
  return (
    tables[768 + (x & 0xff)]! ^
    tables[512 + ((x >>> 8) & 0xff)]! ^
    tables[256 + ((x >>> 16) & 0xff)]! ^
    tables[x >>> 24]!
  );
}

/** `crc` after the two bytes of the low half of `word`, the higher first. */
export function crc32Half(crc: number, word: number): number {
  const first = (crc >>> 8) ^ tables[(crc ^ (word >>> 8)) & 0xff]!;
  return (first >>> 8) ^ tables[(first ^ word) & 0xff]!;
}

/** The checksum, 0 to 2^32 - 1. */
export function crc32End(crc: number): number {
  return ~crc >>> 0;
}

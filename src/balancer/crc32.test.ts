import { describe, expect, it } from 'vitest';
import { CRC32_START, crc32End, crc32Half, crc32Word } from './crc32.js';

/** The definition, bit by bit. */
function crc32Bytes(bytes: readonly number[]): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb8_8320;
  }
  return ~crc >>> 0;
}

describe('CRC-32', () => {
  it('of 10.0.0.1 and port 1234, as Beamer hashes a client, is 0x1d2a9e0e', () => {
    expect(crc32End(crc32Half(crc32Word(CRC32_START, 0x0a00_0001), 1234))).toBe(0x1d2a_9e0e);
  });

  it('of "123456781234" in words is that of the bytes', () => {
    const words = [0x3132_3334, 0x3536_3738, 0x3132_3334];
    const bytes = [...'123456781234'].map((letter) => letter.charCodeAt(0));
    expect(crc32End(words.reduce(crc32Word, CRC32_START))).toBe(crc32Bytes(bytes));
  });

  it('takes words with the highest bit set, and halves with anything above them', () => {
    const crc = crc32Half(crc32Word(CRC32_START, 0xfffe_fdfc), 0xabcd_8001);
    expect(crc32End(crc)).toBe(crc32Bytes([0xff, 0xfe, 0xfd, 0xfc, 0x80, 0x01]));
  });
});

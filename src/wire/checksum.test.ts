import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from './address.js';
import {
  finishTcpChecksum,
  foldChecksum,
  foldSum,
  ipv4HeaderChecksum,
  onesComplementSum,
  onesComplementSumPieces,
  pseudoHeaderSum,
  pseudoHeaderSumAt,
  tcpChecksum,
  updateChecksum16,
  updateChecksum32,
  verifyIpv4Checksum,
  verifyTcpChecksum,
} from './checksum.js';
import { readU16, readU32, writeU16, writeU32 } from './bytes.js';

/** The sum by its definition: 16-bit words, the last odd byte in the high half. */
function plainSum(bytes: Uint8Array, offset: number, length: number, initial = 0): number {
  let sum = BigInt(initial);
  for (let i = 0; i < length; i++) sum += BigInt(bytes[offset + i]!) << (i % 2 === 0 ? 8n : 0n);
  while (sum > 0xffffn) sum = (sum & 0xffffn) + (sum >> 16n);
  return Number(sum);
}

/** Long enough for every path: bytes, words, and the folds between runs of words. */
const long = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >>> 8) * 17) & 0xff);

describe('onesComplementSum', () => {
  it('is the sum by definition at any offset, of any length, with any initial sum', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 700 }),
        fc.nat(40),
        fc.nat(2 ** 31 - 1),
        fc.nat(7),
        (content, skipped, initial, shift) => {
          // A view that starts anywhere in memory, so that words lie on and off their boundaries.
          const bytes = new Uint8Array(content.length + shift).subarray(shift);
          bytes.set(content);
          const offset = Math.min(skipped, bytes.length);
          const length = bytes.length - offset;
          const sum = onesComplementSum(bytes, offset, length, initial);
          expect(sum).toBeGreaterThanOrEqual(0);
          expect(sum).toBeLessThanOrEqual(0xffff);
          expect(sum % 0xffff).toBe(plainSum(bytes, offset, length, initial) % 0xffff);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('holds for ranges longer than one run of words', () => {
    for (const [offset, length] of [
      [0, 300_000],
      [1, 299_999],
      [3, 262_144],
      [2, 131_075],
    ] as const) {
      expect(onesComplementSum(long, offset, length) % 0xffff).toBe(plainSum(long, offset, length) % 0xffff);
    }
  });

  it('does not overflow on bytes that are all ones', () => {
    const ones = new Uint8Array(200_001).fill(0xff);
    expect(onesComplementSum(ones, 0, 200_001)).toBe(plainSum(ones, 0, 200_001));
    expect(onesComplementSum(ones, 1, 200_000)).toBe(0xffff);
  });

  it('of nothing is the initial sum', () => {
    expect(onesComplementSum(long, 5, 0, 0x1_2345)).toBe(0x2346);
  });
});

describe('onesComplementSumPieces', () => {
  it('is the sum of the pieces laid end to end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }),
        fc.nat(0xffff),
        (pieces, initial) => {
          const whole = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
          const expected = plainSum(whole, 0, whole.length, initial);
          expect(onesComplementSumPieces(pieces, initial) % 0xffff).toBe(expected % 0xffff);
        },
      ),
    );
  });
});

describe('folding', () => {
  it('keeps the value modulo 0xffff and tells 0 from 0xffff', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (sum) => {
        expect(foldSum(sum)).toBe(sum === 0 ? 0 : ((sum - 1) % 0xffff) + 1);
        expect(foldChecksum(sum)).toBe(0xffff - foldSum(sum));
      }),
    );
  });
});

describe('known packets', () => {
  // The header that RFC 1071's successors use as their example, and its checksum b861.
  const header = Uint8Array.from(Buffer.from('450000730000400040110000c0a80001c0a800c7', 'hex'));

  it('have the known IPv4 header checksum', () => {
    expect(ipv4HeaderChecksum(header, 0, 20)).toBe(0xb861);
    const complete = header.slice();
    writeU16(complete, 10, 0xb861);
    expect(verifyIpv4Checksum(complete, 0, 20)).toBe(true);
    complete[8]! ^= 1;
    expect(verifyIpv4Checksum(complete, 0, 20)).toBe(false);
  });

  it('have the same pseudo-header sum from values and from the header', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.nat(70_000),
        fc.nat(255),
        (bytes, length, protocol) => {
          for (const family of [4, 6] as const) {
            const size = family === 4 ? 4 : 16;
            const source = IpAddress.read(family, bytes, 0);
            const destination = IpAddress.read(family, bytes, size);
            const expected = pseudoHeaderSum(source, destination, protocol, length);
            expect(pseudoHeaderSumAt(bytes, 0, 2 * size, protocol, length) % 0xffff).toBe(expected % 0xffff);
          }
        },
      ),
    );
  });

  it('have a TCP checksum that covers the addresses', () => {
    const source = IpAddress.parse('10.0.0.1')!;
    const destination = IpAddress.parse('10.0.0.2')!;
    const segment = new Uint8Array(21).map((_, i) => i + 1);
    writeU16(segment, 16, 0);
    const sum = pseudoHeaderSum(source, destination, 6, segment.length);
    writeU16(segment, 16, tcpChecksum(segment, 0, segment.length, sum));
    expect(verifyTcpChecksum(segment, 0, segment.length, sum)).toBe(true);
    const elsewhere = pseudoHeaderSum(source, IpAddress.parse('10.0.0.3')!, 6, segment.length);
    expect(verifyTcpChecksum(segment, 0, segment.length, elsewhere)).toBe(false);
  });
});

describe('a checksum that a sender left to its interface', () => {
  const source = IpAddress.parse('2001:db8::1')!;
  const destination = IpAddress.parse('2001:db8::2')!;

  it('is finished, and no other is touched', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 1400 }), fc.nat(0xffff), (bytes, other) => {
        const sum = pseudoHeaderSum(source, destination, 6, bytes.length);
        const finished = bytes.slice();
        writeU16(finished, 16, foldSum(sum));
        expect(finishTcpChecksum(finished, 0, bytes.length, sum)).toBe(true);
        expect(verifyTcpChecksum(finished, 0, bytes.length, sum)).toBe(true);
        fc.pre(other !== foldSum(sum));
        const damaged = bytes.slice();
        writeU16(damaged, 16, other);
        const before = damaged.slice();
        expect(finishTcpChecksum(damaged, 0, bytes.length, sum)).toBe(false);
        expect(damaged).toEqual(before);
      }),
    );
  });
});

describe('incremental update', () => {
  it('gives what a whole new sum would give', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 24 }), fc.nat(0xffff_ffff), (bytes, value) => {
        writeU16(bytes, 10, 0);
        bytes[0] = 0x46;
        writeU16(bytes, 10, ipv4HeaderChecksum(bytes, 0, 24));
        const word = readU32(bytes, 12);
        writeU32(bytes, 12, value);
        updateChecksum32(bytes, 10, word, value);
        expect(verifyIpv4Checksum(bytes, 0, 24)).toBe(true);
        const half = readU16(bytes, 4);
        writeU16(bytes, 4, value & 0xffff);
        updateChecksum16(bytes, 10, half, value & 0xffff);
        expect(verifyIpv4Checksum(bytes, 0, 24)).toBe(true);
      }),
    );
  });
});

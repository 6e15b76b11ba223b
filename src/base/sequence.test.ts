import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  SEQ32_SPACE,
  offsetOf,
  seq32,
  seqAt,
  seqDistance,
  uint64,
  uint64Add,
  uint64Distance,
  uint64ToBigInt,
} from './sequence.js';

const HALF = 2 ** 31;
const u32 = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 1, HALF - 1, HALF, HALF + 1, 0xffff_ffff));
const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n),
);
/** Stream positions up to a petabyte: far beyond 2^32, still exact with a 32-bit number added. */
const position = fc.oneof(fc.nat(2 ** 50), fc.constantFrom(0, HALF, SEQ32_SPACE - 1, SEQ32_SPACE));

describe('32-bit sequence numbers', () => {
  it('wrap at 2^32', () => {
    expect(seq32(SEQ32_SPACE + 5)).toBe(5);
    expect(seq32(-1)).toBe(0xffff_ffff);
    expect(seqAt(seq32(0xffff_fff0), 0x20)).toBe(0x10);
    expect(seqDistance(seq32(0x10), seq32(0xffff_fff0))).toBe(0x20);
    expect(seqDistance(seq32(0xffff_fff0), seq32(0x10))).toBe(-0x20);
  });

  it('half the space away counts as behind', () => {
    expect(seqDistance(seq32(HALF), seq32(0))).toBe(-HALF);
    expect(seqDistance(seq32(HALF - 1), seq32(0))).toBe(HALF - 1);
  });

  it('say where an offset stands however far the stream has run', () => {
    fc.assert(
      fc.property(u32, position, (initial, offset) => {
        expect(BigInt(seqAt(seq32(initial), offset))).toBe((BigInt(initial) + BigInt(offset)) % 2n ** 32n);
      }),
    );
  });

  it('come back as the offset they came from, up to 2^31 away from what is expected', () => {
    fc.assert(
      fc.property(u32, position, fc.integer({ min: -HALF, max: HALF - 1 }), (initial, near, distance) => {
        const start = seq32(initial);
        const offset = near + distance;
        expect(offsetOf(seqAt(start, offset), start, near)).toBe(offset);
      }),
    );
  });

  it('order as their offsets do', () => {
    fc.assert(
      fc.property(u32, position, fc.integer({ min: -HALF, max: HALF - 1 }), (initial, offset, distance) => {
        const start = seq32(initial);
        expect(seqDistance(seqAt(start, offset + distance), seqAt(start, offset))).toBe(distance);
      }),
    );
  });
});

describe('64-bit numbers in halves', () => {
  it('come back from a bigint unchanged', () => {
    fc.assert(
      fc.property(u64, (value) => {
        expect(uint64ToBigInt(uint64(value))).toBe(value);
      }),
    );
    expect(uint64(-1n)).toEqual({ hi: 0xffff_ffff, lo: 0xffff_ffff });
    expect(uint64(2n ** 64n + 7n)).toEqual({ hi: 0, lo: 7 });
  });

  it('read halves that stand as negative 32-bit integers', () => {
    expect(uint64ToBigInt({ hi: -1, lo: -2 })).toBe(2n ** 64n - 2n);
  });

  it('add any safe integer modulo 2^64', () => {
    fc.assert(
      fc.property(u64, fc.maxSafeInteger(), (value, offset) => {
        const sum = uint64Add(uint64(value), offset);
        expect(uint64ToBigInt(sum)).toBe(BigInt.asUintN(64, value + BigInt(offset)));
        expect([sum.hi >>> 0, sum.lo >>> 0]).toEqual([sum.hi, sum.lo]);
      }),
    );
  });

  it('carry and borrow through the halves', () => {
    expect(uint64Add({ hi: 0, lo: 0xffff_ffff }, 1)).toEqual({ hi: 1, lo: 0 });
    expect(uint64Add({ hi: 1, lo: 0 }, -1)).toEqual({ hi: 0, lo: 0xffff_ffff });
    expect(uint64Add({ hi: 0xffff_ffff, lo: 0xffff_ffff }, 1)).toEqual({ hi: 0, lo: 0 });
    expect(uint64Add({ hi: 0, lo: 0 }, -1)).toEqual({ hi: 0xffff_ffff, lo: 0xffff_ffff });
  });

  it('give back the distance that was added, across 2^32 and 2^64', () => {
    fc.assert(
      fc.property(u64, fc.maxSafeInteger(), (value, offset) => {
        const initial = uint64(value);
        const { hi, lo } = uint64Add(initial, offset);
        // `+ 0` takes the sign off a zero: a distance of -0 is no distance.
        expect(uint64Distance(hi, lo, initial) + 0).toBe(offset + 0);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type RandomSource,
  SeededRandom,
  randomBelow,
  randomFill,
  randomNormal,
  randomUnit,
} from './random.js';

function draws(random: RandomSource, count: number): number[] {
  return Array.from({ length: count }, () => random.nextUint32());
}

/** A source that always draws `value`. */
function constant(value: number): RandomSource {
  return { nextUint32: () => value };
}

describe('SeededRandom', () => {
  it('draws the same numbers from the same seed, on every machine and in every version', () => {
    // A kept seed must go on meaning the same world: these are the first draws since the first release.
    expect(draws(new SeededRandom(1), 4)).toEqual([2442144158, 3238099751, 3819917871, 2104621829]);
  });

  it('draws whole numbers from 0 to 2^32 - 1', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (seed) => {
        for (const value of draws(new SeededRandom(seed), 50)) expect(value >>> 0).toBe(value);
      }),
    );
  });

  it('draws differently from neighbouring seeds, and from seeds that differ beyond 32 bits', () => {
    const starts = new Set<string>();
    for (let seed = 0; seed < 2000; seed++) starts.add(draws(new SeededRandom(seed), 2).join());
    for (let high = 1; high <= 2000; high++) {
      starts.add(draws(new SeededRandom(high * 0x1_0000_0000 + 0x8000_0000), 2).join());
    }
    expect(starts.size).toBe(4000);
  });

  it('sets every bit about half the time', () => {
    const random = new SeededRandom(7);
    const set = new Array<number>(32).fill(0);
    const count = 20_000;
    for (let i = 0; i < count; i++) {
      const value = random.nextUint32();
      for (let bit = 0; bit < 32; bit++) set[bit]! += (value >>> bit) & 1;
    }
    // Six standard deviations of a fair coin; the seed is fixed, so this cannot turn out otherwise tomorrow.
    for (const ones of set) expect(Math.abs(ones - count / 2)).toBeLessThan(6 * Math.sqrt(count / 4));
  });

  it('forks into generators that share nothing with it or with each other', () => {
    const parent = new SeededRandom(3);
    const streams = [parent.fork(), parent.fork(), parent].map((random) => draws(random, 100));
    expect(new Set(streams.flat()).size).toBe(300);
    const again = new SeededRandom(3);
    expect(draws(again.fork(), 100)).toEqual(streams[0]);
  });
});

describe('what is drawn from a source', () => {
  it('a unit stays below 1', () => {
    expect(randomUnit(constant(0))).toBe(0);
    expect(randomUnit(constant(0xffff_ffff))).toBeLessThan(1);
  });

  it('an integer stays below its bound, up to 2^32', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.integer({ min: 1, max: 2 ** 32 }), (value, bound) => {
        const drawn = randomBelow(constant(value), bound);
        expect(Number.isInteger(drawn) && drawn >= 0 && drawn < bound).toBe(true);
      }),
    );
    expect(randomBelow(constant(0xffff_ffff), 2 ** 32)).toBe(0xffff_ffff);
    expect(randomBelow(constant(0xffff_ffff), 1)).toBe(0);
  });

  it('a normal number is finite, and has mean 0 and deviation 1', () => {
    expect(randomNormal(constant(0xffff_ffff))).toBeLessThan(10);
    const random = new SeededRandom(5);
    const values = Array.from({ length: 20_000 }, () => randomNormal(random));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    // Six standard deviations of either; the seed is fixed.
    expect(Math.abs(mean)).toBeLessThan(6 / Math.sqrt(20_000));
    expect(Math.abs(variance - 1)).toBeLessThan(6 * Math.sqrt(2 / 20_000));
    expect(values.filter((value) => Math.abs(value) < 1).length / 20_000).toBeCloseTo(0.683, 1);
  });

  it('an integer takes every value', () => {
    const random = new SeededRandom(1);
    const seen = new Set(Array.from({ length: 200 }, () => randomBelow(random, 6)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('bytes fill the target to its very end, a word at a time', () => {
    for (const length of [0, 1, 3, 4, 5, 8, 17]) {
      const target = new Uint8Array(length + 1);
      expect(randomFill(constant(0x0403_0201), target.subarray(0, length))).toHaveLength(length);
      expect([...target]).toEqual([...Array.from({ length }, (_, i) => (i % 4) + 1), 0]);
    }
  });
});

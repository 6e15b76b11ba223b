import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pattern, StreamChecker } from './pattern.js';

const offset = fc.oneof(fc.nat(100), fc.integer({ min: 2 ** 34 - 50, max: 2 ** 34 + 50 }));

describe('Pattern', () => {
  it('gives the same bytes however they are cut', () => {
    fc.assert(
      fc.property(offset, fc.nat(60), fc.nat(60), fc.integer(), (start, first, second, seed) => {
        const pattern = new Pattern(seed);
        const whole = pattern.fill(new Uint8Array(first + second), start);
        const head = pattern.fill(new Uint8Array(first), start);
        const tail = pattern.fill(new Uint8Array(second), start + first);
        expect(whole).toEqual(Uint8Array.from([...head, ...tail]));
        expect(pattern.mismatch(whole, start)).toBe(-1);
      }),
    );
  });

  it('finds the first wrong byte', () => {
    fc.assert(
      fc.property(
        offset,
        fc.integer({ min: 1, max: 80 }),
        fc.nat(),
        fc.integer(),
        (start, length, place, seed) => {
          const pattern = new Pattern(seed);
          const bytes = pattern.fill(new Uint8Array(length), start);
          bytes[place % length]! ^= 1;
          expect(pattern.mismatch(bytes, start)).toBe(place % length);
        },
      ),
    );
  });

  it('does not look like itself shifted', () => {
    const pattern = new Pattern(7);
    const bytes = pattern.fill(new Uint8Array(4000), 0);
    for (const shift of [1, 2, 3, 4, 1000, 1448, 65_535, 65_536, 2 ** 32]) {
      const place = pattern.mismatch(bytes, shift);
      expect(place).toBeGreaterThanOrEqual(0);
      expect(place).toBeLessThan(8);
    }
  });
});

describe('StreamChecker', () => {
  const pattern = new Pattern(3);

  it('is content with every byte once and in order', () => {
    const checker = new StreamChecker(pattern, 300);
    for (let at = 0; at < 300; at += 100)
      expect(checker.accept(pattern.fill(new Uint8Array(100), at))).toBe(true);
    expect(checker.isComplete).toBe(true);
  });

  it('notices bytes that come twice, are left out, or go beyond the end', () => {
    const chunk = (at: number): Uint8Array => pattern.fill(new Uint8Array(100), at);
    const twice = new StreamChecker(pattern, 300);
    twice.accept(chunk(0));
    expect(twice.accept(chunk(0))).toBe(false);
    expect(twice.wrongAt).toBeGreaterThanOrEqual(100);
    const leftOut = new StreamChecker(pattern, 300);
    expect(leftOut.accept(chunk(100))).toBe(false);
    const beyond = new StreamChecker(pattern, 150);
    beyond.accept(chunk(0));
    expect(beyond.accept(chunk(100))).toBe(false);
    expect(beyond.wrongAt).toBe(150);
    expect(beyond.isComplete).toBe(false);
  });
});

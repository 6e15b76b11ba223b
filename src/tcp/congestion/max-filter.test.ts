import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MaxFilter } from './max-filter.js';

describe('a filter of maxima', () => {
  test('keeps the greatest value for so many rounds, and then has the next one at hand', () => {
    const filter = new MaxFilter(10);
    expect(filter.value).toBe(0);
    filter.update(0, 100);
    for (let round = 1; round <= 10; round++) filter.update(round, 50 + round);
    expect(filter.value).toBe(100);
    filter.update(11, 40);
    expect(filter.value).toBeGreaterThanOrEqual(53);
    expect(filter.value).toBeLessThanOrEqual(60);
  });

  test('never gives less than the newest value, nor one that is older than its window', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 1000 })), { maxLength: 200 }),
        (list) => {
          const filter = new MaxFilter(10);
          const seen: { round: number; value: number }[] = [];
          let round = 0;
          for (const [pause, value] of list) {
            round += pause;
            filter.update(round, value);
            seen.push({ round, value });
            const recent = seen.filter((each) => each.round >= round - 10).map((each) => each.value);
            expect(filter.value).toBeGreaterThanOrEqual(value);
            expect(recent).toContain(filter.value);
          }
        },
      ),
    );
  });
});

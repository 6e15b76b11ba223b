import { describe, expect, it } from 'vitest';
import { estimate, jackknife } from './confidence.js';

describe('a mean of runs', () => {
  it('is as sure as Student says', () => {
    // Deviation sqrt(2.5), four degrees of freedom: 2.776 sqrt(2.5 / 5).
    const { mean, halfWidth } = estimate([1, 2, 3, 4, 5]);
    expect(mean).toBe(3);
    expect(halfWidth).toBeCloseTo(1.963, 3);
  });

  it('of one run says nothing of how sure it is', () => {
    expect(estimate([7])).toEqual({ mean: 7, halfWidth: null });
  });

  it('of many runs is surer than of few', () => {
    const many = estimate(Array.from({ length: 60 }, (_, index) => index % 2));
    const few = estimate([0, 1, 0, 1]);
    expect(many.halfWidth!).toBeLessThan(few.halfWidth! / 4);
  });
});

describe('a statistic of groups of runs', () => {
  const mean = (groups: readonly number[]): number => estimate(groups).mean;

  it('is as sure as leaving out one group after the other shows: for a mean, as Student says', () => {
    const values = [3, 1, 4, 1.5, 5];
    const { halfWidth } = estimate(values);
    expect(jackknife(values, mean)).toMatchObject({ mean: 2.9 });
    expect(jackknife(values, mean).halfWidth).toBeCloseTo(halfWidth!, 9);
  });

  it('leaves out one group at a time, also where others are the same', () => {
    const values = [4, 1, 4, 5, 1];
    expect(jackknife(values, mean).halfWidth).toBeCloseTo(estimate(values).halfWidth!, 9);
  });

  it('of one group says nothing of how sure it is', () => {
    expect(jackknife([7], mean)).toEqual({ mean: 7, halfWidth: null });
  });
});

import { describe, expect, it } from 'vitest';
import { estimate } from './statistics.js';

describe('an estimate', () => {
  it('of one run has no interval', () => {
    expect(estimate([3])).toEqual({ mean: 3, halfWidth: undefined });
  });

  it('has the mean and the interval of Student', () => {
    // Standard deviation 1, of the mean 1 / sqrt(3), times 4.303.
    const { mean, halfWidth } = estimate([1, 2, 3]);
    expect(mean).toBe(2);
    expect(halfWidth).toBeCloseTo(4.303 / Math.sqrt(3), 6);
    expect(estimate(Array.from({ length: 40 }, (_, i) => i % 2)).halfWidth).toBeCloseTo(
      2.042 * Math.sqrt(0.25 / 39),
      6,
    );
  });
});

import { describe, expect, it } from 'vitest';
import { distributionPoints, quantile, shareOf } from './quantile.js';

describe('a distribution', () => {
  it('has quantiles between its values in proportion', () => {
    expect(quantile([4, 1, 3, 2], 0)).toBe(1);
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([4, 1, 3, 2], 1)).toBe(4);
    expect(quantile([10, 20], 0.95)).toBeCloseTo(19.5, 12);
    expect(quantile([7], 0.95)).toBe(7);
  });

  it('has no quantile of nothing, nor one outside of it', () => {
    expect(() => quantile([], 0.5)).toThrow(/of 0 values/);
    expect(() => quantile([1], 1.1)).toThrow(/quantile 1.1/);
    expect(() => shareOf([], () => true)).toThrow(/nothing/);
    expect(() => distributionPoints([])).toThrow(/nothing/);
  });

  it('is drawn in steps from nothing to all', () => {
    expect(distributionPoints([3, 1])).toEqual([
      { x: 1, y: 0 },
      { x: 1, y: 0.5 },
      { x: 3, y: 1 },
    ]);
    expect(shareOf([1, 2, 3, 4], (value) => value > 3)).toBe(0.25);
  });
});

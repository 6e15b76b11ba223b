import { describe, expect, it } from 'vitest';
import { aggregationBenefit } from './benefit.js';

describe('the aggregation benefit (Paasch et al., CoNEXT 2013)', () => {
  it.each([
    ['the sum of the paths', 15, [10, 5], 1],
    ['the better path', 10, [10, 5], 0],
    ['half of what the other path adds', 12.5, [5, 10], 0.5],
    ['half of the better path', 5, [10, 5], -0.5],
    ['nothing', 0, [10, 5], -1],
    ['more than the sum, as where buffers add up', 20, [10, 5], 2],
    ['the sum of three', 17, [10, 5, 2], 1],
  ])('is what it should be for %s', (_what, goodput, alone, benefit) => {
    expect(aggregationBenefit(goodput, alone)).toBeCloseTo(benefit, 12);
  });
});

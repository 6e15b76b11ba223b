import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from './histogram.js';

describe('a histogram', () => {
  it('gives count, extremes and mean exactly, and percentiles within 2 %', () => {
    const samples = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 1e-9, max: 1e12, noNaN: true })), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (values, part) => {
        const histogram = new Histogram();
        for (const value of values) histogram.add(value);
        const sorted = [...values].sort((a, b) => a - b);
        const truth = sorted[Math.max(0, Math.ceil(values.length * part) - 1)]!;
        const found = histogram.percentile(part);
        expect(Math.abs(found - truth)).toBeLessThanOrEqual(truth * 0.02 + Number.MIN_VALUE);
        const summary = histogram.summary()!;
        expect(summary).toMatchObject({ count: values.length, min: sorted[0], max: sorted.at(-1) });
      }),
      { examples: [[[1e-9], 0]] },
    );
  });

  it('leaves out what is below 0 or no number, and gives null without samples', () => {
    const histogram = new Histogram();
    histogram.add(-1);
    histogram.add(Number.NaN);
    expect(histogram.summary()).toBeNull();
  });
});

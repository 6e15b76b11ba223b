import { describe, expect, it } from 'vitest';
import { ratesOf, uplinks } from './uplinks.js';

describe('the rates of uplinks', () => {
  it.each(uplinks.map((uplink) => [uplink.name, uplink] as const))(
    'of %s stay in their bounds, reach most of them, and are around their middle',
    (_name, uplink) => {
      const rates = ratesOf(uplink, 2000, 1);
      const { rateBps, swing } = uplink;
      const low = rateBps * (1 - swing);
      const high = rateBps * (1 + swing);
      expect(Math.min(...rates)).toBeGreaterThanOrEqual(Math.floor(low));
      expect(Math.max(...rates)).toBeLessThanOrEqual(Math.ceil(high));
      expect(Math.max(...rates) - Math.min(...rates)).toBeGreaterThan(0.7 * (high - low));
      const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
      expect(Math.abs(mean - rateBps)).toBeLessThan(0.1 * rateBps * swing + 1);
    },
  );

  it('are the same whatever the other uplinks are, and others with another seed', () => {
    const [first, second] = uplinks;
    expect(ratesOf(first!, 10, 3)).toEqual(ratesOf(first!, 20, 3).slice(0, 10));
    expect(ratesOf(first!, 10, 4)).not.toEqual(ratesOf(first!, 10, 3));
    const shape = (place: typeof first): number[] => ratesOf({ ...place!, rateBps: 1e6, swing: 0.5 }, 10, 3);
    expect(shape(first)).not.toEqual(shape(second));
  });

  it('stand still without a swing', () => {
    expect(new Set(ratesOf({ ...uplinks[0]!, swing: 0 }, 10, 1))).toEqual(new Set([20e6]));
  });
});

import { describe, expect, it } from 'vitest';
import { MILLISECOND } from '../../base/index.js';
import { MeteredPace } from './metered-pace.js';

describe('the pace of bytes over metered links', () => {
  it('says when a limit might be reached, at twice the rate; never while nothing moves', () => {
    const pace = new MeteredPace(0);
    pace.note(100 * MILLISECOND, 0);
    expect(pace.nsUntil(1000)).toBe(Number.POSITIVE_INFINITY);
    pace.note(200 * MILLISECOND, 100_000);
    expect(pace.nsUntil(50_000)).toBe(25 * MILLISECOND);
    expect(pace.nsUntil(0)).toBe(0);
  });

  it('is not forgotten by a look right after another, which saw nothing move', () => {
    const pace = new MeteredPace(0);
    pace.note(100 * MILLISECOND, 100_000);
    pace.note(101 * MILLISECOND, 0);
    expect(pace.nsUntil(50_000)).toBe(25 * MILLISECOND);
    pace.note(110 * MILLISECOND, 20_000);
    expect(pace.nsUntil(50_000)).toBe(12.5 * MILLISECOND);
  });
});

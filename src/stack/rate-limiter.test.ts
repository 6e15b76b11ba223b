import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import { RateLimiter } from './rate-limiter.js';

const count = (limiter: RateLimiter, now: number, tries: number): number =>
  Array.from({ length: tries }, () => limiter.mayPass(now)).filter(Boolean).length;

describe('RateLimiter', () => {
  it('lets a burst pass, then no more than the rate', () => {
    const limiter = new RateLimiter(10, 5);
    expect(count(limiter, 0, 100)).toBe(5);
    expect(count(limiter, 100 * MILLISECOND, 100)).toBe(1);
    expect(count(limiter, 300 * MILLISECOND, 100)).toBe(2);
    expect(count(limiter, 100 * SECOND, 100)).toBe(5);
  });

  it('lets nothing pass at rate 0', () => {
    expect(count(new RateLimiter(0, 0), 1000 * SECOND, 10)).toBe(0);
  });
});

import { describe, expect, it } from 'vitest';
import { RateLimiter } from './rate-limiter.js';
import { MILLISECOND, NEVER, SECOND } from './time.js';

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

  it('says when one more may pass', () => {
    const limiter = new RateLimiter(0.3, 2);
    expect(limiter.nextAt(SECOND)).toBe(SECOND);
    count(limiter, SECOND, 2);
    for (let now = SECOND, i = 0; i < 20; i++) {
      const next = limiter.nextAt(now);
      expect(next).toBeGreaterThan(now + 3 * SECOND);
      expect(limiter.mayPass(next - MILLISECOND)).toBe(false);
      expect(limiter.mayPass(next)).toBe(true);
      now = next;
    }
    expect(new RateLimiter(0, 0).nextAt(SECOND)).toBe(NEVER);
  });

  it('lets nothing pass at rate 0', () => {
    expect(count(new RateLimiter(0, 0), 1000 * SECOND, 10)).toBe(0);
  });
});

/** A token bucket in virtual time: at most `burst` at once, and `perSecond` in the long run. */
import { SECOND } from './time.js';

export class RateLimiter {
  private readonly perSecond: number;
  private readonly burst: number;
  /** What may go now, as a fraction. */
  private tokens: number;
  /** Instant in ns up to which `tokens` was filled. */
  private filledAt = 0;

  constructor(perSecond: number, burst: number) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.tokens = burst;
  }

  /** Whether one more may go at `now`; if so it is counted. */
  mayPass(now: number): boolean {
    this.fill(now);
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  /** When one more may go, in ns: `now`, or later; `NEVER` when the rate is 0 and nothing is left. */
  nextAt(now: number): number {
    this.fill(now);
    if (this.tokens >= 1) return now;
    // Rounded up, so that nobody comes a rounding error too early.
    return now + Math.ceil(((1 - this.tokens) / this.perSecond) * SECOND) + 1;
  }

  private fill(now: number): void {
    if (now <= this.filledAt) return;
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.filledAt) / SECOND) * this.perSecond);
    this.filledAt = now;
  }
}

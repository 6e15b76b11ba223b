import { MILLISECOND, SECOND } from '../base/index.js';

/**
 * Limits on the acknowledgments that are sent in answer to segments which may be forged or misdirected: a flood of them
 * must not make this host a source of traffic, nor two confused hosts answer each other for ever. Read first: RFC 5961
 * §7 (its counter is per connection here: a shared one tells a stranger about other connections, CVE-2016-5696).
 */

/** Least time between two answers to unacceptable segments that carry nothing. */
const REJECT_INTERVAL_NS = 500 * MILLISECOND;

export class AckThrottle {
  /** When the second began in which `count` challenges were sent. */
  private secondStart = Number.NEGATIVE_INFINITY;
  private count = 0;
  /** When an empty unacceptable segment was last answered. */
  private rejectedAt = Number.NEGATIVE_INFINITY;

  /** Whether a challenge may be sent at `now`; if so it is counted. */
  mayChallenge(now: number, perSecond: number): boolean {
    if (now - this.secondStart >= SECOND) {
      this.secondStart = now;
      this.count = 0;
    }
    if (this.count >= perSecond) return false;
    this.count++;
    return true;
  }

  /** Whether an unacceptable segment without payload may be answered at `now`; if so it is noted. */
  mayAnswerEmpty(now: number): boolean {
    if (now - this.rejectedAt < REJECT_INTERVAL_NS) return false;
    this.rejectedAt = now;
    return true;
  }
}

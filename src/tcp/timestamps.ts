import { MILLISECOND, NEVER, SECOND } from '../base/index.js';

/**
 * The timestamps option of one connection: our clock, the peer's last word, and the protection against wrapped sequence
 * numbers. Read first: RFC 7323 §3 to §5.
 */

/** One tick of our timestamp clock (RFC 7323 §5.4 allows 1 ms to 1 s). */
const TICK_NS = MILLISECOND;
/** Age after which the peer's last timestamp says nothing any more: its clock may have wrapped (RFC 7323 §5.5). */
const OUTDATED_NS = 24 * 24 * 3600 * SECOND;

export class Timestamps {
  /** Whether both ends agreed to send the option with every segment. */
  enabled = false;
  /** TS.Recent: the peer's timestamp that is echoed. */
  recent = 0;
  /** When `recent` was taken over, ns. */
  private recentAt = 0;
  /** Added to our clock, so that it tells nobody how long this host has been up. */
  private readonly clockOffset: number;

  constructor(clockOffset: number) {
    this.clockOffset = clockOffset >>> 0;
  }

  /** TSval at `now`. */
  value(now: number): number {
    return (this.clockOffset + Math.floor(now / TICK_NS)) >>> 0;
  }

  /** The PAWS test (RFC 7323 §5.3 R1): whether a segment with `tsVal` is a duplicate from the past. */
  isOld(tsVal: number, now: number): boolean {
    return ((tsVal - this.recent) | 0) < 0 && now - this.recentAt < OUTDATED_NS;
  }

  /** Takes `tsVal` over; the caller has checked that its segment reaches the last acknowledgment sent (§4.3). */
  note(tsVal: number, now: number): void {
    this.recent = tsVal;
    this.recentAt = now;
  }

  /**
   * The latest instant at which the segment whose timestamp the peer echoes can have left, in ns: the end of that tick,
   * `now` at most. {@link NEVER} for an echo of something never sent.
   */
  echoedAt(tsEcr: number, now: number): number {
    const tick = Math.floor(now / TICK_NS);
    const age = (this.clockOffset + tick - tsEcr) | 0;
    if (age < 0 || age > tick) return NEVER;
    return Math.min(now, (tick - age + 1) * TICK_NS - 1);
  }
}

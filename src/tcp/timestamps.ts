import { MILLISECOND, NEVER, SECOND } from '../base/index.js';

/**
 * The timestamps option of one connection: our clock, the peer's last word, and the protection against wrapped sequence
 * numbers. Read first: RFC 7323 §3 to §5.
 */

/** One tick of our timestamp clock (RFC 7323 §5.4 allows 1 ms to 1 s). */
const TICK_NS = MILLISECOND;
/** Age after which the peer's last timestamp says nothing any more: its clock may have wrapped (RFC 7323 §5.5). */
const OUTDATED_NS = 24 * 24 * 3600 * SECOND;

/** Bits that every timestamp of a connection has, at its low end: by them a balancer in front knows the host. */
export interface TimestampMark {
  /** How many bits, 1 to 8: RFC 7323 §5.4 wants a clock that moves once a second at least. */
  readonly bits: number;
  /** What stands there, 1 to 2^bits - 1. */
  readonly value: number;
}

export class Timestamps {
  /** Whether both ends agreed to send the option with every segment. */
  enabled = false;
  /** TS.Recent: the peer's timestamp that is echoed. */
  recent = 0;
  /** When `recent` was taken over, ns. */
  private recentAt = 0;
  /** Added to our clock, so that it tells nobody how long this host has been up. */
  private readonly clockOffset: number;
  /** The bits that are the mark's; 0 without one. */
  private readonly markMask: number;
  private readonly mark: number;

  constructor(clockOffset: number, mark?: TimestampMark) {
    this.clockOffset = clockOffset >>> 0;
    this.markMask = mark === undefined ? 0 : 2 ** mark.bits - 1;
    this.mark = mark?.value ?? 0;
  }

  /** TSval at `now`. With a mark the clock moves in steps of 2^bits ms. */
  value(now: number): number {
    const clock = (this.clockOffset + Math.floor(now / TICK_NS)) >>> 0;
    return this.markMask === 0 ? clock : ((clock & ~this.markMask) | this.mark) >>> 0;
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
    if ((tsEcr & this.markMask) !== this.mark) return NEVER;
    if (this.markMask !== 0) return this.markedAt(tsEcr, now);
    const age = (this.clockOffset + tick - tsEcr) | 0;
    if (age < 0 || age > tick) return NEVER;
    return Math.min(now, (tick - age + 1) * TICK_NS - 1);
  }

  /** {@link echoedAt} with a mark: the step of the clock is longer, and may have begun before the clock did. */
  private markedAt(tsEcr: number, now: number): number {
    const tick = Math.floor(now / TICK_NS);
    const youngest = (this.clockOffset + tick - (tsEcr | this.markMask)) | 0;
    if (youngest < -this.markMask || youngest > tick) return NEVER;
    return Math.min(now, (tick - youngest + 1) * TICK_NS - 1);
  }
}

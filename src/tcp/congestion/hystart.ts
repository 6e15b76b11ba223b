import { MILLISECOND, NEVER } from '../../base/index.js';
import type { AckInfo } from '../ack-info.js';

/**
 * HyStart++: leaves the first slow start when the round-trip time grows, before the queue overflows. When it suspects
 * that, growth slows down for some round trips (conservative slow start); if the round-trip time falls back, the
 * suspicion was wrong. It only watches; the window belongs to the congestion control.
 *
 * Read first: RFC 9406 §4.
 */

/** Bounds of the growth that counts, and its share of the round-trip time (RFC 9406 §4.3). */
const MIN_RTT_THRESHOLD_NS = 4 * MILLISECOND;
const MAX_RTT_THRESHOLD_NS = 16 * MILLISECOND;
const MIN_RTT_DIVISOR = 8;
/** Samples in a round before it counts (RFC 9406 §4.3: N_RTT_SAMPLE). */
const ROUND_SAMPLES = 8;
/** How much slower the window grows in conservative slow start (RFC 9406 §4.3: CSS_GROWTH_DIVISOR). */
const CONSERVATIVE_DIVISOR = 4;
/** Rounds of conservative slow start after which slow start is over (RFC 9406 §4.3: CSS_ROUNDS). */
const CONSERVATIVE_ROUNDS = 5;

export class HyStart {
  /** Divide the growth of slow start by this: 1, or more in conservative slow start. */
  growthDivisor = 1;
  /** Whether slow start is over: the window is as large as it should get without a loss to tell. */
  isDone = false;
  /** The round ends when everything before this offset is acknowledged. */
  private roundEnd = 0;
  /** Minimum of the samples of the round; {@link NEVER}: none. */
  private roundMinNs = NEVER;
  /** The same of the round before. */
  private lastRoundMinNs = NEVER;
  /** Samples in the round so far. */
  private samples = 0;
  /** Minimum of the round in which conservative slow start began. */
  private baselineNs = NEVER;
  /** Rounds of conservative slow start that have ended, the partial one it began in included. */
  private conservativeRounds = 0;

  /** Looks at an ACK in slow start. */
  onAck(ack: AckInfo): void {
    if (ack.sndUna >= this.roundEnd) this.endRound(ack.sndNxt);
    if (ack.latestRttNs < 0) return;
    if (ack.latestRttNs < this.roundMinNs) this.roundMinNs = ack.latestRttNs;
    this.samples++;
    if (this.samples < ROUND_SAMPLES) return;
    if (this.growthDivisor === 1) this.suspect();
    else if (this.roundMinNs < this.baselineNs) this.growthDivisor = 1;
  }

  private endRound(sndNxt: number): void {
    if (this.growthDivisor !== 1 && ++this.conservativeRounds >= CONSERVATIVE_ROUNDS) this.isDone = true;
    this.lastRoundMinNs = this.roundMinNs;
    this.roundMinNs = NEVER;
    this.samples = 0;
    this.roundEnd = sndNxt;
  }

  /** Begins conservative slow start if this round's minimum is well above the last one's. */
  private suspect(): void {
    if (this.lastRoundMinNs === NEVER) return;
    const share = this.lastRoundMinNs / MIN_RTT_DIVISOR;
    const thresholdNs = Math.min(Math.max(share, MIN_RTT_THRESHOLD_NS), MAX_RTT_THRESHOLD_NS);
    if (this.roundMinNs < this.lastRoundMinNs + thresholdNs) return;
    this.growthDivisor = CONSERVATIVE_DIVISOR;
    this.baselineNs = this.roundMinNs;
    this.conservativeRounds = 0;
  }
}

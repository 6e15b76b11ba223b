import { NEVER, SECOND } from '../base/index.js';
import type { AckInfo } from './ack-info.js';

/**
 * Round-trip time and retransmission timeout of one subflow, in ns. It knows nothing of segments or of the timer itself:
 * it is given samples and told of timeouts.
 *
 * Read first: RFC 6298 §2 and §5, RFC 7323 appendix G (several samples a round trip).
 */

/** How long a minimum counts, ns: as long as a path may keep its length unseen (Linux holds it as long). */
const MIN_RTT_WINDOW_NS = 300 * SECOND;

/** The timeout that data starts with after the SYN had to be sent again (RFC 6298 §5.7). */
const RTO_AFTER_SYN_TIMEOUT_NS = 3 * SECOND;

/** Limits of the retransmission timeout, ns. */
export interface RtoLimits {
  /** The timeout before the first sample. */
  readonly initialRtoNs: number;
  /** The least by which a timeout computed from samples exceeds the smoothed round-trip time. */
  readonly minRtoNs: number;
  /** Ceiling of every timeout, backed off or not. */
  readonly maxRtoNs: number;
}

export class RttEstimator {
  /** Whether there has been a sample. */
  hasSample = false;
  /** Smoothed round-trip time; 0 before the first sample. */
  srttNs = 0;
  /** Smoothed mean deviation; 0 before the first sample. */
  rttvarNs = 0;
  /** The newest sample; 0 before the first. */
  latestNs = 0;
  /** Timeouts in a row since the last sample: the timeout is doubled as often. */
  backoffs = 0;
  /** The timeout without back-off. */
  private baseRtoNs: number;
  /** Minimum of the samples since `bucketStartNs`; {@link NEVER}: none. */
  private currentMinNs = NEVER;
  /** Minimum of the half window before that. */
  private previousMinNs = NEVER;
  /** When the half window began that `currentMinNs` covers. */
  private bucketStartNs = 0;
  private readonly limits: RtoLimits;

  constructor(limits: RtoLimits) {
    this.limits = limits;
    this.baseRtoNs = limits.initialRtoNs;
  }

  /** The least sample of the last minutes (between half and all of the window); {@link NEVER} before one. */
  get minRttNs(): number {
    return this.currentMinNs < this.previousMinNs ? this.currentMinNs : this.previousMinNs;
  }

  /** The retransmission timeout, backed off and within the limits. */
  get rtoNs(): number {
    // Asked for with nearly every packet, and hardly ever backed off: a power is a call of the runtime.
    const rtoNs = this.backoffs === 0 ? this.baseRtoNs : this.baseRtoNs * 2 ** this.backoffs;
    return Math.min(rtoNs, this.limits.maxRtoNs);
  }

  /**
   * Takes the sample that an ACK gave, if it gave one, and writes the new estimates to `info`. `expectedSamples` is how
   * many ACKs a round trip brings, about half the segments in flight; 1 or less: one.
   */
  onAck(info: AckInfo, expectedSamples: number): void {
    if (info.rttNs < 0) return;
    this.sample(info.rttNs, expectedSamples);
    if (info.latestRttNs >= 0) this.noteMinimum(info.nowNs, info.latestRttNs);
    info.srttNs = this.srttNs;
    info.minRttNs = this.minRttNs;
  }

  /**
   * Takes a round-trip time of `rttNs`. Whoever measures obeys Karn's rule: never from a segment that was sent more than
   * once, unless a timestamp says which of them was acknowledged (RFC 6298 §3).
   */
  sample(rttNs: number, expectedSamples: number): void {
    this.latestNs = rttNs;
    if (!this.hasSample) {
      this.hasSample = true;
      // RFC 6298 §2.2.
      this.srttNs = rttNs;
      this.rttvarNs = rttNs / 2;
    } else {
      // RFC 6298 §2.3 with the gains of RFC 7323 appendix G: the memory is of round trips, however many the samples.
      const samples = expectedSamples > 1 ? expectedSamples : 1;
      this.rttvarNs += (Math.abs(this.srttNs - rttNs) - this.rttvarNs) / (4 * samples);
      this.srttNs += (rttNs - this.srttNs) / (8 * samples);
    }
    // RFC 6298 §2.3. The floor stands in for the clock's granularity G rather than for the whole timeout: on a long path
    // with little variance the timeout would else not outlast a delayed acknowledgment. A sample ends the back-off (§5.7).
    this.baseRtoNs = this.srttNs + Math.max(this.limits.minRtoNs, 4 * this.rttvarNs);
    this.backoffs = 0;
  }

  /** The timer fired: the timeout doubles, up to the ceiling (RFC 6298 §5.5). */
  backOff(): void {
    if (this.rtoNs < this.limits.maxRtoNs) this.backoffs++;
  }

  /**
   * The data that had timed out is acknowledged after all: the back-off ends though no sample may be taken. Without it a
   * path that lost its retransmissions for a while would keep the long timeout until data is sent that is not one.
   */
  resetBackOff(): void {
    this.backoffs = 0;
  }

  /**
   * The handshake is through, but a SYN had timed out: a timeout that proved too short for a SYN may be too short for
   * the path, and data starts with three seconds unless there is a sample (RFC 6298 §5.7).
   */
  restartAfterSynTimeout(): void {
    this.backoffs = 0;
    if (!this.hasSample) this.baseRtoNs = Math.max(this.baseRtoNs, RTO_AFTER_SYN_TIMEOUT_NS);
  }

  /**
   * Lets a sample of `rttNs` at `now` count for the minimum; one read from a coarse timestamp must not. There are two
   * half windows, each with its minimum: after half a window the newer takes the place of the older.
   */
  noteMinimum(now: number, rttNs: number): void {
    if (now - this.bucketStartNs >= MIN_RTT_WINDOW_NS / 2) {
      const isStale = now - this.bucketStartNs >= MIN_RTT_WINDOW_NS;
      this.previousMinNs = isStale ? NEVER : this.currentMinNs;
      this.currentMinNs = NEVER;
      this.bucketStartNs = isStale ? now : this.bucketStartNs + MIN_RTT_WINDOW_NS / 2;
    }
    if (rttNs < this.currentMinNs) this.currentMinNs = rttNs;
  }
}

import { NEVER } from '../base/index.js';
import type { RttEstimator } from './rtt.js';
import type { SentSegment } from './sent-segment.js';

/**
 * What one acknowledgment says, gathered step by step in one struct that is used again for every ACK of every
 * connection: it is read and done with before the next ACK comes, so it holds no state of a connection.
 *
 * The life of an ACK in a sender:
 *  1. `info.begin(now, echoedAtNs, rtt)`;
 *  2. `scoreboard.acknowledge(ackOffset, sackEdges, sackCount, info)` takes off the books what was delivered, and makes
 *     the round-trip and delivery-rate samples;
 *  3. `rtt.onAck(info, expectedSamples)`;
 *  4. `spurious.onAck(info)`: was the last reduction of the window a mistake? Then `congestion.onSpurious(now)`, and
 *     after a timeout `scoreboard.unmarkLost()`;
 *  5. `probe.onAck(info, ...)`: did a tail loss probe repair a loss in silence? Then `congestion.onCongestion`;
 *  6. `rack.onAck(info)`, then `rack.detectLosses(now, scoreboard, ...)` marks what is lost;
 *  7. the sender decides whether recovery begins, goes on or ends, and calls `congestion.onCongestion` and `prr.begin`,
 *     `prr.onAck` (in fast recovery) or `congestion.onAck` (at any other time).
 */
export class AckInfo {
  /** Instant of the ACK. */
  nowNs = 0;
  /**
   * Latest instant at which the segment whose timestamp this ACK echoes can have left, as the caller translated it from
   * TSecr (with a clock of 1 ms: the end of that millisecond); {@link NEVER} when the ACK has no timestamp.
   */
  echoedAtNs = NEVER;

  /** Stream offset up to which everything is acknowledged, after this ACK. */
  sndUna = 0;
  /** Stream offset after everything sent, at the time of this ACK. */
  sndNxt = 0;
  /** How far the cumulative acknowledgment moved, in stream offsets (a SYN or FIN counts one). */
  ackedBytes = 0;
  /** Bytes that SACK blocks of this ACK newly covered and that are still beyond `sndUna`. */
  sackedBytes = 0;
  /** Bytes newly known to be delivered, by either: each byte counts once in its life (RFC 9937: DeliveredData). */
  deliveredBytes = 0;
  /** Bytes in flight (RFC 6675: pipe) before this ACK was looked at. */
  priorInFlightBytes = 0;
  /** Bytes in flight after the ACK took off what it delivered, before losses are looked for. */
  inFlightBytes = 0;
  /** Bytes taken for lost by earlier ACKs that this one left waiting to be sent again. */
  lostBytes = 0;
  /** Bytes that this ACK showed to be lost; known at step 6. They no longer count as in flight, but in `inFlightBytes`. */
  newlyLostBytes = 0;

  /** Whether the first SACK block reports bytes that arrived twice (RFC 2883). */
  hasDsack = false;
  /** Left edge of what arrived twice, as a stream offset; meaningful with `hasDsack`. */
  dsackStart = 0;
  /** Right edge of what arrived twice. */
  dsackEnd = 0;
  /** Whether that was the second copy of a tail loss probe; set by `TailLossProbe.onAck`. */
  isDsackOfProbe = false;
  /** Number of SACK blocks that made no sense (RFC 2018 §3, RFC 2883 §4) and were ignored. */
  invalidSackBlocks = 0;

  /**
   * Round-trip time for the estimator, in ns: of the oldest range that this ACK delivered, so that it includes a delayed
   * acknowledgment; -1 when this ACK gives none (Karn's rule, RFC 6298 §3).
   */
  rttNs = -1;
  /** Round-trip time of the newest range that this ACK delivered, in ns: with least delay of the receiver; -1: none. */
  latestRttNs = -1;

  /** Longest and shortest time since their only transmission of the ranges cumulatively acknowledged, ns; -1: none. */
  private oldestRttNs = -1;
  private newestRttNs = -1;
  /** The same of the ranges selectively acknowledged. */
  private oldestSackRttNs = -1;
  private newestSackRttNs = -1;
  /** Whether the cumulative acknowledgment covers something sent more than once. */
  private isRttAmbiguous = false;

  /** Order number of the newest transmission that this ACK surely delivered; -1: none. See `SentSegment.ordinal`. */
  newestOrdinal = -1;
  /** Instant of that transmission. */
  newestSentAtNs = 0;
  /** End of the range that it carried, as a stream offset. */
  newestEnd = 0;
  /** Highest end of a range delivered by this ACK; 0: none. */
  highestDeliveredEnd = 0;
  /** Lowest end of a range delivered by this ACK that was sent only once; {@link NEVER}: none. */
  lowestOriginalEnd = NEVER;

  /** `SentSegment.deliveredAtSend` of the newest delivered range; -1: none. */
  rateDelivered = -1;
  /** `SentSegment.deliveredTimeNs` of the newest delivered range. */
  rateDeliveredTimeNs = 0;
  /** `SentSegment.firstSentTimeNs` of the newest delivered range. */
  rateFirstSentTimeNs = 0;
  /** Instant at which the newest delivered range was sent. */
  rateSentAtNs = 0;
  /** Order number of the newest delivered range, ambiguous or not. */
  rateOrdinal = -1;
  /** Whether the newest delivered range was sent while the application left the window unused. */
  isRateAppLimited = false;
  /** Delivery rate in bytes per second over the flight that this ACK ends; 0: no sample. */
  deliveryRate = 0;
  /** Whether this ACK ends a round trip: something sent after the last round's end is delivered. */
  isRoundStart = false;

  /** Smoothed round-trip time, ns; 0 before the first measurement. */
  srttNs = 0;
  /** Recent minimum of the round-trip time, ns; {@link NEVER} before the first measurement. */
  minRttNs = NEVER;
  /** Most bytes that were in flight at once in this round trip and the last. */
  peakInFlightBytes = 0;

  /** Empties the struct for the ACK that arrives at `now`; see {@link AckInfo.echoedAtNs}. */
  begin(now: number, echoedAtNs: number, rtt: RttEstimator): void {
    this.nowNs = now;
    this.echoedAtNs = echoedAtNs;
    this.srttNs = rtt.srttNs;
    this.minRttNs = rtt.minRttNs;
    this.ackedBytes = 0;
    this.sackedBytes = 0;
    this.deliveredBytes = 0;
    this.newlyLostBytes = 0;
    this.hasDsack = false;
    this.isDsackOfProbe = false;
    this.invalidSackBlocks = 0;
    this.rttNs = -1;
    this.latestRttNs = -1;
    this.oldestRttNs = -1;
    this.newestRttNs = -1;
    this.oldestSackRttNs = -1;
    this.newestSackRttNs = -1;
    this.isRttAmbiguous = false;
    this.newestOrdinal = -1;
    this.highestDeliveredEnd = 0;
    this.lowestOriginalEnd = NEVER;
    this.rateDelivered = -1;
    this.rateOrdinal = -1;
    this.isRateAppLimited = false;
    this.deliveryRate = 0;
    this.isRoundStart = false;
  }
  /**
   * The scoreboard tells that the peer newly has `range` up to `end`: by a SACK block, or else by the cumulative
   * acknowledgment.
   */
  deliver(range: SentSegment<unknown>, end: number, isSack: boolean): void {
    const bytes = end - range.start;
    this.deliveredBytes += bytes;
    if (isSack) this.sackedBytes += bytes;
    if (end > this.highestDeliveredEnd) this.highestDeliveredEnd = end;
    if (range.ordinal > this.rateOrdinal) {
      this.rateOrdinal = range.ordinal;
      this.rateDelivered = range.deliveredAtSend;
      this.rateDeliveredTimeNs = range.deliveredTimeNs;
      this.rateFirstSentTimeNs = range.firstSentTimeNs;
      this.rateSentAtNs = range.sentAt;
      this.isRateAppLimited = range.isAppLimited;
    }
    const rttNs = this.nowNs - range.sentAt;
    if (range.transmissions > 1) {
      if (!isSack) this.isRttAmbiguous = true;
      // RFC 8985 §6.2 step 2: an ACK this early, or with an older timestamp, is for an earlier transmission.
      if (this.echoedAtNs < range.sentAt || rttNs < this.minRttNs) return;
    } else {
      if (end < this.lowestOriginalEnd) this.lowestOriginalEnd = end;
      this.noteRtt(rttNs, isSack);
    }
    if (
      range.ordinal > this.newestOrdinal ||
      (range.ordinal === this.newestOrdinal && end > this.newestEnd)
    ) {
      this.newestOrdinal = range.ordinal;
      this.newestSentAtNs = range.sentAt;
      this.newestEnd = end;
    }
  }

  /**
   * Chooses the round-trip samples once everything is delivered. Where the cumulative acknowledgment covers something
   * sent twice, the other ranges it covers may have waited for that one at the peer, and say nothing.
   */
  completeRtt(): void {
    const isUsable = this.oldestRttNs >= 0 && !this.isRttAmbiguous;
    this.rttNs = isUsable ? this.oldestRttNs : this.oldestSackRttNs;
    this.latestRttNs = isUsable ? this.newestRttNs : -1;
    if (this.newestSackRttNs >= 0 && (this.latestRttNs < 0 || this.newestSackRttNs < this.latestRttNs)) {
      this.latestRttNs = this.newestSackRttNs;
    }
    // A timestamp tells which transmission was acknowledged (RFC 7323 §4.1), but only in ticks of its clock. Not with a
    // duplicate reported: then it echoes the original, whose own acknowledgment was lost, and the time since is no
    // round trip but how long the path was silent.
    if (this.rttNs < 0 && this.ackedBytes > 0 && this.echoedAtNs <= this.nowNs && !this.hasDsack) {
      this.rttNs = this.nowNs - this.echoedAtNs;
    }
  }

  private noteRtt(rttNs: number, isSack: boolean): void {
    if (isSack) {
      if (rttNs > this.oldestSackRttNs) this.oldestSackRttNs = rttNs;
      if (this.newestSackRttNs < 0 || rttNs < this.newestSackRttNs) this.newestSackRttNs = rttNs;
    } else {
      if (rttNs > this.oldestRttNs) this.oldestRttNs = rttNs;
      if (this.newestRttNs < 0 || rttNs < this.newestRttNs) this.newestRttNs = rttNs;
    }
  }
}

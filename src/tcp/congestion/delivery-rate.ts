import { SECOND } from '../../base/index.js';
import type { AckInfo } from '../ack-info.js';
import type { SentSegment } from '../sent-segment.js';

/**
 * Measures the rate at which the network delivers one subflow's data, one sample an ACK, and counts round trips by
 * deliveries. It notes on every range sent how much had been delivered by then; when the range is delivered itself, the
 * difference is what the network delivered in the time of one flight. The slower of the sending and the acknowledging
 * counts, so that ACKs in bunches do not look like a fast path.
 *
 * Read first: draft-ietf-ccwg-bbr-04 §4.1 (delivery rate samples). Bytes stand where it has packets.
 */
export class DeliveryRate {
  /** Bytes delivered since the connection began, by cumulative or selective acknowledgment (C.delivered). */
  deliveredBytes = 0;
  /** Instant of the newest delivery (C.delivered_time). */
  private deliveredTimeNs = 0;
  /** Instant at which the flight began that is being measured (C.first_send_time). */
  private firstSentTimeNs = 0;
  /** The flight is limited by the application until so many bytes are delivered; 0: it is not (C.app_limited). */
  private appLimitedUntil = 0;
  /** A round trip ends when a range is delivered that was sent with at least so much delivered. */
  private roundEnd = 0;

  /** Writes to `segment` what is known as it is sent; `inFlightBytes` is without it. */
  onSend(now: number, segment: SentSegment<unknown>, inFlightBytes: number): void {
    if (inFlightBytes === 0) {
      this.firstSentTimeNs = now;
      this.deliveredTimeNs = now;
    }
    segment.deliveredAtSend = this.deliveredBytes;
    segment.deliveredTimeNs = this.deliveredTimeNs;
    segment.firstSentTimeNs = this.firstSentTimeNs;
    segment.isAppLimited = this.appLimitedUntil !== 0;
  }

  /** Nothing is left to send while the window has room: what is in flight now says little about the path. */
  onAppLimited(inFlightBytes: number): void {
    this.appLimitedUntil = Math.max(this.deliveredBytes + inFlightBytes, 1);
  }

  /** Whether {@link onAppLimited} would change nothing: most who have nothing to send said so before. */
  isKnownLimited(inFlightBytes: number): boolean {
    const until = this.deliveredBytes + inFlightBytes;
    return this.appLimitedUntil === (until > 1 ? until : 1);
  }

  /** Completes `info` once the scoreboard has gone through an ACK: rate, round. */
  onAck(info: AckInfo): void {
    if (info.deliveredBytes === 0) return;
    this.deliveredBytes += info.deliveredBytes;
    this.deliveredTimeNs = info.nowNs;
    if (this.appLimitedUntil !== 0 && this.deliveredBytes > this.appLimitedUntil) this.appLimitedUntil = 0;
    if (info.rateDelivered < 0) return;
    if (info.rateDelivered >= this.roundEnd) {
      this.roundEnd = this.deliveredBytes;
      info.isRoundStart = true;
    }
    this.firstSentTimeNs = info.rateSentAtNs;
    const sendNs = info.rateSentAtNs - info.rateFirstSentTimeNs;
    const ackNs = info.nowNs - info.rateDeliveredTimeNs;
    const intervalNs = Math.max(sendNs, ackNs);
    // An interval shorter than a round trip comes from a retransmission whose original was delivered.
    if (intervalNs <= 0 || intervalNs < info.minRttNs) return;
    info.deliveryRate = ((this.deliveredBytes - info.rateDelivered) * SECOND) / intervalNs;
  }
}

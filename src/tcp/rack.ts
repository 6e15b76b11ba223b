import { NEVER } from '../base/index.js';
import type { AckInfo } from './ack-info.js';
import type { RttEstimator } from './rtt.js';
import type { Scoreboard } from './scoreboard.js';
import type { SentSegment } from './sent-segment.js';

/**
 * RACK: decides what is lost by time. Once something sent later has arrived, a range is lost when it should have
 * arrived too, one round trip and a window for reordering after it was sent. It knows nothing of what follows from a
 * loss: that is the sender's business. Needs selective acknowledgments.
 *
 * Read first: RFC 8985 §6. Where the RFC orders transmissions by time and end of segment, ranges here carry the number
 * of their transmission, which needs no clock finer than the sender's bursts.
 */

/** Segments selectively acknowledged that prove a loss where no reordering was ever seen (RFC 8985 §6.2 step 4). */
const DUPLICATE_THRESHOLD = 3;

/** Recoveries without a duplicate report after which the reordering window is small again (RFC 8985 §6.2 step 4). */
const WINDOW_PERSIST_RECOVERIES = 16;

export class Rack {
  /** When losses must be looked for again because the reordering window of a range ends; {@link NEVER}: no range waits. */
  deadlineNs = NEVER;
  /** Round-trip time of the newest transmission that was delivered, ns (RACK.rtt). */
  private rttNs = 0;
  /** Number of that transmission; -1: nothing was delivered yet (in place of RACK.xmit_ts). */
  private newestOrdinal = -1;
  /** End of the range that it carried (RACK.end_seq). */
  private newestEnd = 0;
  /** Highest end of a range that was delivered (RACK.fack). */
  private highestEnd = 0;
  /** Whether a range that was sent once was ever delivered after one with a higher offset (RACK.reordering_seen). */
  private isReorderingSeen = false;
  /** Quarters of the minimum round-trip time that make the reordering window (RACK.reo_wnd_mult). */
  private windowQuarters = 1;
  /** Recoveries left until `windowQuarters` is 1 again (RACK.reo_wnd_persist). */
  private persistRecoveries = WINDOW_PERSIST_RECOVERIES;
  /** A further duplicate report counts once everything before this offset is acknowledged (RACK.dsack_round); -1: at once. */
  private dsackRoundEnd = -1;
  private readonly rtt: RttEstimator;

  constructor(rtt: RttEstimator) {
    this.rtt = rtt;
  }

  /**
   * Learns from an ACK that the scoreboard has gone through: the newest delivery, reordering, and whether the
   * reordering window was too small.
   */
  onAck(info: AckInfo): void {
    // RFC 8985 §6.2 step 2.
    if (
      info.newestOrdinal > this.newestOrdinal ||
      (info.newestOrdinal === this.newestOrdinal &&
        info.newestOrdinal >= 0 &&
        info.newestEnd > this.newestEnd)
    ) {
      this.newestOrdinal = info.newestOrdinal;
      this.newestEnd = info.newestEnd;
    }
    if (info.newestOrdinal >= 0) this.rttNs = info.nowNs - info.newestSentAtNs;
    // Step 3.
    if (info.lowestOriginalEnd < this.highestEnd) this.isReorderingSeen = true;
    if (info.highestDeliveredEnd > this.highestEnd) this.highestEnd = info.highestDeliveredEnd;
    // Step 4: a duplicate report means that something was sent again for nothing, so the window grows, once a round
    // trip. A tail loss probe is sent on suspicion, and its duplicate says nothing about the window.
    if (this.dsackRoundEnd >= 0 && info.sndUna >= this.dsackRoundEnd) this.dsackRoundEnd = -1;
    if (info.hasDsack && !info.isDsackOfProbe && this.dsackRoundEnd < 0) {
      this.dsackRoundEnd = info.sndNxt;
      this.windowQuarters++;
      this.persistRecoveries = WINDOW_PERSIST_RECOVERIES;
    }
  }

  /** Fast recovery, or the recovery from a timeout, is over: after some of these a grown window is small again (step 4). */
  onRecoveryEnd(): void {
    if (this.dsackRoundEnd >= 0) return;
    this.persistRecoveries--;
    if (this.persistRecoveries <= 0) this.windowQuarters = 1;
  }

  /**
   * Marks every range lost whose time is up at `now` and returns how many bytes these are: 0 when none is. Call it after
   * `onAck`, and at `deadlineNs`, which it sets anew. `isRecovering`: in fast recovery or recovering from a timeout.
   */
  detectLosses(now: number, scoreboard: Scoreboard<unknown>, isRecovering: boolean): number {
    this.deadlineNs = NEVER;
    if (this.newestOrdinal < 0) return 0;
    const waitNs = this.rttNs + this.reorderingWindowNs(scoreboard, isRecovering);
    let lostBytes = 0;
    for (let range = scoreboard.oldest; range !== undefined && this.isSentBeforeNewest(range);) {
      const next: SentSegment<unknown> | undefined = range.next;
      if (range.sentAt + waitNs > now) {
        // The RFC waits for the last such range at once; the first one's time lets the walk end here.
        this.deadlineNs = range.sentAt + waitNs;
        break;
      }
      lostBytes += range.length;
      scoreboard.markLost(range);
      range = next;
    }
    return lostBytes;
  }

  /**
   * The retransmission timer fired at `now`: the first range outstanding is lost, and whatever else has been out for a
   * round trip and the window; what was sent since may yet arrive (RFC 8985 §6.3). Returns the bytes newly taken for lost.
   */
  onTimeout(now: number, scoreboard: Scoreboard<unknown>): number {
    this.deadlineNs = NEVER;
    const waitNs = this.rttNs + this.reorderingWindowNs(scoreboard, true);
    const lostBefore = scoreboard.lostBytes;
    const head = scoreboard.head;
    if (head?.isInFlight === true) scoreboard.markLost(head);
    for (let range = scoreboard.oldest; range !== undefined && range.sentAt + waitNs <= now;) {
      const next: SentSegment<unknown> | undefined = range.next;
      scoreboard.markLost(range);
      range = next;
    }
    return scoreboard.lostBytes - lostBefore;
  }

  /** RFC 8985 §6.2 step 4, RACK_update_reo_wnd. */
  private reorderingWindowNs(scoreboard: Scoreboard<unknown>, isRecovering: boolean): number {
    if (!this.isReorderingSeen) {
      if (isRecovering || isThresholdReached(scoreboard)) return 0;
    }
    const { minRttNs, srttNs } = this.rtt;
    return Math.min((this.windowQuarters * minRttNs) / 4, srttNs);
  }

  private isSentBeforeNewest(range: SentSegment<unknown>): boolean {
    return (
      range.ordinal < this.newestOrdinal ||
      (range.ordinal === this.newestOrdinal && range.end < this.newestEnd)
    );
  }
}

/** A range can stand for many segments, so bytes count as well as ranges. */
function isThresholdReached(scoreboard: Scoreboard<unknown>): boolean {
  if (scoreboard.sackedRanges >= DUPLICATE_THRESHOLD) return true;
  const head = scoreboard.head;
  return head !== undefined && scoreboard.sackedBytes >= DUPLICATE_THRESHOLD * head.segmentSize;
}

import { MILLISECOND, SECOND } from '../base/index.js';
import type { AckInfo } from './ack-info.js';
import type { RttEstimator } from './rtt.js';
import type { Scoreboard } from './scoreboard.js';

/**
 * Tail loss probe: when no ACK comes for about two round trips, something is sent before the retransmission timer would
 * fire, so that the answer lets RACK see a loss at the end of a flight. It holds what is known of the one probe that may
 * be out, and the arithmetic of the timer; the timer itself and the sending are the sender's.
 *
 * A sender arms the probe timer, in place of the retransmission timer, after sending new data and after an ACK that moves
 * `sndUna`, if `mayArm` says so, for `timeoutNs` from now but no later than the retransmission timer would fire. When it
 * fires and `mayProbe` holds, it sends new data of up to one segment if there is some and the peer's window allows, else
 * `scoreboard.probeRange()` again, and calls `onProbeSent`. Then the retransmission timer is armed, whatever was sent.
 *
 * Read first: RFC 8985 §7.
 */

/** The longest delay of an acknowledgment to be expected of a peer (RFC 8985 §7.2: TLP.max_ack_delay; Linux: 200 ms). */
const MAX_ACK_DELAY_NS = 200 * MILLISECOND;

/** The probe timeout while there is no round-trip time (RFC 8985 §7.2). */
const INITIAL_TIMEOUT_NS = SECOND;

export class TailLossProbe {
  /** `sndNxt` when the probe was sent; its episode ends when an ACK reaches that far (TLP.end_seq). -1: no probe is out. */
  private endOffset = -1;
  /** Whether the probe was data sent before (TLP.is_retrans). */
  private isRetransmission = false;
  /** Whether there was a round-trip sample since the last probe: without one a probe would only add to a dead path. */
  private hasSampleSinceProbe = true;

  /** Whether the answer to a probe is awaited. */
  get isOutstanding(): boolean {
    return this.endOffset >= 0;
  }

  /**
   * Whether the probe timer may be armed (RFC 8985 §7.2): something is in flight, the peer takes part in SACK, nothing
   * points to a loss already.
   */
  mayArm(scoreboard: Scoreboard<unknown>, isRecovering: boolean): boolean {
    return (
      !isRecovering &&
      scoreboard.bytesInFlight > 0 &&
      scoreboard.sackedBytes === 0 &&
      scoreboard.lostBytes === 0
    );
  }

  /** Whether a probe may be sent now that the timer has fired (RFC 8985 §7.3): one at a time. */
  mayProbe(): boolean {
    return this.endOffset < 0 && this.hasSampleSinceProbe;
  }

  /** How long to wait for an ACK, ns (RFC 8985 §7.2). `isOneSegment`: what is in flight may be held back by a delayed ACK. */
  timeoutNs(rtt: RttEstimator, isOneSegment: boolean): number {
    if (!rtt.hasSample) return INITIAL_TIMEOUT_NS;
    return 2 * rtt.srttNs + (isOneSegment ? MAX_ACK_DELAY_NS : 0);
  }

  /** A probe went out; `sndNxt` is after it. */
  onProbeSent(sndNxt: number, isRetransmission: boolean): void {
    this.endOffset = sndNxt;
    this.isRetransmission = isRetransmission;
    this.hasSampleSinceProbe = false;
  }

  /** Recovery began, or the retransmission timer fired: the probe has no bearing any more. */
  reset(): void {
    this.endOffset = -1;
  }

  /**
   * Looks at an ACK (RFC 8985 §7.4). True when the probe has repaired a loss that nothing else told of: the congestion
   * control must hear of it. `isDuplicateAck`: it acknowledges nothing new, carries no data and changes no window, and
   * has no SACK block.
   */
  onAck(info: AckInfo, isDuplicateAck: boolean): boolean {
    if (info.rttNs >= 0) this.hasSampleSinceProbe = true;
    info.isDsackOfProbe =
      this.isRetransmission && this.endOffset >= 0 && info.hasDsack && info.dsackEnd === this.endOffset;
    if (this.endOffset < 0 || info.sndUna < this.endOffset) return false;
    // Everything is delivered. A probe of new data, or a duplicate report, means that nothing had been lost.
    const isHarmless = !this.isRetransmission || info.isDsackOfProbe;
    const isRepair = !isHarmless && info.sndUna > this.endOffset;
    if (isHarmless || isRepair || isDuplicateAck) this.endOffset = -1;
    return isRepair;
  }
}

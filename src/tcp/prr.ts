import type { AckInfo } from './ack-info.js';
import type { Scoreboard } from './scoreboard.js';

/**
 * Proportional rate reduction: in fast recovery, says after each ACK how much may be sent, so that the flight comes down
 * evenly to the threshold that the congestion control has set, and comes back up to it when losses took it below.
 *
 * On entry call `begin`, and then `onAck` for the very ACK that started recovery; `onSent` for everything sent until
 * recovery ends. The window is then the congestion control's again, which has been at the threshold all the time.
 *
 * Read first: RFC 9937 §6.
 */
export class Prr {
  /** Bytes that may be sent now (SndCnt); what is not used is made good at later ACKs. */
  quotaBytes = 0;
  /** Bytes delivered in this recovery (prr_delivered). */
  private deliveredBytes = 0;
  /** Bytes sent in this recovery (prr_out). */
  private sentBytes = 0;
  /** Bytes that this recovery can see delivered (RecoverFS). */
  private recoverFlightBytes = 1;
  /** Where the flight shall end (ssthresh). */
  private targetBytes = 0;

  /**
   * Recovery begins, with what `scoreboard` holds after the ACK that showed the loss and before anything is sent again;
   * `info` is that ACK, undefined when a timer showed it. `targetBytes`: the congestion control's threshold.
   */
  begin(scoreboard: Scoreboard<unknown>, info: AckInfo | undefined, targetBytes: number): void {
    this.quotaBytes = 0;
    this.deliveredBytes = 0;
    this.sentBytes = 0;
    this.targetBytes = targetBytes;
    // What was selectively acknowledged earlier will not be delivered in this recovery; what this ACK brought counts.
    let flightBytes = scoreboard.flightSize - scoreboard.sackedBytes;
    if (info !== undefined) flightBytes += info.sackedBytes + info.ackedBytes;
    this.recoverFlightBytes = Math.max(flightBytes, 1);
  }

  /**
   * Computes the quota after an ACK that delivered `deliveredBytes`. `inFlightBytes`: after losses were marked.
   * `isSafe`: `sndUna` moved and no further loss was found, so that the network takes more (RFC 9937: SafeACK).
   */
  onAck(deliveredBytes: number, inFlightBytes: number, mssBytes: number, isSafe: boolean): void {
    if (deliveredBytes > 0) {
      this.deliveredBytes += deliveredBytes;
      const quotaBytes = this.compute(deliveredBytes, inFlightBytes, mssBytes, isSafe);
      this.quotaBytes = Math.max(quotaBytes, 0);
    }
    // The first retransmission leaves at once. Counting in bytes, a quota of less than a segment is none.
    if (this.sentBytes === 0 && this.quotaBytes < mssBytes) this.quotaBytes = mssBytes;
  }

  /** `bytes` were sent, new or again. */
  onSent(bytes: number): void {
    this.sentBytes += bytes;
    this.quotaBytes = Math.max(this.quotaBytes - bytes, 0);
  }

  private compute(deliveredBytes: number, inFlightBytes: number, mssBytes: number, isSafe: boolean): number {
    if (inFlightBytes > this.targetBytes) {
      const share = (this.deliveredBytes * this.targetBytes) / this.recoverFlightBytes;
      // Rounded up as in the RFC, but to segments: bytes that make none could not be sent.
      return Math.ceil(share / mssBytes) * mssBytes - this.sentBytes;
    }
    // Losses took the flight below the threshold: conservation of packets (PRR-CRB), or slow start (PRR-SSRB).
    const conserved = Math.max(this.deliveredBytes - this.sentBytes, deliveredBytes);
    return Math.min(this.targetBytes - inFlightBytes, conserved + (isSafe ? mssBytes : 0));
  }
}

import { NEVER } from '../base/index.js';
import type { AckInfo } from './ack-info.js';

/**
 * Finds out that a reduction of the window was a mistake: nothing had been lost, only late. Two signs count. With
 * timestamps, the first ACK of what was sent again echoes an older timestamp than that of the retransmission (Eifel).
 * And the peer may report that every byte sent again had arrived before (D-SACK).
 *
 * Read first: RFC 3522 §3, RFC 4015 §3, RFC 3708 §3.
 */
export class SpuriousRecovery {
  /** When the first retransmission of this recovery left, ns; {@link NEVER}: there was none yet. */
  private firstRetransmissionAtNs = NEVER;
  /** `sndUna` when recovery began: the first ACK that moves it decides (Eifel). -1: decided. */
  private eifelUna = -1;
  /** Bytes sent again in this recovery that were not reported as duplicates; meaningful when some were sent again. */
  private unreportedBytes = 0;
  /** Reports count until everything before this offset is acknowledged; -1: no recovery is watched. */
  private watchEnd = -1;
  /** Whether `watchEnd` was moved on by the round trip that reports take to arrive. */
  private isLastRound = false;

  /** The window is about to be reduced, by a loss or by a timeout, with this outstanding. */
  begin(sndUna: number, sndNxt: number): void {
    this.firstRetransmissionAtNs = NEVER;
    this.eifelUna = sndUna;
    this.unreportedBytes = 0;
    this.watchEnd = sndNxt;
    this.isLastRound = false;
  }

  /** Bytes are sent again at `now`. */
  onRetransmission(now: number, bytes: number): void {
    if (this.watchEnd < 0) return;
    if (this.firstRetransmissionAtNs === NEVER) this.firstRetransmissionAtNs = now;
    this.unreportedBytes += bytes;
  }

  /** Looks at an ACK; true when the last reduction was a mistake, which is told once. */
  onAck(info: AckInfo): boolean {
    if (this.watchEnd < 0 || this.firstRetransmissionAtNs === NEVER) return false;
    if (this.isOriginalAcknowledged(info) || this.isAllReported(info)) {
      this.watchEnd = -1;
      return true;
    }
    if (info.sndUna >= this.watchEnd) {
      this.watchEnd = this.isLastRound ? -1 : info.sndNxt;
      this.isLastRound = true;
    }
    return false;
  }

  /** RFC 3522 §3.2 step 5. */
  private isOriginalAcknowledged(info: AckInfo): boolean {
    if (this.eifelUna < 0 || info.sndUna <= this.eifelUna) return false;
    this.eifelUna = -1;
    return info.echoedAtNs < this.firstRetransmissionAtNs;
  }

  /** RFC 3708 §3: all that was sent again arrived twice. */
  private isAllReported(info: AckInfo): boolean {
    if (!info.hasDsack) return false;
    this.unreportedBytes -= info.dsackEnd - info.dsackStart;
    return this.unreportedBytes <= 0;
  }
}

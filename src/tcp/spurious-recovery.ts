import { NEVER } from '../base/index.js';
import type { AckInfo } from './ack-info.js';

/**
 * Finds out that a reduction of the window was a mistake: nothing had been lost, only late. It keeps what was sent again
 * in this recovery, and strikes out what turns out to have been needless: with timestamps, what is acknowledged by an
 * ACK that echoes a time before the first retransmission (Eifel); and what the peer reports to have got twice (D-SACK).
 * When nothing is left, the reduction was a mistake. A duplicate made by the network is of something never sent again,
 * and strikes out nothing.
 *
 * Read first: RFC 3522 §3, RFC 4015 §3, RFC 3708 §3.
 */

/** Separate runs of offsets sent again that are kept: with more, the loss is taken to be real. */
const MAX_RUNS = 16;

export class SpuriousRecovery {
  /** What was sent again and not struck out: left, right, left, right, in order; undefined: nothing is watched. */
  private runs: number[] | undefined = undefined;
  /** When the first retransmission of this recovery left, ns; {@link NEVER}: there was none yet. */
  private firstRetransmissionAtNs = NEVER;
  /** Whether the retransmission timer began this recovery. */
  private isTimeout = false;
  /** Recovery is watched until everything before this offset is acknowledged. */
  private watchEnd = 0;
  /** Whether `watchEnd` was moved on by the round trip that reports take to arrive. */
  private isLastRound = false;

  /** The window is about to be reduced with everything before `sndNxt` sent. */
  begin(sndNxt: number, isTimeout: boolean): void {
    this.runs = [];
    this.firstRetransmissionAtNs = NEVER;
    this.isTimeout = isTimeout;
    this.watchEnd = sndNxt;
    this.isLastRound = false;
  }

  /** The offsets from `start` to `end` are sent again at `now`. */
  onRetransmission(now: number, start: number, end: number): void {
    const { runs } = this;
    if (runs === undefined) return;
    if (this.firstRetransmissionAtNs === NEVER) this.firstRetransmissionAtNs = now;
    this.strikeOut(runs, start, end);
    let at = runs.length;
    while (at > 0 && runs[at - 2]! > start) at -= 2;
    if (at > 0 && runs[at - 1] === start) runs[at - 1] = end;
    else runs.splice(at, 0, start, end);
    if (runs.length > 2 * MAX_RUNS) this.runs = undefined;
  }

  /** Looks at an ACK; true when the last reduction was a mistake, which is told once. */
  onAck(info: AckInfo): boolean {
    const { runs } = this;
    if (runs === undefined || this.firstRetransmissionAtNs === NEVER) return false;
    if (info.ackedBytes > 0 && info.echoedAtNs < this.firstRetransmissionAtNs) {
      this.strikeOut(runs, info.sndUna - info.ackedBytes, info.sndUna);
    }
    if (info.hasDsack) this.strikeOut(runs, info.dsackStart, info.dsackEnd);
    // After a timeout everything in flight was taken for lost on no other sign than silence. But where ACKs showed the
    // losses, each that is still to be repaired may be a real one.
    if (runs.length === 0 && (this.isTimeout || info.lostBytes === 0)) {
      this.runs = undefined;
      return true;
    }
    if (info.sndUna >= this.watchEnd) {
      if (this.isLastRound) this.runs = undefined;
      this.watchEnd = info.sndNxt;
      this.isLastRound = true;
    }
    return false;
  }

  /** Takes the offsets from `start` to `end` out of the runs. */
  private strikeOut(runs: number[], start: number, end: number): void {
    for (let i = 0; i < runs.length;) {
      const left = runs[i]!;
      const right = runs[i + 1]!;
      if (right <= start || end <= left) {
        i += 2;
        continue;
      }
      if (left < start && end < right) {
        runs.splice(i, 2, left, start, end, right);
        return;
      }
      if (left < start) runs[i + 1] = start;
      else if (end < right) runs[i] = end;
      else runs.splice(i, 2);
    }
  }
}

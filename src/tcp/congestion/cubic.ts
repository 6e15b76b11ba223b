import { SECOND } from '../../base/index.js';
import type { AckInfo } from '../ack-info.js';
import type { CongestionFactory } from './congestion-control.js';
import { LossBasedControl } from './loss-based.js';

/**
 * CUBIC: the window is a cubic function of the time since the last loss, flat around the window where that happened;
 * where Reno would be faster, it does as Reno does.
 *
 * Read first: RFC 9438 §4. Windows are in bytes here, so the RFC's C is multiplied by the segment size.
 */

/** Aggressiveness, in segments per cubic second (RFC 9438 §5.1: C). */
const SCALE = 0.4;
/** What is left of the window after a loss (RFC 9438 §4.6: beta_cubic). */
const BETA = 0.7;
/** Growth in segments a round trip that makes this beta as fast as Reno (RFC 9438 §4.3: alpha_cubic). */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);
/** Most that the window may grow towards its target in a round trip (RFC 9438 §4.2). */
const MAX_TARGET_FACTOR = 1.5;

class Cubic extends LossBasedControl {
  /** Window at the last loss, lowered to make room for newcomers (W_max), bytes; 0: unknown. */
  private maxBytes = 0;
  /** Window just before the last reduction (cwnd_prior), bytes. */
  private priorBytes = 0;
  /** Whether congestion avoidance has begun since the last reduction: the fields below then hold. */
  private isInEpoch = false;
  /** Window that the curve is flat around: W_max, or where the epoch began if that is higher. */
  private plateauBytes = 0;
  /** Time from the beginning of the epoch to the plateau (K), seconds. */
  private plateauSeconds = 0;
  /** Time since the beginning of the epoch in which the window was used (t), ns. */
  private elapsedNs = 0;
  /** When the last ACK came, ns. */
  private lastAckNs = 0;
  /** The window that Reno would have (W_est), bytes. */
  private renoBytes = 0;
  /** `maxBytes` before the last reduction. */
  private undoMaxBytes = 0;
  /** `priorBytes` before the last reduction. */
  private undoPriorBytes = 0;

  get name(): string {
    return 'cubic';
  }

  protected avoidCongestion(now: number, ack: AckInfo, deliveredBytes: number): void {
    if (!this.isInEpoch) this.beginEpoch(now);
    this.elapsedNs += now - this.lastAckNs;
    this.lastAckNs = now;
    const window = this.windowBytes;
    const seconds = this.elapsedNs / SECOND;
    // RFC 9438 §4.3. Once it has made up for the deeper cut of Reno, it grows as fast as Reno.
    const alpha = this.renoBytes < this.priorBytes ? ALPHA : 1;
    this.renoBytes += (alpha * this.mssBytes * deliveredBytes) / window;
    if (this.curveBytes(seconds) < this.renoBytes) {
      this.windowBytes = Math.max(window, this.renoBytes);
      return;
    }
    // RFC 9438 §4.4 and §4.5: such that the window is on the curve one round trip from now.
    const curve = this.curveBytes(seconds + ack.srttNs / SECOND);
    const target = Math.min(Math.max(curve, window), MAX_TARGET_FACTOR * window);
    this.windowBytes = window + ((target - window) * deliveredBytes) / window;
  }

  protected reduce(windowBytes: number, isTimeout: boolean): number {
    this.undoMaxBytes = this.maxBytes;
    this.undoPriorBytes = this.priorBytes;
    this.priorBytes = windowBytes;
    // RFC 9438 §4.7: losing below the last maximum means that others came; leave them more room.
    this.maxBytes = windowBytes < this.maxBytes ? (windowBytes * (1 + BETA)) / 2 : windowBytes;
    // RFC 9438 §4.8: after a timeout the curve starts flat, from where slow start ends.
    if (isTimeout) this.maxBytes = 0;
    this.isInEpoch = false;
    return windowBytes * BETA;
  }

  protected restore(): void {
    this.maxBytes = this.undoMaxBytes;
    this.priorBytes = this.undoPriorBytes;
    // The curve that begins at the old window towards the old maximum is the old curve (RFC 9438 §4.9).
    this.isInEpoch = false;
  }

  protected override beforePenalty(windowBytes: number): void {
    // A curve that went on would be back at the old window within a round trip: it begins anew, towards that window.
    this.maxBytes = windowBytes;
    this.isInEpoch = false;
  }

  protected onUnused(now: number): void {
    // RFC 9438 §5.8: such time is no time of the curve.
    this.lastAckNs = now;
  }

  private beginEpoch(now: number): void {
    const window = this.windowBytes;
    this.isInEpoch = true;
    this.elapsedNs = 0;
    this.lastAckNs = now;
    this.renoBytes = window;
    this.plateauBytes = Math.max(this.maxBytes, window);
    this.plateauSeconds = Math.cbrt((this.plateauBytes - window) / (SCALE * this.mssBytes));
  }

  /** RFC 9438 §4.2 equation 1: W_cubic. */
  private curveBytes(seconds: number): number {
    const offset = seconds - this.plateauSeconds;
    return this.plateauBytes + SCALE * this.mssBytes * offset * offset * offset;
  }
}

/** CUBIC with HyStart++. */
export const cubic: CongestionFactory = (init) => new Cubic(init);

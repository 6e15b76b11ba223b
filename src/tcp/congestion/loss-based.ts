import type { AckInfo } from '../ack-info.js';
import type { CongestionControl, CongestionInit } from './congestion-control.js';
import { HyStart } from './hystart.js';
import { initialWindowOf, windowOfOtherSegments } from './initial-window.js';

/**
 * What all congestion controls that go by loss have in common: slow start with HyStart++, the window after a timeout,
 * after idle time and while the application does not use it, and taking back a mistaken reduction. An algorithm adds
 * how the window grows in congestion avoidance and what is left of it after a loss.
 *
 * Read first: RFC 5681 §3.1 and §4.1, RFC 3465 §2, RFC 6928 §2, RFC 7661 §4, RFC 4015 §3.
 */

/** Segments that one ACK may add in slow start (RFC 9406 §4.3: L, for a sender that does not pace). */
const SLOW_START_LIMIT_SEGMENTS = 8;

/** Super-segments that one ACK may add instead, where they leave in one go anyway. */
const SLOW_START_LIMIT_OFFLOADS = 2;

/** Least threshold in segments (RFC 5681 §3.1 equation 4). */
const MIN_THRESHOLD_SEGMENTS = 2;

export abstract class LossBasedControl implements CongestionControl {
  /** Threshold of slow start in bytes; `Infinity` before the first congestion. */
  ssthreshBytes = Infinity;
  /** The window in bytes, with fractions that add up over ACKs. */
  protected windowBytes: number;
  /** Largest payload of a segment. */
  protected mssBytes: number;
  /** The window before the last reduction, for when it was a mistake. */
  private priorWindowBytes = 0;
  /** The threshold before the last reduction; 0: nothing to take back. */
  private priorSsthreshBytes = 0;
  /** Watches the first slow start; undefined afterwards. */
  protected hyStart: HyStart | undefined = new HyStart();
  private readonly init: CongestionInit;

  constructor(init: CongestionInit) {
    this.init = init;
    this.mssBytes = init.mssBytes;
    this.windowBytes = this.initialWindowBytes;
  }

  abstract get name(): string;

  get cwndBytes(): number {
    return Math.floor(this.windowBytes);
  }

  /** Least threshold in segments. */
  protected get minThresholdSegments(): number {
    return MIN_THRESHOLD_SEGMENTS;
  }

  /** Grows the window for `deliveredBytes` in congestion avoidance. */
  protected abstract avoidCongestion(now: number, ack: AckInfo, deliveredBytes: number): void;
  /** What a window of `windowBytes` is to become after a congestion. Called once for each reduction, before it. */
  protected abstract reduce(windowBytes: number, isTimeout: boolean): number;
  /** Puts back what `reduce` changed the last time. */
  protected abstract restore(): void;
  /** A window of `windowBytes` is about to be halved though nothing was lost. */
  protected beforePenalty(_windowBytes: number): void {}
  /** Time up to `now` went by without use of the window. */
  protected abstract onUnused(now: number): void;

  onAck(now: number, ack: AckInfo): void {
    // RFC 7661 §4.3: a window of which less than half is used says nothing about the path, and must not grow.
    if (2 * ack.peakInFlightBytes < this.windowBytes) {
      this.onUnused(now);
      return;
    }
    let bytes = ack.deliveredBytes;
    if (this.windowBytes < this.ssthreshBytes) bytes = this.slowStart(ack);
    if (bytes > 0) this.avoidCongestion(now, ack, bytes);
  }

  onCongestion(_now: number, flightBytes: number): void {
    this.lowerThreshold(flightBytes, false);
    this.windowBytes = this.ssthreshBytes;
  }

  onTimeout(_now: number, flightBytes: number, isFirst: boolean): void {
    if (isFirst) this.lowerThreshold(flightBytes, true);
    // RFC 5681 §3.1: the loss window.
    this.windowBytes = this.mssBytes;
  }

  onSpurious(now: number): void {
    if (this.priorSsthreshBytes === 0) return;
    this.windowBytes = Math.max(this.windowBytes, this.priorWindowBytes);
    this.ssthreshBytes = this.priorSsthreshBytes;
    this.priorSsthreshBytes = 0;
    if (this.ssthreshBytes === Infinity) this.hyStart = new HyStart();
    this.restore();
    this.onUnused(now);
  }

  onPenalty(_now: number): void {
    const { mssBytes, windowBytes } = this;
    this.beforePenalty(windowBytes);
    this.windowBytes = Math.max(windowBytes / 2, mssBytes);
    // A slow start ends too: it would double the window again before the next penalty is due.
    this.ssthreshBytes = Math.max(this.windowBytes, this.minThresholdSegments * mssBytes);
    this.hyStart = undefined;
    this.priorSsthreshBytes = 0;
  }

  /**
   * RFC 5681 §4.1 has the window start over from the restart window. As RFC 2861 §3 and Linux do, it is halved for each
   * timeout that passed instead, down to that, and the threshold keeps in mind how large it was.
   */
  onIdle(now: number, idleNs: number, rtoNs: number): void {
    const restartBytes = Math.min(this.initialWindowBytes, this.windowBytes);
    this.ssthreshBytes = Math.max(this.ssthreshBytes, (3 * this.windowBytes) / 4);
    const halvings = Math.floor(idleNs / rtoNs);
    this.windowBytes = Math.max(this.windowBytes / 2 ** halvings, restartBytes);
    this.onUnused(now);
  }

  setMss(mssBytes: number): void {
    const isFresh = this.ssthreshBytes === Infinity && this.windowBytes === this.initialWindowBytes;
    const former = this.mssBytes;
    this.mssBytes = mssBytes;
    this.windowBytes = isFresh
      ? this.initialWindowBytes
      : windowOfOtherSegments(this.windowBytes, former, mssBytes);
  }

  private get initialWindowBytes(): number {
    return initialWindowOf(this.init.initialWindowSegments, this.mssBytes);
  }

  /** Grows the window by slow start, no further than the threshold; returns the bytes that are left over for avoidance. */
  private slowStart(ack: AckInfo): number {
    const limitBytes = Math.max(
      SLOW_START_LIMIT_SEGMENTS * this.mssBytes,
      SLOW_START_LIMIT_OFFLOADS * this.init.maxOffloadBytes,
    );
    let growthBytes = Math.min(ack.deliveredBytes, limitBytes);
    if (this.hyStart !== undefined) {
      this.hyStart.onAck(ack);
      growthBytes /= this.hyStart.growthDivisor;
    }
    const roomBytes = this.ssthreshBytes - this.windowBytes;
    this.windowBytes += Math.min(growthBytes, roomBytes);
    if (this.hyStart?.isDone === true) {
      this.ssthreshBytes = this.windowBytes;
      this.hyStart = undefined;
    }
    return Math.max(growthBytes - roomBytes, 0);
  }

  /** RFC 5681 §3.1 equation 4: by what was really in flight, so that an unused window does not survive a loss. */
  private lowerThreshold(flightBytes: number, isTimeout: boolean): void {
    this.priorWindowBytes = this.windowBytes;
    this.priorSsthreshBytes = this.ssthreshBytes;
    const usedBytes = Math.min(this.windowBytes, flightBytes);
    this.ssthreshBytes = Math.max(
      this.reduce(usedBytes, isTimeout),
      this.minThresholdSegments * this.mssBytes,
    );
    this.hyStart = undefined;
  }
}

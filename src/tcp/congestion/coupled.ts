import { SECOND } from '../../base/index.js';
import type { AckInfo } from '../ack-info.js';
import type { CongestionControl, CongestionFactory, CongestionInit } from './congestion-control.js';
import { CoupledFlow, Coupling } from './coupling.js';
import { LossBasedControl } from './loss-based.js';

/**
 * What LIA, OLIA and BALIA have in common: New Reno, but for how fast the window grows in congestion avoidance (and, in
 * BALIA, how much a loss takes), which depends on the other subflows of the connection. A subflow that is alone is New
 * Reno to the byte.
 *
 * Read first: RFC 6356 §3 and §4.1. Everything is in doubles, so the scaling of §4.1 is not needed, and the sums are made
 * for every ACK in congestion avoidance: a division or two for each subflow.
 */
export abstract class CoupledControl extends LossBasedControl {
  /** What the others see of this one. */
  protected readonly flow = new CoupledFlow();
  protected readonly coupling: Coupling;

  constructor(init: CongestionInit, coupling: Coupling) {
    super(init);
    this.coupling = coupling;
    this.flow.mssBytes = init.mssBytes;
  }

  /**
   * How much the window grows per byte delivered and byte of a segment; where this is alone, 1 / window. Only asked while
   * this flow counts and is not alone.
   */
  protected abstract growth(): number;

  /** Whether other subflows are to be considered. */
  protected get isCoupled(): boolean {
    return this.flow.isCounted && this.coupling.flows.length > 1;
  }

  override onAck(now: number, ack: AckInfo): void {
    const { flow } = this;
    if (ack.srttNs > 0) {
      flow.rttSeconds = ack.srttNs / SECOND;
      this.coupling.touch(now, flow);
    }
    // RFC 6356 §3: where the application limits the flow, what is in flight counts rather than the window.
    const isUsed = 2 * ack.peakInFlightBytes >= this.windowBytes;
    flow.windowBytes = isUsed ? this.windowBytes : ack.peakInFlightBytes;
    super.onAck(now, ack);
    if (isUsed) flow.windowBytes = this.windowBytes;
  }

  override onCongestion(now: number, flightBytes: number): void {
    super.onCongestion(now, flightBytes);
    // RFC 6356 §3: a flow in fast retransmit counts with its threshold, which the window is set to.
    this.flow.windowBytes = this.windowBytes;
    this.flow.activeAt = now;
  }

  override onTimeout(now: number, flightBytes: number, isFirst: boolean): void {
    super.onTimeout(now, flightBytes, isFirst);
    this.flow.windowBytes = this.windowBytes;
  }

  override onSpurious(now: number): void {
    super.onSpurious(now);
    this.flow.windowBytes = this.windowBytes;
  }

  override onPenalty(now: number): void {
    super.onPenalty(now);
    this.flow.windowBytes = this.windowBytes;
  }

  override setMss(mssBytes: number): void {
    super.setMss(mssBytes);
    this.flow.mssBytes = mssBytes;
  }

  release(): void {
    this.coupling.leave(this.flow);
  }

  protected avoidCongestion(_now: number, _ack: AckInfo, deliveredBytes: number): void {
    const window = this.windowBytes;
    // Slow start may just have ended.
    this.flow.windowBytes = window;
    const growth = this.isCoupled ? this.growth() : 1 / window;
    this.windowBytes = Math.max(window + growth * this.mssBytes * deliveredBytes, this.mssBytes);
  }

  protected reduce(windowBytes: number, _isTimeout: boolean): number {
    return windowBytes / 2;
  }

  protected restore(): void {
    // The window and the threshold are all there is.
  }

  protected onUnused(_now: number): void {
    // Growth depends on bytes only, not on time.
  }
}

/** The factory of an algorithm that is made with what a connection's subflows share. */
export function coupledFactory(
  make: (init: CongestionInit, coupling: Coupling) => CongestionControl,
): CongestionFactory {
  const forConnection = (): CongestionFactory => {
    const coupling = new Coupling();
    return (init) => make(init, coupling);
  };
  return Object.assign((init: CongestionInit) => make(init, new Coupling()), { forConnection });
}

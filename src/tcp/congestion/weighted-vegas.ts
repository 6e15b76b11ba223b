import { NEVER, SECOND } from '../../base/index.js';
import type { AckInfo } from '../ack-info.js';
import type { CongestionInit } from './congestion-control.js';
import { CoupledControl, coupledFactory } from './coupled.js';
import type { Coupling } from './coupling.js';

/**
 * wVegas, weighted Vegas: keeps a few packets of the connection in the queues of its paths, and shares them out by how
 * fast each path is, so that data moves to where queues are short. It goes by delay, and by loss only when that comes.
 *
 * Read first: Cao, Xu and Fu, "Delay-based Congestion Control for Multipath TCP", ICNP 2012, §IV;
 * draft-xu-mptcp-congestion-control-05 §3. Constants are those of the implementation for Linux.
 */

/** Packets in the queues of all paths together (total_alpha). */
const TOTAL_ALPHA = 10;
/** Least of them for one path, and what it starts with (initial_alpha). */
const MIN_ALPHA = 2;
/** Packets in the queue at which slow start ends (gamma). */
const GAMMA = 1;
/** Round-trip samples that a round needs to be judged by more than one delayed acknowledgment. */
const MIN_SAMPLES = 3;
/** A queueing delay of so many times the least seen has the queue drained. */
const DRAIN_FACTOR = 2;
/** Least window, in segments, that delay brings a subflow down to. */
const MIN_WINDOW_SEGMENTS = 2;

class WeightedVegas extends CoupledControl {
  /** Least round-trip time seen, ns. */
  private baseNs = NEVER;
  /** Sum of the round's samples, ns. */
  private sumNs = 0;
  /** How many there are. */
  private samples = 0;
  /** Whether the last round had enough of them. */
  private isJudged = true;
  /** Packets that this path may have in its queue. */
  private alpha = MIN_ALPHA;
  /** Least queueing delay since the queue was last drained, ns; 0: none yet. */
  private leastQueueNs = 0;

  constructor(init: CongestionInit, coupling: Coupling) {
    super(init, coupling);
    // Its slow start ends by delay in its own way.
    this.hyStart = undefined;
  }

  get name(): string {
    return 'wvegas';
  }

  override onAck(now: number, ack: AckInfo): void {
    if (ack.latestRttNs > 0) {
      this.baseNs = Math.min(this.baseNs, ack.latestRttNs);
      this.sumNs += ack.latestRttNs;
      this.samples++;
    }
    if (ack.isRoundStart) this.endRound(2 * ack.peakInFlightBytes >= this.windowBytes);
    super.onAck(now, ack);
  }

  override onTimeout(now: number, flightBytes: number, isFirst: boolean): void {
    super.onTimeout(now, flightBytes, isFirst);
    this.restart();
    this.flow.rate = 0;
  }

  override onIdle(now: number, idleNs: number, rtoNs: number): void {
    super.onIdle(now, idleNs, rtoNs);
    // The path may be another one by now.
    this.baseNs = NEVER;
    this.restart();
  }

  protected override reduce(windowBytes: number): number {
    this.restart();
    return windowBytes / 2;
  }

  protected override restore(): void {
    this.hyStart = undefined;
  }

  protected growth(): number {
    return 1 / this.windowBytes;
  }

  /** The window moves once a round; by New Reno after a round that could not be judged. */
  protected override avoidCongestion(now: number, ack: AckInfo, deliveredBytes: number): void {
    if (!this.isJudged) super.avoidCongestion(now, ack, deliveredBytes);
  }

  private restart(): void {
    this.sumNs = 0;
    this.samples = 0;
    this.alpha = MIN_ALPHA;
    this.leastQueueNs = 0;
  }

  private endRound(isUsed: boolean): void {
    const { samples } = this;
    this.isJudged = samples >= MIN_SAMPLES;
    const rttNs = this.isJudged ? this.sumNs / samples : 0;
    this.sumNs = 0;
    this.samples = 0;
    if (!this.isJudged) return;
    const queuedSegments = (this.windowBytes * (1 - this.baseNs / rttNs)) / this.mssBytes;
    if (this.windowBytes >= this.ssthreshBytes) this.balance(rttNs, queuedSegments, isUsed);
    else if (queuedSegments > GAMMA) this.endSlowStart(rttNs);
    this.windowBytes = Math.max(this.windowBytes, MIN_WINDOW_SEGMENTS * this.mssBytes);
  }

  /** The queue begins to fill: back to what the path holds without one, and a segment. */
  private endSlowStart(rttNs: number): void {
    const targetBytes = (this.windowBytes * this.baseNs) / rttNs + this.mssBytes;
    this.windowBytes = Math.min(this.windowBytes, targetBytes);
    this.lowerBelowWindow();
  }

  /** One segment more or less, towards as many in the queue as this path may have. */
  private balance(rttNs: number, queuedSegments: number, isUsed: boolean): void {
    if (queuedSegments >= this.alpha) {
      this.flow.rate = this.windowBytes / this.mssBytes / (rttNs / SECOND);
      this.alpha = Math.max(MIN_ALPHA, TOTAL_ALPHA * this.weight);
    }
    if (queuedSegments > this.alpha) {
      this.windowBytes -= this.mssBytes;
      this.lowerBelowWindow();
    } else if (queuedSegments < this.alpha && isUsed) this.windowBytes += this.mssBytes;
    if (queuedSegments >= this.alpha) this.drain(rttNs);
  }

  /** This path's part of what all of them carry. */
  private get weight(): number {
    const { flows } = this.coupling;
    let total = this.flow.isCounted ? 0 : this.flow.rate;
    for (let i = 0; i < flows.length; i++) total += flows[i]!.rate;
    return this.flow.rate / total;
  }

  /**
   * Empties the queue when it has grown to twice the least it was, so that all flows see what the path takes without one.
   * Only asked while the queue holds what this path may have there, as it does when the flows are in balance: below that
   * the implementation for Linux takes a queue that doubles from nothing for a long one, and stays far below the capacity.
   */
  private drain(rttNs: number): void {
    const queueNs = rttNs - this.baseNs;
    if (this.leastQueueNs === 0 || queueNs < this.leastQueueNs) this.leastQueueNs = queueNs;
    if (queueNs < DRAIN_FACTOR * this.leastQueueNs) return;
    this.windowBytes *= this.baseNs / (2 * rttNs);
    this.leastQueueNs = 0;
  }

  private lowerBelowWindow(): void {
    const floorBytes = MIN_WINDOW_SEGMENTS * this.mssBytes;
    this.ssthreshBytes = Math.max(Math.min(this.ssthreshBytes, this.windowBytes - this.mssBytes), floorBytes);
  }
}

/** wVegas. */
export const weightedVegas = coupledFactory((init, coupling) => new WeightedVegas(init, coupling));

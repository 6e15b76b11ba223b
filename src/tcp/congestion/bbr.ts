import { MILLISECOND, NEVER, SECOND, randomBelow, type RandomSource } from '../../base/index.js';
import type { AckInfo } from '../ack-info.js';
import { initialWindowOf, windowOfOtherSegments } from './initial-window.js';
import { MaxFilter } from './max-filter.js';
import type { CongestionControl, CongestionFactory, CongestionInit } from './congestion-control.js';

/**
 * BBR, version 1: sends at the rate at which the path was seen to deliver, and keeps about twice what the path holds in
 * flight. It goes by measurements of rate and round-trip time; losses only make it careful for a round trip.
 *
 * ```
 * startup --> drain --> probe-bandwidth <--> probe-rtt
 *    ^-------------------------------------------'   (back to startup where the pipe was never full)
 * ```
 * Read first: Cardwell et al., "BBR: Congestion-Based Congestion Control", ACM Queue 14(5), 2016;
 * draft-cardwell-iccrg-bbr-congestion-control-00 §4. Bytes stand where it has packets.
 */

/** Gain that doubles the rate each round trip: 2 / ln 2 (§4.3.1.1). */
const HIGH_GAIN = 2 / Math.LN2;
/** Gains of the eight phases of a cycle, each about a round trip long (§4.3.4). */
const CYCLE_GAINS = [1.25, 0.75, 1, 1, 1, 1, 1, 1] as const;
/** Flight over what the path holds, in the steady state: room for delayed and stretched acknowledgments (§4.2.3.2). */
const WINDOW_GAIN = 2;
/** Round trips over which the bottleneck's bandwidth is the greatest rate seen (§4.1.1.3). */
const BANDWIDTH_ROUNDS = 10;
/** Time for which the least round-trip time counts (§4.1.2.3). */
const MIN_RTT_NS = 10 * SECOND;
/** How long the flight is kept down to see the round-trip time without a queue (§4.3.5). */
const PROBE_RTT_NS = 200 * MILLISECOND;
/** The flight then, in segments; and the least window at any other time (§4.2.3.1). */
const MIN_WINDOW_SEGMENTS = 4;
/** Startup ends when the bandwidth has not grown by this factor in so many round trips (§4.3.2). */
const FULL_GROWTH = 1.25;
const FULL_ROUNDS = 3;
/** Bytes a second below which one segment goes at a time, and below which two do (§4.2.2). */
const SLOW_RATE = 1.2e6 / 8;
const MEDIUM_RATE = 24e6 / 8;
/** Most that leaves at once, and the time that it may stand for. */
const MAX_QUANTUM_BYTES = 64 * 1024;
const QUANTUM_NS = MILLISECOND;
/** The round-trip time before the first measurement, for the first rate (§4.2.1). */
const NOMINAL_RTT_NS = MILLISECOND;

type Phase = 'startup' | 'drain' | 'probe-bandwidth' | 'probe-rtt';

class Bbr implements CongestionControl {
  readonly name = 'bbr';
  readonly ssthreshBytes = Number.POSITIVE_INFINITY;
  readonly pacing: { rate: number; quantumBytes: number };
  /** Where in the diagram above. */
  phase: Phase = 'startup';
  private windowBytes: number;
  private mssBytes: number;
  /** The window before recovery or probe-rtt, to go back to; 0: none. */
  private priorWindowBytes = 0;
  /** Greatest delivery rate of the last rounds, bytes a second (BtlBw). */
  private readonly bandwidth = new MaxFilter(BANDWIDTH_ROUNDS);
  /** Least round-trip time of the last ten seconds, ns (RTprop). */
  private minRttNs = NEVER;
  /** When that was seen. */
  private minRttAt = 0;
  /** Round trips so far. */
  private rounds = 0;
  private pacingGain = HIGH_GAIN;
  private windowGain = HIGH_GAIN;
  /** Whether the first rate was set from a real round-trip time. */
  private hasRtt = false;
  /** The bandwidth that startup has to beat. */
  private fullBandwidth = 0;
  /** Rounds that did not. */
  private fullCount = 0;
  /** Whether the pipe is full: startup is over. */
  private isPipeFull = false;
  /** Place in the cycle of gains, and when it was reached. */
  private cycleIndex = 0;
  private cycleAt = 0;
  /** When probe-rtt may end; {@link NEVER} while the flight is still too large. */
  private probeRttEndsAt = NEVER;
  /** The round in which probe-rtt's flight was reached. */
  private probeRttRound = 0;
  /** Rates of flights from before this round are limited by probe-rtt. */
  private limitedUntilRound = 0;
  /** Recovery began in this round: what is delivered may be sent, and no more; -1: it is over. */
  private conservationRound = -1;
  /** Whether recovery has begun since the last acknowledgment. */
  private isRecoveryNew = false;
  /** Whether the flow begins again after a pause: its flight says nothing of the queue. */
  private isRestarting = false;
  private readonly initialWindowSegments: number;
  private readonly random: RandomSource | undefined;

  constructor(init: CongestionInit) {
    this.mssBytes = init.mssBytes;
    this.initialWindowSegments = init.initialWindowSegments;
    this.random = init.random;
    this.windowBytes = this.initialWindowBytes;
    this.pacing = { rate: (HIGH_GAIN * this.windowBytes * SECOND) / NOMINAL_RTT_NS, quantumBytes: 0 };
    this.setQuantum();
  }

  get cwndBytes(): number {
    return Math.floor(this.windowBytes);
  }

  onAck(now: number, ack: AckInfo): void {
    if (ack.isRoundStart) this.rounds++;
    this.updateBandwidth(ack);
    if (this.phase === 'probe-bandwidth' && this.isPhaseOver(now, ack)) this.advanceCycle(now);
    this.checkFullPipe(ack);
    this.checkDrain(now, ack);
    this.updateMinRtt(now, ack);
    this.setRate(ack);
    this.setWindow(ack);
  }

  onCongestion(): void {
    if (this.conservationRound < 0) this.priorWindowBytes = Math.max(this.priorWindowBytes, this.windowBytes);
    this.conservationRound = this.rounds;
    this.isRecoveryNew = true;
  }

  onRecoveryEnd(): void {
    this.conservationRound = -1;
    this.isRecoveryNew = false;
    this.restoreWindow();
  }

  onTimeout(_now: number, _flightBytes: number, isFirst: boolean): void {
    if (isFirst) this.priorWindowBytes = Math.max(this.priorWindowBytes, this.windowBytes);
    // §4.2.3.4: everything is taken for lost; it begins again with one segment.
    this.windowBytes = this.mssBytes;
    this.conservationRound = -1;
    this.isRecoveryNew = false;
    // The path may be slower than it was: startup is judged anew.
    this.fullBandwidth = 0;
  }

  onSpurious(): void {
    this.onRecoveryEnd();
  }

  onIdle(): void {
    this.isRestarting = true;
    // §4.3.4.4: at the rate of the path, whatever the cycle was about to do.
    if (this.phase === 'probe-bandwidth') this.pacing.rate = Math.max(this.bandwidth.value, 1);
  }

  setMss(mssBytes: number): void {
    const isFresh = this.windowBytes === this.initialWindowBytes && this.bandwidth.value === 0;
    const former = this.mssBytes;
    this.mssBytes = mssBytes;
    this.windowBytes = isFresh
      ? this.initialWindowBytes
      : windowOfOtherSegments(this.windowBytes, former, mssBytes);
    this.setQuantum();
  }

  // The model of the path

  private updateBandwidth(ack: AckInfo): void {
    const isLimited =
      ack.isRateAppLimited || this.phase === 'probe-rtt' || this.rounds <= this.limitedUntilRound;
    // §4.1.1.2: what was limited by other things than the path counts only if it is faster than all else.
    if (ack.deliveryRate > 0 && (!isLimited || ack.deliveryRate >= this.bandwidth.value))
      this.bandwidth.update(this.rounds, ack.deliveryRate);
  }

  private updateMinRtt(now: number, ack: AckInfo): void {
    const isExpired = now > this.minRttAt + MIN_RTT_NS;
    if (ack.latestRttNs > 0 && (ack.latestRttNs <= this.minRttNs || isExpired)) {
      this.minRttNs = ack.latestRttNs;
      this.minRttAt = now;
    }
    if (isExpired && this.phase !== 'probe-rtt' && !this.isRestarting) this.enterProbeRtt();
    if (this.phase === 'probe-rtt') this.probeRtt(now, ack);
    if (ack.deliveredBytes > 0) this.isRestarting = false;
  }

  /** `gain` times what the path holds, and what is under way in hosts besides (§4.2.3.2). */
  private flightFor(gain: number): number {
    if (this.minRttNs === NEVER || this.bandwidth.value === 0) return gain * this.initialWindowBytes;
    const heldBytes = (this.bandwidth.value * this.minRttNs) / SECOND;
    return gain * heldBytes + 3 * this.pacing.quantumBytes;
  }

  private get minWindowBytes(): number {
    return MIN_WINDOW_SEGMENTS * this.mssBytes;
  }

  // The phases

  private checkFullPipe(ack: AckInfo): void {
    if (this.isPipeFull || !ack.isRoundStart || ack.isRateAppLimited) return;
    if (this.bandwidth.value >= this.fullBandwidth * FULL_GROWTH) {
      this.fullBandwidth = this.bandwidth.value;
      this.fullCount = 0;
    } else if (++this.fullCount >= FULL_ROUNDS) this.isPipeFull = true;
  }

  private checkDrain(now: number, ack: AckInfo): void {
    if (this.phase === 'startup' && this.isPipeFull) {
      this.phase = 'drain';
      this.pacingGain = 1 / HIGH_GAIN;
      this.windowGain = HIGH_GAIN;
    }
    if (this.phase === 'drain' && ack.inFlightBytes <= this.flightFor(1)) this.enterProbeBandwidth(now);
  }

  /** Begins a cycle at any phase but the one that sends less (§4.3.4.3). */
  private enterProbeBandwidth(now: number): void {
    this.phase = 'probe-bandwidth';
    this.windowGain = WINDOW_GAIN;
    const skipped = this.random === undefined ? 0 : randomBelow(this.random, CYCLE_GAINS.length - 1);
    this.cycleIndex = CYCLE_GAINS.length - 1 - skipped;
    this.advanceCycle(now);
  }

  private isPhaseOver(now: number, ack: AckInfo): boolean {
    const isFull = now - this.cycleAt > this.minRttNs;
    if (this.pacingGain === 1) return isFull;
    // More is sent until there is as much in flight as that makes, or a loss says that it is too much.
    if (this.pacingGain > 1)
      return isFull && (ack.newlyLostBytes > 0 || ack.priorInFlightBytes >= this.flightFor(this.pacingGain));
    // Less is sent until the queue that this made is gone.
    return isFull || ack.priorInFlightBytes <= this.flightFor(1);
  }

  private advanceCycle(now: number): void {
    this.cycleAt = now;
    this.cycleIndex = (this.cycleIndex + 1) % CYCLE_GAINS.length;
    this.pacingGain = CYCLE_GAINS[this.cycleIndex]!;
  }

  private enterProbeRtt(): void {
    this.phase = 'probe-rtt';
    this.pacingGain = 1;
    this.windowGain = 1;
    this.priorWindowBytes = Math.max(this.priorWindowBytes, this.windowBytes);
    this.probeRttEndsAt = NEVER;
  }

  private probeRtt(now: number, ack: AckInfo): void {
    if (this.probeRttEndsAt === NEVER) {
      if (ack.inFlightBytes > this.minWindowBytes) return;
      this.probeRttEndsAt = now + PROBE_RTT_NS;
      this.probeRttRound = this.rounds;
    } else if (this.rounds > this.probeRttRound && now > this.probeRttEndsAt) this.leaveProbeRtt(now);
  }

  private leaveProbeRtt(now: number): void {
    this.minRttAt = now;
    this.limitedUntilRound = this.rounds + 1;
    this.restoreWindow();
    if (this.isPipeFull) this.enterProbeBandwidth(now);
    else {
      this.phase = 'startup';
      this.pacingGain = HIGH_GAIN;
      this.windowGain = HIGH_GAIN;
    }
  }

  // What is sent

  private setRate(ack: AckInfo): void {
    if (!this.hasRtt && ack.srttNs > 0) {
      this.hasRtt = true;
      this.pacing.rate = (HIGH_GAIN * this.windowBytes * SECOND) / ack.srttNs;
    }
    const rate = this.pacingGain * this.bandwidth.value;
    // In startup a flow that had little to send must not slow down for it.
    if (rate > 0 && (this.isPipeFull || rate > this.pacing.rate)) this.pacing.rate = rate;
    this.setQuantum();
  }

  private setQuantum(): void {
    const { pacing, mssBytes } = this;
    if (pacing.rate < SLOW_RATE) pacing.quantumBytes = mssBytes;
    else if (pacing.rate < MEDIUM_RATE) pacing.quantumBytes = 2 * mssBytes;
    else {
      const bytes = Math.min((pacing.rate * QUANTUM_NS) / SECOND, MAX_QUANTUM_BYTES);
      pacing.quantumBytes = Math.max(bytes - (bytes % mssBytes), 2 * mssBytes);
    }
  }

  private setWindow(ack: AckInfo): void {
    const { deliveredBytes, newlyLostBytes } = ack;
    const flightBytes = ack.inFlightBytes - newlyLostBytes;
    if (newlyLostBytes > 0) this.windowBytes = Math.max(this.windowBytes - newlyLostBytes, this.mssBytes);
    if (this.isRecoveryNew) {
      this.isRecoveryNew = false;
      this.windowBytes = flightBytes + Math.max(deliveredBytes, this.mssBytes);
    }
    if (this.conservationRound >= 0 && this.rounds <= this.conservationRound) {
      // §4.2.3.4: for the first round trip of recovery as much goes out as comes in.
      this.windowBytes = Math.max(this.windowBytes, flightBytes + deliveredBytes);
    } else this.approachTarget(deliveredBytes);
    if (this.phase === 'probe-rtt') this.windowBytes = Math.min(this.windowBytes, this.minWindowBytes);
    this.windowBytes = Math.max(this.windowBytes, this.mssBytes);
  }

  private approachTarget(deliveredBytes: number): void {
    const targetBytes = this.flightFor(this.windowGain);
    if (this.isPipeFull) this.windowBytes = Math.min(this.windowBytes + deliveredBytes, targetBytes);
    else if (this.windowBytes < targetBytes) this.windowBytes += deliveredBytes;
    this.windowBytes = Math.max(this.windowBytes, this.minWindowBytes);
  }

  private restoreWindow(): void {
    this.windowBytes = Math.max(this.windowBytes, this.priorWindowBytes);
    this.priorWindowBytes = 0;
  }

  private get initialWindowBytes(): number {
    return initialWindowOf(this.initialWindowSegments, this.mssBytes);
  }
}

/** BBR, version 1. It paces, and decides itself how much may be in flight in fast recovery. */
export const bbr: CongestionFactory = (init) => new Bbr(init);

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MILLISECOND, NEVER, SECOND } from '../../base/index.js';
import { AckInfo } from '../ack-info.js';
import { RttEstimator } from '../rtt.js';
import type { CongestionControl, CongestionInit } from './congestion-control.js';
import { bbr, congestionControls } from './index.js';

const MSS = 1000;
const init: CongestionInit = { mssBytes: MSS, initialWindowSegments: 10, maxOffloadBytes: 0 };
const estimator = new RttEstimator({ initialRtoNs: SECOND, minRtoNs: 2e8, maxRtoNs: 1e11 });
/** The path: a megabyte a second, and 100 ms. */
const RATE = 1e6;
const RTT_MS = 100;
const HELD = (RATE * RTT_MS) / 1000;
/** 2 / ln 2: the draft, §4.3.1.1. */
const HIGH = 2.885;

interface Sample {
  /** Bytes a second; none if left out. */
  readonly rate?: number;
  readonly rttMs?: number;
  readonly isRoundStart?: boolean;
  readonly isAppLimited?: boolean;
  readonly inFlight?: number;
  readonly segments?: number;
  readonly lost?: number;
}

function deliver(control: CongestionControl, now: number, sample: Sample): void {
  const info = new AckInfo();
  info.begin(now, NEVER, estimator);
  info.deliveredBytes = info.ackedBytes = (sample.segments ?? 2) * MSS;
  info.deliveryRate = sample.rate ?? 0;
  info.srttNs = info.latestRttNs = info.rttNs = (sample.rttMs ?? RTT_MS) * MILLISECOND;
  info.isRoundStart = sample.isRoundStart ?? false;
  info.isRateAppLimited = sample.isAppLimited ?? false;
  info.inFlightBytes = sample.inFlight ?? control.cwndBytes;
  info.priorInFlightBytes = info.inFlightBytes + info.deliveredBytes;
  info.newlyLostBytes = sample.lost ?? 0;
  info.peakInFlightBytes = control.cwndBytes;
  control.onAck(now, info);
}

/** One that has found the bandwidth of the path: startup is over after three rounds that brought no more. */
function inSteadyState(): { control: CongestionControl; now: number } {
  const control = bbr(init);
  let now = SECOND;
  for (let round = 0; round < 5; round++, now += 100 * MILLISECOND)
    for (let i = 0; i < 20; i++) deliver(control, now, { rate: RATE, isRoundStart: i === 0 });
  // The queue of startup drains.
  deliver(control, now, { rate: RATE, inFlight: HELD });
  return { control, now };
}

/** Pacing rate over bandwidth. */
const gain = (control: CongestionControl): number => control.pacing!.rate / RATE;

describe('bbr', () => {
  test('has its name, and paces', () => {
    const control = bbr(init);
    expect([control.name, congestionControls['bbr']]).toEqual(['bbr', bbr]);
    // §4.2.1: the initial window in a nominal round trip of a millisecond, and the gain of startup.
    expect(control.pacing!.rate / (HIGH * 10 * MSS * 1000)).toBeCloseTo(1, 3);
    expect(control.cwndBytes).toBe(10 * MSS);
  });

  test('in startup the rate is 2/ln2 of the greatest that was delivered, and the window grows by what is delivered (§4.3.2)', () => {
    const control = bbr(init);
    deliver(control, SECOND, {});
    expect(control.pacing!.rate / ((HIGH * 10 * MSS * 1000) / RTT_MS)).toBeCloseTo(1, 3);
    expect(control.cwndBytes).toBe(12 * MSS);
    for (const rate of [0.5e6, 1e6, 0.7e6, 2e6]) deliver(control, SECOND, { rate, isRoundStart: true });
    expect(control.pacing!.rate / (HIGH * 2e6)).toBeCloseTo(1, 3);
    expect(control.cwndBytes).toBe(20 * MSS);
  });

  test('startup ends after three rounds in which the bandwidth did not grow by a quarter, and the queue is drained (§4.3.2, §4.3.3)', () => {
    const control = bbr(init);
    let now = SECOND;
    const round = (rate: number): void =>
      deliver(control, (now += 100 * MILLISECOND), { rate, isRoundStart: true, inFlight: 1e6 });
    for (const rate of [0.4e6, 0.8e6, 1e6, 1.2e6, 1.2e6]) round(rate);
    // 1e6 was the last step of a quarter; two rounds since.
    expect(control.pacing!.rate / (HIGH * 1.2e6)).toBeCloseTo(1, 3);
    round(1.2e6);
    expect(control.pacing!.rate / (1.2e6 / HIGH)).toBeCloseTo(1, 3);
    // Until no more is in flight than the path holds.
    round(1.2e6);
    expect(control.pacing!.rate).toBeLessThan(1.2e6);
    deliver(control, now, { rate: 1.2e6, inFlight: 0.12e6 });
    expect(control.pacing!.rate).toBeGreaterThanOrEqual(1.2e6);
  });

  test('rounds that the application limited do not end startup', () => {
    const control = bbr(init);
    for (let i = 0; i < 10; i++)
      deliver(control, SECOND, { rate: RATE, isRoundStart: true, isAppLimited: true });
    expect(gain(control)).toBeCloseTo(HIGH, 2);
  });

  test('then the rate goes through the cycle of gains, a least round-trip time each, and the window is twice what the path holds (§4.3.4)', () => {
    const { control, now } = inSteadyState();
    const gains: number[] = [];
    for (let i = 0; i < 16; i++) {
      gains.push(Math.round(gain(control) * 100) / 100);
      // Nothing before the time is over; more in flight than the gain of 1.25 asks for.
      const at = now + i * 101 * MILLISECOND;
      for (const ms of [20, 60, 101])
        deliver(control, at + ms * MILLISECOND, { rate: RATE, inFlight: 1.5 * HELD, segments: 30 });
      expect(control.cwndBytes).toBe(2 * HELD + 3 * control.pacing!.quantumBytes);
    }
    const cycle = [1.25, 0.75, 1, 1, 1, 1, 1, 1];
    expect(gains).toEqual([...cycle, ...cycle]);
  });

  test('the phase that sends less ends when the queue is gone, the one that sends more when that much is in flight or lost', () => {
    const { control, now } = inSteadyState();
    expect(gain(control)).toBeCloseTo(1.25);
    deliver(control, now + 150 * MILLISECOND, { rate: RATE, inFlight: HELD });
    expect(gain(control)).toBeCloseTo(1.25);
    deliver(control, now + 151 * MILLISECOND, { rate: RATE, inFlight: HELD, lost: MSS });
    expect(gain(control)).toBeCloseTo(0.75);
    deliver(control, now + 152 * MILLISECOND, { rate: RATE, inFlight: 0.9 * HELD });
    expect(gain(control)).toBeCloseTo(1);
  });

  test('the bandwidth is the greatest rate of ten rounds; what the application limited counts only when it is greater (§4.1.1)', () => {
    const { control, now } = inSteadyState();
    const bandwidth = (): number => control.cwndBytes - 3 * control.pacing!.quantumBytes;
    const held = (rate: number): number => (2 * rate * RTT_MS) / 1000;
    deliver(control, now, { rate: 3 * RATE, isAppLimited: true, segments: 600 });
    expect(bandwidth()).toBeCloseTo(held(3 * RATE), -2);
    for (let round = 0; round < 10; round++)
      deliver(control, now, { rate: 2 * RATE, isRoundStart: true, segments: 600 });
    expect(bandwidth()).toBeCloseTo(held(3 * RATE), -2);
    for (let round = 0; round < 10; round++)
      deliver(control, now, { rate: RATE / 2, isRoundStart: true, isAppLimited: true, segments: 600 });
    expect(bandwidth()).toBeCloseTo(held(3 * RATE), -2);
    for (let round = 0; round < 10; round++)
      deliver(control, now, { rate: 2 * RATE, isRoundStart: true, segments: 600 });
    expect(bandwidth()).toBeCloseTo(held(2 * RATE), -2);
  });

  test('without a shorter round trip for ten seconds the flight is four segments for 200 ms and a round, and then as before (§4.3.5)', () => {
    const { control, now } = inSteadyState();
    for (let i = 0; i < 10; i++)
      deliver(control, now, { rate: RATE, rttMs: 120, segments: 30, inFlight: 1.5 * HELD });
    const before = control.cwndBytes;
    const at = now + 10 * SECOND + MILLISECOND;
    deliver(control, at, { rate: RATE, rttMs: 120 });
    expect(control.cwndBytes).toBe(4 * MSS);
    deliver(control, at + 100 * MILLISECOND, { rate: RATE, rttMs: 110, inFlight: 4 * MSS });
    // Neither the time alone ends it, nor a round alone.
    deliver(control, at + 150 * MILLISECOND, { rttMs: 105, inFlight: 4 * MSS, isRoundStart: true });
    expect(control.cwndBytes).toBe(4 * MSS);
    deliver(control, at + 301 * MILLISECOND, { rttMs: 105, inFlight: 4 * MSS });
    // The next acknowledgment takes the window to its target for the round-trip time that was seen.
    expect(control.cwndBytes).toBeGreaterThan(0.9 * before);
    expect(gain(control)).toBeGreaterThan(0.9);
  });

  test('in the first round of recovery as much goes out as comes in, then the window comes back (§4.2.3.4)', () => {
    const { control, now } = inSteadyState();
    const before = control.cwndBytes;
    control.onCongestion(now, before);
    deliver(control, now, { rate: RATE, inFlight: 60 * MSS, segments: 2, lost: 10 * MSS });
    expect(control.cwndBytes).toBe((60 - 10 + 2) * MSS);
    deliver(control, now, { rate: RATE, inFlight: 58 * MSS, segments: 4 });
    expect(control.cwndBytes).toBe(62 * MSS);
    control.onRecoveryEnd!();
    expect(control.cwndBytes).toBe(before);
  });

  test('a timeout leaves one segment, until what was lost is repaired', () => {
    const { control, now } = inSteadyState();
    const before = control.cwndBytes;
    control.onTimeout(now, before, true);
    control.onTimeout(now, before, false);
    expect(control.cwndBytes).toBe(MSS);
    control.onRecoveryEnd!();
    expect(control.cwndBytes).toBe(before);
  });

  test('at a high rate a quantum stands for a millisecond, below 24 Mbit/s for two segments, below 1.2 Mbit/s for one (§4.2.2)', () => {
    const control = bbr(init);
    const quantum = (rate: number): number => {
      deliver(control, SECOND, { rate: rate / HIGH });
      return control.pacing!.quantumBytes;
    };
    expect(bbr({ ...init, initialWindowSegments: 1, mssBytes: 40 }).pacing!.quantumBytes).toBe(40);
    expect(control.pacing!.quantumBytes).toBe(28 * MSS);
    deliver(control, SECOND, {});
    expect(quantum(1e6)).toBe(2 * MSS);
    expect(quantum(10.5e6)).toBe(10 * MSS);
    expect(quantum(1e9)).toBe(65 * MSS);
  });

  test('after a timeout the window is one segment, also when the timeout made segments smaller (§4.2.3.4)', () => {
    const { control, now } = inSteadyState();
    control.onTimeout(now, HELD, true);
    expect(control.cwndBytes).toBe(MSS);
    control.setMss(MSS / 2);
    expect(control.cwndBytes).toBe(MSS / 2);
  });

  test('whatever happens, the window is a whole number of at least a segment, and the rate is above 0', () => {
    const act = fc.record({
      kind: fc.constantFrom('ack', 'ack', 'ack', 'ack', 'loss', 'timeout', 'spurious', 'idle', 'mss', 'end'),
      pause: fc.constantFrom(0, MILLISECOND, 100 * MILLISECOND, 11 * SECOND),
      rate: fc.constantFrom(0, 1, 1e5, 1e9),
      rttMs: fc.constantFrom(0, 0.001, 10, 1e5),
      isRoundStart: fc.boolean(),
      isAppLimited: fc.boolean(),
      inFlight: fc.constantFrom(0, MSS, 1e7),
      lost: fc.constantFrom(0, MSS, 1e6),
    });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
        const control = bbr(init);
        let now = 0;
        let mss = MSS;
        for (const { kind, pause, ...sample } of acts) {
          now += pause;
          if (kind === 'ack') deliver(control, now, sample);
          else if (kind === 'loss') control.onCongestion(now, sample.inFlight);
          else if (kind === 'timeout') control.onTimeout(now, sample.inFlight, sample.isRoundStart);
          else if (kind === 'spurious') control.onSpurious(now);
          else if (kind === 'idle') control.onIdle(now, SECOND, SECOND);
          else if (kind === 'end') control.onRecoveryEnd!();
          else control.setMss((mss = mss === MSS ? 536 : MSS));
          expect(Number.isInteger(control.cwndBytes)).toBe(true);
          expect(control.cwndBytes).toBeGreaterThanOrEqual(mss);
          expect(control.pacing!.rate).toBeGreaterThan(0);
          expect(Number.isFinite(control.pacing!.rate)).toBe(true);
          expect(control.pacing!.quantumBytes).toBeGreaterThanOrEqual(mss);
        }
      }),
    );
  });
});

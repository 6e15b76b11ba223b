import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MILLISECOND, NEVER, SECOND } from '../../base/index.js';
import { AckInfo } from '../ack-info.js';
import { RttEstimator } from '../rtt.js';
import type { CongestionControl, CongestionFactory, CongestionInit } from './congestion-control.js';
import { cubic, newReno } from './index.js';

const MSS = 1000;
const init: CongestionInit = { mssBytes: MSS, initialWindowSegments: 10, maxOffloadBytes: 0 };
const rtt = new RttEstimator({ initialRtoNs: SECOND, minRtoNs: 2e8, maxRtoNs: 1e11 });

interface Delivery {
  readonly bytes: number;
  /** Peak of the bytes in flight; all of the window if left out. */
  readonly peak?: number;
  readonly rttNs?: number;
  readonly una?: number;
  readonly next?: number;
}

function deliver(control: CongestionControl, now: number, delivery: Delivery): void {
  const info = new AckInfo();
  info.begin(now, NEVER, rtt);
  info.deliveredBytes = info.ackedBytes = delivery.bytes;
  info.peakInFlightBytes = delivery.peak ?? control.cwndBytes;
  info.latestRttNs = info.rttNs = delivery.rttNs ?? 100 * MILLISECOND;
  info.srttNs = 100 * MILLISECOND;
  info.sndUna = delivery.una ?? 0;
  info.sndNxt = delivery.next ?? 1e9;
  control.onAck(now, info);
}

describe.each([
  ['reno', newReno, 0.5],
  ['cubic', cubic, 0.7],
] as const)('%s', (name, factory: CongestionFactory, beta) => {
  test('has its name', () => {
    expect(factory(init).name).toBe(name);
  });

  test.each([
    [1000, 10, 10_000],
    [1460, 10, 14_600],
    [4000, 10, 14_600],
    [9000, 10, 18_000],
    [1460, 1, 1460],
  ])(
    'RFC 6928: segments of %i bytes, %i of them, begin with %i',
    (mssBytes, initialWindowSegments, expected) => {
      expect(factory({ ...init, mssBytes, initialWindowSegments }).cwndBytes).toBe(expected);
    },
  );

  test('in slow start the window grows by what is delivered, at most eight segments an ACK', () => {
    const control = factory(init);
    deliver(control, 0, { bytes: 2 * MSS });
    expect(control.cwndBytes).toBe(12 * MSS);
    deliver(control, 0, { bytes: 12 * MSS });
    expect(control.cwndBytes).toBe(20 * MSS);
    const offloading = factory({ ...init, maxOffloadBytes: 60 * MSS });
    deliver(offloading, 0, { bytes: 10 * MSS });
    expect(offloading.cwndBytes).toBe(20 * MSS);
  });

  test('a window of which less than half is used does not grow (RFC 7661 §4.3)', () => {
    const control = factory(init);
    deliver(control, 0, { bytes: 2 * MSS, peak: 4.9 * MSS });
    expect(control.cwndBytes).toBe(10 * MSS);
    deliver(control, 0, { bytes: 2 * MSS, peak: 5 * MSS });
    expect(control.cwndBytes).toBe(12 * MSS);
  });

  test('a loss leaves its share of the window', () => {
    const control = factory(init);
    control.onCongestion(0, 10 * MSS);
    expect([control.cwndBytes, control.ssthreshBytes]).toEqual([10 * MSS * beta, 10 * MSS * beta]);
  });

  test('a loss leaves a share of what was in flight, if that was less', () => {
    const control = factory(init);
    control.onCongestion(0, 6 * MSS);
    expect(control.cwndBytes).toBe(Math.floor(6 * MSS * beta));
  });

  test('a penalty halves the window, down to a segment, and ends slow start there (NSDI 2012, §4.2)', () => {
    const control = factory(init);
    control.onPenalty!(0);
    expect([control.cwndBytes, control.ssthreshBytes]).toEqual([5 * MSS, 5 * MSS]);
    control.onPenalty!(0);
    expect([control.cwndBytes, control.ssthreshBytes]).toEqual([2.5 * MSS, 2.5 * MSS]);
    for (let i = 0; i < 5; i++) control.onPenalty!(0);
    expect([control.cwndBytes, control.ssthreshBytes]).toEqual([MSS, 2 * MSS]);
  });

  test('a penalty is not taken back with a loss that was none', () => {
    const control = factory(init);
    control.onCongestion(0, 10 * MSS);
    control.onPenalty!(0);
    const { cwndBytes } = control;
    control.onSpurious(0);
    expect(control.cwndBytes).toBe(cwndBytes);
  });

  test('neither window nor threshold falls below two segments after losses', () => {
    const control = factory(init);
    for (let i = 0; i < 20; i++) control.onCongestion(0, control.cwndBytes);
    expect([control.cwndBytes, control.ssthreshBytes]).toEqual([2 * MSS, 2 * MSS]);
  });

  test('a timeout leaves one segment, and slow start leads to the threshold and not beyond', () => {
    const control = factory(init);
    control.onTimeout(0, 10 * MSS, true);
    control.onTimeout(1, 10 * MSS, false);
    expect([control.cwndBytes, control.ssthreshBytes]).toEqual([MSS, 10 * MSS * beta]);
    deliver(control, 2, { bytes: MSS });
    expect(control.cwndBytes).toBe(2 * MSS);
    deliver(control, 3, { bytes: 8 * MSS });
    expect(control.cwndBytes).toBeGreaterThanOrEqual(10 * MSS * beta);
    expect(control.cwndBytes).toBeLessThanOrEqual(10 * MSS * beta + MSS);
  });

  test('a mistaken reduction is taken back, once', () => {
    const control = factory(init);
    control.onCongestion(0, 10 * MSS);
    control.onSpurious(1);
    expect([control.cwndBytes, control.ssthreshBytes]).toEqual([10 * MSS, Infinity]);
    control.onTimeout(2, 10 * MSS, true);
    control.onTimeout(3, 10 * MSS, false);
    control.onSpurious(4);
    expect([control.cwndBytes, control.ssthreshBytes]).toEqual([10 * MSS, Infinity]);
    control.onSpurious(5);
    expect(control.cwndBytes).toBe(10 * MSS);
  });

  test('idle time halves the window for each timeout, down to the initial window', () => {
    const control = factory(init);
    for (let i = 0; i < 10; i++) deliver(control, 0, { bytes: 8 * MSS });
    expect(control.cwndBytes).toBe(90 * MSS);
    control.onCongestion(0, 90 * MSS);
    const window = control.cwndBytes;
    control.onIdle(SECOND, SECOND, 0.5 * SECOND);
    expect(control.cwndBytes).toBe(Math.floor(window / 4));
    expect(control.ssthreshBytes).toBe(90 * MSS * beta);
    control.onIdle(100 * SECOND, 99 * SECOND, 0.5 * SECOND);
    expect(control.cwndBytes).toBe(10 * MSS);
  });

  test('idle time does not enlarge a small window', () => {
    const control = factory(init);
    control.onTimeout(0, 10 * MSS, true);
    control.onIdle(9 * SECOND, 9 * SECOND, SECOND);
    expect(control.cwndBytes).toBe(MSS);
  });

  test('another segment size changes a fresh window, and later leaves room for one segment', () => {
    const control = factory(init);
    control.setMss(500);
    expect(control.cwndBytes).toBe(5000);
    control.onTimeout(0, 5000, true);
    control.setMss(2000);
    expect(control.cwndBytes).toBe(2000);
  });

  test('the loss window is one segment, also when the timeout made segments smaller (RFC 5681 §3.1)', () => {
    const control = factory(init);
    control.onTimeout(0, 10 * MSS, true);
    control.setMss(MSS / 2);
    expect(control.cwndBytes).toBe(MSS / 2);
    const larger = factory(init);
    larger.onCongestion(0, 10 * MSS);
    const { cwndBytes } = larger;
    larger.setMss(MSS / 2);
    expect(larger.cwndBytes).toBe(cwndBytes);
  });

  test('the window stays within one segment and twice its use, whatever happens', () => {
    const event = fc.tuple(
      fc.constantFrom('ack', 'ack', 'ack', 'loss', 'timeout', 'again', 'undo', 'idle', 'mss'),
      fc.nat(60),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 150 }), (events) => {
        const control = factory(init);
        let mss = MSS;
        let now = 0;
        const highest = 60 * MSS;
        for (const [kind, value] of events) {
          now += value * MILLISECOND;
          if (kind === 'ack')
            deliver(control, now, { bytes: value * 100, peak: Math.min(control.cwndBytes, highest) });
          else if (kind === 'loss') control.onCongestion(now, value * MSS);
          else if (kind === 'timeout') control.onTimeout(now, value * MSS, true);
          else if (kind === 'again') control.onTimeout(now, value * MSS, false);
          else if (kind === 'undo') control.onSpurious(now);
          else if (kind === 'idle') control.onIdle(now, value * SECOND, SECOND);
          else control.setMss((mss = 500 + value * 10));
          expect(Number.isInteger(control.cwndBytes)).toBe(true);
          expect(control.cwndBytes).toBeGreaterThanOrEqual(mss);
          expect(control.cwndBytes).toBeLessThanOrEqual(2 * highest + 8 * 1100);
          if (kind === 'loss') expect(control.ssthreshBytes).toBeGreaterThanOrEqual(2 * mss);
        }
      }),
    );
  });
});

describe('NewReno in congestion avoidance', () => {
  function avoiding(): CongestionControl {
    const control = newReno(init);
    control.onCongestion(0, 10 * MSS);
    return control;
  }

  test('adds one segment a round trip (RFC 5681 §3.1)', () => {
    const control = avoiding();
    for (let i = 0; i < 5; i++) deliver(control, i, { bytes: MSS });
    expect(control.cwndBytes / MSS).toBeCloseTo(6, 0);
    expect(control.cwndBytes).toBeLessThanOrEqual(6 * MSS);
  });

  test('grows by bytes, however many ACKs there are (RFC 3465)', () => {
    const split = avoiding();
    for (let i = 0; i < 50; i++) deliver(split, i, { bytes: MSS / 10 });
    const joined = avoiding();
    deliver(joined, 0, { bytes: 5 * MSS });
    expect(split.cwndBytes / MSS).toBeCloseTo(joined.cwndBytes / MSS, 0);
  });
});

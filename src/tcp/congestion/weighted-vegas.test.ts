import { describe, expect, test } from 'vitest';
import { MILLISECOND, NEVER, SECOND } from '../../base/index.js';
import { AckInfo } from '../ack-info.js';
import { RttEstimator } from '../rtt.js';
import type { CongestionControl, CongestionFactory, CongestionInit } from './congestion-control.js';
import { weightedVegas } from './index.js';

const MSS = 1000;
const init: CongestionInit = { mssBytes: MSS, initialWindowSegments: 10, maxOffloadBytes: 0 };
const estimator = new RttEstimator({ initialRtoNs: SECOND, minRtoNs: 2e8, maxRtoNs: 1e11 });
/** Acknowledgments of a round, each of one segment. */
const ACKS = 10;

/** A round of acknowledgments with one round-trip time. */
function round(control: CongestionControl, at: number, rttMs: number, acks = ACKS): void {
  for (let i = 0; i < acks; i++) {
    const info = new AckInfo();
    info.begin(at, NEVER, estimator);
    info.deliveredBytes = info.ackedBytes = MSS;
    info.peakInFlightBytes = control.cwndBytes;
    info.srttNs = info.latestRttNs = info.rttNs = rttMs * MILLISECOND;
    info.isRoundStart = i === acks - 1;
    control.onAck(at, info);
  }
}

/** A subflow in congestion avoidance. */
function subflowOf(factory: CongestionFactory, segments: number): CongestionControl {
  const control = factory({ ...init, initialWindowSegments: 2 * segments });
  control.onCongestion(0, 1e9);
  return control;
}

/** A subflow as the paper has it, in segments and milliseconds. */
interface Vegas {
  w: number;
  ssthresh: number;
  base: number;
  alpha: number;
  rate: number;
  leastQueue: number;
}

/** One round of Algorithm 1 of the paper: `rtt` is the mean of the round, `all` the subflows of the connection. */
function judge(s: Vegas, rtt: number, all: readonly Vegas[]): void {
  // The acknowledgments before the last one, in slow start. The queue is drained only where there is one: see the code.
  s.base = Math.min(s.base, rtt);
  if (s.w < s.ssthresh) s.w = Math.min(s.w + ACKS - 1, s.ssthresh);
  const diff = (s.w / s.base - s.w / rtt) * s.base;
  if (s.w < s.ssthresh) {
    if (diff > 1) {
      s.w = Math.min(s.w, (s.w * s.base) / rtt + 1);
      s.ssthresh = Math.max(2, Math.min(s.ssthresh, s.w - 1));
    }
  } else {
    if (diff >= s.alpha) {
      s.rate = s.w / rtt;
      s.alpha = Math.max(2, (10 * s.rate) / all.reduce((total, each) => total + each.rate, 0));
    }
    if (diff > s.alpha) {
      s.w -= 1;
      s.ssthresh = Math.max(2, Math.min(s.ssthresh, s.w - 1));
    } else if (diff < s.alpha) s.w += 1;
    const queue = rtt - s.base;
    if (diff >= s.alpha) {
      s.leastQueue = Math.min(s.leastQueue, queue);
      if (queue >= 2 * s.leastQueue) {
        s.w *= s.base / (2 * rtt);
        s.leastQueue = Number.POSITIVE_INFINITY;
      }
    }
  }
  s.w = Math.max(s.w, 2);
  if (s.w < s.ssthresh) s.w = Math.min(s.w + 1, s.ssthresh);
}

const vegas = (w: number, ssthresh: number): Vegas => ({
  w,
  ssthresh,
  base: Number.POSITIVE_INFINITY,
  alpha: 2,
  rate: 0,
  leastQueue: Number.POSITIVE_INFINITY,
});

/** Mean round-trip times of rounds on two paths, ms: queues grow, a crowd comes to the first path and leaves again. */
const recorded: readonly (readonly [flow: number, rttMs: number])[] = [
  ...Array.from({ length: 10 }, (_, i) => [i % 2, i % 2 === 0 ? 50 : 120] as const),
  ...Array.from({ length: 30 }, (_, i) => [i % 2, i % 2 === 0 ? 54 + i / 10 : 126 + i / 5] as const),
  ...Array.from({ length: 30 }, (_, i) => [i % 2, i % 2 === 0 ? 90 - i / 3 : 131 + (i % 3)] as const),
  ...Array.from({ length: 30 }, (_, i) => [i % 2, i % 2 === 0 ? 53 : 140 - i / 3] as const),
];

describe('wvegas', () => {
  test('has its name', () => {
    expect(weightedVegas(init).name).toBe('wvegas');
  });

  test('slow start ends when the queue holds more than one packet, with what the path holds and one more (ICNP 2012 §IV)', () => {
    const control = weightedVegas(init);
    round(control, 0, 100);
    expect(control.cwndBytes).toBe(20 * MSS);
    // 29 segments of which a tenth is queued.
    round(control, MILLISECOND, 111);
    expect(control.cwndBytes).toBeLessThan(30 * MSS);
    expect(control.ssthreshBytes).toBeLessThan(control.cwndBytes);
  });

  test.each([
    ['in slow start', Number.POSITIVE_INFINITY],
    ['in congestion avoidance', 30],
  ])(
    'follows its source over a recorded trace, beginning %s (ICNP 2012 §IV, Algorithm 1)',
    (_where, ssthresh) => {
      const connection = weightedVegas.forConnection!();
      const isSlow = ssthresh === Number.POSITIVE_INFINITY;
      const controls = [0, 1].map(() => (isSlow ? connection(init) : subflowOf(connection, 30)));
      const models = [0, 1].map(() => vegas(isSlow ? 10 : 30, ssthresh));
      const seen = new Set<number>();
      for (const [index, [flow, rttMs]] of recorded.entries()) {
        round(controls[flow]!, SECOND + index * MILLISECOND, rttMs);
        judge(models[flow]!, rttMs, models);
        expect(controls[flow]!.cwndBytes / MSS, `round ${index}`).toBeCloseTo(models[flow]!.w, 2);
        seen.add(models[flow]!.w);
      }
      expect(seen.size).toBeGreaterThan(15);
    },
  );

  test('a round with fewer than three samples is not judged, and the next grows as New Reno', () => {
    const control = subflowOf(weightedVegas, 20);
    round(control, SECOND, 100);
    const before = control.cwndBytes;
    round(control, SECOND, 300, 2);
    expect(control.cwndBytes).toBeCloseTo(before + (MSS * MSS) / before, -1);
  });

  test('a loss halves the window', () => {
    const control = subflowOf(weightedVegas, 40);
    control.onCongestion(0, 1e9);
    expect(control.cwndBytes).toBe(20 * MSS);
  });

  test('after idle time the least round-trip time is measured anew', () => {
    const control = subflowOf(weightedVegas, 40);
    round(control, SECOND, 10);
    control.onIdle(2 * SECOND, SECOND, 2e8);
    const before = control.cwndBytes;
    // On the path as it was, 90 % of these would be waiting in a queue.
    for (let i = 0; i < 5; i++) round(control, 3 * SECOND, 100);
    expect(control.cwndBytes).toBeGreaterThan(before);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MILLISECOND, MINUTE, NEVER, SECOND } from '../base/index.js';
import { AckInfo } from './ack-info.js';
import { RttEstimator } from './rtt.js';

const limits = { initialRtoNs: SECOND, minRtoNs: 200 * MILLISECOND, maxRtoNs: 2 * MINUTE };

test('before the first sample the timeout is the initial one', () => {
  const rtt = new RttEstimator(limits);
  expect([rtt.hasSample, rtt.rtoNs, rtt.minRttNs]).toEqual([false, SECOND, NEVER]);
});

test('RFC 6298 §2.2: the first sample', () => {
  const rtt = new RttEstimator(limits);
  rtt.sample(400 * MILLISECOND, 1);
  expect([rtt.srttNs, rtt.rttvarNs, rtt.rtoNs]).toEqual([4e8, 2e8, 400 * MILLISECOND + 4 * 2e8]);
});

test('RFC 6298 §2.3: later samples', () => {
  const rtt = new RttEstimator(limits);
  rtt.sample(400 * MILLISECOND, 1);
  rtt.sample(480 * MILLISECOND, 1);
  expect(rtt.rttvarNs).toBe(0.75 * 2e8 + 0.25 * 80 * MILLISECOND);
  expect(rtt.srttNs).toBe((7 / 8) * 4e8 + (1 / 8) * 480 * MILLISECOND);
  expect(rtt.rtoNs).toBe(rtt.srttNs + 4 * rtt.rttvarNs);
});

test('RFC 7323 appendix G: many samples a round trip move the estimate as one does', () => {
  const once = new RttEstimator(limits);
  const often = new RttEstimator(limits);
  once.sample(100 * MILLISECOND, 1);
  often.sample(100 * MILLISECOND, 1);
  for (let round = 0; round < 10; round++) {
    once.sample(200 * MILLISECOND, 1);
    for (let i = 0; i < 20; i++) often.sample(200 * MILLISECOND, 20);
  }
  expect(Math.abs(often.srttNs - once.srttNs) / once.srttNs).toBeLessThan(0.05);
});

describe('back-off, RFC 6298 §5', () => {
  test('doubles up to the ceiling and ends with a sample', () => {
    const rtt = new RttEstimator(limits);
    const seen: number[] = [];
    for (let i = 0; i < 9; i++) {
      seen.push(rtt.rtoNs / SECOND);
      rtt.backOff();
    }
    expect(seen).toEqual([1, 2, 4, 8, 16, 32, 64, 120, 120]);
    rtt.sample(50 * MILLISECOND, 1);
    expect(rtt.rtoNs).toBe(250 * MILLISECOND);
  });

  test('ends when what had timed out is acknowledged', () => {
    const rtt = new RttEstimator(limits);
    rtt.sample(SECOND, 1);
    rtt.backOff();
    rtt.resetBackOff();
    expect(rtt.rtoNs).toBe(3 * SECOND);
  });

  test('§5.7: after a SYN had to be sent again data starts with three seconds', () => {
    const rtt = new RttEstimator(limits);
    rtt.backOff();
    rtt.restartAfterSynTimeout();
    expect(rtt.rtoNs).toBe(3 * SECOND);
    const sampled = new RttEstimator(limits);
    sampled.sample(100 * MILLISECOND, 1);
    sampled.restartAfterSynTimeout();
    expect(sampled.rtoNs).toBe(300 * MILLISECOND);
  });
});

describe('minimum', () => {
  test('counts for the last minutes only', () => {
    const rtt = new RttEstimator(limits);
    rtt.noteMinimum(0, 10);
    rtt.noteMinimum(100 * SECOND, 20);
    expect(rtt.minRttNs).toBe(10);
    rtt.noteMinimum(160 * SECOND, 30);
    expect(rtt.minRttNs).toBe(10);
    rtt.noteMinimum(320 * SECOND, 40);
    expect(rtt.minRttNs).toBe(30);
    rtt.noteMinimum(1000 * SECOND, 50);
    expect(rtt.minRttNs).toBe(50);
  });

  test('is the least of the samples in half a window, and none older than a window', () => {
    const half = 150 * SECOND;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1, max: 1000 })), {
          minLength: 1,
        }),
        (list) => {
          const rtt = new RttEstimator(limits);
          const past: [number, number][] = [];
          let now = 0;
          for (const [pause, sample] of list) {
            now += pause * SECOND;
            past.push([now, sample]);
            rtt.noteMinimum(now, sample);
            const since = (age: number): number =>
              Math.min(...past.filter(([at]) => at > now - age).map(([, value]) => value));
            expect(rtt.minRttNs).toBeLessThanOrEqual(since(half));
            expect(rtt.minRttNs).toBeGreaterThanOrEqual(since(2 * half));
          }
        },
      ),
    );
  });

  test('a sample read from a timestamp does not count for it', () => {
    const rtt = new RttEstimator(limits);
    const info = new AckInfo();
    info.begin(0, NEVER, rtt);
    info.rttNs = 3;
    rtt.onAck(info, 1);
    expect([rtt.srttNs, rtt.minRttNs, info.srttNs]).toEqual([3, NEVER, 3]);
    info.latestRttNs = 2;
    rtt.onAck(info, 1);
    expect([rtt.minRttNs, info.minRttNs]).toEqual([2, 2]);
  });
});

test('the timeout stays within its limits whatever the samples', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.double({ min: 0, max: 1e12, noNaN: true }), fc.integer({ min: 0, max: 100 }))),
      (list) => {
        const rtt = new RttEstimator(limits);
        for (const [sample, expected] of list) {
          rtt.sample(sample, expected);
          if (expected % 3 === 0) rtt.backOff();
          expect(rtt.rtoNs).toBeGreaterThanOrEqual(limits.minRtoNs);
          expect(rtt.rtoNs).toBeLessThanOrEqual(limits.maxRtoNs);
          expect(rtt.rtoNs).toBeGreaterThanOrEqual(Math.min(rtt.srttNs, limits.maxRtoNs));
        }
      },
    ),
  );
});

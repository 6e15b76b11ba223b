import { describe, expect, test } from 'vitest';
import { MILLISECOND, NEVER, SECOND } from '../../base/index.js';
import { AckInfo } from '../ack-info.js';
import { RttEstimator } from '../rtt.js';
import { newReno } from './index.js';
import { HyStart } from './hystart.js';

const rtt = new RttEstimator({ initialRtoNs: SECOND, minRtoNs: 2e8, maxRtoNs: 1e11 });

function ack(una: number, next: number, rttMs: number): AckInfo {
  const info = new AckInfo();
  info.begin(0, NEVER, rtt);
  info.sndUna = una;
  info.sndNxt = next;
  info.latestRttNs = rttMs < 0 ? -1 : rttMs * MILLISECOND;
  return info;
}

/** One round trip: `samples` ACKs with this round-trip time, the first of which begins the round. */
class Rounds {
  readonly hyStart = new HyStart();
  private next = 0;

  run(rttMs: number, samples = 8): void {
    const una = this.next;
    this.next += 100;
    for (let i = 0; i < samples; i++) this.hyStart.onAck(ack(una + i, this.next, rttMs));
  }
}

describe('RFC 9406 §4.2', () => {
  test.each([
    ['4 ms for short round trips', 10, 13.9, 14],
    ['an eighth between', 80, 89.9, 90],
    ['16 ms for long ones', 400, 415.9, 416],
  ])('the round-trip time must grow by %s', (_, before, small, large) => {
    const calm = new Rounds();
    calm.run(before);
    calm.run(small);
    expect(calm.hyStart.growthDivisor).toBe(1);
    const alarmed = new Rounds();
    alarmed.run(before);
    alarmed.run(large);
    expect(alarmed.hyStart.growthDivisor).toBe(4);
  });

  test('fewer than eight samples in a round say nothing', () => {
    const rounds = new Rounds();
    rounds.run(20);
    rounds.run(60, 7);
    expect(rounds.hyStart.growthDivisor).toBe(1);
  });

  test('the first round has nothing to compare with', () => {
    const rounds = new Rounds();
    rounds.run(500);
    expect(rounds.hyStart.growthDivisor).toBe(1);
  });

  test('the least sample of a round counts', () => {
    const rounds = new Rounds();
    rounds.run(20);
    rounds.run(60, 7);
    rounds.hyStart.onAck(ack(110, 200, 21));
    expect(rounds.hyStart.growthDivisor).toBe(1);
  });

  test('ACKs without a sample are ignored', () => {
    const rounds = new Rounds();
    rounds.run(20);
    rounds.run(-1, 20);
    expect(rounds.hyStart.growthDivisor).toBe(1);
  });

  test('slow start ends after five rounds, the one it was suspected in included', () => {
    const rounds = new Rounds();
    rounds.run(20);
    for (let i = 0; i < 5; i++) {
      rounds.run(30);
      expect([rounds.hyStart.growthDivisor, rounds.hyStart.isDone]).toEqual([4, false]);
    }
    rounds.run(30, 1);
    expect(rounds.hyStart.isDone).toBe(true);
  });

  test('slow start resumes if the round-trip time falls below where suspicion began', () => {
    const rounds = new Rounds();
    rounds.run(20);
    rounds.run(30);
    rounds.run(29.9);
    expect(rounds.hyStart.growthDivisor).toBe(1);
    // And suspicion begins anew: six rounds later slow start is not over.
    rounds.run(40);
    for (let i = 0; i < 4; i++) rounds.run(40);
    expect(rounds.hyStart.isDone).toBe(false);
    rounds.run(40, 1);
    expect(rounds.hyStart.isDone).toBe(true);
  });
});

test('in a congestion control the window grows four times as slowly, then slow start is over without a loss', () => {
  const control = newReno({ mssBytes: 1000, initialWindowSegments: 10, maxOffloadBytes: 0 });
  let next = 0;
  const round = (rttMs: number): number => {
    const una = next;
    next += 1e6;
    const before = control.cwndBytes;
    for (let i = 0; i < 10; i++) {
      const info = ack(una + i, next, rttMs);
      info.deliveredBytes = 1000;
      info.peakInFlightBytes = control.cwndBytes;
      control.onAck(0, info);
    }
    return control.cwndBytes - before;
  };
  expect(round(20)).toBe(10_000);
  // The suspicion comes with the eighth of ten samples.
  expect(round(40)).toBe(7000 + 3 * 250);
  for (let i = 0; i < 4; i++) expect(round(40)).toBe(2500);
  expect(control.ssthreshBytes).toBe(Infinity);
  expect(round(40)).toBeLessThan(1000);
  expect(control.ssthreshBytes).toBe(10_000 + 10_000 + 7750 + 4 * 2500 + 250);
});

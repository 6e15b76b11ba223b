import { describe, expect, it } from 'vitest';
import { MILLISECOND, randomBelow, SECOND, SeededRandom } from '../../base/index.js';
import { type ClockLine, estimateClock, offsetAt } from './clock.js';
import { Envelope, MAX_VERTICES } from './envelope.js';

/** Differences that packets both ways show, each with the delay that `delayOf` gives, on clocks a line apart. */
function estimate(
  instants: readonly number[],
  offsetOf: (atNs: number) => number,
  delayOf: (atNs: number, isLeaving: boolean) => number,
): ClockLine | undefined {
  const leaving = new Envelope('lower');
  const reaching = new Envelope('upper');
  for (const atNs of instants) {
    leaving.add({ atNs, ns: offsetOf(atNs) + delayOf(atNs, true) });
    reaching.add({ atNs, ns: offsetOf(atNs) - delayOf(atNs, false) });
  }
  return estimateClock(leaving.vertices(), reaching.vertices());
}

function draw(seed: number, count: number, spanNs: number): { random: SeededRandom; instants: number[] } {
  const random = new SeededRandom(seed);
  return { random, instants: Array.from({ length: count }, () => randomBelow(random, spanNs / 1000) * 1000) };
}

const seeds = Array.from({ length: 40 }, (_, index) => index + 1);

describe('the estimate of a clock', () => {
  it.each(seeds)('has the true offset within its uncertainty, whatever the delays: draw %d', (seed) => {
    const { random, instants } = draw(seed, 1 + sizeOf(seed, 300), 9 * SECOND);
    const offset = (randomBelow(random, 2_000_000) - 1_000_000) * MILLISECOND;
    const greatest = 1 + randomBelow(random, 200) * MILLISECOND;
    const found = estimate(
      instants,
      () => offset,
      () => randomBelow(random, greatest),
    )!;
    expect(Math.abs(found.offsetNs - offset)).toBeLessThanOrEqual(found.uncertaintyNs);
    expect(found.driftUncertainty).toBeNull();
  });

  it.each(seeds)('has the true offset and drift within, whatever the delays: draw %d', (seed) => {
    const { random, instants } = draw(seed, 20 + sizeOf(seed, 300), 300 * SECOND);
    instants.push(0, 300 * SECOND);
    const drift = (randomBelow(random, 400) - 200) / 1e6;
    const greatest = 1 + randomBelow(random, 200) * MILLISECOND;
    const found = estimate(
      instants,
      (atNs) => 5 * SECOND + drift * atNs,
      () => randomBelow(random, greatest),
    )!;
    // A nanosecond of rounding.
    const truth = 5 * SECOND + drift * found.atNs;
    expect(Math.abs(found.offsetNs - truth)).toBeLessThanOrEqual(found.uncertaintyNs + 1);
    expect(Math.abs(found.drift - drift)).toBeLessThanOrEqual(found.driftUncertainty! + 1e-9);
  });

  it('is exact where the least delays are the same there and back, and some packets had them', () => {
    const { random, instants } = draw(1, 2000, 300 * SECOND);
    const offsetOf = (atNs: number): number => 70 * SECOND - 50e-6 * atNs;
    const delayOf = (): number => 10 * MILLISECOND + Math.max(0, randomBelow(random, 40) - 20) * MILLISECOND;
    const found = estimate(instants, offsetOf, delayOf)!;
    for (const atNs of [0, 150 * SECOND, 300 * SECOND]) {
      expect(Math.abs(offsetAt(found, atNs) - offsetOf(atNs))).toBeLessThan(1000);
    }
    // Half the round trip at the middle, and a little more for other slopes that fit too.
    expect(found.uncertaintyNs).toBeGreaterThanOrEqual(9.9 * MILLISECOND);
    expect(found.uncertaintyNs).toBeLessThan(21 * MILLISECOND);
  });

  it('takes a difference of the delays there and back for an offset of half of it', () => {
    const found = estimate(
      [0, 1, 2],
      () => 0,
      (_, isLeaving) => (isLeaving ? 30 : 10) * MILLISECOND,
    )!;
    expect(found).toMatchObject({ offsetNs: 10 * MILLISECOND, uncertaintyNs: 20 * MILLISECOND });
  });

  it('is none where a clock was set meanwhile', () => {
    const instants = Array.from({ length: 30 }, (_, index) => index * SECOND);
    const offsetOf = (atNs: number): number => (atNs > 10 * SECOND && atNs < 20 * SECOND ? SECOND : 0);
    expect(estimate(instants, offsetOf, () => MILLISECOND)).toBeUndefined();
  });
});

describe('an envelope', () => {
  it('bounds every point, whatever their order', () => {
    const { random, instants } = draw(3, 1000, SECOND);
    const points = instants.map((atNs) => ({ atNs, ns: randomBelow(random, 1e6) }));
    const [lower, upper] = [new Envelope('lower'), new Envelope('upper')];
    for (const point of points) {
      lower.add(point);
      upper.add(point);
    }
    for (const slope of [-1e-3, 0, 1e-3]) {
      const values = (list: readonly { atNs: number; ns: number }[]): number[] =>
        list.map(({ atNs, ns }) => ns - slope * atNs);
      expect(Math.min(...values(lower.vertices()))).toBe(Math.min(...values(points)));
      expect(Math.max(...values(upper.vertices()))).toBe(Math.max(...values(points)));
    }
    expect(lower.vertices().length).toBeLessThan(40);
  });

  it('keeps no more corners than its limit, and stays on its side', () => {
    const lower = new Envelope('lower');
    const curve = (x: number): number => (x - 5000) ** 2;
    for (let x = 0; x <= 10_000; x++) lower.add({ atNs: x, ns: curve(x) });
    const corners = lower.vertices();
    expect(corners.length).toBeLessThanOrEqual(MAX_VERTICES);
    expect(corners.every(({ atNs, ns }) => ns === curve(atNs))).toBe(true);
    expect([corners[0]!.atNs, corners.at(-1)!.atNs]).toEqual([0, 10_000]);
  });
});

/** A number below `limit` that goes with the seed. */
function sizeOf(seed: number, limit: number): number {
  return randomBelow(new SeededRandom(seed + 1000), limit);
}

import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/index.js';
import { type DesignPoint, selectApart, spaceFillingDesign, squaredDistance } from './space-filling.js';

function leastDistance(points: readonly DesignPoint[]): number {
  let least = Number.POSITIVE_INFINITY;
  points.forEach((point, index) => {
    for (const other of points.slice(index + 1)) least = Math.min(least, squaredDistance(point, other));
  });
  return Math.sqrt(least);
}

function scattered(count: number, dimensions: number): DesignPoint[] {
  const random = new SeededRandom(9);
  return Array.from({ length: count }, () =>
    Array.from({ length: dimensions }, () => random.nextUint32() / 2 ** 32),
  );
}

describe('the WSP algorithm', () => {
  const candidates = scattered(400, 3);

  it('keeps points of which no two are nearer than the least distance, and drops none without need', () => {
    for (const distance of [0.05, 0.2, 0.5]) {
      const chosen = selectApart(candidates, distance);
      expect(leastDistance(chosen)).toBeGreaterThanOrEqual(distance);
      for (const dropped of candidates.filter((point) => !chosen.includes(point))) {
        const nearest = Math.min(...chosen.map((point) => squaredDistance(point, dropped)));
        expect(Math.sqrt(nearest)).toBeLessThan(distance);
      }
    }
  });

  it('begins in the middle, and goes on to the nearest that is left', () => {
    const row = [[0.9], [0.45], [0.5], [0.1], [0.62]];
    expect(selectApart(row, 0.1)).toEqual([[0.5], [0.62], [0.9], [0.1]]);
    expect(selectApart(row, 0.3)).toEqual([[0.5], [0.9], [0.1]]);
    expect(selectApart([], 0.3)).toEqual([]);
  });
});

describe('a space-filling design', () => {
  it.each([
    [1, 2],
    [10, 2],
    [30, 6],
    [50, 8],
  ])(
    'of %d points in %d dimensions has as many, further apart than points at random',
    (count, dimensions) => {
      const points = spaceFillingDesign(count, dimensions, new SeededRandom(1));
      expect(points).toHaveLength(count);
      expect(new Set(points.map(String)).size).toBe(count);
      for (const point of points) {
        expect(point).toHaveLength(dimensions);
        for (const value of point) expect(value >= 0 && value < 1).toBe(true);
      }
      if (count > 1)
        expect(leastDistance(points)).toBeGreaterThan(1.5 * leastDistance(scattered(count, dimensions)));
    },
  );

  it('follows from the draws', () => {
    const draw = (seed: number): DesignPoint[] => spaceFillingDesign(20, 4, new SeededRandom(seed));
    expect(draw(3)).toEqual(draw(3));
    expect(draw(4)).not.toEqual(draw(3));
  });

  it('leaves no corner out: every half of every dimension has its part', () => {
    const points = spaceFillingDesign(60, 6, new SeededRandom(2));
    for (let dimension = 0; dimension < 6; dimension++) {
      const low = points.filter((point) => point[dimension]! < 0.5).length;
      expect(low).toBeGreaterThan(18);
      expect(low).toBeLessThan(42);
    }
  });
});

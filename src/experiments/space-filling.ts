/**
 * Designs that fill a space of many dimensions evenly: points of the unit cube of which no two are close, chosen from
 * many candidates by the algorithm of Wootton, Sergent and Phan-Tan-Luu (WSP). Knows nothing of what the dimensions are.
 *
 * Read first: Santiago, Claeys-Bruno, Sergent: Construction of space-filling designs using WSP algorithm for high
 * dimensional spaces, Chemometrics and Intelligent Laboratory Systems 113, 2012, §2.
 */

import { assert, type RandomSource, randomUnit } from '../base/index.js';

/** Candidates for each point that is wanted, and how many there are at the least. */
const CANDIDATES_PER_POINT = 10;
const MIN_CANDIDATES = 500;
/** Halvings of the range in which the least distance is looked for: more than tell two distances apart. */
const SEARCH_STEPS = 40;

/** A point: a number in [0, 1) for every dimension. */
export type DesignPoint = readonly number[];

/**
 * `count` points of `dimensions` dimensions, at least 1 of each, as far apart as the candidates allow. The same draws
 * give the same points.
 */
export function spaceFillingDesign(count: number, dimensions: number, random: RandomSource): DesignPoint[] {
  assert(count >= 1 && dimensions >= 1, `${count} points of ${dimensions} dimensions`);
  const candidates = Array.from({ length: Math.max(MIN_CANDIDATES, CANDIDATES_PER_POINT * count) }, () =>
    Array.from({ length: dimensions }, () => randomUnit(random)),
  );
  // A greater least distance leaves fewer points, with exceptions that do no harm: any of them will do.
  let low = 0;
  let high = Math.sqrt(dimensions);
  let best: DesignPoint[] = candidates;
  for (let step = 0; step < SEARCH_STEPS && best.length !== count; step++) {
    const middle = (low + high) / 2;
    const chosen = selectApart(candidates, middle);
    if (chosen.length >= count) {
      best = chosen;
      low = middle;
    } else high = middle;
  }
  return thin(best, count);
}

/**
 * The points of `candidates` that the algorithm keeps, in its order: it begins at the one nearest to the middle, drops
 * all that are nearer than `leastDistance` to where it is, goes on to the nearest that is left, and so on.
 */
export function selectApart(candidates: readonly DesignPoint[], leastDistance: number): DesignPoint[] {
  const least = leastDistance ** 2;
  let left = [...candidates];
  const chosen: DesignPoint[] = [];
  let at: DesignPoint | undefined = nearestTo(candidates[0]?.map(() => 0.5) ?? [], left);
  while (at !== undefined) {
    const here: DesignPoint = at;
    chosen.push(here);
    left = left.filter((point) => point !== here && squaredDistance(here, point) >= least);
    at = nearestTo(here, left);
  }
  return chosen;
}

/** The square of the Euclidean distance of two points. */
export function squaredDistance(one: DesignPoint, other: DesignPoint): number {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += (one[i]! - other[i]!) ** 2;
  return sum;
}

function nearestTo(place: DesignPoint, points: readonly DesignPoint[]): DesignPoint | undefined {
  let nearest: DesignPoint | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const point of points) {
    const distance = squaredDistance(place, point);
    if (distance >= least) continue;
    nearest = point;
    least = distance;
  }
  return nearest;
}

/** `count` of `points`, evenly along the way that the algorithm took, so that no corner is left out. */
function thin(points: readonly DesignPoint[], count: number): DesignPoint[] {
  return Array.from({ length: count }, (_, index) => points[Math.floor((index * points.length) / count)]!);
}

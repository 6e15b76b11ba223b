/** Series of what is known while trials still run, as {@link Experiment.live} draws them. */

import { MAX_SERIES, type Point, type Series } from '../plot/index.js';
import type { FinishedTrial } from './experiment.js';
import { groupBy } from './group-by.js';
import { distributionPoints } from './quantile.js';

/** What a trial adds to a distribution. */
export interface LiveValues {
  readonly series: string;
  readonly values: readonly number[];
}

/** What a trial adds to a line. */
export interface LivePoint {
  readonly series: string;
  readonly x: number;
  readonly y: number;
}

/** `found` by series, sorted by name so that none changes its colour for being done later; the first eight. */
function bySeries<T extends { readonly series: string }>(found: readonly T[]): [string, T[]][] {
  const groups = groupBy(found, ({ series }) => series);
  const sorted = [...groups].sort(([first], [second]) => (first < second ? -1 : 1));
  return sorted.slice(0, MAX_SERIES);
}

/** The share of `values` that are at most x: steps from 0 up to 1, those that are not finite left out. */
export function distribution(values: readonly number[]): Point[] {
  const finite = values.filter(Number.isFinite);
  return finite.length === 0 ? [] : distributionPoints(finite);
}

/** A step for each series: the distribution of what `valuesOf` gives of the trials. */
export function liveDistributions<I, O>(
  finished: readonly FinishedTrial<I, O>[],
  valuesOf: (trial: FinishedTrial<I, O>) => LiveValues,
): Series[] {
  return bySeries(finished.map(valuesOf)).flatMap(([name, group]) => {
    const points = distribution(group.flatMap(({ values }) => values));
    return points.length === 0 ? [] : [{ name, kind: 'step', points }];
  });
}

/** A line for each series: the mean of what there is at each x. */
export function liveMeans<I, O>(
  finished: readonly FinishedTrial<I, O>[],
  pointOf: (trial: FinishedTrial<I, O>) => LivePoint,
): Series[] {
  return bySeries(finished.map(pointOf)).map(([name, group]) => {
    const sums = new Map<number, { total: number; count: number }>();
    for (const { x, y } of group) {
      const { total, count } = sums.get(x) ?? { total: 0, count: 0 };
      sums.set(x, { total: total + y, count: count + 1 });
    }
    const points = [...sums].map(([x, { total, count }]) => ({ x, y: total / count }));
    return { name, kind: 'line', points: points.sort((first, second) => first.x - second.x) };
  });
}

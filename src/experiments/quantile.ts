/** Distributions of what many runs gave: quantiles, and the steps of a cumulative distribution. */

import { assert } from '../base/index.js';
import type { Point } from '../plot/index.js';

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/**
 * The value below which the part `share` (0 to 1) of `values` lies, of which there is at least one; between two values in
 * proportion (Hyndman and Fan, Sample Quantiles in Statistical Packages, 1996, definition 7).
 */
export function quantile(values: readonly number[], share: number): number {
  assert(values.length > 0 && share >= 0 && share <= 1, `quantile ${share} of ${values.length} values`);
  const inOrder = sorted(values);
  const place = (inOrder.length - 1) * share;
  const below = Math.floor(place);
  const above = Math.min(below + 1, inOrder.length - 1);
  return inOrder[below]! + (inOrder[above]! - inOrder[below]!) * (place - below);
}

/** The part of `values` (at least one) that `holds`, 0 to 1. */
export function shareOf(values: readonly number[], holds: (value: number) => boolean): number {
  assert(values.length > 0, 'a share of nothing');
  return values.filter(holds).length / values.length;
}

/** The cumulative distribution of `values` (at least one) as a step figure has it: the part that is at most x. */
export function distributionPoints(values: readonly number[]): Point[] {
  assert(values.length > 0, 'a distribution of nothing');
  const inOrder = sorted(values);
  const steps = inOrder.map((x, index) => ({ x, y: (index + 1) / inOrder.length }));
  return [{ x: inOrder[0]!, y: 0 }, ...steps];
}

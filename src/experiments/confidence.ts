/** Means of a few runs, and how sure they are. */

/** Quantiles of Student's t for 95 % of both sides together, by degrees of freedom less one. */
const quantiles = [
  ...[12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228],
  ...[2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086],
];
/** For more degrees of freedom: a little more than what it tends to. */
const limit = 2.086;

/** A mean, and half of its interval of 95 % confidence: null of one run. */
export interface Estimate {
  readonly mean: number;
  readonly halfWidth: number | null;
}

/** The mean of runs with other seeds, of which there is at least one. */
export function estimate(values: readonly number[]): Estimate {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, halfWidth: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const quantile = quantiles[values.length - 2] ?? limit;
  return { mean, halfWidth: quantile * Math.sqrt(variance / values.length) };
}

/**
 * What `statistic` makes of all groups of runs together, of which there is at least one, with the interval that leaving out
 * one group at a time gives (Tukey's jackknife, 1958): for quantiles and ratios, which have no variance of their own.
 */
export function jackknife<T>(groups: readonly T[], statistic: (kept: readonly T[]) => number): Estimate {
  const whole = statistic(groups);
  const count = groups.length;
  if (count < 2) return { mean: whole, halfWidth: null };
  const without = groups.map((_, left) => statistic(groups.filter((_group, index) => index !== left)));
  return {
    mean: whole,
    halfWidth: estimate(without.map((value) => count * whole - (count - 1) * value)).halfWidth,
  };
}

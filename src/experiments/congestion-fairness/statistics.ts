/** Means of a few runs, and how far they can be trusted. */

/** Two-sided 95 % quantiles of Student's t for 1 to 10 degrees of freedom; beyond, that of 30 is close enough. */
const quantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
const LATER_QUANTILE = 2.042;

/** A mean, and half the width of its 95 % confidence interval; undefined for a single run. */
export interface Estimate {
  readonly mean: number;
  readonly halfWidth: number | undefined;
}

/** The mean of `values`, at least one, taken for independent and normally distributed. */
export function estimate(values: readonly number[]): Estimate {
  const count = values.length;
  const mean = values.reduce((total, value) => total + value, 0) / count;
  if (count < 2) return { mean, halfWidth: undefined };
  const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  const quantile = quantiles[count - 2] ?? LATER_QUANTILE;
  return { mean, halfWidth: quantile * Math.sqrt(squares / (count - 1) / count) };
}

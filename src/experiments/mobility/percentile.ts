/** What a share of values does not exceed. */

/** The smallest of `values`, of which there is at least one, that a `share` of them does not exceed; 0 < share <= 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** `values` of several runs in `count` groups of about as many runs each, every one with at least one value. */
export function grouped(runs: readonly (readonly number[])[], count: number): number[][] {
  const groups = Array.from({ length: Math.min(count, runs.length) }, (): number[] => []);
  runs.forEach((values, index) => groups[index % groups.length]!.push(...values));
  return groups.filter((values) => values.length > 0);
}

/** The same thing run with several seeds: the trials that it takes, and their outcomes put together again. */

import type { ExperimentContext } from './experiment.js';

/** What there is of a run beside its seed: plain data, as {@link ExperimentContext.runTrials} wants it. */
export type Seeded<T> = T & { readonly seed: number };

/** One thing, and what came of it with each seed. */
export interface SeededOutcomes<T, O> {
  readonly item: T;
  /** In the order of the seeds. */
  readonly outcomes: readonly O[];
}

/** `runs` seeds: `seed` and those after it, 0 after the last there is. */
export function seedsFrom(seed: number, runs: number): number[] {
  return Array.from({ length: runs }, (_, run) => (seed + run) % 2 ** 32);
}

/**
 * Runs the trial of each of `items` with `runs` seeds, the same ones for every item; gives what came out in the order of
 * `items`. `nameOf` says what a trial is.
 */
export async function runWithSeeds<T extends object, O>(
  { seed, runTrials }: Pick<ExperimentContext, 'seed' | 'runTrials'>,
  items: readonly T[],
  runs: number,
  nameOf: (trial: Seeded<T>) => string,
): Promise<SeededOutcomes<T, O>[]> {
  const seeds = seedsFrom(seed, runs);
  const trials = items.flatMap((item) => seeds.map((each): Seeded<T> => ({ ...item, seed: each })));
  const outcomes = await runTrials<Seeded<T>, O>(trials, nameOf);
  return items.map((item, index) => ({ item, outcomes: outcomes.slice(index * runs, (index + 1) * runs) }));
}

/** What the runs of `schedulers` come to: distributions by traffic and scheduler, with intervals over the seeds. */

import { MILLISECOND } from '../../base/index.js';
import { estimate, type Estimate } from '../confidence.js';
import { quantile } from '../quantile.js';
import type { SchedulerOutcome, Traffic } from './world.js';

/** The runs with one seed: an outcome for each pair of links, in the same order for every scheduler. */
type SeedOutcomes = readonly SchedulerOutcome[];

/** One kind of traffic with one scheduler. */
export interface Distribution {
  readonly traffic: Traffic;
  readonly scheduler: string;
  /** Times in ms of all runs. */
  readonly timesMs: readonly number[];
  /** Of the medians and 95th percentiles that the seeds have, in ms. */
  readonly median: Estimate;
  readonly p95: Estimate;
  /**
   * The median, over the pairs of links, of the time with this scheduler over that with the first one: of means over the
   * pieces of a run.
   */
  readonly ratio: Estimate;
  /** Part of the bytes that the second path carried, on average. */
  readonly secondShare: number;
  /** Runs in which not everything came. */
  readonly incomplete: number;
}

function mean(values: readonly number[]): number {
  return estimate(values).mean;
}

/** Puts runs together, by seed; `baseline` are those of the scheduler that others are compared with. */
export function distributionOf(
  traffic: Traffic,
  scheduler: string,
  seeds: readonly SeedOutcomes[],
  baseline: readonly SeedOutcomes[],
): Distribution {
  const timesOf = (outcomes: SeedOutcomes): number[] =>
    outcomes.flatMap(({ timesNs }) => timesNs.map((ns) => ns / MILLISECOND));
  const overSeeds = (share: number): Estimate =>
    estimate(seeds.map((outcomes) => quantile(timesOf(outcomes), share)));
  const ratios = seeds.map((outcomes, seed) =>
    quantile(
      outcomes.map(({ timesNs }, pair) => mean(timesNs) / mean(baseline[seed]![pair]!.timesNs)),
      0.5,
    ),
  );
  return {
    ...{ traffic, scheduler, timesMs: seeds.flatMap(timesOf) },
    ...{ median: overSeeds(0.5), p95: overSeeds(0.95), ratio: estimate(ratios) },
    secondShare: mean(seeds.flatMap((outcomes) => outcomes.map(({ secondShare }) => secondShare))),
    incomplete: seeds.flat().filter(({ isComplete }) => !isComplete).length,
  };
}

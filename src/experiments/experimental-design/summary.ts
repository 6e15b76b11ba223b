/** What the sets of an environment come to: benefits by set and run, and their distribution. */

import { estimate, type Estimate } from '../confidence.js';
import { quantile, shareOf } from '../quantile.js';
import { aggregationBenefit } from './benefit.js';
import type { DrawnPath, Environment } from './environments.js';
import type { DesignOutcome } from './world.js';

/** A set of paths, and what its runs gave. */
export interface MeasuredSet {
  readonly environment: Environment;
  /** Its number in its environment, from 1. */
  readonly number: number;
  readonly paths: readonly DrawnPath[];
  /** Means over the runs. */
  readonly tcpBps: readonly number[];
  readonly mptcpBps: number;
  /** Over what TCP got, on the average of the runs, by run. */
  readonly benefits: readonly number[];
  /** Over the capacities of the paths. */
  readonly capacityBenefit: number;
}

/** The distribution over the sets of an environment. */
export interface Summary {
  readonly environment: Environment;
  /** Of the medians that the runs have. */
  readonly median: Estimate;
  /** Means of the sets, in their order. */
  readonly benefits: readonly number[];
  /** Part of the sets whose mean is at least 0. */
  readonly gainShare: number;
}

function meanOf(values: readonly number[]): number {
  return estimate(values).mean;
}

/** Puts the runs of a set together. */
export function measuredSet(
  environment: Environment,
  number: number,
  paths: readonly DrawnPath[],
  outcomes: readonly DesignOutcome[],
): MeasuredSet {
  const tcpBps = paths.map((_path, index) => meanOf(outcomes.map((outcome) => outcome.tcpBps[index]!)));
  const mptcpBps = meanOf(outcomes.map((outcome) => outcome.mptcpBps));
  const capacities = paths.map(({ rateBps }) => rateBps);
  return {
    ...{ environment, number, paths, tcpBps, mptcpBps },
    benefits: outcomes.map((outcome) => aggregationBenefit(outcome.mptcpBps, tcpBps)),
    capacityBenefit: aggregationBenefit(mptcpBps, capacities),
  };
}

/** The distribution of `sets`, at least one, all of one environment and with as many runs. */
export function summaryOf(sets: readonly MeasuredSet[]): Summary {
  const { environment, benefits: first } = sets[0]!;
  const medians = first.map((_, run) =>
    quantile(
      sets.map(({ benefits }) => benefits[run]!),
      0.5,
    ),
  );
  const benefits = sets.map((set) => meanOf(set.benefits));
  return {
    ...{ environment, benefits, median: estimate(medians) },
    gainShare: shareOf(benefits, (benefit) => benefit >= 0),
  };
}

/** The distribution in a sentence. */
export function sentenceOf({ environment, median, benefits, gainShare }: Summary): string {
  const width = median.halfWidth === null ? '' : ` ± ${median.halfWidth.toFixed(2)}`;
  const at = (share: number): string => quantile(benefits, share).toFixed(2);
  return (
    `${environment.name}: the median benefit is ${median.mean.toFixed(2)}${width}; 5, 25, 75 and 95 % of the sets lie below ` +
    `${at(0.05)}, ${at(0.25)}, ${at(0.75)} and ${at(0.95)}; ${(100 * gainShare).toFixed(0)} % have one of 0 or more, the worst ` +
    `has ${at(0)}.`
  );
}

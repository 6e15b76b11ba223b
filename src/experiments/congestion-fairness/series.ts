/** What came out of the scenarios, by scenario, congestion control and measure. */

import { congestionNamed } from '../../tcp/index.js';
import { type Estimate, estimate } from '../confidence.js';
import type { Seeded } from '../with-seeds.js';
import { type Outcome, type Scenario, scenarios } from './scenarios.js';

/** A scenario with one congestion control. */
export interface FairnessTrial {
  readonly scenario: string;
  readonly congestion: string;
  readonly durationNs: number;
}

/** All runs of one scenario with one congestion control. */
export interface Series {
  readonly scenario: Scenario;
  readonly congestion: string;
  /** At least one. */
  readonly outcomes: readonly Outcome[];
}

/** The scenario of that name, which there is. */
export function scenarioNamed(name: string): Scenario {
  return scenarios.find((scenario) => scenario.name === name)!;
}

/** One run. */
export function runScenario({ scenario, congestion, durationNs, seed }: Seeded<FairnessTrial>): Outcome {
  return scenarioNamed(scenario).run(congestionNamed(congestion), seed, durationNs);
}

/** Mean of measure number `index` over the seeds. */
export function estimateOf({ outcomes }: Series, index: number): Estimate {
  return estimate(outcomes.map(({ values }) => values[index]!));
}

/** Mean of measure number `index` of a scenario with a congestion control: NaN where it was not run. */
export function meanOf(all: readonly Series[], scenario: string, congestion: string, index = 0): number {
  const found = all.find((each) => each.scenario.name === scenario && each.congestion === congestion);
  return found === undefined ? Number.NaN : estimateOf(found, index).mean;
}

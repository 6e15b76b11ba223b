/** Whom each congestion control of Multipath TCP is fair to, what it makes of a free path, and how soon it notices. */

import { SECOND } from '../../base/index.js';
import { congestionControls } from '../../tcp/index.js';
import { estimate } from '../confidence.js';
import { atLeast, atMost, type Check, defineExperiment, type Row, runEach } from '../experiment.js';
import { barsOf, curvesOf } from './figures.js';
import { type Outcome, type Scenario, scenarios } from './scenarios.js';

const source =
  'Raiciu, Handley, Wischik: RFC 6356, 2011; Khalili, Gast, Popovic, Upadhyay, Le Boudec: MPTCP is not Pareto-optimal, CoNEXT ' +
  '2012; Cao, Xu, Fu: Delay-based congestion control for Multipath TCP, ICNP 2012; Peng, Walid, Hwang, Low: Multipath TCP: ' +
  'Analysis, Design, and Implementation, IEEE/ACM ToN 24(1), 2016';

/** In the order of the table. */
const controls = ['lia', 'olia', 'balia', 'wvegas', 'new-reno', 'cubic', 'bbr'] as const;

/** All runs of one scenario with one congestion control. */
export interface Series {
  readonly scenario: Scenario;
  readonly congestion: string;
  readonly outcomes: readonly Outcome[];
}

export const congestionFairness = defineExperiment({
  name: 'congestion-fairness',
  title: 'Fairness to TCP, use of free paths and responsiveness of coupled congestion control',
  source,
  summary:
    'Users of Multipath TCP share bottlenecks with TCP (New Reno), with each congestion control: three and three through one ' +
    'bottleneck; a free link beside a congested one; scenarios A, B and C of the CoNEXT paper, where LIA takes from others ' +
    'without a gain of its own; and a crowd that comes to a link and leaves it, which shows who is slow to notice. Uncoupled ' +
    'New Reno, CUBIC and BBR stand beside them.',
  parameters: {
    congestion: {
      kind: 'choice',
      default: 'all',
      choices: ['all', ...controls],
      doc: 'one congestion control, or all',
    },
    scenario: {
      kind: 'choice',
      default: 'all',
      choices: ['all', ...scenarios.map(({ name }) => name)],
      doc: 'one scenario, or all',
    },
    runs: {
      kind: 'number',
      default: 5,
      min: 1,
      max: 100,
      whole: true,
      doc: 'runs of each: with the seed, the next one and so on',
    },
    durationNs: {
      kind: 'duration',
      default: 60 * SECOND,
      min: 5 * SECOND,
      max: 600 * SECOND,
      doc: 'how long a run lasts, a third of it warm-up; the crowd always has 80 s',
    },
  },
  columns: [
    { name: 'scenario', title: 'scenario', kind: 'text' },
    { name: 'measure', title: 'measure', kind: 'text' },
    { name: 'congestion', title: 'congestion control', kind: 'text' },
    { name: 'mean', title: 'mean', kind: 'number', digits: 2 },
    { name: 'halfWidth', title: '95 % ±', kind: 'number', digits: 2 },
    { name: 'published', title: 'published', kind: 'number', digits: 2 },
  ],

  async run({ seed, parameters, step }) {
    const { congestion, scenario, runs, durationNs } = parameters;
    const names = controls.filter((name) => congestion === 'all' || congestion === name);
    const chosen = scenarios.filter(({ name }) => scenario === 'all' || scenario === name);
    const tasks = chosen.flatMap((each) =>
      names.flatMap((name) =>
        Array.from({ length: runs }, (_, run) => ({ scenario: each, name, seed: seed + run })),
      ),
    );
    const outcomes = await runEach(
      step,
      tasks,
      (task) => `${task.scenario.name}, ${task.name}`,
      (task) => task.scenario.run(congestionControls[task.name]!, task.seed, durationNs),
    );
    const all = chosen.flatMap((each) =>
      names.map((name): Series => ({
        scenario: each,
        congestion: name,
        outcomes: outcomes.filter((_, i) => tasks[i]!.scenario === each && tasks[i]!.name === name),
      })),
    );
    return {
      rows: all.flatMap(rowsOf),
      figures: { ...barsOf(all, source), ...curvesOf(all, source) },
      checks: checksOf(all),
    };
  },
});

function rowsOf({ scenario, congestion, outcomes }: Series): Row[] {
  return scenario.measures.map(({ name, expected }, index) => {
    const { mean, halfWidth } = estimate(outcomes.map(({ values }) => values[index]!));
    return {
      scenario: scenario.name,
      measure: name,
      congestion,
      mean,
      halfWidth,
      published: expected?.[congestion] ?? null,
    };
  });
}

/** Means by scenario and congestion control, for the checks: NaN for what was not run. */
function meanOf(all: readonly Series[], scenario: string, congestion: string, index = 0): number {
  const found = all.find((each) => each.scenario.name === scenario && each.congestion === congestion);
  return found === undefined ? Number.NaN : estimate(found.outcomes.map(({ values }) => values[index]!)).mean;
}

function checksOf(all: readonly Series[]): Check[] {
  const mean = (scenario: string, congestion: string, index?: number): number =>
    meanOf(all, scenario, congestion, index);
  const lia = (scenario: string, index?: number): number => mean(scenario, 'lia', index);
  const checks: Check[] = [];
  for (const name of ['lia', 'olia', 'balia'] as const) {
    checks.push(
      atMost(
        `shared bottleneck, ${name}: no more than one TCP, and a third (RFC 6356 §2.1, goal 2)`,
        mean('shared-bottleneck', name),
        1.35,
      ),
      atLeast(
        `two links, ${name}: the free one is used (RFC 6356 §2.1, goal 1)`,
        mean('two-links', name),
        0.8,
      ),
      atMost(
        `two links, ${name}: less than a TCP on the congested one (RFC 6356 §2.1, goal 3)`,
        mean('two-links', name, 1),
        1,
      ),
    );
  }
  checks.push(
    atLeast(
      'shared bottleneck, uncoupled New Reno: takes more than lia does, times',
      mean('shared-bottleneck', 'new-reno') / lia('shared-bottleneck'),
      1.3,
    ),
    atMost('scenario A, lia: takes from others (CoNEXT 2012: up to 30 %)', lia('scenario-a', 1), 0.9),
    atLeast(
      'scenario A, olia: takes less of it than lia does, by',
      mean('scenario-a', 'olia', 1) - lia('scenario-a', 1),
      0.03,
    ),
    atMost('scenario B, lia: everybody loses when some upgrade', lia('scenario-b'), 0.97),
    atLeast(
      'scenario B, olia: loses less than lia, by',
      mean('scenario-b', 'olia') - lia('scenario-b'),
      0.01,
    ),
    atMost('scenario C, lia: takes from others', lia('scenario-c', 1), 0.9),
    atLeast(
      'scenario C, olia: takes less of it than lia does, by',
      mean('scenario-c', 'olia', 1) - lia('scenario-c', 1),
      0.03,
    ),
    atLeast(
      'crowd, olia: comes back later than balia does, by (s) (ToN 2016)',
      mean('crowd', 'olia', 1) - mean('crowd', 'balia', 1),
      1,
    ),
  );
  return checks.filter(({ value }) => !Number.isNaN(value));
}

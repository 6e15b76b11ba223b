/** Whom each congestion control of Multipath TCP is fair to, what it makes of a free path, and how soon it notices. */

import { SECOND } from '../../base/index.js';
import { atLeast, atMost, type Check, defineExperiment, type Row } from '../experiment.js';
import { runWithSeeds } from '../with-seeds.js';
import { barsOf, curvesOf, liveBars } from './figures.js';
import { published } from './published.js';
import { type Outcome, scenarios } from './scenarios.js';
import { estimateOf, type FairnessTrial, meanOf, runScenario, scenarioNamed, type Series } from './series.js';

const source =
  'Raiciu, Handley, Wischik: RFC 6356, 2011; Khalili, Gast, Popovic, Upadhyay, Le Boudec: MPTCP is not Pareto-optimal, CoNEXT ' +
  '2012; Cao, Xu, Fu: Delay-based congestion control for Multipath TCP, ICNP 2012; Peng, Walid, Hwang, Low: Multipath TCP: ' +
  'Analysis, Design, and Implementation, IEEE/ACM ToN 24(1), 2016';

/** In the order of the table. */
const controls = ['lia', 'olia', 'balia', 'wvegas', 'new-reno', 'cubic', 'bbr'] as const;

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
  small: { scenario: 'scenario-c', runs: 1, durationNs: 20 * SECOND },
  published,
  columns: [
    { name: 'scenario', title: 'scenario', kind: 'text' },
    { name: 'measure', title: 'measure', kind: 'text' },
    { name: 'congestion', title: 'congestion control', kind: 'text' },
    { name: 'mean', title: 'mean', kind: 'number', digits: 2 },
    { name: 'halfWidth', title: '95 % ±', kind: 'number', digits: 2 },
    { name: 'published', title: 'published', kind: 'number', digits: 2 },
  ],

  trial: runScenario,
  live: liveBars,

  async run(context) {
    const { congestion, scenario, runs, durationNs } = context.parameters;
    const names = controls.filter((name) => congestion === 'all' || congestion === name);
    const chosen = scenarios.filter(({ name }) => scenario === 'all' || scenario === name);
    const trials = chosen.flatMap(({ name }) =>
      names.map((each): FairnessTrial => ({ scenario: name, congestion: each, durationNs })),
    );
    const nameOf = (trial: FairnessTrial): string => `${trial.scenario}, ${trial.congestion}`;
    const found = await runWithSeeds<FairnessTrial, Outcome>(context, trials, runs, nameOf);
    const all = found.map(({ item, outcomes }): Series => ({
      ...{ scenario: scenarioNamed(item.scenario), congestion: item.congestion, outcomes },
    }));
    return {
      rows: all.flatMap(rowsOf),
      figures: { ...barsOf(all, source), ...curvesOf(all, source) },
      checks: checksOf(all),
    };
  },
});

function rowsOf(series: Series): Row[] {
  const { scenario, congestion } = series;
  return scenario.measures.map(({ name, expected }, index) => ({
    scenario: scenario.name,
    measure: name,
    congestion,
    ...estimateOf(series, index),
    published: expected?.[congestion] ?? null,
  }));
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

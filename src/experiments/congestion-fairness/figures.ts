/** What the table says, as pictures. */

import { SECOND } from '../../base/index.js';
import { type Figure, renderFigure } from '../../plot/index.js';
import { estimate } from '../confidence.js';
import type { FinishedTrial } from '../experiment.js';
import { groupBy } from '../group-by.js';
import { CROWD_FROM_NS, CROWD_TO_NS, type Outcome } from './scenarios.js';
import { type FairnessTrial, meanOf, type Series } from './series.js';

const shares = [
  ['shared-bottleneck', 0, 'shared bottleneck'],
  ['two-links', 1, 'congested link'],
  ['scenario-a', 1, 'scenario A'],
  ['scenario-b', 0, 'scenario B'],
  ['scenario-c', 1, 'scenario C'],
] as const;

/** The ratio that bars end at: BBR takes nearly everything from New Reno, and the others would be too small to see. */
const TALLEST = 3;

/** Bars on a terminal while trials run. */
const MAX_LIVE = 12;

/** Shares of all scenarios, with a bar for each congestion control. */
export function barsOf(all: readonly Series[], source: string): Record<string, string> {
  const names = [...new Set(all.map(({ congestion }) => congestion))];
  const shown = shares.filter(([scenario]) => all.some((each) => each.scenario.name === scenario));
  if (shown.length === 0) return {};
  const svg = renderFigure({
    kind: 'bars',
    title: 'Fairness by congestion control',
    caption:
      'Bottleneck and link: what Multipath TCP gets over what TCP gets there, 1 is fair. Scenarios A and C: what TCP gets of its ' +
      'rate. B: the total after an upgrade over that before. 1 is: nothing is taken from others. ' +
      `What is beyond ${TALLEST} is cut off there. After ${source}.`,
    x: { label: 'scenario' },
    y: { label: 'ratio', low: 0, high: TALLEST },
    categories: shown.map(([, , label]) => label),
    groups: names.map((name) => ({
      name,
      values: shown.map(([scenario, index]) => Math.min(TALLEST, meanOf(all, scenario, name, index))),
    })),
  });
  return { fairness: svg };
}

/** Goodput on the link that the crowd comes to, for the first seed. */
export function curvesOf(all: readonly Series[], source: string): Record<string, string> {
  const crowds = all.filter(({ scenario }) => scenario.name === 'crowd');
  if (crowds.length === 0) return {};
  const svg = renderFigure({
    kind: 'xy',
    title: 'Goodput on a link that a crowd comes to',
    caption: `Five TCP connections come to the slower of two links, of 15 and 5 Mbit/s, and leave it again. After ${source}.`,
    x: { label: 'time', unit: 's', low: 0 },
    y: { label: 'goodput', unit: 'bit/s', low: 0 },
    series: crowds.map(({ congestion, outcomes }) => ({
      name: congestion,
      kind: 'line',
      points: outcomes[0]!.curve!,
    })),
    markers: [
      { x: CROWD_FROM_NS / SECOND, label: 'crowd comes' },
      { x: CROWD_TO_NS / SECOND, label: 'crowd leaves' },
    ],
  });
  return { crowd: svg };
}

/** The shares that are known so far, a bar for each scenario and congestion control. */
export function liveBars(finished: readonly FinishedTrial<FairnessTrial, Outcome>[]): Figure {
  const groups = groupBy(finished, ({ input }) => `${input.scenario}, ${input.congestion}`);
  // The latest ones: all together are more than fit.
  const shown = [...groups].slice(-MAX_LIVE);
  return {
    ...{ kind: 'bars', title: 'Shares and times, so far', caption: '', x: { label: 'scenario' } },
    y: { label: 'ratio; s for the crowd', low: 0 },
    categories: shown.map(([label]) => label),
    groups: [{ name: 'mean', values: shown.map(([, trials]) => estimate(trials.map(shareOf)).mean) }],
  };
}

/** The share that stands for a trial; where there is none, its second measure. */
function shareOf({ input, output }: FinishedTrial<FairnessTrial, Outcome>): number {
  const index = shares.find(([scenario]) => scenario === input.scenario)?.[1] ?? 1;
  return output.values[index]!;
}

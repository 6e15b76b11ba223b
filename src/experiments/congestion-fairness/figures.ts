/** What the table says, as pictures. */

import { SECOND } from '../../base/index.js';
import { renderFigure } from '../../plot/index.js';
import { estimate } from '../confidence.js';
import type { Series } from './experiment.js';
import { CROWD_FROM_NS, CROWD_TO_NS } from './scenarios.js';

const shares = [
  ['shared-bottleneck', 0, 'shared bottleneck: MPTCP / TCP'],
  ['two-links', 1, 'congested link: MPTCP / TCP'],
  ['scenario-a', 1, 'scenario A: TCP of its rate'],
  ['scenario-b', 0, 'scenario B: total after upgrade'],
  ['scenario-c', 1, 'scenario C: TCP of its rate'],
] as const;

/** Shares of all scenarios, with a bar for each congestion control. */
export function barsOf(all: readonly Series[], source: string): Record<string, string> {
  const names = [...new Set(all.map(({ congestion }) => congestion))];
  const shown = shares.filter(([scenario]) => all.some((each) => each.scenario.name === scenario));
  if (shown.length === 0) return {};
  const svg = renderFigure({
    kind: 'bars',
    title: 'Fairness by congestion control',
    caption:
      'On the left 1 is fair: a connection with two subflows takes what one TCP connection takes. On the right 1 is what others ' +
      `have when Multipath TCP takes nothing from them. After ${source}.`,
    x: { label: 'scenario' },
    y: { label: 'ratio', low: 0 },
    categories: shown.map(([, , label]) => label),
    groups: names.map((name) => ({
      name,
      values: shown.map(([scenario, index]) => {
        const found = all.find((each) => each.scenario.name === scenario && each.congestion === name)!;
        return estimate(found.outcomes.map(({ values }) => values[index]!)).mean;
      }),
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

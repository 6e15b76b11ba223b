/** What the sources of `congestion-fairness` aim at, compute and measured, by scenario. */

import { cellOf, type Published, type PublishedValue } from '../published.js';
import { scenarios } from './scenarios.js';

/** What is known of the scenarios of these names. */
function valuesOf(...names: readonly string[]): PublishedValue[] {
  return scenarios
    .filter(({ name }) => names.includes(name))
    .flatMap(({ name: scenario, measures }) =>
      measures.flatMap(({ name: measure, expected = {} }) =>
        Object.entries(expected).map(([congestion, value]): PublishedValue => ({
          ...{ label: `${scenario}, ${congestion}`, value },
          ours: (rows) => cellOf(rows, 'mean', { scenario, measure, congestion }),
        })),
      ),
    );
}

export const published: readonly Published[] = [
  {
    title: 'Multipath TCP over TCP in a shared bottleneck',
    source: 'RFC 6356 §2.1, goal 2',
    basis: 'What coupled control is to be: one TCP. Two subflows that are not coupled are two.',
    values: valuesOf('shared-bottleneck'),
  },
  {
    title: 'What TCP keeps of its rate beside users of LIA',
    source: 'Khalili et al., MPTCP is not Pareto-optimal, CoNEXT 2012, scenarios A and C',
    basis:
      'Its equations, solved for the users and rates here. They are for queues that drop at random; here they drop at the tail.',
    values: valuesOf('scenario-a', 'scenario-c'),
  },
  {
    title: 'Total after Red users upgrade, over that before',
    source: 'Khalili et al., MPTCP is not Pareto-optimal, CoNEXT 2012, scenario B',
    basis: 'Measured there, with as many users and the same rates.',
    digits: 3,
    values: valuesOf('scenario-b'),
  },
];

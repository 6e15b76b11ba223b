/** What the second source of `experimental-design` states in numbers. */

import type { Row } from '../experiment.js';
import type { Published } from '../published.js';

/** Percent of the sets of an environment whose benefit is at least 0; null where there are none. */
function gainPercent(rows: readonly Row[], environment: string): number | null {
  const benefits = rows.filter((row) => row['environment'] === environment).map((row) => row['benefit']);
  const gains = benefits.filter((benefit) => typeof benefit === 'number' && benefit >= 0);
  return benefits.length === 0 ? null : (100 * gains.length) / benefits.length;
}

export const published: readonly Published[] = [
  {
    title: 'Pairs of paths with an aggregation benefit of 0 or more',
    source: 'De Coninck, Bonaventure: Multipath QUIC: Design and Evaluation, CoNEXT 2017, §4',
    basis:
      'Stated for Multipath TCP in Linux with OLIA; subflows are not coupled here unless --congestion says so, so that more ' +
      'pairs gain.',
    ...{ unit: '%', digits: 0 },
    values: [{ label: 'high-bdp-no-loss', value: 20, ours: (rows) => gainPercent(rows, 'high-bdp-no-loss') }],
  },
];

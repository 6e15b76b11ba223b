/** The report about Linux that `handover` is held against. */

import type { Row } from '../experiment.js';
import type { Published } from '../published.js';

/** The worst gap of ours with every link in use, in s. */
function worstS(rows: readonly Row[]): number | null {
  const gaps = rows
    .filter((row) => row['stack'] === 'subflow' && row['serviceType'] === 'aggregate')
    .map((row) => row['worstMs']);
  const known = gaps.filter((gap) => typeof gap === 'number');
  return known.length === 0 ? null : known.reduce((most, gap) => Math.max(most, gap)) / 1000;
}

export const published: readonly Published[] = [
  {
    title: 'Longest wait when Wi-Fi dies and every link is in use',
    source: 'multipath-tcp/mptcp_net-next#554: a handover of Linux without active and backup paths',
    basis:
      'Reported of Linux: more than 30 s, where the path came and went again and again; here it dies once. Ours is the worst ' +
      'of all runs of aggregate.',
    unit: 's',
    values: [{ label: 'every link in use', value: 30, relation: 'at least', ours: worstS }],
  },
];

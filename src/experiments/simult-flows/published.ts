/** The times that the kernel's own test of aggregation allows. */

import type { Row } from '../experiment.js';
import type { Published } from '../published.js';
import { boundMs, pathPairs, REDUNDANT } from './world.js';

/** The slowest of all that add the paths up, in s; null where there is none, or one did not end. */
function slowestS(rows: readonly Row[], rates: string, delays: string): number | null {
  const own = rows.filter(
    (row) => row['rates'] === rates && row['delays'] === delays && row['scheduler'] !== REDUNDANT,
  );
  const times = own.map((row) => row['tookMs']);
  return times.length > 0 && times.every((time) => typeof time === 'number')
    ? times.reduce((most, time) => Math.max(most, time)) / 1000
    : null;
}

export const published: readonly Published[] = [
  {
    title: 'Time of 16 MiB over two paths, by Mbit/s and ms',
    source: 'Linux, tools/testing/selftests/net/mptcp/simult_flows.sh',
    basis:
      'What the test allows: the time that both rates less a tenth for headers need, and 450 ms. Ours is the slowest of what ' +
      'was run, but for redundant, which does not add paths up.',
    unit: 's',
    values: pathPairs.map(({ rates, delaysMs }) => {
      const [rate, delay] = [rates.join('/'), delaysMs.join('/')];
      return {
        ...{ label: `${rate}, ${delay}`, value: boundMs(rates) / 1000, relation: 'at most' },
        ours: (rows) => slowestS(rows, rate, delay),
      };
    }),
  },
];

/** What the inventors of Fast Open say that it saves. */

import type { Row } from '../experiment.js';
import { cellOf, type Published } from '../published.js';

/** The visits that are compared, as the rows name them. */
const withCookie = 'second, with the cookie';
const without = 'without Fast Open';

/** Null where one of the visits is missing. */
function savedRoundTrips(rows: readonly Row[]): number | null {
  const begins = (visit: string): number | null => cellOf(rows, 'firstByteRtt', { protocol: 'TCP', visit });
  const [late, early] = [begins(without), begins(withCookie)];
  return late === null || early === null ? null : late - early;
}

export const published: readonly Published[] = [
  {
    title: 'Round trips that a cookie saves until the answer begins',
    source: 'Radhakrishnan, Cheng, Chu, Jain, Raghavan: TCP Fast Open, CoNEXT 2011, abstract',
    basis: 'Stated for TCP: one full round trip.',
    values: [{ label: 'TCP', value: 1, ours: savedRoundTrips }],
  },
];

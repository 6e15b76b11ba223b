/** What the makers of Beamer say of changes of servers. */

import { cellOf, type Published, type PublishedValue } from '../published.js';

const levels = ['engine', 'flows'] as const;

export const published: readonly Published[] = [
  {
    title: 'Connections that break behind Beamer when servers change',
    source: 'Olteanu, Agache, Voinescu, Raiciu: Stateless Datacenter Load-balancing with Beamer, NSDI 2018',
    basis: 'Stated: no connection is dropped when servers come and go.',
    ...{ unit: '%', digits: 1 },
    values: levels.map((level): PublishedValue => ({
      ...{ label: level, value: 0 },
      ours: (rows) => cellOf(rows, 'brokenPercent', { design: 'beamer', level }),
    })),
  },
];

/** What Apple says of Siri, beside each service type. */

import type { Row } from '../experiment.js';
import { cellOf, type Published, type PublishedValue } from '../published.js';

const source = 'Apple, WWDC 2017, session 707: Advances in Networking';
const types = ['handover', 'interactive', 'aggregate', 'targetBased'] as const;

/** Requests of a service type that failed, over those of TCP; null where none of TCP did. */
function failuresOverTcp(rows: readonly Row[], serviceType: string): number | null {
  const [own, tcp] = [serviceType, 'none'].map((type) => cellOf(rows, 'failures', { serviceType: type }));
  return own === null || own === undefined || !tcp ? null : own / tcp;
}

function forTypes(
  value: number,
  oursOf: (rows: readonly Row[], type: string) => number | null,
): PublishedValue[] {
  return types.map((type) => ({ label: type, value, ours: (rows) => oursOf(rows, type) }));
}

export const published: readonly Published[] = [
  {
    ...{ title: '95th percentile of the time to first word, over that with TCP', source },
    basis:
      'Stated in the talk: 20 % less, over all who use Siri. Here everybody walks at the edge of an access point.',
    values: forTypes(0.8, (rows, serviceType) => cellOf(rows, 'overTcp', { serviceType })),
  },
  {
    ...{ title: 'Requests that fail for the network, over those with TCP', source },
    basis: 'Stated in the talk: five times fewer.',
    values: forTypes(0.2, failuresOverTcp),
  },
];

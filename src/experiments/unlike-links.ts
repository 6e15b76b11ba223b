/** What experiments over the links of Raiciu et al. (NSDI 2012, §4.2) may change of them: quick Wi-Fi, and slow 3G with a long queue. */

import { MILLISECOND, SECOND } from '../base/index.js';

/** 20 and 150 ms there and back, queues of 80 ms and 2 s. */
export const unlikeLinkParameters = {
  wifiRateBps: { kind: 'rate', default: 8e6, min: 1e5, max: 1e9, doc: 'rate of Wi-Fi' },
  wifiDelayNs: {
    kind: 'duration',
    default: 10 * MILLISECOND,
    min: 0,
    max: SECOND,
    doc: 'one-way delay of Wi-Fi',
  },
  wifiQueueNs: {
    kind: 'duration',
    default: 80 * MILLISECOND,
    min: MILLISECOND,
    max: 10 * SECOND,
    doc: 'queue of Wi-Fi',
  },
  cellularRateBps: { kind: 'rate', default: 2e6, min: 1e5, max: 1e9, doc: 'rate of the cellular link' },
  cellularDelayNs: {
    kind: 'duration',
    default: 75 * MILLISECOND,
    min: 0,
    max: SECOND,
    doc: 'one-way delay of the cellular link',
  },
  cellularQueueNs: {
    kind: 'duration',
    default: 2 * SECOND,
    min: MILLISECOND,
    max: 10 * SECOND,
    doc: 'queue of the cellular link',
  },
} as const;

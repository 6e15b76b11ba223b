/** What every experiment with a walking phone may change of its links. */

import { SECOND } from '../../base/index.js';
import { phoneLinkDefaults } from './phone.js';

/** Parameters of the links: those of `PhoneLinks`. */
export const phoneLinkParameters = {
  cellularDownBps: {
    kind: 'rate',
    default: phoneLinkDefaults.cellularDownBps,
    min: 1e5,
    max: 1e9,
    doc: 'rate of the cellular link to the phone',
  },
  cellularUpBps: {
    kind: 'rate',
    default: phoneLinkDefaults.cellularUpBps,
    min: 1e5,
    max: 1e9,
    doc: 'rate of the cellular link from the phone',
  },
  cellularDelayNs: {
    kind: 'duration',
    default: phoneLinkDefaults.cellularDelayNs,
    min: 0,
    max: SECOND,
    doc: 'one-way delay of the cellular path',
  },
  accessBps: {
    kind: 'rate',
    default: phoneLinkDefaults.accessBps,
    min: 1e5,
    max: 1e9,
    doc: 'rate of what the access point is connected to; its radio may be slower',
  },
  wifiDelayNs: {
    kind: 'duration',
    default: phoneLinkDefaults.wifiDelayNs,
    min: 0,
    max: SECOND,
    doc: 'one-way delay of the Wi-Fi path, without its radio',
  },
  wifiQueueBytes: {
    kind: 'size',
    default: phoneLinkDefaults.wifiQueueBytes,
    min: 10_000,
    max: 10e6,
    doc: 'most that waits before the radio, either way',
  },
} as const;

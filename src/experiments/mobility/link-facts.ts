/** What the phone's system tells its stack of the links. */

import type { Host } from '../../network/index.js';
import type { LinkFacts } from '../../policy/index.js';
import { type CarrierNews, phonePath } from './phone.js';
import type { WifiStep } from './wifi.js';

/** The cellular link: it costs, and it is always there. */
const cellularFacts: LinkFacts = { kind: 'cellular', isMetered: true, hasCarrier: true };

/** Tells of both links as they are at `step`. Where the loss is unknown, the Wi-Fi is what it was when it died. */
export function tellFacts(now: number, host: Host, step: WifiStep, news: CarrierNews): void {
  const { stack } = host;
  const { isAssociated, signalDbm } = step;
  const hasCarrier = isAssociated || news === 'unknown';
  stack.setLinkFacts(now, phonePath.cellular, cellularFacts);
  stack.setLinkFacts(now, phonePath.wifi, { kind: 'wifi', isMetered: false, hasCarrier, signalDbm });
  host.wake(now);
}

/**
 * The two links of a phone: a cellular one, steady and slower, and a Wi-Fi that follows a walk. Says how to make them and
 * what happens to them; in a simulation and, since links are the same, before a kernel.
 */

import { MILLISECOND, SECOND } from '../../base/index.js';
import { type Link, type LinkOptions, type RadioConditions, randomLoss } from '../../network/index.js';
import type { Incident, TransferPath } from '../transfer.js';
import type { WifiStep } from './wifi.js';

/** Places of the links in a world: the server's address is that of the cellular path, which is always there. */
export const phonePath = { cellular: 0, wifi: 1 } as const;

/** The links, where no walk decides. */
export interface PhoneLinks {
  /** Rates of the cellular link, in bit/s. */
  readonly cellularDownBps: number;
  readonly cellularUpBps: number;
  /** One-way delay of the cellular path, in ns. */
  readonly cellularDelayNs: number;
  /** Rate of what the access point is connected to, either way, in bit/s: the radio may be slower. */
  readonly accessBps: number;
  /** One-way delay of the Wi-Fi path, without what the radio adds, in ns. */
  readonly wifiDelayNs: number;
  /** What waits before the radio at most, either way, in bytes: the slower the radio, the longer it takes. */
  readonly wifiQueueBytes: number;
}

/** LTE and a home connection of some years ago; the queue of the access point has 100 packets. */
export const phoneLinkDefaults: PhoneLinks = {
  cellularDownBps: 12e6,
  cellularUpBps: 6e6,
  cellularDelayNs: 30 * MILLISECOND,
  accessBps: 20e6,
  wifiDelayNs: 12 * MILLISECOND,
  wifiQueueBytes: 150_000,
};

/** Time that packets wait for the cellular link at most, in ns. */
const cellularQueueNs = 200 * MILLISECOND;
/** Longest extra delay of a packet on it, in ns: LTE sends a block again 8 ms after it failed (HARQ, 3GPP TS 36.321). */
const cellularJitterNs = 8 * MILLISECOND;

/** Round-trip time of a full segment and its acknowledgment over the cellular path, at most, without a queue, in ns. */
export function cellularRttNs({ cellularDelayNs, cellularUpBps, cellularDownBps }: PhoneLinks): number {
  const sendingNs = (fullBits * SECOND) / Math.min(cellularUpBps, cellularDownBps);
  return 2 * (cellularDelayNs + cellularJitterNs) + sendingNs;
}

/** Bits of a full packet. */
const fullBits = 1500 * 8;

/** The paths of a world, in the order of {@link phonePath}; connections that may choose begin on Wi-Fi. */
export function phonePaths(links: PhoneLinks): TransferPath[] {
  const { cellularDelayNs: delayNs, cellularUpBps, cellularDownBps, wifiDelayNs, accessBps } = links;
  return [
    {
      name: 'cellular',
      metric: 1,
      both: { delayNs, jitterNs: cellularJitterNs, queue: { ns: cellularQueueNs } },
      forward: { rateBps: cellularUpBps },
      backward: { rateBps: cellularDownBps },
    },
    {
      name: 'Wi-Fi',
      metric: 0,
      both: { rateBps: accessBps, delayNs: wifiDelayNs, queue: { bytes: links.wifiQueueBytes } },
    },
  ];
}

/** How a phone hears of the end of its association. */
export type CarrierNews =
  /** Its interface goes down. */
  | 'known'
  /** Nobody tells it: packets vanish. */
  | 'unknown';

/** What the walk does to the Wi-Fi link, step by step. */
export function wifiIncidents(steps: readonly WifiStep[], links: PhoneLinks, news: CarrierNews): Incident[] {
  return steps.map((step) => ({
    atNs: step.atNs,
    act: (now, all) => applyStep(now, all[phonePath.wifi]!, step, links, news),
  }));
}

/** Puts `step` into force on the Wi-Fi `link`. */
export function applyStep(
  now: number,
  link: Link,
  { isAssociated, up, down }: WifiStep,
  { accessBps }: PhoneLinks,
  news: CarrierNews,
): void {
  // The server is elsewhere: only the phone can lose its carrier.
  link.forward.setState(now, isAssociated ? 'up' : 'blackhole');
  link.backward.setState(now, isAssociated ? 'up' : news === 'known' ? 'down' : 'blackhole');
  if (!isAssociated) return;
  link.forward.configure(now, optionsOf(up, accessBps));
  link.backward.configure(now, optionsOf(down, accessBps));
}

function optionsOf({ rateBps, jitterNs, loss }: RadioConditions, accessBps: number): Partial<LinkOptions> {
  return { rateBps: Math.min(accessBps, rateBps), jitterNs, loss: randomLoss(loss < leastLoss ? 0 : loss) };
}

/** Losses rarer than this are none: they would cost a draw for each packet. */
const leastLoss = 1e-6;

/** The uplinks of a broadcaster's van, best first as it would hook them up, and how their rates go up and down. */

import { MILLISECOND, randomUnit, SeededRandom } from '../../base/index.js';

/** One uplink. Its rate swings: see {@link ratesOf}. */
export interface Uplink {
  readonly name: string;
  /** The middle of its rates from the van to the studio. */
  readonly rateBps: number;
  /** Part of the middle by which the rate may be more or less, 0 to below 1. */
  readonly swing: number;
  /** One way, without queueing. */
  readonly delayNs: number;
  /** Longest extra delay of a packet, drawn evenly. */
  readonly jitterNs: number;
  /** How long its queue may make a packet wait, at the middle of its rates. */
  readonly queueNs: number;
  /** Part of the packets that is lost, in bursts. */
  readonly loss: number;
}

/** Two to six of them are used, in this order. */
export const uplinks: readonly Uplink[] = [
  {
    name: '5G',
    ...{ rateBps: 20e6, swing: 0.5, delayNs: 15 * MILLISECOND, jitterNs: 5 * MILLISECOND },
    ...{ queueNs: 200 * MILLISECOND, loss: 0.0005 },
  },
  {
    name: 'LTE',
    ...{ rateBps: 8e6, swing: 0.4, delayNs: 30 * MILLISECOND, jitterNs: 10 * MILLISECOND },
    ...{ queueNs: 500 * MILLISECOND, loss: 0.0005 },
  },
  {
    name: 'LTE of another operator',
    ...{ rateBps: 4e6, swing: 0.6, delayNs: 45 * MILLISECOND, jitterNs: 15 * MILLISECOND },
    ...{ queueNs: 1000 * MILLISECOND, loss: 0.001 },
  },
  {
    name: 'satellite in a low orbit',
    ...{ rateBps: 10e6, swing: 0.3, delayNs: 25 * MILLISECOND, jitterNs: 10 * MILLISECOND },
    ...{ queueNs: 150 * MILLISECOND, loss: 0.003 },
  },
  {
    name: '3G',
    ...{ rateBps: 1.5e6, swing: 0.5, delayNs: 75 * MILLISECOND, jitterNs: 20 * MILLISECOND },
    ...{ queueNs: 2000 * MILLISECOND, loss: 0.001 },
  },
  {
    name: 'geostationary satellite',
    ...{ rateBps: 3e6, swing: 0.1, delayNs: 280 * MILLISECOND, jitterNs: 5 * MILLISECOND },
    ...{ queueNs: 500 * MILLISECOND, loss: 0.0005 },
  },
];

/** How much of a rate's place between its bounds stays from one to the next. */
const PERSISTENCE = 0.8;

/**
 * `count` rates in bit/s that an uplink has one after the other: between its bounds, each near the one before. The same
 * seed gives the same, whatever other uplinks are used.
 */
export function ratesOf({ name, rateBps, swing }: Uplink, count: number, seed: number): number[] {
  const place = uplinks.findIndex((uplink) => uplink.name === name);
  const random = new SeededRandom(seed * uplinks.length + place);
  let level = randomUnit(random);
  return Array.from({ length: count }, () => {
    level = PERSISTENCE * level + (1 - PERSISTENCE) * randomUnit(random);
    // Averages crowd in the middle: stretched, so that the bounds are reached now and then.
    const stretched = Math.min(1, Math.max(0, 0.5 + 2 * (level - 0.5)));
    return Math.round(rateBps * (1 - swing + 2 * swing * stretched));
  });
}

/** The links of `schedulers`: a quick one and a slow one with a long queue, drawn around those of a published experiment. */

import { randomUnit, SeededRandom } from '../../base/index.js';

/** One link; both directions are alike. */
export interface DrawnLink {
  readonly rateBps: number;
  /** One way, without queueing. */
  readonly delayNs: number;
  /** How long its queue may make a packet wait. */
  readonly queueNs: number;
  /** Part of the packets that is lost at random. */
  readonly loss: number;
}

/** The links that others are drawn around. */
export interface LinkParameters {
  readonly wifiRateBps: number;
  readonly wifiDelayNs: number;
  readonly wifiQueueNs: number;
  readonly cellularRateBps: number;
  readonly cellularDelayNs: number;
  readonly cellularQueueNs: number;
  /** Part of the packets that is lost at random on Wi-Fi at the most. */
  readonly wifiLoss: number;
  /** How many times more or less than its middle a value may be; 1: never. */
  readonly spread: number;
}

/** `count` pairs of Wi-Fi and a cellular link; the same seed gives the same. */
export function drawLinks(parameters: LinkParameters, count: number, seed: number): DrawnLink[][] {
  const random = new SeededRandom(seed);
  // Evenly in logarithms, so that half as much is as likely as twice as much.
  const around = (middle: number): number =>
    Math.round(middle * parameters.spread ** (2 * randomUnit(random) - 1));
  return Array.from({ length: count }, () => [
    {
      rateBps: around(parameters.wifiRateBps),
      delayNs: around(parameters.wifiDelayNs),
      queueNs: around(parameters.wifiQueueNs),
      loss: parameters.wifiLoss * randomUnit(random),
    },
    {
      rateBps: around(parameters.cellularRateBps),
      delayNs: around(parameters.cellularDelayNs),
      queueNs: around(parameters.cellularQueueNs),
      loss: 0,
    },
  ]);
}

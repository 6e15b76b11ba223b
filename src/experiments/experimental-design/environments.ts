/** The four environments of the papers, and how a point of a design becomes two paths of one of them. */

import { MILLISECOND, SeededRandom } from '../../base/index.js';
import { spaceFillingDesign, type DesignPoint } from '../space-filling.js';

/** One path as it is drawn. */
export interface DrawnPath {
  readonly rateBps: number;
  /** There and back, without queueing. */
  readonly rttNs: number;
  /** How long its queue may make a packet wait. */
  readonly queueNs: number;
  /** Part of the packets that is lost at random, in either direction. */
  readonly loss: number;
}

/** The ranges that paths are drawn from, evenly. */
export interface Environment {
  readonly name: string;
  readonly maxRttNs: number;
  readonly maxQueueNs: number;
  /** 0 where nothing is lost but by queues that are full. */
  readonly maxLoss: number;
}

const lowBdp = { maxRttNs: 50 * MILLISECOND, maxQueueNs: 100 * MILLISECOND };
const highBdp = { maxRttNs: 400 * MILLISECOND, maxQueueNs: 2000 * MILLISECOND };
const maxLoss = 0.025;

/** In the order of the table. */
export const environments: readonly Environment[] = [
  { name: 'low-bdp-no-loss', ...lowBdp, maxLoss: 0 },
  { name: 'low-bdp-losses', ...lowBdp, maxLoss },
  { name: 'high-bdp-no-loss', ...highBdp, maxLoss: 0 },
  { name: 'high-bdp-losses', ...highBdp, maxLoss },
];

const minRateBps = 100e3;
const maxRateBps = 100e6;

/** `sets` pairs of paths of `environment`, by a space-filling design; the same seed gives the same. */
export function drawPaths(environment: Environment, sets: number, seed: number): (readonly DrawnPath[])[] {
  const perPath = environment.maxLoss === 0 ? 3 : 4;
  const points = spaceFillingDesign(sets, 2 * perPath, new SeededRandom(seed));
  return points.map((point) => [
    pathAt(environment, point.slice(0, perPath)),
    pathAt(environment, point.slice(perPath)),
  ]);
}

function pathAt({ maxRttNs, maxQueueNs, maxLoss }: Environment, point: DesignPoint): DrawnPath {
  const [rate, rtt, queue, loss = 0] = point as readonly [number, number, number, number?];
  return {
    rateBps: Math.round(minRateBps + rate * (maxRateBps - minRateBps)),
    rttNs: Math.round(rtt * maxRttNs),
    queueNs: Math.round(queue * maxQueueNs),
    loss: loss * maxLoss,
  };
}

/**
 * Where a phone is, as seen from the access point, and what of the signal things in between take: a walk along a list of
 * legs, and shadows that change with every few metres. A walk is a function of its legs and its seed.
 *
 * Shadows are log-normal, and alike at places close to each other (Gudmundson, Correlation model for shadow fading in mobile
 * radio systems, Electronics Letters 1991).
 */

import { randomNormal, type RandomSource, SECOND, SeededRandom } from '../../base/index.js';
import { wifiSignalAt, wifiTransmitDbm } from '../../network/index.js';

/** How often a walk is looked at, in ns. */
export const walkStepNs = SECOND / 10;

/** A straight part of a walk, towards the access point or away from it; `toM` of the leg before is where it begins. */
export interface Leg {
  /** Distance from the access point at its end, in m. */
  readonly toM: number;
  /** How long it takes, in ns. */
  readonly durationNs: number;
}

/** A walk. */
export interface Walk {
  readonly seed: number;
  /** Distance at the beginning, in m. */
  readonly fromM: number;
  readonly legs: readonly Leg[];
  /** Standard deviation of shadows in dB; 0 for none. Measured in buildings: below 8 (Faria, 2005). */
  readonly shadowDb: number;
}

/** Distance over which shadows become different ones, in m. */
const shadowDistanceM = 5;

/** Where the phone is at an instant, and what each end hears of the other. */
export interface Place {
  readonly atNs: number;
  readonly distanceM: number;
  /** Signal of the access point at the phone, in dBm: what a phone shows. */
  readonly downDbm: number;
  /** Signal of the phone at the access point, in dBm. */
  readonly upDbm: number;
}

/** How long a walk takes, in ns. */
export function walkDurationNs({ legs }: Walk): number {
  return legs.reduce((sum, { durationNs }) => sum + durationNs, 0);
}

/** The walk, place by place, from 0 ns on. */
export function placesOf(walk: Walk): Place[] {
  const shadows = new Shadows(walk.seed, walk.shadowDb);
  const places: Place[] = [];
  let beginM = walk.fromM;
  let beginNs = 0;
  let atNs = 0;
  for (const { toM, durationNs } of walk.legs) {
    for (; atNs < beginNs + durationNs; atNs += walkStepNs) {
      const distanceM = beginM + ((toM - beginM) * (atNs - beginNs)) / durationNs;
      const shadowDb = shadows.at(distanceM);
      places.push({
        atNs,
        distanceM,
        downDbm: wifiSignalAt(distanceM, wifiTransmitDbm.accessPoint, shadowDb),
        upDbm: wifiSignalAt(distanceM, wifiTransmitDbm.phone, shadowDb),
      });
    }
    beginM = toM;
    beginNs += durationNs;
  }
  return places;
}

/** What things in between take of the signal, along a walk. */
class Shadows {
  private readonly random: RandomSource;
  private readonly deviationDb: number;
  private lastM = 0;
  private currentDb = Number.NaN;

  constructor(seed: number, deviationDb: number) {
    this.random = new SeededRandom(seed);
    this.deviationDb = deviationDb;
  }

  /** The shadow at `distanceM`, in dB: what it was, as far as the place is the same, and something new. */
  at(distanceM: number): number {
    if (this.deviationDb === 0) return 0;
    const fresh = this.deviationDb * randomNormal(this.random);
    const alike = Number.isNaN(this.currentDb)
      ? 0
      : Math.exp(-Math.abs(distanceM - this.lastM) / shadowDistanceM);
    this.currentDb = alike * (this.currentDb || 0) + Math.sqrt(1 - alike ** 2) * fresh;
    this.lastM = distanceM;
    return this.currentDb;
  }
}

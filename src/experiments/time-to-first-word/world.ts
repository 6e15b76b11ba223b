/** The runs of `time-to-first-word`: somebody walks about at home and in front of it, and talks to the phone meanwhile. */

import { MILLISECOND, randomUnit, SECOND, SeededRandom } from '../../base/index.js';
import type { PhoneLinks } from '../mobility/phone.js';
import { runPhone } from '../mobility/phone-world.js';
import { phoneVariantNamed } from '../mobility/variants.js';
import { type Leg, placesOf, type Walk } from '../mobility/walk.js';
import { wifiAlong } from '../mobility/wifi.js';

/** Speech: frames of 60 bytes every 20 ms, five at a time (24 kbit/s), for two seconds. */
export const speech = {
  requestBytes: 6000,
  pieces: 20,
  pieceIntervalNs: 100 * MILLISECOND,
} as const;

/** The parameters of a run, in their units. */
export interface WordParameters extends PhoneLinks {
  readonly durationNs: number;
  readonly farthestM: number;
  readonly shadowDb: number;
  readonly answerBytes: number;
  readonly thinkNs: number;
  readonly intervalNs: number;
  readonly patienceNs: number;
  readonly requestsPerConnection: number;
}

/** One walk with one variant. */
export interface WordTrial {
  readonly parameters: WordParameters;
  readonly variant: string;
  readonly seed: number;
}

/** What came of it. */
export interface WordRun {
  /** Times from the end of each request to the first word of its answer, in ns, of those that were answered. */
  readonly waitsNs: readonly number[];
  /** Requests that failed. */
  readonly failures: number;
  readonly cellularBytes: number;
}

/** Speed of somebody who walks, in m/s. */
const walkingMps = 1.4;
/** Distance from the access point at home, in m, and the longest time that somebody stays where they are, in ns. */
const nearestM = 4;
const longestStayNs = 6 * SECOND;

/** Runs one. */
export function talkOnWalk({ parameters, variant, seed }: WordTrial): WordRun {
  const { intervalNs, durationNs, patienceNs } = parameters;
  const { exchanges, cellularBytes } = runPhone({
    ...{ seed, links: parameters, steps: wifiAlong(placesOf(walkOf(parameters, seed))) },
    ...{
      news: 'known',
      variant: phoneVariantNamed(variant),
      asks: 'client',
      endsWhenLate: true,
      requestsPerConnection: parameters.requestsPerConnection,
    },
    plan: {
      ...speech,
      ...{ answerBytes: parameters.answerBytes, thinkNs: parameters.thinkNs, patienceNs },
      ...{ firstAtNs: SECOND, intervalNs, count: Math.max(1, Math.floor(durationNs / intervalNs)) },
    },
    ...{ connectAtNs: 0, untilNs: durationNs + intervalNs + 2 * patienceNs },
  });
  return {
    waitsNs: exchanges.flatMap(({ firstByteAtNs, askedAtNs, hasFailed }) =>
      hasFailed || firstByteAtNs === undefined ? [] : [firstByteAtNs - askedAtNs],
    ),
    failures: exchanges.filter(({ hasFailed }) => hasFailed).length,
    cellularBytes,
  };
}

/** To one place after the other, with a stay at each. */
export function walkOf({ durationNs, farthestM, shadowDb }: WordParameters, seed: number): Walk {
  const random = new SeededRandom(seed);
  const draw = (least: number, most: number): number => least + (most - least) * randomUnit(random);
  const fromM = draw(nearestM, farthestM);
  const legs: Leg[] = [];
  let atM = fromM;
  for (let passedNs = 0; passedNs < durationNs;) {
    const toM = draw(nearestM, farthestM);
    const walkNs = Math.max(SECOND, (Math.abs(toM - atM) / walkingMps) * SECOND);
    const stayNs = draw(0, longestStayNs);
    legs.push({ toM, durationNs: walkNs }, { toM, durationNs: stayNs });
    passedNs += walkNs + stayNs;
    atM = toM;
  }
  return { seed, fromM, legs, shadowDb };
}

/** The runs of `multipath-tester`: the traffic of the phone app while its owner walks away from the Wi-Fi. */

import { MILLISECOND, SECOND } from '../../base/index.js';
import type { Side } from '../../network/index.js';
import type { ExchangePlan } from '../mobility/exchange.js';
import type { PhoneLinks } from '../mobility/phone.js';
import { type PhoneOutcome, runPhone } from '../mobility/phone-world.js';
import { phoneVariantNamed } from '../mobility/variants.js';
import { placesOf, type Walk, walkDurationNs } from '../mobility/walk.js';
import { wifiAlong } from '../mobility/wifi.js';

/** Kinds of traffic. */
export const traffics = ['bulk', 'request-response', 'stream'] as const;
export type Traffic = (typeof traffics)[number];

/** Up: the phone sends, or asks; down: the server does. */
export const directions = ['up', 'down'] as const;
export type Direction = (typeof directions)[number];

/** The parameters of a run, in their units. */
export interface TesterParameters extends PhoneLinks {
  readonly bulkBytes: number;
  readonly bulkAtNs: number;
  readonly walkNs: number;
  readonly farthestM: number;
  readonly shadowDb: number;
}

/** One walk with one kind of traffic and one variant. */
export interface TesterTrial {
  readonly parameters: TesterParameters;
  readonly traffic: Traffic;
  readonly direction: Direction;
  readonly variant: string;
  readonly seed: number;
}

/** What came of it. */
export interface TesterRun {
  /** From each request, block or file to the whole of its answer, in ns, with when it was sent; those that got one. */
  readonly delays: readonly { readonly atNs: number; readonly delayNs: number }[];
  /** Those that got none. */
  readonly missed: number;
  /** Part of the bytes that went over the cellular link. */
  readonly cellularShare: number;
}

/** Where the walk begins, in m, and how long everybody stands there first and at its end, in ns. */
const nearestM = 4;
const standNs = 5 * SECOND;
/** Time without an answer after which the app calls a request missed, in ns. */
export const patienceNs = 14 * SECOND;

/** The walk of a run. */
export function walkAway({ walkNs, farthestM, shadowDb }: TesterParameters, seed: number): Walk {
  return {
    ...{ seed, fromM: nearestM, shadowDb },
    legs: [
      { toM: nearestM, durationNs: standNs },
      { toM: farthestM, durationNs: walkNs },
      { toM: farthestM, durationNs: standNs },
    ],
  };
}

/** What the app sends: sizes and intervals are those of its source. */
function planOf({ traffic, direction, parameters }: TesterTrial, durationNs: number): ExchangePlan {
  const { bulkBytes, bulkAtNs } = parameters;
  const whole = { pieces: 1, pieceIntervalNs: 0, thinkNs: 0, patienceNs };
  if (traffic === 'bulk') {
    // A few bytes ask for a file, or say that it came.
    const [requestBytes, answerBytes] = direction === 'up' ? [bulkBytes, 100] : [100, bulkBytes];
    const patience = { ...whole, patienceNs: 2 * durationNs };
    return { ...patience, requestBytes, answerBytes, firstAtNs: bulkAtNs, intervalNs: 1, count: 1 };
  }
  const [requestBytes, answerBytes, intervalNs] =
    traffic === 'stream' ? [2000, 16, 100 * MILLISECOND] : [750, 750, 400 * MILLISECOND];
  const count = Math.floor((durationNs - SECOND) / intervalNs);
  return { ...whole, requestBytes, answerBytes, intervalNs, firstAtNs: SECOND, count };
}

/** Who asks: a file is fetched by the phone; the other kinds of traffic turn round. */
function askerOf({ traffic, direction }: TesterTrial): Side {
  return traffic !== 'bulk' && direction === 'down' ? 'server' : 'client';
}

/** Runs one. */
export function testOnWalk(trial: TesterTrial): TesterRun {
  const { parameters, variant, seed } = trial;
  const walk = walkAway(parameters, seed);
  const durationNs = walkDurationNs(walk);
  const plan = planOf(trial, durationNs);
  return measured(
    runPhone({
      ...{ seed, links: parameters, steps: wifiAlong(placesOf(walk)), news: 'known', plan },
      ...{ variant: phoneVariantNamed(variant), asks: askerOf(trial) },
      ...{ endsWhenLate: false, requestsPerConnection: plan.count },
      connectAtNs: 0,
      untilNs: durationNs + 2 * plan.patienceNs,
    }),
    plan.count,
  );
}

function measured({ exchanges, cellularBytes, wifiBytes }: PhoneOutcome, count: number): TesterRun {
  const delays = exchanges.flatMap(({ askedAtNs, answeredAtNs }) =>
    answeredAtNs === undefined ? [] : [{ atNs: askedAtNs, delayNs: answeredAtNs - askedAtNs }],
  );
  return {
    delays,
    missed: count - delays.length,
    cellularShare: cellularBytes === 0 ? 0 : cellularBytes / (cellularBytes + wifiBytes),
  };
}

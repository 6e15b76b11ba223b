/**
 * What Wi-Fi is worth at a distance: signal strength after a log-distance law, the rate that a station chooses for it, the
 * frames that fail all the same, and what sending those again costs in time and, when patience ends, in packets. Pure
 * functions; knows nothing of who walks where, or of packets.
 *
 * - Path loss: 46.7 dB at 1 m (free space at 5.2 GHz), exponent 3.5; measured in an office building were 3.3 and 4.0 (Faria,
 *   Modeling Signal Attenuation in IEEE 802.11 Wireless LANs, 2005).
 * - Rates: one stream of 20 MHz, with the least signal that a receiver must make do with for each (IEEE 802.11-2016, the HT
 *   PHY of clause 19): there one in ten frames fails.
 * - A frame is sent again up to seven times (dot11ShortRetryLimit), with a backoff that doubles each time (the same, clause
 *   10).
 */

import { MICROSECOND, SECOND } from '../../base/index.js';

/** Signal in dBm that an antenna next to it would send with: an access point, and a phone, which has less. */
export const wifiTransmitDbm = { accessPoint: 20, phone: 15 } as const;

/** Path loss at 1 m, in dB. */
const lossAtMetreDb = 46.7;
/** How fast the signal falls with distance: 2 in free space, more among walls. */
const pathLossExponent = 3.5;

/** Rates of one stream of 20 MHz, the best first, and the signal from which each works. */
const rates = [
  { phyBps: 65e6, leastDbm: -64 },
  { phyBps: 58.5e6, leastDbm: -65 },
  { phyBps: 52e6, leastDbm: -66 },
  { phyBps: 39e6, leastDbm: -70 },
  { phyBps: 26e6, leastDbm: -74 },
  { phyBps: 19.5e6, leastDbm: -77 },
  { phyBps: 13e6, leastDbm: -79 },
  { phyBps: 6.5e6, leastDbm: -82 },
] as const;
const slowest = rates.at(-1)!;

/** Share of frames that fail where the signal is the least that a rate works with. */
const edgeErrorRate = 0.1;
/** Change of the signal, in dB, by which the odds of a failure change e-fold: from 10 to 90 % within 4.4 dB. */
const errorSlopeDb = 1;

/** Sendings of a frame before it is given up: once, and seven times again. */
const maxAttempts = 8;
/** Part of the time on the air that is payload: the rest is preambles, acknowledgments and contention. */
const efficiency = 0.6;
/** Bits of a full frame. */
const frameBits = 1500 * 8;
/** A contention slot. */
const slotNs = 9 * MICROSECOND;
/** Slots that a first and a last backoff are drawn from. */
const contention = { least: 16, most: 1024 } as const;

/** What one direction of a radio link does to packets. */
export interface RadioConditions {
  /** Bits per second of IP packets. */
  readonly rateBps: number;
  /** Longest extra delay of a packet by frames sent again, in ns. */
  readonly jitterNs: number;
  /** Part of the frames that fail. */
  readonly frameErrorRate: number;
  /** Part of the packets that are lost: all attempts failed. */
  readonly loss: number;
}

/** Signal in dBm at `distanceM` metres, sent with `sentDbm`, and `shadowDb` of obstacles in between. */
export function wifiSignalAt(distanceM: number, sentDbm: number, shadowDb = 0): number {
  const pathLossDb = lossAtMetreDb + 10 * pathLossExponent * Math.log10(Math.max(1, distanceM));
  return sentDbm - pathLossDb - shadowDb;
}

/** The distance in m at which {@link wifiSignalAt} is `signalDbm`, without obstacles. */
export function wifiDistanceAt(signalDbm: number, sentDbm: number): number {
  return 10 ** ((sentDbm - lossAtMetreDb - signalDbm) / (10 * pathLossExponent));
}

/** What a link with `signalDbm` at its receiver is worth. */
export function wifiConditionsAt(signalDbm: number): RadioConditions {
  const { phyBps, leastDbm } = rates.find(({ leastDbm }) => signalDbm >= leastDbm) ?? slowest;
  const edgeOdds = edgeErrorRate / (1 - edgeErrorRate);
  const odds = edgeOdds * Math.exp((leastDbm - signalDbm) / errorSlopeDb);
  const frameErrorRate = odds / (1 + odds);
  const frameNs = (frameBits / (phyBps * efficiency)) * SECOND;
  const retryNs = meanRetryNs(frameErrorRate, frameNs);
  return {
    rateBps: (frameBits / (frameNs + retryNs)) * SECOND,
    // Links draw extra delays evenly: the mean is half of the longest.
    jitterNs: 2 * retryNs,
    frameErrorRate,
    loss: frameErrorRate ** maxAttempts,
  };
}

/** Mean time that sending a frame again takes, each time with a longer backoff. */
function meanRetryNs(frameErrorRate: number, frameNs: number): number {
  let sumNs = 0;
  let probability = 1;
  for (let retry = 1; retry < maxAttempts; retry++) {
    probability *= frameErrorRate;
    const slots = Math.min(contention.most, contention.least * 2 ** retry) - 1;
    sumNs += probability * (frameNs + (slots / 2) * slotNs);
  }
  return sumNs;
}

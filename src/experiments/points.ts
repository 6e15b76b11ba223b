/** What happened in a transfer as points of a figure. */

import { SECOND } from '../base/index.js';
import type { Point } from '../plot/index.js';
import type { Arrival, SideOutcome } from './transfer-side.js';

/** Bytes delivered by time (s), from nothing at 0 on. */
export function deliveredPoints({ arrivals }: SideOutcome): Point[] {
  return [{ x: 0, y: 0 }, ...arrivals.map(({ atNs, totalBytes }) => ({ x: atNs / SECOND, y: totalBytes }))];
}

/** The stretch of time that is shown, in s from `originNs`, and the width of its bins, in s. */
export interface Bins {
  readonly originNs: number;
  readonly fromS: number;
  readonly toS: number;
  readonly binS: number;
}

/** Goodput in bit/s, each bin drawn from its beginning; `bytesBy` gives the bytes that had arrived by then. */
export function goodputPoints(
  { arrivals }: SideOutcome,
  bytesBy: (arrival: Arrival) => number,
  { originNs, fromS, toS, binS }: Bins,
): Point[] {
  const bytes = new Array<number>(Math.max(1, Math.ceil((toS - fromS) / binS))).fill(0);
  let before = 0;
  for (const arrival of arrivals) {
    const bin = Math.floor(((arrival.atNs - originNs) / SECOND - fromS) / binS);
    const now = bytesBy(arrival);
    if (bin >= 0 && bin < bytes.length) bytes[bin] = bytes[bin]! + now - before;
    before = now;
  }
  return bytes.map((sum, bin) => ({
    x: Math.round((bin * binS + fromS) * 1000) / 1000,
    y: (sum * 8) / binS,
  }));
}

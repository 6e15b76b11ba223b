/**
 * How far two clocks are apart, from packets that both saw. Knows differences only (time at the second place less time at the
 * first): those of packets that leave the first place are the offset plus a delay, those of packets that reach it the offset
 * less a delay. No delay is below 0, so the offset as a function of time is a line below all of the former and above all of
 * the latter; of these the line in the middle of the widest such gap is taken. That the delays there and back differ cannot be
 * told from an offset: the uncertainty is half the least round trip, which is as far as the truth can be away.
 * Read first: RFC 5905 §8 (offset and delay of NTP); V. Paxson, "On calibrating measurements of packet transit times",
 * SIGMETRICS 1998; S. Moon, P. Skelly and D. Towsley, "Estimation and removal of clock skew", INFOCOM 1999.
 */
import { SECOND } from '../../base/index.js';
import type { EnvelopePoint } from './envelope.js';

/** Clocks of computers that differ by more in speed are broken: parts in one. */
export const MAX_DRIFT = 1e-3;
/** Below this, tens of millionths of drift vanish in what delays vary. */
export const MIN_DRIFT_SPAN_NS = 10 * SECOND;

/** The line that gives the offset of the second clock at an instant of the first. */
export interface ClockLine {
  /** Instant that the offset is stated for: the middle of what was matched. */
  readonly atNs: number;
  readonly offsetNs: number;
  /** The true offset at `atNs` is at most this far away if the clocks run evenly. */
  readonly uncertaintyNs: number;
  /** Nanoseconds that the second clock gains in each of the first; 0 when not estimated. */
  readonly drift: number;
  /** The true drift is at most this far away; null when not estimated. */
  readonly driftUncertainty: number | null;
}

/** The offset of the second clock at `atNs` of the first. */
export function offsetAt(line: ClockLine, atNs: number): number {
  return line.offsetNs + line.drift * (atNs - line.atNs);
}

/** Corners of both envelopes, with times from the reference on. */
interface Bounds {
  readonly above: readonly EnvelopePoint[];
  readonly below: readonly EnvelopePoint[];
}

/**
 * The clock's line from the corners of the lower envelope of the differences of packets that left the first place (`leaving`)
 * and of the upper envelope of those that reached it (`reaching`), neither empty. Undefined when no line fits: a clock was set
 * while the captures ran.
 */
export function estimateClock(
  leaving: readonly EnvelopePoint[],
  reaching: readonly EnvelopePoint[],
): ClockLine | undefined {
  const start = Math.max(leaving[0]!.atNs, reaching[0]!.atNs);
  const end = Math.min(leaving.at(-1)!.atNs, reaching.at(-1)!.atNs);
  const atNs = Math.round((start + end) / 2);
  const bounds = { above: from(leaving, atNs), below: from(reaching, atNs) };
  const isFixed = gap(bounds, 0) >= 0;
  if (isFixed && end - start < MIN_DRIFT_SPAN_NS) return line(bounds, atNs, 0);
  const slopes = [0, -MAX_DRIFT, MAX_DRIFT, ...edgeSlopes(bounds.above), ...edgeSlopes(bounds.below)].filter(
    (slope) => Math.abs(slope) <= MAX_DRIFT,
  );
  return driftingLine(bounds, atNs, slopes);
}

/** Of all lines with a slope out of `slopes`, where the bounds have their corners, the one with the most room. */
function driftingLine(bounds: Bounds, atNs: number, slopes: readonly number[]): ClockLine | undefined {
  const gaps = slopes.map((slope) => gap(bounds, slope));
  // The gap is a concave function of the slope with its corners at the slopes of the envelopes' edges.
  const widest = Math.max(...gaps);
  if (widest < 0) return undefined;
  const best = slopes.filter((_, index) => gaps[index] === widest);
  const drift = (Math.min(...best) + Math.max(...best)) / 2;
  const estimate = line(bounds, atNs, drift);
  const low = limitOf(bounds, drift, -MAX_DRIFT);
  const high = limitOf(bounds, drift, MAX_DRIFT);
  const possible = [drift, low, high, ...slopes.filter((slope) => slope >= low && slope <= high)];
  const most = Math.max(...possible.map((slope) => ceiling(bounds, slope)));
  const least = Math.min(...possible.map((slope) => floor(bounds, slope)));
  return {
    ...estimate,
    uncertaintyNs: Math.max(most - estimate.offsetNs, estimate.offsetNs - least),
    driftUncertainty: Math.max(high - drift, drift - low),
  };
}

/** The steepest slope towards `end` at which a line still fits, to a part in 10^13. */
function limitOf(bounds: Bounds, drift: number, end: number): number {
  if (gap(bounds, end) >= 0) return end;
  let [fits, fails] = [drift, end];
  for (let i = 0; i < 50 && Math.abs(fails - fits) > 1e-13; i++) {
    const middle = (fits + fails) / 2;
    if (gap(bounds, middle) >= 0) fits = middle;
    else fails = middle;
  }
  // The side on which none fits, so that the truth is within.
  return fails;
}

function line(bounds: Bounds, atNs: number, drift: number): ClockLine {
  const [low, high] = [floor(bounds, drift), ceiling(bounds, drift)];
  return {
    ...{ atNs, drift, driftUncertainty: null },
    offsetNs: (low + high) / 2,
    uncertaintyNs: (high - low) / 2,
  };
}

/** Room between the highest and the lowest line of this slope that fit: the least round trip; below 0 when none does. */
function gap(bounds: Bounds, slope: number): number {
  return ceiling(bounds, slope) - floor(bounds, slope);
}

function ceiling({ above }: Bounds, slope: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (const { atNs, ns } of above) least = Math.min(least, ns - slope * atNs);
  return least;
}

function floor({ below }: Bounds, slope: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const { atNs, ns } of below) most = Math.max(most, ns - slope * atNs);
  return most;
}

function from(points: readonly EnvelopePoint[], originNs: number): readonly EnvelopePoint[] {
  return points.map(({ atNs, ns }) => ({ atNs: atNs - originNs, ns }));
}

function edgeSlopes(points: readonly EnvelopePoint[]): number[] {
  return points
    .slice(1)
    .map(({ atNs, ns }, index) => (ns - points[index]!.ns) / (atNs - points[index]!.atNs));
}

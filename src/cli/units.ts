/**
 * Quantities as people write them on a command line, and as the program writes them back. Sizes are bytes and rates
 * bit/s, both with k, M, G (powers of 1000) or Ki, Mi, Gi (of 1024); durations are ms unless a unit is given.
 */

import { MICROSECOND, MILLISECOND, MINUTE, SECOND } from '../base/index.js';
import { UsageError } from './errors.js';

export { formatCount, formatDuration, formatRate, formatShare, formatSize } from '../base/index.js';

const multipliers: Record<string, number> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
};

const durations: Record<string, number> = {
  '': MILLISECOND,
  us: MICROSECOND,
  ms: MILLISECOND,
  s: SECOND,
  min: MINUTE,
};

function parseScaled(text: string, units: Record<string, number>, what: string, example: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim());
  const unit = match === null ? undefined : units[match[2]!];
  if (match === null || unit === undefined)
    throw new UsageError(`'${text}' is not ${what}; write it like ${example}`);
  return Number(match[1]) * unit;
}

/** A size in whole bytes: `24M`, `64Ki`, `1500`. Throws a {@link UsageError}. */
export function parseSize(text: string): number {
  const bytes = Math.round(parseScaled(text.replace(/B$/, ''), multipliers, 'a size', '24M or 64Ki'));
  if (!Number.isSafeInteger(bytes)) throw new UsageError(`'${text}' is too large for a size`);
  return bytes;
}

/** A rate in bit/s: `50M`, `1.5G`. Throws a {@link UsageError}. */
export function parseRate(text: string): number {
  return parseScaled(text.replace(/(bit\/s|bps|bit)$/, ''), multipliers, 'a rate', '50M (bit/s)');
}

/** A duration in ns: `20` and `20ms` are 20 milliseconds, `1.5s`, `300us`. Throws a {@link UsageError}. */
export function parseDuration(text: string): number {
  return Math.round(parseScaled(text, durations, 'a duration', '20ms or 1.5s'));
}

/** The longest that a timer takes, in ms: 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A duration in ms, at least `atLeastMs`, that a timer can take: a longer one would be over at once. Throws a {@link UsageError}. */
export function parseTimer(text: string, atLeastMs = 1): number {
  const ms = parseDuration(text) / MILLISECOND;
  if (ms >= atLeastMs && ms <= MAX_TIMER_MS) return ms;
  throw new UsageError(`'${text}' is no time from ${atLeastMs} ms to 24 days; write it like 20ms or 1.5s`);
}

/** A probability from 0 to 1: `1%`, `0.01`. Throws a {@link UsageError}. */
export function parseProbability(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text.trim());
  const value = match === null ? NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  if (!(value >= 0 && value <= 1))
    throw new UsageError(`'${text}' is not a share from 0 to 1; write it like 1% or 0.01`);
  return value;
}

/** A whole number from `low` to `high`. Throws a {@link UsageError}. */
export function parseInteger(text: string, low: number, high: number): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : NaN;
  if (!(value >= low && value <= high))
    throw new UsageError(`'${text}' is not a whole number from ${low} to ${high}`);
  return value;
}

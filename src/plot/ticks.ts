/**
 * Where the ticks of an axis stand and what is written at them: round numbers, in a unit with a prefix that suits the
 * range, so that an axis reads `0, 5, 10, 15 Mbit/s` and not `1.5e+7`.
 */

/** What an axis counts. The values of a series are in the base unit: seconds, bytes, bit/s. */
export type Unit = 's' | 'B' | 'bit/s' | '%' | 'RTT' | '';

/** Ticks of an axis. */
export interface Ticks {
  /** Where they stand, in the base unit, ascending. */
  readonly values: readonly number[];
  /** What is written at each. */
  readonly labels: readonly string[];
  /** The unit that the labels are in, prefix included; empty for a mere number. */
  readonly unit: string;
}

interface Prefix {
  readonly factor: number;
  readonly name: string;
}

const large: readonly Prefix[] = [
  { factor: 1e12, name: 'T' },
  { factor: 1e9, name: 'G' },
  { factor: 1e6, name: 'M' },
  { factor: 1e3, name: 'k' },
  { factor: 1, name: '' },
];
const small: readonly Prefix[] = [
  { factor: 1, name: '' },
  { factor: 1e-3, name: 'm' },
  { factor: 1e-6, name: 'µ' },
  { factor: 1e-9, name: 'n' },
];

function prefixFor(unit: Unit, largest: number): Prefix {
  const none = { factor: 1, name: '' };
  if (unit === 'B' || unit === 'bit/s') return large.find(({ factor }) => largest >= factor) ?? none;
  if (unit === 's')
    return small.find(({ factor }) => largest >= factor) ?? (largest === 0 ? none : small.at(-1)!);
  return none;
}

/** The round distance (1, 2 or 5 times a power of ten) that gives about `wanted` intervals over `span`. */
function roundStep(span: number, wanted: number): number {
  const raw = span / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const lead = raw / power;
  return (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10) * power;
}

/**
 * Ticks that enclose `low` to `high` (base unit, finite, low <= high) in about `wanted` intervals (at least 1). A range
 * of no width is widened.
 */
export function makeTicks(low: number, high: number, unit: Unit, wanted: number): Ticks {
  const from = low === high ? Math.min(low, 0) : low;
  const to = low === high && from === high ? from + 1 : high;
  const prefix = prefixFor(unit, Math.max(Math.abs(from), Math.abs(to)));
  const step = roundStep((to - from) / prefix.factor, wanted);
  const first = Math.floor(from / prefix.factor / step + 1e-9);
  const last = Math.ceil(to / prefix.factor / step - 1e-9);
  const digits = Math.min(12, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  const values: number[] = [];
  const labels: string[] = [];
  for (let i = first; i <= last; i++) {
    values.push(i * step * prefix.factor);
    labels.push((i === 0 ? 0 : i * step).toFixed(digits));
  }
  return { values, labels, unit: `${prefix.name}${unit}` };
}

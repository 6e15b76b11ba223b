/**
 * Where the ticks of an axis stand and what is written at them: round numbers, in a unit with a prefix that suits the
 * range, so that an axis reads `0, 5, 10, 15 Mbit/s` and not `1.5e+7`.
 */

/** What an axis counts. The values of a series are in the base unit: seconds, bytes, bit/s. */
export type Unit = 's' | 'B' | 'bit/s' | '%' | 'RTT' | '';

/** Ticks of an axis. */
export interface Ticks {
  /** The ends of the axis. */
  readonly low: number;
  readonly high: number;
  /** Where they stand, in the base unit, ascending. */
  readonly values: readonly number[];
  /** What is written at each. */
  readonly labels: readonly string[];
  /** The unit that the labels are in, prefix included; empty for a mere number. */
  readonly unit: string;
}

/** A prefix of a unit. */
interface Prefix {
  readonly factor: number;
  readonly name: string;
}

// What follows is in the interactive page too, as it stands (page/program.ts): it names nothing else of this module.

/** The prefix that suits values up to `largest`. */
export function prefixFor(unit: Unit, largest: number): Prefix {
  const none = { factor: 1, name: '' };
  const prefixes: Prefix[] = [];
  if (unit === 'B' || unit === 'bit/s') {
    ['T', 'G', 'M', 'k'].forEach((name, index) => prefixes.push({ factor: 10 ** (12 - 3 * index), name }));
  } else if (unit === 's') {
    prefixes.push(none, { factor: 1e-3, name: 'm' }, { factor: 1e-6, name: 'µ' });
    if (largest > 0) prefixes.push({ factor: 1e-9, name: 'n' });
  }
  const fitting = prefixes.find(({ factor }) => largest >= factor);
  if (fitting !== undefined) return fitting;
  return unit === 's' && largest > 0 ? prefixes.at(-1)! : none;
}

/** The round distance (1, 2 or 5 times a power of ten) that gives about `wanted` intervals over `span`. */
export function roundStep(span: number, wanted: number): number {
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
  return { low: values[0]!, high: values.at(-1)!, values, labels, unit: `${prefix.name}${unit}` };
}

/** The ticks between `low` and `high` only: for an axis that shows exactly these. */
export function ticksWithin(low: number, high: number, unit: Unit, wanted: number): Ticks {
  const all = makeTicks(low, high, unit, wanted);
  if (low === high) return all;
  const slack = (high - low) * 1e-9;
  const isWithin = (_: unknown, index: number): boolean =>
    all.values[index]! >= low - slack && all.values[index]! <= high + slack;
  return {
    ...{ low, high, unit: all.unit },
    values: all.values.filter(isWithin),
    labels: all.labels.filter(isWithin),
  };
}

/** A value in words: bytes to the byte, everything else to six digits. */
export function describeValue(value: number, unit: Unit): string {
  if (unit === 'B') return `${String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',')} B`;
  const { factor, name } = prefixFor(unit, Math.abs(value));
  const number = Number((value / factor).toPrecision(6));
  return unit === '' ? `${number}` : `${number} ${name}${unit}`;
}

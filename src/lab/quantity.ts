/** Quantities in the text of a scenario: short, exact, and read back as they were written: `20M`, `12.5ms`, `64k`, `1%`. */

/** Units by name, each with its factor to the base unit; the first of a factor is the one that is written. */
type Units = Readonly<Record<string, number>>;

export const scaleUnits: Units = { '': 1, k: 1e3, M: 1e6, G: 1e9 };
export const timeUnits: Units = { us: 1e3, ms: 1e6, s: 1e9 };
export const shareUnits: Units = { '%': 0.01 };

/** Longest text of a quantity; more digits would say nothing. */
const MAX_LENGTH = 24;

/** The value of `text` in the base unit; undefined when it is none. */
export function readQuantity(text: string, units: Units): number | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const match = /^(\d+(?:\.\d+)?)([A-Za-z%]*)$/.exec(text);
  if (match === null || !Object.hasOwn(units, match[2]!)) return undefined;
  const value = Number(match[1]) * units[match[2]!]!;
  // Twelve digits: what a factor of a tenth or a hundredth adds behind them is no part of what was written.
  return Number.isFinite(value) ? Number(value.toPrecision(12)) : undefined;
}

/** `value` in the unit in which it is shortest; {@link readQuantity} gives it back to twelve digits. */
export function writeQuantity(value: number, units: Units): string {
  const forms = Object.entries(units).map(([name, factor]) => `${plain(value / factor)}${name}`);
  return forms.reduce((best, form) => (form.length < best.length ? form : best));
}

/** Without an exponent. */
function plain(value: number): string {
  const number = Number(value.toPrecision(12));
  const text = `${number}`;
  return text.includes('e') ? number.toFixed(12).replace(/\.?0+$/, '') : text;
}

/** Bars on a terminal: a line for each, with its value behind it. */

import type { BarFigure } from '../figure.js';
import { prefixFor, type Unit } from '../ticks.js';
import type { Ink } from './ink.js';

/** Eighths of a character, from none to all but one. */
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A value to three digits. */
function valueText(value: number, unit: Unit): string {
  const { factor, name } = prefixFor(unit, Math.abs(value));
  return `${Number((value / factor).toPrecision(3))}${unit === '' ? '' : ` ${name}${unit}`}`;
}

/** A bar of `eighthsLong` eighths of a character. */
function barText(eighthsLong: number): string {
  return '█'.repeat(Math.floor(eighthsLong / 8)) + eighths[eighthsLong % 8]!;
}

/** At most `rows` lines, each at most `columns` wide; says how many bars are left out. */
export function barLines(figure: BarFigure, columns: number, rows: number, ink: Ink): string[] {
  const { categories, groups, y } = figure;
  const bars = categories.flatMap((category, at) =>
    groups.map(({ name, values }, owner) => ({
      ...{ label: groups.length > 1 ? `${category}, ${name}` : category, owner },
      value: values[at]!,
      text: valueText(values[at]!, y.unit ?? ''),
    })),
  );
  const shown = bars.length > rows ? bars.slice(0, Math.max(0, rows - 1)) : bars;
  const labelWidth = Math.min(
    Math.floor(columns / 3),
    Math.max(0, ...shown.map(({ label }) => label.length)),
  );
  const textWidth = Math.max(0, ...shown.map(({ text }) => text.length));
  const room = Math.max(0, columns - labelWidth - textWidth - 2);
  const largest = Math.max(y.high ?? 0, ...bars.map(({ value }) => value));
  const lines = shown.map(({ label, owner, value, text }) => {
    const share = largest > 0 ? Math.min(1, Math.max(0, value / largest)) : 0;
    const bar = barText(Math.round(share * room * 8));
    return `${label.slice(0, labelWidth).padEnd(labelWidth)} ${ink.paint(bar, owner)} ${text}`;
  });
  return bars.length > shown.length ? [...lines, `and ${bars.length - shown.length} more`] : lines;
}

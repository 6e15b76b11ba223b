/** Series over a numeric x on a terminal: dots between two axes. */

import { hasTop, type Series, type XyFigure } from '../figure.js';
import { makeTicks, type Ticks, ticksWithin, type Unit } from '../ticks.js';
import { BrailleCanvas } from './canvas.js';
import type { Ink } from './ink.js';

/** Least room that two labels of an axis have, in characters or lines. */
const COLUMNS_A_TICK = 14;
const ROWS_A_TICK = 3;

/** Ticks for `values` on an axis that may have ends of its own. */
function ticksFor(
  values: readonly number[],
  { unit = '', low, high }: { readonly unit?: Unit; readonly low?: number; readonly high?: number },
  wanted: number,
): Ticks {
  let [least, most] = [low ?? Number.POSITIVE_INFINITY, high ?? Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (low === undefined && value < least) least = value;
    if (high === undefined && value > most) most = value;
  }
  if (low !== undefined && high !== undefined) return ticksWithin(low, high, unit, wanted);
  return makeTicks(Math.min(least, most), Math.max(least, most), unit, wanted);
}

/** A place on the canvas for each value of an axis. */
function scale({ low, high }: Ticks, dots: number): (value: number) => number {
  return (value) => Math.round(((value - low) / (high - low)) * (dots - 1));
}

/** Draws `series` as number `owner`; `toX` and `toY` give dots. */
function drawSeries(
  canvas: BrailleCanvas,
  { kind, points }: Series,
  owner: number,
  [toX, toY]: readonly [(x: number) => number, (y: number) => number],
): void {
  points.forEach(({ x, y, top = y }, index) => {
    const [atX, atY] = [toX(x), toY(y)];
    const next = points[index + 1];
    if (kind === 'segments') canvas.line(atX, atY, atX, toY(top), owner);
    else if (kind === 'area') {
      const end = next === undefined ? atX : toX(next.x);
      for (let at = Math.max(0, atX); at <= Math.min(end, canvas.width - 1); at++) {
        canvas.line(at, atY, at, toY(top), owner);
      }
    } else if (next === undefined || kind === 'scatter') canvas.dot(atX, atY, owner);
    else if (kind === 'line') canvas.line(atX, atY, toX(next.x), toY(next.y), owner);
    else {
      canvas.line(atX, atY, toX(next.x), atY, owner);
      canvas.line(toX(next.x), atY, toX(next.x), toY(next.y), owner);
    }
  });
}

/** Labels centred below their ticks, those left out that would touch the one before. */
function labelsBelow(labels: readonly (readonly [number, string])[], width: number): string {
  let line = '';
  for (const [column, label] of labels) {
    const from = Math.max(0, Math.min(width - label.length, column - Math.floor(label.length / 2)));
    if (line === '' || from > line.length) line = line.padEnd(from) + label;
  }
  return line;
}

/** The ticks of both axes for what is drawn in `width` by `height` characters. */
function ticksOf(figure: XyFigure, width: number, height: number): readonly [Ticks, Ticks] {
  const points = figure.series.flatMap((series) => series.points);
  const tops = figure.series.filter(hasTop).flatMap((series) => series.points.map(({ y, top = y }) => top));
  return [
    ticksFor(
      points.map(({ x }) => x),
      figure.x,
      Math.max(1, Math.floor(width / COLUMNS_A_TICK)),
    ),
    ticksFor([...points.map(({ y }) => y), ...tops], figure.y, Math.max(1, Math.floor(height / ROWS_A_TICK))),
  ];
}

/** What is drawn in a row of the canvas, each stretch of one series marked at once. */
function rowText(canvas: BrailleCanvas, row: number, ink: Ink): string {
  let line = '';
  let blanks = 0;
  for (let column = 0; column < canvas.columns;) {
    const stretch = canvas.stretch(column, row);
    if (stretch.owner === undefined) blanks += stretch.text.length;
    else {
      line += ' '.repeat(blanks) + ink.mark(stretch.text, stretch.owner, column);
      blanks = 0;
    }
    column += stretch.text.length;
  }
  return line;
}

/** The dots of the canvas as lines, behind the labels of the y axis. */
function bodyLines(
  canvas: BrailleCanvas,
  margin: number,
  labels: ReadonlyMap<number, string>,
  ink: Ink,
): string[] {
  return Array.from({ length: canvas.rows }, (_, row) => {
    const label = labels.get(row);
    const edge = `${(label ?? '').padStart(margin)}${label === undefined ? '│' : '┤'}`;
    return edge + rowText(canvas, row, ink);
  });
}

function named(label: string, unit: string): string {
  return unit === '' ? label : `${label} (${unit})`;
}

/** `rows` lines, at least four, none wider than `columns`: what the axes are, the dots, the x axis and its labels. */
export function xyLines(figure: XyFigure, columns: number, rows: number, ink: Ink): string[] {
  const height = rows - 3;
  // Labels take what they take; the x axis has the rest, and its ticks follow from that.
  const margin = Math.max(...ticksOf(figure, columns, height)[1].labels.map((label) => label.length));
  const width = Math.max(1, columns - margin - 1);
  const [xTicks, yTicks] = ticksOf(figure, width, height);
  const canvas = new BrailleCanvas(width, height);
  const toX = scale(xTicks, canvas.width);
  const fromBottom = scale(yTicks, canvas.height);
  const toY = (y: number): number => canvas.height - 1 - fromBottom(y);
  figure.series.forEach((series, owner) => drawSeries(canvas, series, owner, [toX, toY]));

  const beside = new Map(yTicks.values.map((value, at) => [Math.floor(toY(value) / 4), yTicks.labels[at]!]));
  const below = xTicks.values.map((value, at) => [Math.floor(toX(value) / 2), xTicks.labels[at]!] as const);
  const ticked = new Set(below.map(([column]) => column));
  const axis = Array.from({ length: width }, (_, column) => (ticked.has(column) ? '┬' : '─')).join('');
  return [
    `${named(figure.y.label, yTicks.unit)} over ${named(figure.x.label, xTicks.unit)}`.slice(0, columns),
    ...bodyLines(canvas, margin, beside, ink),
    `${' '.repeat(margin)}└${axis}`,
    `${' '.repeat(margin + 1)}${labelsBelow(below, width)}`,
  ];
}

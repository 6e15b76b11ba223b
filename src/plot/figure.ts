/**
 * What can be drawn. A figure is data: it says nothing of pixels or colours, and the same figure gives the same bytes.
 */

import { SubflowError } from '../base/index.js';
import type { Unit } from './ticks.js';

/** An axis. */
export interface Axis {
  /** What it counts, as a reader would say it: "time", "goodput". */
  readonly label: string;
  /** Unit of the values. Default: none. */
  readonly unit?: Unit;
  /** Bounds in the base unit; what is left out follows from the data, and bars begin at 0. */
  readonly low?: number;
  readonly high?: number;
}

/** A point, in the base units of the axes. */
export interface Point {
  readonly x: number;
  readonly y: number;
  /** Upper end of what reaches from `y` upwards: segments and areas have one, others ignore it. */
  readonly top?: number;
  /** Frame of a capture that shows it, for a reader who asks what a point is. */
  readonly packet?: number;
}

/** Points as columns of one length. */
export interface PointColumns {
  readonly x: Float64Array<ArrayBuffer>;
  readonly y: Float64Array<ArrayBuffer>;
  /** Of segments and areas. */
  readonly top?: Float64Array<ArrayBuffer>;
  /** Frame numbers; 0 where none shows the point. */
  readonly packet?: Float64Array<ArrayBuffer>;
}

/** Points that belong together. */
export interface Series {
  /** Unique in the figure; stands in the legend. */
  readonly name: string;
  /**
   * `line` joins the points, `step` holds each value until the next, `scatter` draws a mark at each, `segments` a stroke
   * from each to its `top`, and `area` fills from y to `top`, each held until the next.
   */
  readonly kind: 'line' | 'step' | 'scatter' | 'segments' | 'area';
  /** At least one; in the order of x, except for scatter and segments. */
  readonly points: readonly Point[];
  /** The same points once more, for who draws columns; `points` of such a series may be made only when they are asked for. */
  readonly columns?: PointColumns;
  /** Place in the palette, 0 to 7, for what is to look the same in several figures. Default: its place here. */
  readonly style?: number;
}

/** Something that happened at one x: a vertical line with a word beside it. */
export interface Marker {
  readonly x: number;
  readonly label: string;
}

/** What every figure has. */
interface FigureText {
  readonly title: string;
  /** What the reader should see, and where the experiment comes from. */
  readonly caption: string;
  readonly y: Axis;
}

/** Series over a numeric x. */
export interface XyFigure extends FigureText {
  readonly kind: 'xy';
  readonly x: Axis;
  readonly series: readonly Series[];
  readonly markers?: readonly Marker[];
}

/** Bars: for each category one bar of every group, side by side. */
export interface BarFigure extends FigureText {
  readonly kind: 'bars';
  /** What the categories are. */
  readonly x: { readonly label: string };
  readonly categories: readonly string[];
  /** Each has one value a category. */
  readonly groups: readonly { readonly name: string; readonly values: readonly number[] }[];
}

export type Figure = XyFigure | BarFigure;

/** Most series or groups: more cannot be told apart. */
export const MAX_SERIES = 8;
/** Most points of a figure, before they are thinned out. */
export const MAX_POINTS = 2_000_000;
/** Most categories of a bar chart. */
export const MAX_CATEGORIES = 64;

function fail(message: string): never {
  throw new SubflowError('ERR_SUBFLOW_PLOT', message);
}

function requireFinite(value: number, where: string): void {
  if (!Number.isFinite(value)) fail(`${where} is ${value}: only finite numbers can be drawn`);
}

function checkAxis(axis: Axis, name: string): void {
  if (axis.low !== undefined) requireFinite(axis.low, `the low end of axis ${name}`);
  if (axis.high !== undefined) requireFinite(axis.high, `the high end of axis ${name}`);
  if (axis.low !== undefined && axis.high !== undefined && axis.low >= axis.high) {
    fail(`axis ${name} runs from ${axis.low} to ${axis.high}: its high end must lie above its low end`);
  }
}

function checkNames(names: readonly string[], what: string): void {
  if (names.length === 0) fail(`the figure has no ${what}`);
  if (names.length > MAX_SERIES) fail(`${names.length} ${what} cannot be told apart: at most ${MAX_SERIES}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) fail(`two ${what} are called '${twice}'`);
}

/** Whether the points of a series reach from `y` to `top`. */
export function hasTop({ kind }: Pick<Series, 'kind'>): boolean {
  return kind === 'segments' || kind === 'area';
}

function checkSeries(series: Series): void {
  const { name, kind, points } = series;
  if (points.length === 0) fail(`series '${name}' has no points`);
  const isOrdered = kind !== 'scatter' && kind !== 'segments';
  points.forEach(({ x, y }, index) => {
    requireFinite(x, `x of point ${index} of series '${name}'`);
    requireFinite(y, `y of point ${index} of series '${name}'`);
    if (hasTop(series))
      requireFinite(points[index]!.top ?? Number.NaN, `top of point ${index} of series '${name}'`);
    if (isOrdered && index > 0 && x < points[index - 1]!.x) {
      fail(`point ${index} of series '${name}' lies before the one it follows`);
    }
  });
}

function checkXy(figure: XyFigure): void {
  checkAxis(figure.x, 'x');
  checkNames(
    figure.series.map(({ name }) => name),
    'series',
  );
  const count = figure.series.reduce((sum, { points }) => sum + points.length, 0);
  if (count > MAX_POINTS) fail(`${count} points are more than ${MAX_POINTS}: aggregate them first`);
  figure.series.forEach(checkSeries);
  for (const { x, label } of figure.markers ?? []) requireFinite(x, `x of marker '${label}'`);
}

function checkBars(figure: BarFigure): void {
  const { categories, groups } = figure;
  if (categories.length === 0) fail('the figure has no categories');
  if (categories.length > MAX_CATEGORIES) {
    fail(`${categories.length} categories do not fit: at most ${MAX_CATEGORIES}`);
  }
  checkNames(
    groups.map(({ name }) => name),
    'groups',
  );
  for (const { name, values } of groups) {
    if (values.length !== categories.length) {
      fail(`group '${name}' has ${values.length} values for ${categories.length} categories`);
    }
    values.forEach((value, index) => requireFinite(value, `value ${index} of group '${name}'`));
  }
}

/** Throws ERR_SUBFLOW_PLOT, with what is wrong and where, unless `figure` can be drawn. */
export function checkFigure(figure: Figure): void {
  checkAxis(figure.y, 'y');
  if (figure.kind === 'xy') checkXy(figure);
  else checkBars(figure);
}

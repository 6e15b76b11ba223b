/** Lines, steps and scatter over a numeric x. */

import { AREA_OPACITY, drawLegend, drawXAxis, drawYAxis, makeScale, type Swatch } from './axes.js';
import { type Axis, hasTop, type Point, type Series, type XyFigure } from './figure.js';
import { FONT_SIZE, layOut, type Layout } from './layout.js';
import { seriesStyle } from './palette.js';
import type { Drawing } from './render.js';
import { element, group, textElement } from './svg.js';
import { coordinate, textWidth } from './text.js';
import { thinLine } from './thin.js';
import { makeTicks, type Ticks, ticksWithin } from './ticks.js';

interface Scales {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  /** Half a unit of the drawing, in x. */
  readonly column: number;
  /** Where the plot begins and ends, in x. */
  readonly start: number;
  readonly end: number;
}

/** Draws an x-y figure that was checked. */
export function renderXy(figure: XyFigure): Drawing {
  const [fromX, toX] = endsOf(figure.x, boundsOf(figure, 'x'));
  // Time and the like are shown as far as there is something; heights up to a round number.
  const xTicks = ticksWithin(fromX, toX, figure.x.unit ?? '', 8);
  const yTicks = ticksOf(figure.y, boundsOf(figure, 'y'), 6);
  const names = figure.series.map(({ name }) => name);
  const layout = layOut({ ...figure, names, yLabels: yTicks.labels, belowAxis: 2 * FONT_SIZE + 18 });
  const scales = scalesOf(layout, xTicks, yTicks);
  const { left, top, right, bottom } = layout;
  const clip = element('rect', {
    x: left - 4,
    y: top - 4,
    width: right - left + 8,
    height: bottom - top + 8,
  });
  return {
    layout,
    elements: [
      ...drawYAxis(layout, figure.y, yTicks),
      ...drawXAxis(layout, figure.x, xTicks),
      group('clipPath', { id: 'plot' }, [clip]),
      group(
        'g',
        { 'clip-path': 'url(#plot)' },
        figure.series.map((series, index) => drawSeries(series, index, scales)),
      ),
      ...drawMarkers(figure, layout, scales),
      ...drawLegend(
        layout,
        names,
        (index) => swatchOf(figure.series[index]!, scales),
        (index) => figure.series[index]!.style ?? index,
      ),
    ],
  };
}

function scalesOf(layout: Layout, xTicks: Ticks, yTicks: Ticks): Scales {
  const span = xTicks.high - xTicks.low;
  return {
    x: makeScale(xTicks, layout.left, layout.right),
    y: makeScale(yTicks, layout.bottom, layout.top),
    column: span / (2 * (layout.right - layout.left)),
    start: layout.left,
    end: layout.right,
  };
}

const swatches: Readonly<Record<Series['kind'], Swatch>> = {
  ...{ line: 'line', step: 'line', scatter: 'mark', segments: 'stroke', area: 'area' },
};

function swatchOf({ kind, points }: Series, scales: Scales): Swatch {
  const isLine = kind === 'line' || kind === 'step';
  return isLine && isTooDense(thinLine(points, scales.column), scales) ? 'dense' : swatches[kind];
}

/** Whether a line has more points than dashes could show. */
function isTooDense(points: readonly Point[], { start, end }: Scales): boolean {
  return points.length > end - start;
}

/** Extremes of the data in one direction. */
function boundsOf({ series }: XyFigure, axis: 'x' | 'y'): { readonly low: number; readonly high: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const each of series) {
    const reaches = axis === 'y' && hasTop(each);
    for (const point of each.points) {
      low = Math.min(low, point[axis]);
      high = Math.max(high, reaches ? Math.max(point.y, point.top!) : point[axis]);
    }
  }
  return { low, high };
}

/** Ticks that take in the data, or the bounds that the axis names. */
function ticksOf(axis: Axis, data: { readonly low: number; readonly high: number }, wanted: number): Ticks {
  const [from, to] = endsOf(axis, data);
  return makeTicks(from, to, axis.unit ?? '', wanted);
}

/** Between what the axis names, and otherwise the data. */
function endsOf(
  axis: Axis,
  data: { readonly low: number; readonly high: number },
): readonly [from: number, to: number] {
  // Quantities that begin near nothing are shown from nothing on: a reader compares heights.
  const low = data.low > 0 && data.low < data.high / 2 ? 0 : data.low;
  const from = axis.low ?? Math.min(low, axis.high ?? low);
  const to = axis.high ?? Math.max(data.high, from);
  return [from, to];
}

/** Marks and strokes that are drawn where they are; of more, those that would cover each other are left out. */
const EXACT_MARKS = 1000;

function drawSeries(series: Series, index: number, scales: Scales): string {
  const { color, mark } = seriesStyle(series.style ?? index);
  if (series.kind === 'area') {
    return element('path', {
      d: areaOutline(series.points, scales),
      fill: color,
      'fill-opacity': AREA_OPACITY,
    });
  }
  if (series.kind === 'segments') return drawSegments(series.points, index, { color, mark }, scales);
  if (series.kind === 'scatter') {
    const place = placing(series.points);
    const marks = series.points.map(({ x, y }) =>
      element('path', { d: mark, transform: `translate(${place(scales.x(x))} ${place(scales.y(y))})` }),
    );
    return group('g', { fill: color }, [...new Set(marks)]);
  }
  return drawLine(series, index, scales);
}

/** A line; one that goes up and down more often than dashes could show is solid and thin, with marks instead. */
function drawLine({ points, kind, style }: Series, index: number, scales: Scales): string {
  const { color, dash, mark } = seriesStyle(style ?? index);
  const thinned = thinLine(points, scales.column);
  const isDense = isTooDense(thinned, scales);
  const path = element('path', {
    ...{ d: outline(thinned, kind === 'step', scales), fill: 'none', stroke: color },
    ...{ 'stroke-width': isDense ? 1.2 : 2, 'stroke-linejoin': 'round' },
    ...(dash === '' || isDense ? {} : { 'stroke-dasharray': dash }),
  });
  if (!isDense) return path;
  return group('g', { fill: color }, [path, ...sparseMarks(thinned, index, mark, scales)]);
}

/** How coordinates of that many points are written: to half a unit when there are many. */
function placing({ length }: readonly Point[]): (value: number) => string {
  return length <= EXACT_MARKS ? coordinate : (value) => coordinate(Math.round(value * 2) / 2);
}

/** How far marks on strokes and lines are from each other, and how much further right those of the next series begin. */
const MARK_DISTANCE = 60;
const MARK_LEAD = 17;

/**
 * Strokes upwards from each point to its top, 1.5 units high at least, so that small ones are seen. Marks on some of them
 * tell the series where colours do not.
 */
function drawSegments(
  points: readonly Point[],
  index: number,
  { color, mark }: { readonly color: string; readonly mark: string },
  scales: Scales,
): string {
  const { x, y } = scales;
  const place = placing(points);
  const strokes = points.map((point) => {
    const from = y(point.y);
    return `M${place(x(point.x))} ${place(from)}V${place(Math.min(y(point.top!), from - 1.5))}`;
  });
  const marks = sparseMarks(points, index, mark, scales);
  const path = element('path', { d: [...new Set(strokes)].join(''), stroke: color, 'stroke-width': 1.8 });
  return group('g', { fill: color }, [path, ...marks]);
}

/** Marks at some of the points, so far from each other that they can be seen. */
function sparseMarks(
  points: readonly Point[],
  index: number,
  mark: string,
  { x, y, start }: Scales,
): readonly string[] {
  let next = start + index * MARK_LEAD;
  return points.flatMap((point) => {
    const at = x(point.x);
    if (at < next) return [];
    next = at + MARK_DISTANCE;
    const middle = y((point.y + (point.top ?? point.y)) / 2);
    return [element('path', { d: mark, transform: `translate(${coordinate(at)} ${coordinate(middle)})` })];
  });
}

/** Around all that lies between y and top: above from left to right, below back. */
function areaOutline(points: readonly Point[], { x, y }: Scales): string {
  let above = '';
  let below = '';
  points.forEach((point, index) => {
    const at = coordinate(x(point.x));
    const next = points[index + 1];
    const until = next === undefined ? '' : `H${coordinate(x(next.x))}`;
    above += index === 0 ? `M${at} ${coordinate(y(point.top!))}` : `V${coordinate(y(point.top!))}`;
    above += until;
    below = `V${coordinate(y(point.y))}H${at}${below}`;
  });
  return `${above}${below}Z`;
}

function outline(points: readonly Point[], isStep: boolean, { x, y }: Scales): string {
  // A line of one point would be invisible.
  if (points.length === 1) return `M${coordinate(x(points[0]!.x) - 3)} ${coordinate(y(points[0]!.y))}h6`;
  return points
    .map((point, index) => {
      const place = `${coordinate(x(point.x))} ${coordinate(y(point.y))}`;
      if (index === 0) return `M${place}`;
      return isStep ? `H${coordinate(x(point.x))}V${coordinate(y(point.y))}` : `L${place}`;
    })
    .join('');
}

/** Vertical lines with a word; words that would run over the edge stand at the other side of their line. */
function drawMarkers(figure: XyFigure, layout: Layout, scales: Scales): string[] {
  return (figure.markers ?? []).flatMap(({ x, label }, index) => {
    const at = scales.x(x);
    const isLate = at + 6 + textWidth(label, 12) > layout.right;
    const { top, bottom } = layout;
    const dash = { stroke: '#777777', 'stroke-dasharray': '4 4' };
    const anchor = isLate ? { x: at - 6, 'text-anchor': 'end' } : { x: at + 6 };
    return [
      element('line', { x1: at, x2: at, y1: top, y2: bottom, ...dash }),
      textElement('text', { ...anchor, y: top + 12 + (index % 3) * 15, 'font-size': 12 }, label),
    ];
  });
}

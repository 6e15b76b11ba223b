/** Lines, steps and scatter over a numeric x. */

import { drawLegend, drawXAxis, drawYAxis, makeScale } from './axes.js';
import type { Axis, Point, Series, XyFigure } from './figure.js';
import { FONT_SIZE, layOut, type Layout } from './layout.js';
import { seriesStyle } from './palette.js';
import type { Drawing } from './render.js';
import { element, group, textElement } from './svg.js';
import { coordinate, textWidth } from './text.js';
import { thinLine } from './thin.js';
import { makeTicks, type Ticks } from './ticks.js';

interface Scales {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  /** Half a unit of the drawing, in x. */
  readonly column: number;
}

/** Draws an x-y figure that was checked. */
export function renderXy(figure: XyFigure): Drawing {
  const xTicks = ticksOf(figure, figure.x, ({ x }) => x, 8);
  const yTicks = ticksOf(figure, figure.y, ({ y }) => y, 6);
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
      ...drawMarkers(figure, layout, scales),
      group(
        'g',
        { 'clip-path': 'url(#plot)' },
        figure.series.map((series, index) => drawSeries(series, index, scales)),
      ),
      ...drawLegend(layout, names, (index) => (figure.series[index]!.kind === 'scatter' ? 'mark' : 'line')),
    ],
  };
}

function scalesOf(layout: Layout, xTicks: Ticks, yTicks: Ticks): Scales {
  const span = xTicks.values.at(-1)! - xTicks.values[0]!;
  return {
    x: makeScale(xTicks, layout.left, layout.right),
    y: makeScale(yTicks, layout.bottom, layout.top),
    column: span / (2 * (layout.right - layout.left)),
  };
}

/** Ticks that take in the data, or the bounds that the axis names. */
function ticksOf(figure: XyFigure, axis: Axis, pick: (point: Point) => number, wanted: number): Ticks {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { points } of figure.series) {
    for (const point of points) {
      low = Math.min(low, pick(point));
      high = Math.max(high, pick(point));
    }
  }
  // Quantities that begin near nothing are shown from nothing on: a reader compares heights.
  if (low > 0 && low < high / 2) low = 0;
  const from = axis.low ?? Math.min(low, axis.high ?? low);
  const to = axis.high ?? Math.max(high, from);
  return makeTicks(from, to, axis.unit ?? '', wanted);
}

function drawSeries(series: Series, index: number, scales: Scales): string {
  const { color, dash, mark } = seriesStyle(index);
  if (series.kind === 'scatter') {
    const marks = series.points.map(({ x, y }) =>
      element('path', {
        d: mark,
        transform: `translate(${coordinate(scales.x(x))} ${coordinate(scales.y(y))})`,
      }),
    );
    return group('g', { fill: color }, [...new Set(marks)]);
  }
  const d = outline(thinLine(series.points, scales.column), series.kind === 'step', scales);
  const path = { d, fill: 'none', stroke: color, 'stroke-width': 2, 'stroke-linejoin': 'round' };
  return element('path', dash === '' ? path : { ...path, 'stroke-dasharray': dash });
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

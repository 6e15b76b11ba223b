/** The frame of a plot: axes with ticks, grid and labels, and the legend. */

import type { Axis } from './figure.js';
import { barFill } from './hatch.js';
import { FONT_SIZE, type Layout, LEGEND_SAMPLE } from './layout.js';
import { seriesStyle } from './palette.js';
import { element, textElement } from './svg.js';
import { coordinate } from './text.js';
import type { Ticks } from './ticks.js';

const gridColor = '#dddddd';
const axisColor = '#444444';

/** What lies under an area still shows. */
export const AREA_OPACITY = '0.45';

/** How a series is shown in the legend. */
export type Swatch = 'line' | 'dense' | 'mark' | 'box' | 'area' | 'stroke';

/** Maps values to places: `low` of the axis to `from`, `high` to `to`. */
export function makeScale({ low, high }: Ticks, from: number, to: number): (value: number) => number {
  const span = high - low;
  return (value) => from + ((value - low) / span) * (to - from);
}

/** What an axis is called, with its unit. */
function axisTitle(label: string, unit: string): string {
  return unit === '' ? label : `${label} (${unit})`;
}

/** The y axis with its grid. */
export function drawYAxis(layout: Layout, axis: Axis, ticks: Ticks): string[] {
  const { left, right, top, bottom } = layout;
  const scale = makeScale(ticks, bottom, top);
  const middle = (top + bottom) / 2;
  const x = 20 + FONT_SIZE * 0.6;
  return [
    ...ticks.values.flatMap((value, index) => {
      const y = scale(value);
      return [
        element('line', { x1: left, x2: right, y1: y, y2: y, stroke: gridColor }),
        textElement(
          'text',
          { x: left - 8, y: y + FONT_SIZE * 0.35, 'text-anchor': 'end' },
          ticks.labels[index]!,
        ),
      ];
    }),
    element('line', { x1: left, x2: left, y1: top, y2: bottom, stroke: axisColor }),
    textElement(
      'text',
      {
        x,
        y: middle,
        'text-anchor': 'middle',
        transform: `rotate(-90 ${x.toFixed(1)} ${middle.toFixed(1)})`,
      },
      axisTitle(axis.label, ticks.unit),
    ),
  ];
}

/** The numeric x axis. */
export function drawXAxis(layout: Layout, axis: Axis, ticks: Ticks): string[] {
  const { left, right, bottom } = layout;
  const scale = makeScale(ticks, left, right);
  return [
    element('line', { x1: left, x2: right, y1: bottom, y2: bottom, stroke: axisColor }),
    ...ticks.values.flatMap((value, index) => {
      const x = scale(value);
      return [
        element('line', { x1: x, x2: x, y1: bottom, y2: bottom + 5, stroke: axisColor }),
        textElement('text', { x, y: bottom + FONT_SIZE + 8, 'text-anchor': 'middle' }, ticks.labels[index]!),
      ];
    }),
    drawXTitle(layout, axisTitle(axis.label, ticks.unit), bottom + 2 * FONT_SIZE + 14),
  ];
}

/** The name of the x axis, with its baseline at `y`. */
export function drawXTitle(layout: Layout, title: string, y: number): string {
  return textElement('text', { x: (layout.left + layout.right) / 2, y, 'text-anchor': 'middle' }, title);
}

/** The legend, in the places that the layout gave it. */
export function drawLegend(
  layout: Layout,
  names: readonly string[],
  swatch: (index: number) => Swatch,
  style: (index: number) => number = (index) => index,
): string[] {
  return layout.legend.flatMap(({ x, y }, index) => [
    drawSwatch(swatch(index), style(index), x, y - FONT_SIZE * 0.35),
    textElement('text', { x: x + LEGEND_SAMPLE, y }, names[index]!),
  ]);
}

function drawSwatch(swatch: Swatch, style: number, x: number, y: number): string {
  const { color, dash, mark } = seriesStyle(style);
  if (swatch === 'box' || swatch === 'area') {
    const box = { x: x + 6, y: y - 6, width: 16, height: 12 };
    if (swatch === 'box') return element('rect', { ...box, fill: barFill(style) });
    return element('rect', { ...box, fill: color, 'fill-opacity': AREA_OPACITY });
  }
  const sample = element('path', { d: mark, fill: color, transform: `translate(${x + 14} ${y.toFixed(2)})` });
  if (swatch === 'mark') return sample;
  if (swatch === 'stroke') {
    const strokes = [4, 24].map((dx) => `M${x + dx} ${coordinate(y + 6)}v-12`).join('');
    return `${element('path', { d: strokes, stroke: color, 'stroke-width': 2 })}\n${sample}`;
  }
  const line = { x1: x, x2: x + 28, y1: y, y2: y, stroke: color, 'stroke-width': 2 };
  if (swatch === 'dense') return `${element('line', line)}\n${sample}`;
  return element('line', dash === '' ? line : { ...line, 'stroke-dasharray': dash });
}

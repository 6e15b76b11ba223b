/** Bars side by side, in categories. */

import { drawLegend, drawXTitle, drawYAxis, makeScale } from './axes.js';
import type { BarFigure } from './figure.js';
import { FONT_SIZE, layOut, type Layout } from './layout.js';
import { barFill, barPatterns } from './hatch.js';
import type { Drawing } from './render.js';
import { element, textElement } from './svg.js';
import { textWidth, wrapText } from './text.js';
import { makeTicks } from './ticks.js';

/** Width of the plot that category names can count on, in units. */
const usableWidth = 680;
const labelSize = 12;

/** Draws a bar chart that was checked. */
export function renderBars(figure: BarFigure): Drawing {
  const values = figure.groups.flatMap((group) => group.values);
  const { low = Math.min(0, ...values), high = Math.max(0, ...values), unit = '' } = figure.y;
  const ticks = makeTicks(low, Math.max(high, low), unit, 6);
  const slot = usableWidth / figure.categories.length;
  const isSlanted = figure.categories.some((name) =>
    wrapText(name, labelSize, slot - 6).some((line) => textWidth(line, labelSize) > slot),
  );
  const lines = figure.categories.map((name) => (isSlanted ? [name] : wrapText(name, labelSize, slot - 6)));
  const labelsHeight = isSlanted
    ? 12 + 0.7 * Math.max(...figure.categories.map((name) => textWidth(name, labelSize)))
    : 8 + 1.3 * labelSize * Math.max(...lines.map(({ length }) => length));
  const names = figure.groups.map(({ name }) => name);
  const belowAxis = labelsHeight + FONT_SIZE + 14;
  const layout = layOut({ ...figure, names, yLabels: ticks.labels, belowAxis });
  const y = makeScale(ticks, layout.bottom, layout.top);
  return {
    layout,
    elements: [
      ...barPatterns(figure.groups.length),
      ...drawYAxis(layout, figure.y, ticks),
      ...drawBars(figure, layout, y),
      element('line', { x1: layout.left, x2: layout.right, y1: y(0), y2: y(0), stroke: '#444444' }),
      ...lines.flatMap((text, index) =>
        drawCategory(text, index, figure.categories.length, layout, isSlanted),
      ),
      drawXTitle(layout, figure.x.label, layout.bottom + belowAxis),
      ...drawLegend(layout, names, () => 'box'),
    ],
  };
}

function drawBars(figure: BarFigure, layout: Layout, y: (value: number) => number): string[] {
  const slot = (layout.right - layout.left) / figure.categories.length;
  const width = Math.min(60, (slot * 0.8) / figure.groups.length);
  return figure.groups.flatMap(({ values }, index) =>
    values.map((value, category) => {
      const offset = (index - figure.groups.length / 2) * width;
      const x = layout.left + slot * (category + 0.5) + offset;
      const top = Math.min(y(value), y(0));
      const height = Math.abs(y(value) - y(0));
      return element('rect', { x, y: top, width: width * 0.94, height, fill: barFill(index) });
    }),
  );
}

function drawCategory(
  lines: readonly string[],
  index: number,
  count: number,
  layout: Layout,
  isSlanted: boolean,
): string[] {
  const x = layout.left + ((layout.right - layout.left) / count) * (index + 0.5);
  const y = layout.bottom + labelSize + 6;
  if (isSlanted) {
    const transform = `rotate(-40 ${x.toFixed(2)} ${y.toFixed(2)})`;
    return [
      textElement('text', { x, y, 'font-size': labelSize, 'text-anchor': 'end', transform }, lines[0]!),
    ];
  }
  return lines.map((line, row) =>
    textElement(
      'text',
      { x, y: y + row * labelSize * 1.3, 'font-size': labelSize, 'text-anchor': 'middle' },
      line,
    ),
  );
}

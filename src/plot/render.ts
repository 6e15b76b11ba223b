/**
 * A figure as an SVG document, complete in itself: no script, no style sheet, no font of its own. The same figure gives
 * the same bytes on every machine.
 */

import { renderBars } from './bars.js';
import { checkFigure, type Figure } from './figure.js';
import { CAPTION_SIZE, FONT_SIZE, type Layout, linesHeight, TITLE_SIZE } from './layout.js';
import { group, textElement } from './svg.js';
import { coordinate } from './text.js';
import { renderXy } from './xy.js';

/** What a kind of figure draws, and where. */
export interface Drawing {
  readonly layout: Layout;
  /** Everything but title and caption. */
  readonly elements: readonly string[];
}

function textLines(lines: readonly string[], x: number, y: number, size: number, weight: string): string[] {
  return lines.map((line, index) =>
    textElement(
      'text',
      { x, y: y + linesHeight(index, size), 'font-size': size, 'font-weight': weight },
      line,
    ),
  );
}

/** Draws `figure`. Throws ERR_SUBFLOW_PLOT for one that cannot be drawn: no data, NaN, too many series. */
export function renderFigure(figure: Figure): string {
  checkFigure(figure);
  const { layout, elements } = figure.kind === 'xy' ? renderXy(figure) : renderBars(figure);
  const { width, height } = layout;
  const document = group(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${coordinate(width)} ${coordinate(height)}`,
      ...{ width, height, role: 'img', 'font-family': 'system-ui, Helvetica, Arial, sans-serif' },
      ...{ 'font-size': FONT_SIZE, fill: '#222222' },
    },
    [
      textElement('title', {}, figure.title),
      textElement('desc', {}, figure.caption),
      `<rect width="100%" height="100%" fill="#ffffff"/>`,
      ...textLines(layout.title, 20, layout.titleY, TITLE_SIZE, '600'),
      ...elements,
      ...textLines(layout.caption, 20, layout.captionY, CAPTION_SIZE, '400'),
    ],
  );
  return `${document}\n`;
}

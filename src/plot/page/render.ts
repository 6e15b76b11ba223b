/**
 * Figures as one HTML file that a reader can move in: pan, zoom, hide series, ask what a point is. It is complete in itself
 * and forbids itself the network, and every script but its own, whatever the names in a capture say.
 */

import { sha256Base64 } from './digest.js';
import { checkFigure, hasTop, type Point, type PointColumns, type Series, type XyFigure } from '../figure.js';
import { seriesStyle } from '../palette.js';
import { escapeText } from '../text.js';
import type { PageFigureData, PageSeries } from './data.js';
import { pageProgram } from './program.js';
import { pageStyle } from './style.js';

/** A figure and its name on the page. */
export interface PageFigure {
  /** Letters, digits and hyphens: what a link to it ends with. */
  readonly id: string;
  readonly figure: XyFigure;
}

const help =
  'Drag to move in time; drag with Shift to choose a part. The wheel zooms in a figure that was clicked, and with Ctrl in ' +
  'any; with Shift, or over the axis, in height. A double click shows everything. Keys: arrows move, ' +
  '<kbd>+</kbd> <kbd>-</kbd> zoom in time, <kbd>&lt;</kbd> <kbd>&gt;</kbd> in height, <kbd>0</kbd> shows everything, ' +
  '<kbd>s</kbd> picks a series, <kbd>n</kbd> and <kbd>p</kbd> go through its points. A click on a point, or <kbd>Enter</kbd>, ' +
  'marks its packet in all figures; <kbd>Escape</kbd> takes that back.';

/** The page. Throws ERR_SUBFLOW_PLOT for a figure that cannot be drawn. */
export function renderPage(title: string, figures: readonly PageFigure[]): string {
  for (const { figure } of figures) checkFigure(figure);
  const data = JSON.stringify(figures.map(figureData), listColumns).replaceAll('<', '\\u003c');
  const program = `\n${pageProgram}`;
  const allowed = `script-src 'sha256-${sha256Base64(program)}'; style-src 'sha256-${sha256Base64(pageStyle)}'`;
  const links = figures.map(
    ({ id, figure }) => `<a href="#${id}">${escapeText(figure.title.replace(/:.*/s, ''))}</a>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; ${allowed}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<h1>${escapeText(title)}</h1>
<nav>${links.join('\n')}</nav>
<p id="help">${help}</p>
<noscript><p>The figures need a script; subflow plot draws them as SVG too.</p></noscript>
<main id="figures"></main>
<div id="live" aria-live="polite"></div>
<script id="data" type="application/json">${data}</script>
<script>${program}</script>
</body>
</html>
`;
}

/** A figure as the program of a page, and the classes that it is made of, read it. */
export function figureData({ id, figure }: PageFigure): PageFigureData {
  const { title, caption, x, y, series, markers = [] } = figure;
  return {
    ...{ id, title, caption, markers },
    xAxis: { ...x, unit: x.unit ?? '' },
    yAxis: { ...y, unit: y.unit ?? '' },
    series: series.map(seriesData),
  };
}

function seriesData(series: Series, index: number): PageSeries {
  const { name, kind } = series;
  const { color, darkColor, dash, place } = seriesStyle(series.style ?? index);
  return {
    ...{ name, kind, color, darkColor, mark: place },
    dash: dash === '' ? [] : dash.split(' ').map(Number),
    ...columnsInOrder(series),
  };
}

/** The columns of a series, in the order of x. */
function columnsInOrder(series: Series): PointColumns {
  const { columns } = series;
  const isInOrder = columns?.x.every((x, index) => index === 0 || x >= columns.x[index - 1]!) === true;
  return isInOrder ? columns : columnsOf(series);
}

function columnsOf(series: Series): PointColumns {
  const points = [...series.points].sort((one, other) => one.x - other.x);
  const column = (pick: (point: Point) => number): Float64Array<ArrayBuffer> => {
    const values = new Float64Array(points.length);
    for (let i = 0; i < values.length; i++) values[i] = pick(points[i]!);
    return values;
  };
  return {
    x: column(({ x }) => x),
    y: column(({ y }) => y),
    ...(hasTop(series) ? { top: column(({ top }) => top!) } : {}),
    ...(points.some(({ packet }) => packet !== undefined)
      ? { packet: column(({ packet = 0 }) => packet) }
      : {}),
  };
}

/** Has JSON list the values of columns. */
function listColumns(_: string, value: unknown): unknown {
  return value instanceof Float64Array ? Array.from(value, brief) : value;
}

/** Twelve digits: a nanosecond in a quarter of an hour, a byte in a terabyte. */
function brief(value: number): number {
  return Number(value.toPrecision(12));
}

/** The memory of the columns of figures: what a worker hands over with them. */
export function columnBuffers(figures: readonly PageFigureData[]): ArrayBuffer[] {
  const columns = figures.flatMap(({ series }) =>
    series.flatMap(({ x, y, top, packet }) => [x, y, top, packet]),
  );
  return columns.flatMap((column) => (column instanceof Float64Array ? [column.buffer as ArrayBuffer] : []));
}

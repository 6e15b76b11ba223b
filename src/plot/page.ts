/**
 * Figures as one HTML file that a reader can move in: pan, zoom, hide series, ask what a point is. It is complete in itself
 * and forbids itself the network.
 */

import { checkFigure, hasTop, type Series, type XyFigure } from './figure.js';
import { pageScript } from './page-script.js';
import { seriesStyle } from './palette.js';
import { escapeText } from './text.js';

/** A figure and its name on the page. */
export interface PageFigure {
  /** Letters, digits and hyphens: what a link to it ends with. */
  readonly id: string;
  readonly figure: XyFigure;
}

const style = `
body { font: 15px/1.45 system-ui, Helvetica, Arial, sans-serif; color: #222; background: #fff; margin: 24px auto; max-width: 1200px; padding: 0 16px; }
h1 { font-size: 22px; } h2 { font-size: 18px; margin: 32px 0 6px; }
nav a { margin-right: 14px; } a { color: #004f7c; }
.legend label { margin-right: 18px; white-space: nowrap; cursor: pointer; }
.swatch { display: inline-block; width: 14px; height: 14px; margin: 0 6px; vertical-align: -2px; }
.frame { position: relative; } canvas { display: block; width: 100%; height: 460px; touch-action: none; cursor: crosshair; }
canvas:focus { outline: 3px solid #0072b2; }
.tip { position: absolute; pointer-events: none; background: #222; color: #fff; padding: 4px 8px; border-radius: 4px; font-size: 14px; max-width: 360px; }
.help { color: #444; } kbd { border: 1px solid #999; border-radius: 3px; padding: 0 4px; }
#live { position: absolute; left: -9999px; }
@media print { .help, nav { display: none; } }
`;

const help =
  'Drag to move, wheel to zoom in time (with Shift in height), double click for everything. With the keyboard, in a figure: ' +
  'arrows move, <kbd>+</kbd> <kbd>-</kbd> zoom in time, <kbd>&lt;</kbd> <kbd>&gt;</kbd> in height, <kbd>0</kbd> shows ' +
  'everything, <kbd>s</kbd> picks a series, <kbd>n</kbd> and <kbd>p</kbd> go through its points.';

/** The page. Throws ERR_SUBFLOW_PLOT for a figure that cannot be drawn. */
export function renderPage(title: string, figures: readonly PageFigure[]): string {
  for (const { figure } of figures) checkFigure(figure);
  const data = JSON.stringify(figures.map(figureData)).replaceAll('<', '\\u003c');
  const links = figures.map(
    ({ id, figure }) => `<a href="#${id}">${escapeText(figure.title.replace(/:.*/, ''))}</a>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeText(title)}</h1>
<nav>${links.join('\n')}</nav>
<p class="help">${help}</p>
<noscript><p>The figures need a script; subflow plot draws them as SVG too.</p></noscript>
<div id="figures"></div>
<div id="live" aria-live="polite"></div>
<script id="data" type="application/json">${data}</script>
<script>
${pageScript}</script>
</body>
</html>
`;
}

/** What the program of the page reads. */
function figureData({ id, figure }: PageFigure): unknown {
  const { title, caption, x, y, series, markers = [] } = figure;
  return {
    ...{ id, title, caption, markers },
    xAxis: { ...x, unit: x.unit ?? '' },
    yAxis: { ...y, unit: y.unit ?? '' },
    series: series.map(seriesData),
  };
}

function seriesData(series: Series, index: number): unknown {
  const { name, kind, points } = series;
  const place = series.style ?? index;
  const { color, dash } = seriesStyle(place);
  return {
    ...{ name, kind, color, style: place },
    dash: dash
      .split(' ')
      .filter((part) => part !== '')
      .map(Number),
    x: points.map(({ x }) => brief(x)),
    y: points.map(({ y }) => brief(y)),
    ...(hasTop(series) ? { top: points.map(({ top }) => brief(top!)) } : {}),
    ...(points.some(({ packet }) => packet !== undefined)
      ? { packet: points.map(({ packet = 0 }) => packet) }
      : {}),
  };
}

/** Twelve digits: a nanosecond in a quarter of an hour, a byte in a terabyte. */
function brief(value: number): number {
  return Number(value.toPrecision(12));
}

/** Figures for xplot, the viewer of TCP traces, and for programs that read its files. */

import { checkFigure, type Point, type Series, type XyFigure } from './figure.js';

/** xplot's own colours, in the order of the palette. */
const colors = ['blue', 'red', 'green', 'magenta', 'purple', 'orange', 'white', 'yellow'];
/** And its marks. */
const marks = ['dot', 'box', 'utick', 'diamond', 'dtick', 'plus', 'htick', 'vtick'];

/** The figure as an xplot file: x and y are in the base units of the axes. Throws ERR_SUBFLOW_PLOT. */
export function renderXplot(figure: XyFigure): string {
  checkFigure(figure);
  const { title, x, y, series, markers = [] } = figure;
  const unit = (name: string | undefined): string => (name === undefined || name === '' ? '' : ` (${name})`);
  return [
    ...['double double', 'title', oneLine(title)],
    ...['xlabel', oneLine(`${x.label}${unit(x.unit)}`), 'ylabel', oneLine(`${y.label}${unit(y.unit)}`)],
    ...series.flatMap(seriesLines),
    ...markers.flatMap((marker) => ['white', `rtext ${marker.x} ${lowest(series)}`, oneLine(marker.label)]),
    'go',
    '',
  ].join('\n');
}

function seriesLines(series: Series, index: number): string[] {
  const style = (series.style ?? index) % colors.length;
  const { points, kind } = series;
  return [
    colors[style]!,
    ...points.flatMap((point, at): string[] => {
      const { x, y, top = y } = point;
      if (kind === 'scatter') return [`${marks[style]!} ${x} ${y}`];
      if (kind === 'segments' || kind === 'area') return [`line ${x} ${y} ${x} ${top}`];
      const before = points[at - 1];
      return before === undefined ? [`dot ${x} ${y}`] : lineTo(before, point, kind);
    }),
  ];
}

function lineTo(from: Point, to: Point, kind: 'line' | 'step'): string[] {
  if (kind === 'line') return [`line ${from.x} ${from.y} ${to.x} ${to.y}`];
  return [`line ${from.x} ${from.y} ${to.x} ${from.y}`, `line ${to.x} ${from.y} ${to.x} ${to.y}`];
}

function lowest(series: readonly Series[]): number {
  return series.reduce(
    (low, { points }) => points.reduce((least, { y }) => Math.min(least, y), low),
    Number.POSITIVE_INFINITY,
  );
}

/** A label is one line there. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}

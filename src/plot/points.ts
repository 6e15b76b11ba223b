/** The points of a figure as CSV (RFC 4180), for whoever draws them with something else. */

import { checkFigure, type XyFigure } from './figure.js';

/** Columns series, x, y, top and packet, in the base units of the axes; the last two may be empty. */
export function renderPoints(figure: XyFigure): string {
  checkFigure(figure);
  const lines = figure.series.flatMap(({ name, points }) => {
    const quoted = /[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
    return points.map(({ x, y, top = '', packet = '' }) => `${quoted},${x},${y},${top},${packet}`);
  });
  return `${['series,x,y,top,packet', ...lines].join('\r\n')}\r\n`;
}

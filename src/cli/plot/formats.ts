/** The files that a plot can become. */

import { join } from 'node:path';
import { renderFigure, renderPage, renderPoints, renderXplot, type XyFigure } from '../../plot/index.js';
import { writeOutput } from '../output-file.js';
import type { PlotKind } from './figures.js';

/** As the options say; without any, SVG. */
export interface FormatFlags {
  readonly svg?: true;
  readonly html?: true;
  readonly xplot?: true;
  readonly csv?: true;
}

/** A figure and what it is of. */
export type DrawnFigure = readonly [PlotKind, XyFigure];

const eachFigure: readonly (readonly [keyof FormatFlags, string, (figure: XyFigure) => string])[] = [
  ['svg', 'svg', renderFigure],
  ['xplot', 'xpl', renderXplot],
  ['csv', 'csv', renderPoints],
];

/** Writes the figures of connection `id` to `folder`, in every form that is asked for; gives the paths. */
export function writeFormats(
  folder: string,
  id: number,
  figures: readonly DrawnFigure[],
  flags: FormatFlags,
): string[] {
  const isBare = !(flags.svg ?? flags.html ?? flags.xplot ?? flags.csv);
  const paths: string[] = [];
  const write = (name: string, text: string): void => {
    const path = join(folder, name);
    writeOutput(path, text);
    paths.push(path);
  };
  for (const [flag, ending, render] of eachFigure) {
    if (flags[flag] !== true && !(isBare && flag === 'svg')) continue;
    for (const [kind, figure] of figures) write(`connection-${id}-${kind}.${ending}`, render(figure));
  }
  if (flags.html === true) {
    const parts = figures.map(([kind, figure]) => ({ id: kind, figure }));
    write(`connection-${id}.html`, renderPage(`Connection ${id}`, parts));
  }
  return paths;
}

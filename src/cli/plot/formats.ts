/** The files that a plot can become. */

import { join } from 'node:path';
import {
  type PlotKind,
  renderFigure,
  renderPage,
  renderPoints,
  renderXplot,
  type XyFigure,
} from '../../plot/index.js';
import type { ConnectionReport } from '../../trace/index.js';
import { writeOutput } from '../output-file.js';

/** As the options say; without any, SVG. */
export interface FormatFlags {
  readonly svg?: true;
  readonly html?: true;
  readonly xplot?: true;
  readonly csv?: true;
}

/** A figure and what it is of. */
export interface DrawnFigure {
  readonly kind: PlotKind;
  readonly connection: ConnectionReport;
  readonly figure: XyFigure;
}

const eachFigure: readonly (readonly [keyof FormatFlags, string, (figure: XyFigure) => string])[] = [
  ['svg', 'svg', renderFigure],
  ['xplot', 'xpl', renderXplot],
  ['csv', 'csv', renderPoints],
];

/** Writes the figures of a connection, as one place or several saw it, in every form that is asked for; gives the paths. */
export function writeFormats(folder: string, figures: readonly DrawnFigure[], flags: FormatFlags): string[] {
  const isBare = !(flags.svg ?? flags.html ?? flags.xplot ?? flags.csv);
  const paths: string[] = [];
  const write = (name: string, text: string): void => {
    const path = join(folder, name);
    writeOutput(path, text);
    paths.push(path);
  };
  for (const [flag, ending, render] of eachFigure) {
    if (flags[flag] !== true && !(isBare && flag === 'svg')) continue;
    for (const { kind, connection, figure } of figures) {
      write(`connection-${connection.id}-${kind}.${ending}`, render(figure));
    }
  }
  if (flags.html === true) {
    const { id } = figures[0]!.connection;
    const parts = figures.map(({ kind, connection, figure }) => ({ id: `${kind}-${connection.id}`, figure }));
    write(`connection-${id}.html`, renderPage(`Connection ${id}`, parts));
  }
  return paths;
}

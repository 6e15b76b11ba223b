/**
 * A figure as lines of text for a terminal: coarse, but there while an experiment still runs. The same figure and room
 * give the same lines; where they go and what stands below them is the business of whoever has the terminal.
 */

import { SubflowError } from '../../base/index.js';
import { checkFigure, type Figure } from '../figure.js';
import { barLines } from './bars.js';
import { Ink } from './ink.js';
import { xyLines } from './xy.js';

/** The room there is, in characters, and what may stand in it. */
export interface TerminalRoom {
  /** At least {@link LEAST_COLUMNS}. */
  readonly columns: number;
  /** At least {@link LEAST_ROWS}. */
  readonly rows: number;
  /** Whether series may be told apart by colour (ECMA-48 SGR 30 to 37). Without, letters tell them apart. */
  readonly hasColor: boolean;
}

export const LEAST_COLUMNS = 40;
export const LEAST_ROWS = 10;

/** Names of the series, as many on a line as fit. */
function legendLines(names: readonly string[], columns: number, ink: Ink): string[] {
  const lines: string[] = [];
  let width = columns;
  names.forEach((name, owner) => {
    const shown = name.slice(0, columns - 2);
    if (width + shown.length + 4 > columns) {
      lines.push('');
      width = 0;
    }
    const space = width === 0 ? '' : '  ';
    lines[lines.length - 1] += `${space}${ink.sample(owner)} ${shown}`;
    width += space.length + 2 + shown.length;
  });
  return lines;
}

/**
 * The lines of `figure`: title, picture, legend; at most `rows` of them, none wider than `columns`. Throws
 * ERR_SUBFLOW_PLOT for a figure that cannot be drawn, or where there is too little room.
 */
export function renderTerminal(figure: Figure, { columns, rows, hasColor }: TerminalRoom): string[] {
  checkFigure(figure);
  if (!(columns >= LEAST_COLUMNS && rows >= LEAST_ROWS)) {
    throw new SubflowError(
      'ERR_SUBFLOW_PLOT',
      `${columns} columns and ${rows} rows are too few: at least ${LEAST_COLUMNS} and ${LEAST_ROWS}`,
    );
  }
  const isXy = figure.kind === 'xy';
  const names = isXy ? figure.series.map(({ name }) => name) : [];
  const ink = new Ink(hasColor, names.length);
  // The picture has half of the room at least, however many names there are; bars have theirs beside them.
  const legend = names.length > 1 ? legendLines(names, columns, ink).slice(0, Math.floor(rows / 2) - 1) : [];
  const room = rows - 1 - legend.length;
  const picture = isXy ? xyLines(figure, columns, room, ink) : barLines(figure, columns, room, ink);
  return [figure.title.slice(0, columns), ...picture, ...legend];
}

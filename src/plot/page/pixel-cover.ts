/**
 * Which places of a plot are covered, on a grid of cells of a few pixels: very many points are drawn as what they cover,
 * once. No point is left out, since each covers its cell. Part of the program of a page (see program.ts), so it names no value
 * of another module.
 */

import type { Pen } from './browser.js';
import type { Frame } from './frame.js';

/** Draws what covers one cell by itself, which has its middle there, and is eight pixels high at most. */
export type DrawSingle = (x: number, y: number) => void;

export class PixelCover {
  /** Rectangles that a browser draws for one series sixty times a second. */
  private readonly mostRectangles = 2500;
  /** By column: 1 for a cell that is covered. */
  private cells = new Uint8Array(0);
  private columns = 0;
  private rows = 0;
  private left = 0;
  private top = 0;
  private cellWidth = 1;
  private cellHeight = 1;

  /** Forgets everything; cells are of that many pixels from now on. */
  begin(frame: Frame, cellWidth: number, cellHeight: number): void {
    this.left = frame.left;
    this.top = frame.top;
    this.cellWidth = cellWidth;
    this.cellHeight = cellHeight;
    this.columns = Math.ceil((frame.right - frame.left) / cellWidth);
    this.rows = Math.ceil((frame.bottom - frame.top) / cellHeight);
    const size = this.columns * this.rows;
    if (this.cells.length < size) this.cells = new Uint8Array(size);
    else this.cells.fill(0);
  }

  /** Covers what lies between two columns and two heights, in pixels; one cell at least, where any of it is within the plot. */
  add(fromX: number, toX: number, upper: number, lower: number): void {
    const { rows, cells } = this;
    const first = Math.floor((fromX - this.left) / this.cellWidth);
    const last = Math.max(first, Math.ceil((toX - this.left) / this.cellWidth) - 1);
    const from = Math.floor((upper - this.top) / this.cellHeight);
    const to = Math.max(from + 1, Math.ceil((lower - this.top) / this.cellHeight));
    if (from >= rows || to <= 0) return;
    const [high, low] = [Math.max(0, from), Math.min(rows, to)];
    for (let column = Math.max(0, first); column <= last && column < this.columns; column++) {
      for (let cell = column * rows + high; cell < column * rows + low; cell++) cells[cell] = 1;
    }
  }

  /** Draws what is covered; `single`, where given, what stands alone. */
  draw(pen: Pen, single?: DrawSingle): void {
    while (this.countRuns() > this.mostRectangles && this.rows > 1) this.coarsen();
    const { cells, rows, cellWidth, cellHeight } = this;
    for (let column = 0; column < this.columns; column++) {
      const base = column * rows;
      const x = this.left + column * cellWidth;
      for (let row = 0; row < rows; row++) {
        if (cells[base + row] === 0) continue;
        const from = row;
        while (row + 1 < rows && cells[base + row + 1] === 1) row++;
        const y = this.top + from * cellHeight;
        const isSingle = single !== undefined && cellHeight <= 8 && from === row;
        if (isSingle && this.isAlone(column, row)) {
          single(x + cellWidth / 2, y + cellHeight / 2);
        } else pen.fillRect(x, y, cellWidth, (row + 1 - from) * cellHeight);
      }
    }
  }

  /** Whether the columns beside it have nothing near; its own was looked at. */
  private isAlone(column: number, row: number): boolean {
    for (const beside of [column - 1, column + 1]) {
      if (beside < 0 || beside >= this.columns) continue;
      for (let near = Math.max(0, row - 1); near <= row + 1 && near < this.rows; near++) {
        if (this.cells[beside * this.rows + near] === 1) return false;
      }
    }
    return true;
  }

  /** Rectangles that it takes. */
  private countRuns(): number {
    const { cells, rows } = this;
    const size = this.columns * rows;
    let runs = 0;
    for (let cell = 0; cell < size; cell++) {
      if (cells[cell] === 1 && (cell % rows === 0 || cells[cell - 1] === 0)) runs++;
    }
    return runs;
  }

  /** Makes one row of each two. */
  private coarsen(): void {
    const { cells, rows } = this;
    const fewer = Math.ceil(rows / 2);
    for (let column = 0; column < this.columns; column++) {
      for (let row = 0; row < fewer; row++) {
        const at = column * rows + 2 * row;
        const second = 2 * row + 1 < rows ? cells[at + 1]! : 0;
        cells[column * fewer + row] = cells[at]! | second;
      }
    }
    this.rows = fewer;
    this.cellHeight *= 2;
  }
}

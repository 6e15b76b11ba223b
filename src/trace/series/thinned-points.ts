/**
 * Points of a plot in bounded memory, whatever the capture's length: exact until there are too many, from then on one for
 * each cell of a grid that widens with the data, so that a picture of the whole stays what it is. Which of the points in a
 * cell is kept follows from their order alone.
 */

/** A place in a plot and the packet that shows it. */
export interface SeriesPoint {
  readonly x: number;
  readonly y: number;
  /** Upper end of what reaches from `y` upwards; `y` for a mere point. */
  readonly top: number;
  readonly packet: number;
}

/** More than the columns or rows of cells in either direction can ever be. */
const ROWS = 2 ** 26;
/** Points for each of the cells in either direction when the grid is first drawn. */
const POINTS_PER_CELL = 3;

export class ThinnedPoints {
  private readonly limit: number;
  private kept: { x: number; y: number; top: number; packet: number }[] = [];
  /** Place in `kept` by cell; unused before the first thinning. */
  private readonly cells = new Map<number, number>();
  private cellWidth = 0;
  private cellHeight = 0;

  /** Keeps `limit` points at most. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Points kept, in the order in which they came. */
  get points(): readonly SeriesPoint[] {
    return this.kept;
  }

  /** Whether some were left out. */
  get isThinned(): boolean {
    return this.cellWidth > 0;
  }

  add(x: number, y: number, top: number, packet: number): void {
    if (this.isThinned) {
      const key = this.cellOf(x, y);
      const at = this.cells.get(key);
      if (at !== undefined) {
        const point = this.kept[at]!;
        if (top > point.top) point.top = top;
        return;
      }
      this.cells.set(key, this.kept.length);
    }
    this.kept.push({ x, y, top, packet });
    if (this.kept.length >= this.limit) this.thin();
  }

  private cellOf(x: number, y: number): number {
    return Math.floor(x / this.cellWidth) * ROWS + Math.floor(y / this.cellHeight);
  }

  /** Widens the cells until half of the room is free. */
  private thin(): void {
    if (!this.isThinned) {
      this.cellWidth = (this.spanOf((point) => point.x) / this.limit) * POINTS_PER_CELL;
      this.cellHeight = (this.spanOf((point) => point.y) / this.limit) * POINTS_PER_CELL;
      this.rebuild();
    }
    while (this.kept.length > this.limit / 2) {
      this.cellWidth *= 2;
      this.cellHeight *= 2;
      this.rebuild();
    }
  }

  /** Distance between the extremes; never 0. */
  private spanOf(pick: (point: SeriesPoint) => number): number {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const point of this.kept) {
      low = Math.min(low, pick(point));
      high = Math.max(high, pick(point));
    }
    return high > low ? high - low : Math.abs(high) + 1;
  }

  private rebuild(): void {
    const before = this.kept;
    this.kept = [];
    this.cells.clear();
    for (const point of before) {
      const key = this.cellOf(point.x, point.y);
      const at = this.cells.get(key);
      if (at === undefined) {
        this.cells.set(key, this.kept.length);
        this.kept.push(point);
      } else if (point.top > this.kept[at]!.top) {
        this.kept[at]!.top = point.top;
      }
    }
  }
}

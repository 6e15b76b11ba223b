/**
 * Points of a plot in bounded memory, whatever the capture's length: exact until there are too many, from then on one for
 * each cell of a grid that widens with the data, so that a picture of the whole stays what it is. Which of the points in a
 * cell is kept follows from their order alone. They are kept as columns, for whoever takes very many of them along.
 */

/** A place in a plot and the packet that shows it. */
export interface SeriesPoint {
  readonly x: number;
  readonly y: number;
  /** Upper end of what reaches from `y` upwards; `y` for a mere point. */
  readonly top: number;
  readonly packet: number;
}

/** The fields of points, each in a column of its own. */
export interface SeriesColumns {
  readonly x: Float64Array<ArrayBuffer>;
  readonly y: Float64Array<ArrayBuffer>;
  readonly top: Float64Array<ArrayBuffer>;
  readonly packet: Float64Array<ArrayBuffer>;
}

/** More than the columns or rows of cells in either direction can ever be. */
const ROWS = 2 ** 26;
/** Points for each of the cells in either direction when the grid is first drawn. */
const POINTS_PER_CELL = 3;
/** Points that there is room for at first; what grows, doubles. */
const FIRST_ROOM = 64;

export class ThinnedPoints {
  private readonly limit: number;
  private used = 0;
  private xs = new Float64Array(FIRST_ROOM);
  private ys = new Float64Array(FIRST_ROOM);
  private tops = new Float64Array(FIRST_ROOM);
  private packets = new Float64Array(FIRST_ROOM);
  /** Place in the columns by cell; unused before the first thinning. */
  private readonly cells = new Map<number, number>();
  private cellWidth = 0;
  private cellHeight = 0;

  /** Keeps `limit` points at most. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Points kept. */
  get count(): number {
    return this.used;
  }

  /** Points kept, in the order in which they came; made anew each time. */
  get points(): readonly SeriesPoint[] {
    const { xs, ys, tops, packets } = this;
    const pointAt = (i: number): SeriesPoint => ({
      x: xs[i]!,
      y: ys[i]!,
      top: tops[i]!,
      packet: packets[i]!,
    });
    return Array.from({ length: this.used }, (_, i) => pointAt(i));
  }

  /** The same as columns: copies, which are the caller's. */
  columns(): SeriesColumns {
    const { xs, ys, tops, packets, used } = this;
    return {
      ...{ x: xs.slice(0, used), y: ys.slice(0, used) },
      ...{ top: tops.slice(0, used), packet: packets.slice(0, used) },
    };
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
        if (top > this.tops[at]!) this.tops[at] = top;
        return;
      }
      this.cells.set(key, this.used);
    }
    if (this.used === this.xs.length) this.grow();
    this.put(this.used++, x, y, top, packet);
    if (this.used >= this.limit) this.thin();
  }

  private put(at: number, x: number, y: number, top: number, packet: number): void {
    this.xs[at] = x;
    this.ys[at] = y;
    this.tops[at] = top;
    this.packets[at] = packet;
  }

  private grow(): void {
    const grown = (column: Float64Array): Float64Array<ArrayBuffer> => {
      const larger = new Float64Array(Math.min(this.limit, column.length * 2));
      larger.set(column);
      return larger;
    };
    this.xs = grown(this.xs);
    this.ys = grown(this.ys);
    this.tops = grown(this.tops);
    this.packets = grown(this.packets);
  }

  private cellOf(x: number, y: number): number {
    return Math.floor(x / this.cellWidth) * ROWS + Math.floor(y / this.cellHeight);
  }

  /** Widens the cells until half of the room is free. */
  private thin(): void {
    if (!this.isThinned) {
      this.cellWidth = (this.spanOf(this.xs) / this.limit) * POINTS_PER_CELL;
      this.cellHeight = (this.spanOf(this.ys) / this.limit) * POINTS_PER_CELL;
      this.rebuild();
    }
    while (this.used > this.limit / 2) {
      this.cellWidth *= 2;
      this.cellHeight *= 2;
      this.rebuild();
    }
  }

  /** Distance between the extremes; never 0. */
  private spanOf(column: Float64Array): number {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < this.used; i++) {
      low = Math.min(low, column[i]!);
      high = Math.max(high, column[i]!);
    }
    return high > low ? high - low : Math.abs(high) + 1;
  }

  /** Keeps the first point of each cell, with the highest end of them all. */
  private rebuild(): void {
    const { xs, ys, tops, packets, used } = this;
    this.used = 0;
    this.cells.clear();
    for (let i = 0; i < used; i++) {
      const key = this.cellOf(xs[i]!, ys[i]!);
      const at = this.cells.get(key);
      if (at === undefined) {
        this.cells.set(key, this.used);
        this.put(this.used++, xs[i]!, ys[i]!, tops[i]!, packets[i]!);
      } else if (tops[i]! > tops[at]!) {
        tops[at] = tops[i]!;
      }
    }
  }
}

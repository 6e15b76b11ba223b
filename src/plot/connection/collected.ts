/** From what was collected to the series of figures: those of live scenarios and those of captures are made alike. Of the analyser only types. */
import { SECOND } from '../../base/index.js';
import type { SeriesColumns, ThinnedPoints, TimeBins } from '../../trace/index.js';
import { hasTop, type Point, type PointColumns, type Series } from '../figure.js';

/** A series of what was collected. Its points are made when they are asked for: who draws columns never does. */
class CollectedSeries implements Series {
  readonly name: string;
  readonly kind: Series['kind'];
  readonly style: number;
  readonly columns: PointColumns;
  private readonly all: SeriesColumns;
  private made: readonly Point[] | undefined = undefined;

  constructor(name: string, kind: Series['kind'], all: SeriesColumns, style: number) {
    const { x, y, packet } = all;
    this.name = name;
    this.kind = kind;
    this.all = all;
    this.columns = hasTop({ kind }) ? all : { x, y, packet };
    this.style = style;
  }

  get points(): readonly Point[] {
    return (this.made ??= pointsOf(this.all));
  }
}

function pointsOf({ x, y, top, packet }: SeriesColumns): Point[] {
  return Array.from(x, (at, i): Point => ({ x: at, y: y[i]!, top: top[i]!, packet: packet[i]! }));
}

/** The series of what was collected, unless there is nothing. */
export function collected(
  name: string,
  kind: Series['kind'],
  points: ThinnedPoints,
  style: number,
): Series[] {
  return points.count === 0 ? [] : [new CollectedSeries(name, kind, points.columns(), style)];
}

/** The same as an area from the axis upwards. */
export function collectedHeights(name: string, points: ThinnedPoints, style: number): Series[] {
  if (points.count === 0) return [];
  const { x, y: top, packet } = points.columns();
  return [new CollectedSeries(name, 'area', { x, y: new Float64Array(x.length), top, packet }, style)];
}

/** The series, unless it has no points. */
export function seriesOf(
  name: string,
  kind: Series['kind'],
  points: readonly Point[],
  style: number,
): Series[] {
  return points.length === 0 ? [] : [{ name, kind, points, style }];
}

/** Numbers of the bins, and one more for the end of the last; none without data. */
export function binStarts(bins: TimeBins): number[] {
  return bins.count === 0 ? [] : Array.from({ length: bins.count + 1 }, (_, bin) => bin);
}

/** What a column has in all bins. */
export function totalOf(bins: TimeBins, column: number): number {
  let sum = 0;
  for (let bin = 0; bin < bins.count; bin++) sum += bins.sum(column, bin);
  return sum;
}

/** A point for each bin, and one at the end of the last, where nothing is left. */
export function binPoints(bins: TimeBins, value: (bin: number) => number): Point[] {
  return binStarts(bins).map((bin) => ({
    x: bins.startOf(bin) / SECOND,
    y: bin < bins.count ? value(bin) : 0,
  }));
}

/** What was new in each bin, over its width, in bit/s. */
export function rateIn(bins: TimeBins): (bytes: number) => number {
  const seconds = bins.widthNs / SECOND;
  return (bytes) => (bytes * 8) / seconds;
}

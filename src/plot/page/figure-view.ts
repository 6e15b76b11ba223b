/**
 * What a reader sees of one figure: which series, which values of y, which point is picked. Part of the program of a page
 * (see program.ts), so it names no value of another module.
 */

import type { Unit } from '../ticks.js';
import type { ChosenPacket, Column, PageFigureData, PageSeries, Range } from './data.js';
import type { Frame } from './frame.js';
import type { TimeRange } from './time-range.js';

/** A point of a series. */
export interface Picked {
  readonly series: PageSeries;
  readonly index: number;
}

/** Points: those from `from` on, before `to`. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** The values of y that take in what is shown of a figure between two instants. */
interface Fitted {
  readonly figure: PageFigureData;
  readonly low: number;
  readonly high: number;
  readonly range: Range;
}

/** Writes a value in words, with its unit. */
export type DescribeValue = (value: number, unit: Unit) => string;

export class FigureView {
  /** What is shown; {@link replace} has another one shown in its place. */
  figure: PageFigureData;
  picked: Picked | undefined = undefined;
  private readonly time: TimeRange;
  private readonly describeValue: DescribeValue;
  private readonly hidden = new Set<PageSeries>();
  /** What its reader chose to see; undefined while the figure fits itself to what there is. */
  private chosenY: Range | undefined = undefined;
  /** What fitted last, and to what. */
  private fitted: Fitted | undefined = undefined;

  constructor(figure: PageFigureData, time: TimeRange, describeValue: DescribeValue) {
    this.figure = figure;
    this.time = time;
    this.describeValue = describeValue;
  }

  get shown(): readonly PageSeries[] {
    return this.figure.series.filter((series) => !this.hidden.has(series));
  }

  hide(series: PageSeries, isHidden: boolean): void {
    if (isHidden) this.hidden.add(series);
    else this.hidden.delete(series);
    this.picked = undefined;
    this.fitted = undefined;
  }

  /** Shows `figure`, which has grown meanwhile: what was hidden stays so, and what is in view. */
  replace(figure: PageFigureData): void {
    const names = [...this.hidden].map(({ name }) => name);
    const { picked } = this;
    this.figure = figure;
    this.hidden.clear();
    for (const series of figure.series) if (names.includes(series.name)) this.hidden.add(series);
    const series = figure.series.find(({ name }) => name === picked?.series.name);
    const isThere = series !== undefined && picked !== undefined && picked.index < series.x.length;
    this.picked = isThere ? { series, index: picked.index } : undefined;
  }

  isHidden(series: PageSeries): boolean {
    return this.hidden.has(series);
  }

  /** The values of y that are shown. */
  get rangeY(): Range {
    return this.chosenY ?? this.fittingY();
  }

  /** Whether they follow from what is shown. */
  get isFitting(): boolean {
    return this.chosenY === undefined;
  }

  /** Shows `factor` times as much of y, with `at` where it is. */
  zoomY(factor: number, at: number = (this.rangeY.low + this.rangeY.high) / 2): void {
    const { low, high } = this.rangeY;
    this.showY({ low: at - (at - low) * factor, high: at + (high - at) * factor });
  }

  showY(range: Range): void {
    const width = range.high - range.low;
    if (width > Number.MIN_VALUE && width < 1e18) this.chosenY = range;
  }

  /** Lets the figure fit itself again. */
  resetY(): void {
    this.chosenY = undefined;
  }

  /** Points of the series within the time that is shown; of those that hold or join their values, their neighbours too. */
  visible({ x, kind }: PageSeries): Stretch {
    const isHeld = kind === 'line' || kind === 'step' || kind === 'area';
    const from = this.countBefore(x, this.time.low, false);
    const to = this.countBefore(x, this.time.high, true);
    return isHeld ? { from: Math.max(0, from - 1), to: Math.min(x.length, to + 1) } : { from, to };
  }

  /** The point that is nearest to a place on the canvas, unless all are far. */
  nearest(frame: Frame, atX: number, atY: number): Picked | undefined {
    let found: Picked | undefined;
    let best = 24 * 24;
    for (const series of this.shown) {
      const { from, to } = this.visible(series);
      const { x, y, top, kind } = series;
      for (let index = from; index < to; index++) {
        const across = frame.x(x[index]!) - atX;
        if (across * across > best) continue;
        const low = frame.y(y[index]!);
        const high = kind === 'segments' ? frame.y(top![index]!) : low;
        const along = atY > low ? atY - low : atY < high ? high - atY : 0;
        // The corner of an area is what is meant only where nothing else is.
        const distance = across * across + along * along + (kind === 'area' ? 400 : 0);
        if (distance > best || (distance === best && found !== undefined)) continue;
        best = distance;
        found = { series, index };
      }
    }
    return found;
  }

  /** Picks the next point in time of the series that one was picked of, or of the first that is shown. */
  step(by: 1 | -1): void {
    const series = this.picked?.series ?? this.shown[0];
    if (series === undefined) return;
    const first = this.firstVisible(series);
    const index = this.picked === undefined ? first : this.picked.index + by;
    this.pick(series, index);
  }

  /** Picks the first point that is shown of the series after the one that one was picked of. */
  nextSeries(): void {
    const { shown } = this;
    if (shown.length === 0) return;
    const current = this.picked === undefined ? -1 : shown.indexOf(this.picked.series);
    const series = shown[(current + 1) % shown.length]!;
    this.pick(series, this.firstVisible(series));
  }

  /** What the picked point is: its series, packet, time and value. */
  describe(): readonly string[] {
    if (this.picked === undefined) return [];
    const { series, index } = this.picked;
    const { unit } = this.figure.yAxis;
    const value = (of: number): string => this.describeValue(of, unit);
    const y = series.y[index]!;
    const packet = series.packet?.[index] ?? 0;
    const lines = [series.name, ...(packet > 0 ? [`packet ${packet}`] : [])];
    lines.push(`at ${series.x[index]!.toFixed(6)} ${this.figure.xAxis.unit}`);
    if (series.top === undefined) return [...lines, `${this.figure.yAxis.label}: ${value(y)}`];
    const top = series.top[index]!;
    return [...lines, `from ${value(y)} to ${value(top)}: ${value(top - y)}`];
  }

  /** The packet that shows the picked point; undefined where none does. */
  get pickedPacket(): ChosenPacket | undefined {
    if (this.picked === undefined) return undefined;
    const { series, index } = this.picked;
    const packet = series.packet?.[index] ?? 0;
    return packet > 0 ? { packet, x: series.x[index]! } : undefined;
  }

  /** The points of a packet that are seen. */
  pointsOf({ packet }: ChosenPacket): readonly Picked[] {
    const found: Picked[] = [];
    for (const series of this.shown) {
      if (series.packet === undefined) continue;
      const { from, to } = this.visible(series);
      for (let index = from; index < to; index++) {
        if (series.packet[index] === packet) found.push({ series, index });
      }
    }
    return found;
  }

  /** Makes a point the picked one, and moves so that it is seen. */
  private pick(series: PageSeries, wanted: number): void {
    const index = Math.min(Math.max(wanted, 0), series.x.length - 1);
    const at = series.x[index]!;
    const { time } = this;
    if (at < time.low || at > time.high) time.move(at - (time.low + time.high) / 2);
    const { low, high } = this.rangeY;
    if (series.y[index]! < low || series.y[index]! > high) this.resetY();
    this.picked = { series, index };
  }

  private firstVisible(series: PageSeries): number {
    return this.countBefore(series.x, this.time.low, false);
  }

  /** How many values lie before `limit`, or at it too. */
  private countBefore(values: Column, limit: number, includesEqual: boolean): number {
    let low = 0;
    let high = values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const value = values[middle]!;
      if (value < limit || (includesEqual && value === limit)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** What takes in the points that are shown; looked for anew only when other points are. */
  private fittingY(): Range {
    const { time, figure, fitted } = this;
    const isSame = fitted?.figure === figure && fitted.low === time.low && fitted.high === time.high;
    if (isSame) return fitted.range;
    const range = this.findFittingY();
    this.fitted = { figure, low: time.low, high: time.high, range };
    return range;
  }

  private findFittingY(): Range {
    const { low: lowest, high: highest } = this.figure.yAxis;
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const series of this.shown) {
      const { from, to } = this.visible(series);
      for (let index = from; index < to; index++) {
        const y = series.y[index]!;
        const top = series.top?.[index] ?? y;
        if (this.isUnseen(series, index)) continue;
        if (y < low) low = y;
        if (top > high) high = top;
      }
    }
    if (low > high) [low, high] = [lowest ?? 0, highest ?? 1];
    if (lowest !== undefined) low = lowest;
    if (highest !== undefined) high = highest;
    // What differs by less than any unit that is shown does not differ.
    const least = this.figure.yAxis.unit === 's' ? 1e-6 : 1;
    const span = high - low > 1e-12 ? high - low : Math.max(Math.abs(high), least);
    const room = span * 0.04;
    return { low: lowest === undefined ? low - room : low, high: high + room };
  }

  /** Areas without height show nothing, nor do values that hold from a later time on. */
  private isUnseen({ kind, x, y, top }: PageSeries, index: number): boolean {
    if (kind === 'area' && y[index] === top![index]) return true;
    return (kind === 'area' || kind === 'step') && x[index]! > this.time.high;
  }
}

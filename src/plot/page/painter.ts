/**
 * Draws a figure of a page on a canvas, in light or dark. Part of the program of a page (see program.ts), so it names no
 * value of another module.
 */

import type { Unit } from '../ticks.js';
import type { Pen } from './browser.js';
import type { ChosenPacket, PageSeries, Range } from './data.js';
import type { FigureView, Stretch } from './figure-view.js';
import type { Frame } from './frame.js';
import type { PixelCover } from './pixel-cover.js';

/** Ticks between two values, and the unit that their labels are in. */
export type FindTicks = (
  low: number,
  high: number,
  unit: Unit,
  wanted: number,
) => { readonly values: readonly number[]; readonly labels: readonly string[]; readonly unit: string };

/** A rectangle that a reader is drawing, in pixels. */
export interface Selection {
  readonly x: Range;
  readonly y: Range;
}

export class Painter {
  private readonly pen: Pen;
  private readonly isDark: boolean;
  private readonly findTicks: FindTicks;

  constructor(pen: Pen, isDark: boolean, findTicks: FindTicks) {
    this.pen = pen;
    this.isDark = isDark;
    this.findTicks = findTicks;
  }

  /** Draws all of it, in pixels of the screen, with the packet that a reader chose; `cover` is its own meanwhile. */
  draw(
    view: FigureView,
    frame: Frame,
    cover: PixelCover,
    selection?: Selection,
    chosen?: ChosenPacket,
  ): void {
    const { pen } = this;
    pen.fillStyle = this.isDark ? '#16181d' : '#ffffff';
    pen.fillRect(0, 0, frame.size.width, frame.size.height);
    pen.font = '14px system-ui, Helvetica, Arial, sans-serif';
    this.drawAxes(view, frame);
    pen.save();
    pen.beginPath();
    pen.rect(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top);
    pen.clip();
    view.shown.forEach((series, index) => this.drawSeries(series, index, view.visible(series), frame, cover));
    this.drawMarkers(view, frame);
    if (chosen !== undefined) this.drawChosen(view, frame, chosen);
    if (selection !== undefined) this.drawSelection(selection);
    pen.restore();
    pen.strokeStyle = this.isDark ? '#a0a6b0' : '#444444';
    pen.lineWidth = 1;
    this.line(frame.left, frame.top, frame.left, frame.bottom);
    this.line(frame.left, frame.bottom, frame.right, frame.bottom);
  }

  /** What a legend shows of a series, in a box of 34 by 16 pixels. */
  drawSample(series: PageSeries): void {
    const { pen } = this;
    pen.fillStyle = this.isDark ? '#16181d' : '#ffffff';
    pen.fillRect(0, 0, 34, 16);
    pen.fillStyle = pen.strokeStyle = this.isDark ? series.darkColor : series.color;
    pen.lineWidth = 2;
    if (series.kind === 'area') {
      pen.globalAlpha = 0.45;
      pen.fillRect(8, 2, 18, 12);
      pen.globalAlpha = 1;
      return;
    }
    if (series.kind === 'segments') for (const x of [6, 28]) this.line(x, 1, x, 15);
    else if (series.kind !== 'scatter') {
      pen.setLineDash(series.dash);
      this.line(2, 8, 32, 8);
      pen.setLineDash([]);
    }
    pen.beginPath();
    this.mark(series.mark, 17, 8);
    pen.fill();
  }

  private drawAxes(view: FigureView, frame: Frame): void {
    const { pen } = this;
    const { xAxis, yAxis } = view.figure;
    const { left, right, top, bottom } = frame;
    const wantedX = Math.max(2, frame.size.width / 130);
    const alongX = this.findTicks(frame.valueX(left), frame.valueX(right), xAxis.unit, wantedX);
    const alongY = this.findTicks(frame.valueY(bottom), frame.valueY(top), yAxis.unit, 6);
    pen.lineWidth = 1;
    pen.strokeStyle = this.isDark ? '#343941' : '#dddddd';
    pen.fillStyle = this.isDark ? '#e6e8ec' : '#222222';
    pen.textAlign = 'right';
    alongY.values.forEach((value, index) => {
      this.line(left, frame.y(value), right, frame.y(value));
      pen.fillText(alongY.labels[index]!, left - 8, frame.y(value) + 5);
    });
    pen.textAlign = 'center';
    alongX.values.forEach((value, index) => {
      this.line(frame.x(value), top, frame.x(value), bottom + 5);
      pen.fillText(alongX.labels[index]!, frame.x(value), bottom + 20);
    });
    pen.fillText(this.titleOf(xAxis.label, alongX.unit), (left + right) / 2, bottom + 41);
    pen.save();
    pen.translate(16, (top + bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(this.titleOf(yAxis.label, alongY.unit), 0, 0);
    pen.restore();
  }

  private titleOf(label: string, unit: string): string {
    return unit === '' ? label : `${label} (${unit})`;
  }

  private drawSeries(
    series: PageSeries,
    index: number,
    stretch: Stretch,
    frame: Frame,
    cover: PixelCover,
  ): void {
    const { pen } = this;
    const { kind } = series;
    // More points than the screen is wide are drawn as the places that they cover.
    const isDense = stretch.to - stretch.from > frame.right - frame.left;
    pen.strokeStyle = pen.fillStyle = this.isDark ? series.darkColor : series.color;
    pen.lineWidth = 2;
    if (kind === 'line' || kind === 'step') {
      return isDense
        ? this.drawDenseLine(series, index, stretch, frame)
        : this.drawLine(series, stretch, frame);
    }
    pen.globalAlpha = kind === 'area' ? 0.45 : 1;
    if (!isDense) this.drawEach(series, stretch, frame);
    else if (kind === 'area') this.coverArea(series, stretch, frame, cover);
    else if (kind === 'scatter') this.coverMarks(series, stretch, frame, cover);
    else this.coverSegments(series, stretch, frame, cover);
    pen.globalAlpha = 1;
    if (kind === 'segments') this.drawSparseMarks(series, index, stretch, frame);
  }

  /** All points in one path: what overlaps is no darker then. */
  private drawEach(series: PageSeries, stretch: Stretch, frame: Frame): void {
    this.pen.beginPath();
    if (series.kind === 'area') this.addArea(series, stretch, frame);
    else if (series.kind === 'scatter') this.addMarks(series, stretch, frame);
    else this.addSegments(series, stretch, frame);
    this.pen.fill();
  }

  /** An area in whole columns: nothing shows between two parts. */
  private addArea({ x, y, top }: PageSeries, { from, to }: Stretch, frame: Frame): void {
    for (let i = from; i + 1 < to; i++) {
      if (top![i] === y[i]) continue;
      const left = Math.floor(Math.max(frame.x(x[i]!), frame.left));
      const right = Math.ceil(Math.min(frame.x(x[i + 1]!), frame.right));
      const high = frame.y(top![i]!);
      this.pen.rect(left, high, right - left, frame.y(y[i]!) - high);
    }
  }

  private coverArea({ x, y, top }: PageSeries, { from, to }: Stretch, frame: Frame, cover: PixelCover): void {
    cover.begin(frame, 1, 1);
    for (let i = from; i + 1 < to; i++) {
      if (top![i] === y[i]) continue;
      cover.add(frame.x(x[i]!), frame.x(x[i + 1]!), frame.y(top![i]!), frame.y(y[i]!));
    }
    cover.draw(this.pen);
  }

  /** Strokes: two pixels wide, and one and a half high at least. */
  private addSegments({ x, y, top }: PageSeries, { from, to }: Stretch, frame: Frame): void {
    for (let i = from; i < to; i++) {
      const at = Math.round(frame.x(x[i]!) * 2) / 2;
      const low = frame.y(y[i]!);
      const high = Math.min(frame.y(top![i]!), low - 1.5);
      this.pen.rect(at - 1, high, 2, low - high);
    }
  }

  private coverSegments(
    { x, y, top }: PageSeries,
    { from, to }: Stretch,
    frame: Frame,
    cover: PixelCover,
  ): void {
    cover.begin(frame, 2, 1);
    for (let i = from; i < to; i++) {
      const at = frame.x(x[i]!);
      const low = frame.y(y[i]!);
      cover.add(at, at, Math.min(frame.y(top![i]!), low - 1.5), low);
    }
    cover.draw(this.pen);
  }

  private addMarks({ x, y, mark }: PageSeries, { from, to }: Stretch, frame: Frame): void {
    for (let i = from; i < to; i++) {
      this.mark(mark, Math.round(frame.x(x[i]!)), Math.round(frame.y(y[i]!)));
    }
  }

  /** Marks that would cover each other flow together; those that stand alone are drawn as ever. */
  private coverMarks(
    { x, y, mark }: PageSeries,
    { from, to }: Stretch,
    frame: Frame,
    cover: PixelCover,
  ): void {
    cover.begin(frame, 4, 4);
    for (let i = from; i < to; i++) {
      const atX = frame.x(x[i]!);
      const atY = frame.y(y[i]!);
      cover.add(atX, atX, atY, atY);
    }
    this.pen.beginPath();
    cover.draw(this.pen, (atX, atY) => this.mark(mark, atX, atY));
    this.pen.fill();
  }

  /** Marks 60 pixels apart at least; those of each series begin at another place. */
  private drawSparseMarks(series: PageSeries, index: number, { from, to }: Stretch, frame: Frame): void {
    const { x, y, top, mark, kind } = series;
    let next = frame.left + index * 17;
    this.pen.beginPath();
    for (let i = from; i < to; i++) {
      const atX = frame.x(x[i]!);
      if (atX < next) continue;
      next = atX + 60;
      this.mark(mark, atX, frame.y(kind === 'segments' ? (y[i]! + top![i]!) / 2 : y[i]!));
    }
    this.pen.fill();
  }

  private drawLine({ x, y, kind, dash }: PageSeries, { from, to }: Stretch, frame: Frame): void {
    const { pen } = this;
    pen.setLineDash(dash);
    pen.beginPath();
    for (let i = from; i < to; i++) {
      const atX = frame.x(x[i]!);
      if (i === from) pen.moveTo(atX, frame.y(y[i]!));
      else if (kind === 'step') pen.lineTo(atX, frame.y(y[i - 1]!));
      pen.lineTo(atX, frame.y(y[i]!));
    }
    pen.stroke();
    pen.setLineDash([]);
  }

  /**
   * A line that goes up and down more often than dashes could show is solid and thin, with marks instead. Of all points in a
   * column of the screen the first, the extremes and the last are enough.
   */
  private drawDenseLine(series: PageSeries, index: number, stretch: Stretch, frame: Frame): void {
    const { pen } = this;
    const { x, y } = series;
    const { from, to } = stretch;
    pen.lineWidth = 1.2;
    pen.beginPath();
    for (let i = from; i < to;) {
      const column = Math.floor(frame.x(x[i]!));
      const first = frame.y(y[i]!);
      let [upper, lower, last] = [first, first, first];
      for (; i < to && Math.floor(frame.x(x[i]!)) === column; i++) {
        last = frame.y(y[i]!);
        if (last < upper) upper = last;
        if (last > lower) lower = last;
      }
      pen.lineTo(column, first);
      pen.lineTo(column, upper);
      pen.lineTo(column, lower);
      pen.lineTo(column, last);
      // It holds its value until the next column that has one.
      if (series.kind === 'step' && i < to) pen.lineTo(frame.x(x[i]!), last);
    }
    pen.stroke();
    this.drawSparseMarks(series, index, stretch, frame);
  }

  private drawMarkers(view: FigureView, frame: Frame): void {
    const { pen } = this;
    pen.strokeStyle = this.isDark ? '#a0a6b0' : '#777777';
    pen.fillStyle = this.isDark ? '#e6e8ec' : '#222222';
    pen.lineWidth = 1;
    view.figure.markers.forEach(({ x, label }, index) => {
      const at = frame.x(x);
      const isLate = at > frame.right - 130;
      pen.setLineDash([4, 4]);
      this.line(at, frame.top, at, frame.bottom);
      pen.setLineDash([]);
      pen.textAlign = isLate ? 'right' : 'left';
      pen.fillText(label, isLate ? at - 6 : at + 6, frame.top + 14 + (index % 3) * 17);
    });
  }

  /** A line at its time, and around each point that shows it a diamond. */
  private drawChosen(view: FigureView, frame: Frame, chosen: ChosenPacket): void {
    const { pen } = this;
    pen.strokeStyle = this.isDark ? '#e6e8ec' : '#222222';
    pen.lineWidth = 1;
    this.line(frame.x(chosen.x), frame.top, frame.x(chosen.x), frame.bottom);
    pen.lineWidth = 2;
    for (const { series, index } of view.pointsOf(chosen)) {
      const x = frame.x(series.x[index]!);
      const low = frame.y(series.y[index]!);
      const isStroke = series.kind === 'segments';
      this.diamond(x, isStroke ? (low + frame.y(series.top![index]!)) / 2 : low);
    }
  }

  private diamond(x: number, y: number): void {
    const { pen } = this;
    pen.beginPath();
    pen.moveTo(x, y - 8);
    pen.lineTo(x + 8, y);
    pen.lineTo(x, y + 8);
    pen.lineTo(x - 8, y);
    pen.closePath();
    pen.stroke();
  }

  private drawSelection({ x, y }: Selection): void {
    this.pen.strokeStyle = this.isDark ? '#7cc4f5' : '#0072b2';
    this.pen.lineWidth = 1;
    this.pen.strokeRect(x.low, y.low, x.high - x.low, y.high - y.low);
  }

  private line(fromX: number, fromY: number, toX: number, toY: number): void {
    this.pen.beginPath();
    this.pen.moveTo(fromX, fromY);
    this.pen.lineTo(toX, toY);
    this.pen.stroke();
  }

  /** Adds mark number `mark` of the palette to the path: disc, square, triangles, diamond, plus, bars. */
  private mark(mark: number, x: number, y: number): void {
    const { pen } = this;
    if (mark === 0) {
      pen.moveTo(x + 4, y);
      pen.arc(x, y, 4, 0, 7);
    } else if (mark === 1) pen.rect(x - 4, y - 4, 8, 8);
    else if (mark === 5) {
      pen.rect(x - 5, y - 1.5, 10, 3);
      pen.rect(x - 1.5, y - 5, 3, 10);
    } else if (mark === 6) pen.rect(x - 4, y - 1, 8, 2);
    else if (mark === 7) pen.rect(x - 1, y - 4, 2, 8);
    else this.corners(mark, x, y);
  }

  private corners(mark: number, x: number, y: number): void {
    const up = mark === 4 ? -1 : 1;
    this.pen.moveTo(x, y - 5 * up);
    this.pen.lineTo(x + 5, mark === 3 ? y : y + 4 * up);
    if (mark === 3) this.pen.lineTo(x, y + 5);
    // To fill closes; with very many marks in a path, to close each costs a browser more than all else.
    this.pen.lineTo(x - 5, mark === 3 ? y : y + 4 * up);
  }
}

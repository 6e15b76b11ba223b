/** What a page holds of its figures: what `render.ts` writes into it and its program reads. */

import type { Marker, Series } from '../figure.js';
import type { Unit } from '../ticks.js';

/** An axis, with its unit. */
export interface PageAxis {
  readonly label: string;
  readonly unit: Unit;
  readonly low?: number;
  readonly high?: number;
}

/** A field of all points of a series. In a file it is a list of numbers; between a worker and its page, memory that changes hands. */
export type Column = ArrayLike<number>;

/** A series: its points are columns, in the order of x. */
export interface PageSeries {
  readonly name: string;
  readonly kind: Series['kind'];
  readonly color: string;
  /** The same on a dark ground. */
  readonly darkColor: string;
  /** Lengths of dashes and gaps; none for a solid line. */
  readonly dash: readonly number[];
  /** Number of its mark. */
  readonly mark: number;
  readonly x: Column;
  readonly y: Column;
  /** Of segments and areas. */
  readonly top?: Column;
  /** Frame numbers; 0 where none shows the point. */
  readonly packet?: Column;
}

export interface PageFigureData {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly xAxis: PageAxis;
  readonly yAxis: PageAxis;
  readonly series: readonly PageSeries[];
  readonly markers: readonly Marker[];
}

/** A packet that a reader chose: all figures of a page mark it. */
export interface ChosenPacket {
  /** Frame number. */
  readonly packet: number;
  /** Where it stands on the x axis. */
  readonly x: number;
}

/** What lies between two values. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

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
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Of segments and areas. */
  readonly top?: readonly number[];
  /** Frame numbers; 0 where none shows the point. */
  readonly packet?: readonly number[];
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

/** What lies between two values. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

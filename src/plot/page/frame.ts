/**
 * Where values stand on a canvas, in pixels. Part of the program of a page (see program.ts), so it names no value of
 * another module.
 */

import type { Range } from './data.js';

/** Size of a canvas on the screen. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

export class Frame {
  readonly size: Size;
  /** Edges of the plot; around it stand the axes. */
  readonly left = 78;
  readonly top = 12;
  readonly right: number;
  readonly bottom: number;
  /** Pixels for one of the unit. */
  readonly perX: number;
  readonly perY: number;
  private readonly rangeX: Range;
  private readonly rangeY: Range;

  constructor(size: Size, rangeX: Range, rangeY: Range) {
    this.size = size;
    this.right = Math.max(this.left + 1, size.width - 16);
    this.bottom = Math.max(this.top + 1, size.height - 48);
    this.perX = (this.right - this.left) / (rangeX.high - rangeX.low);
    this.perY = (this.bottom - this.top) / (rangeY.high - rangeY.low);
    this.rangeX = rangeX;
    this.rangeY = rangeY;
  }

  x(value: number): number {
    return this.left + (value - this.rangeX.low) * this.perX;
  }

  y(value: number): number {
    return this.bottom - (value - this.rangeY.low) * this.perY;
  }

  /** The value at a pixel. */
  valueX(pixel: number): number {
    return this.rangeX.low + (pixel - this.left) / this.perX;
  }

  valueY(pixel: number): number {
    return this.rangeY.low + (this.bottom - pixel) / this.perY;
  }
}

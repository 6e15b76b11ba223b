/**
 * The part of the x axis that a page shows: all its figures the same. Part of the program of a page (see program.ts), so it
 * names no value of another module.
 */

import type { Range } from './data.js';

export class TimeRange {
  private whole: Range;
  private shown: Range;
  /** Nothing closer can be told apart. */
  private least: number;

  constructor(whole: Range) {
    this.whole = whole;
    this.shown = whole;
    this.least = this.leastOf(whole);
  }

  private leastOf({ low, high }: Range): number {
    return Math.min(high - low, Math.max(1e-7, (high - low) / 1e8));
  }

  /** There is more, or other, time from now on: who saw all of it sees all of that, who looks at a part goes on so. */
  setWhole(whole: Range): void {
    const isAll = this.shown === this.whole;
    this.whole = whole;
    this.least = this.leastOf(whole);
    if (isAll) this.shown = whole;
    else this.show(this.shown.low, this.shown.high);
  }

  get low(): number {
    return this.shown.low;
  }

  get high(): number {
    return this.shown.high;
  }

  get width(): number {
    return this.shown.high - this.shown.low;
  }

  /** Shows what lies between; never more than there is, and never nothing. */
  show(low: number, high: number): void {
    const { whole, least } = this;
    const width = Math.min(Math.max(high - low, least), whole.high - whole.low);
    const from = Math.min(Math.max(low, whole.low), whole.high - width);
    this.shown = width === whole.high - whole.low ? whole : { low: from, high: from + width };
  }

  /** Shows `factor` times as much, with `at` where it is. */
  zoom(factor: number, at: number = (this.low + this.high) / 2): void {
    this.show(at - (at - this.low) * factor, at + (this.high - at) * factor);
  }

  move(by: number): void {
    this.show(this.low + by, this.low + by + this.width);
  }

  reset(): void {
    this.shown = this.whole;
  }
}

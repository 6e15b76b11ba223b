/**
 * The lower or upper convex envelope of points (time, difference) that come one by one, in any order: of all the lines that
 * lie below (above) every point it knows the bound. Points are collected and reduced to the envelope now and then; memory
 * is bounded by {@link MAX_VERTICES}. Beyond that every second vertex goes, so the bound is looser, never false.
 */

/** Points kept between two reductions, beside the envelope itself. */
const PENDING = 128;
/** Corners of one envelope; that of real delays has a dozen. */
export const MAX_VERTICES = 128;

/** A point: an instant, and a difference of two clocks there. Nanoseconds both. */
export interface EnvelopePoint {
  readonly atNs: number;
  readonly ns: number;
}

export class Envelope {
  /** 1 for the lower, -1 for the upper one. */
  private readonly sign: 1 | -1;
  private points: EnvelopePoint[] = [];
  /** Points that are corners already; the rest is new. */
  private reduced = 0;

  constructor(kind: 'lower' | 'upper') {
    this.sign = kind === 'lower' ? 1 : -1;
  }

  add(point: EnvelopePoint): void {
    this.points.push(point);
    if (this.points.length - this.reduced >= PENDING) this.reduce();
  }

  /** The corners, in the order of time. */
  vertices(): readonly EnvelopePoint[] {
    if (this.points.length > this.reduced) this.reduce();
    return this.points;
  }

  private reduce(): void {
    const { sign } = this;
    const sorted = this.points.sort((one, other) => one.atNs - other.atNs || sign * (one.ns - other.ns));
    let corners: EnvelopePoint[] = [];
    for (const point of sorted) {
      // Of points at one instant the first bounds.
      if (corners.at(-1)?.atNs === point.atNs) continue;
      while (corners.length > 1 && !isCorner(corners.at(-2)!, corners.at(-1)!, point, sign)) corners.pop();
      corners.push(point);
    }
    if (corners.length > MAX_VERTICES) {
      corners = corners.filter((_, index) => index % 2 === 0 || index === corners.length - 1);
    }
    this.points = corners;
    this.reduced = corners.length;
  }
}

/** Whether the envelope turns at `middle`. */
function isCorner(before: EnvelopePoint, middle: EnvelopePoint, after: EnvelopePoint, sign: number): boolean {
  const first = (middle.ns - before.ns) / (middle.atNs - before.atNs);
  const second = (after.ns - middle.ns) / (after.atNs - middle.atNs);
  return sign * (second - first) > 0;
}

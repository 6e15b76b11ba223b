/** One figure that `npm run bench` prints, as a JSON line. */
export interface BenchResult {
  /** Dotted and stable: LAYER.WHAT.FIGURE. */
  readonly name: string;
  readonly value: number;
  /** `ns`, `bytes/ns`, `ratio` ... */
  readonly unit: string;
  /** Which way is better. */
  readonly better: 'higher' | 'lower';
  /** What the project wants it to be; null when nothing was promised. */
  readonly target: number | null;
  /** What it was measured against in the same run; null when the figure stands alone. */
  readonly peer: string | null;
}

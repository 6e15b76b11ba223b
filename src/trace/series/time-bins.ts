/**
 * Sums over time in a bounded number of bins: when the time outgrows them, each two become one. Several columns share the
 * same bins.
 */
export class TimeBins {
  /** Width of a bin in nanoseconds: the first one times a power of two. */
  widthNs: number;
  private readonly bins: number;
  private readonly columns: Float64Array[];
  private originNs = -1;
  private used = 0;

  constructor(columns: number, bins: number, firstWidthNs: number) {
    this.bins = bins;
    this.widthNs = firstWidthNs;
    this.columns = Array.from({ length: columns }, () => new Float64Array(bins));
  }

  /** Bins from the first to the last that has something. */
  get count(): number {
    return this.used;
  }

  /** Adds `value` to a column at an instant. Instants before the first one count to it. */
  add(atNs: number, column: number, value: number): void {
    if (this.originNs < 0) this.originNs = atNs;
    let bin = this.binOf(atNs);
    while (bin >= this.bins) {
      this.merge();
      bin = this.binOf(atNs);
    }
    this.columns[column]![bin]! += value;
    if (bin >= this.used) this.used = bin + 1;
  }

  /** Start of a bin; `count` gives the end of the last. */
  startOf(bin: number): number {
    return this.originNs + bin * this.widthNs;
  }

  sum(column: number, bin: number): number {
    return this.columns[column]![bin]!;
  }

  private binOf(atNs: number): number {
    return Math.max(0, Math.floor((atNs - this.originNs) / this.widthNs));
  }

  private merge(): void {
    const half = this.bins / 2;
    for (const column of this.columns) {
      for (let i = 0; i < half; i++) column[i] = column[2 * i]! + column[2 * i + 1]!;
      column.fill(0, half);
    }
    this.widthNs *= 2;
    this.used = Math.ceil(this.used / 2);
  }
}

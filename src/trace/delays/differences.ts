/**
 * The differences between two clocks that the packets of one direction of a subflow showed. Keeps what delays can be computed
 * from once the clocks are known: both envelopes, sums, and an even choice of samples for the percentiles.
 */
import type { Distribution } from '../report.js';
import { type ClockLine, offsetAt } from './clock.js';
import { Envelope } from './envelope.js';

/** Samples kept; with more packets every second, fourth, eighth... of them. */
export const MAX_SAMPLES = 2048;

export class Differences {
  count = 0;
  readonly lower = new Envelope('lower');
  readonly upper = new Envelope('upper');
  private timeSum = 0;
  private sum = 0;
  private times: number[] = [];
  private samples: number[] = [];
  /** Every how many-th packet is kept. */
  private stride = 1;

  /** A packet that the first place saw at `atNs`, and the second `ns` later by its own clock. */
  add(atNs: number, ns: number): void {
    this.lower.add({ atNs, ns });
    this.upper.add({ atNs, ns });
    if (this.count % this.stride === 0) this.keep(atNs, ns);
    this.count++;
    this.timeSum += atNs;
    this.sum += ns;
  }

  /** Delays by this clock; `sign` is 1 for packets that left the first place, -1 for those that reached it. */
  delays(clock: ClockLine, sign: 1 | -1): Distribution | null {
    if (this.count === 0) return null;
    const delayOf = (atNs: number, ns: number): number =>
      Math.max(0, Math.round(sign * (ns - offsetAt(clock, atNs))));
    const [near, far] = sign === 1 ? [this.lower, this.upper] : [this.upper, this.lower];
    const least = Math.min(...near.vertices().map(({ atNs, ns }) => delayOf(atNs, ns)));
    const most = Math.max(...far.vertices().map(({ atNs, ns }) => delayOf(atNs, ns)));
    const sorted = this.samples
      .map((ns, index) => delayOf(this.times[index]!, ns))
      .sort((one, other) => one - other);
    const part = (share: number): number => sorted[Math.max(1, Math.ceil(sorted.length * share)) - 1]!;
    return {
      count: this.count,
      min: least,
      mean: delayOf(this.timeSum / this.count, this.sum / this.count),
      median: part(0.5),
      p95: part(0.95),
      max: most,
    };
  }

  private keep(atNs: number, ns: number): void {
    this.times.push(atNs);
    this.samples.push(ns);
    if (this.samples.length < MAX_SAMPLES) return;
    this.times = this.times.filter((_, index) => index % 2 === 0);
    this.samples = this.samples.filter((_, index) => index % 2 === 0);
    this.stride *= 2;
  }
}

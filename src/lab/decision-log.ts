/** What a scheduler decided, counted over time: bounded, whatever the length of a run. */
import { MILLISECOND, SECOND } from '../base/index.js';
import { TimeBins } from '../trace/index.js';
import { type Reason, reasons } from './decisions.js';

const BINS = 128;
const FIRST_BIN_NS = 10 * MILLISECOND;

/** A decision that was noted last. */
export interface LastDecision {
  readonly atSeconds: number;
  /** Index of the path; -1 where none was chosen. */
  readonly path: number;
  readonly reason: Reason;
}

export class DecisionLog {
  /** By place in `reasons`. */
  readonly bins = new TimeBins(reasons.length, BINS, FIRST_BIN_NS);
  /** How often for each reason. */
  readonly counts: Readonly<Record<Reason, number>>;
  /** How often each path was chosen. */
  readonly chosen: number[];
  private readonly counting: Record<Reason, number>;
  private lastAt = 0;
  private lastPath = -1;
  private lastReason: Reason | undefined = undefined;

  constructor(paths: number) {
    this.counting = Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<Reason, number>;
    this.counts = this.counting;
    this.chosen = new Array<number>(paths).fill(0);
  }

  get last(): LastDecision | undefined {
    const { lastAt, lastPath, lastReason } = this;
    return lastReason && { atSeconds: lastAt / SECOND, path: lastPath, reason: lastReason };
  }

  /** Notes a decision. To choose none, for the same reason as before, is no new one: a scheduler is asked very often. */
  note(now: number, path: number, reason: Reason): void {
    if (path < 0 && this.lastPath < 0 && reason === this.lastReason) return;
    this.lastAt = now;
    this.lastPath = path;
    this.lastReason = reason;
    this.counting[reason]++;
    if (path >= 0) this.chosen[path]!++;
    this.bins.add(now, reasons.indexOf(reason), 1);
  }
}

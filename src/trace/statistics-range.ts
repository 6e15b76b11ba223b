/**
 * The span of time that statistics are of. Where it begins, what was counted of every connection is forgotten; where it
 * ends, the numbers are taken and kept, while the analyser reads on: who a connection is comes from the whole capture.
 * Frames count by when they are read, so a clock that goes back at a bound lets some in that lie beyond it.
 */
import type { Connection } from './connection.js';
import type { StatisticsRangeReport } from './report.js';
import type { TraceSettings } from './settings.js';
import { type ConnectionStatistics, takeStatistics } from './statistics.js';
import type { Vantage } from './vantage.js';

export class StatisticsRange {
  readonly fromNs: number;
  readonly toNs: number;
  readonly intervalNs: number;
  /** A frame of this instant or a later one must be told to `cross`. */
  boundaryNs: number;
  private phase: 'before' | 'within' | 'after';
  /** Numbers of the connections that were there when the span ended. */
  private readonly taken = new Map<Connection, ConnectionStatistics>();

  constructor({ fromNs, toNs, intervalNs }: TraceSettings) {
    this.fromNs = fromNs;
    this.toNs = toNs;
    this.intervalNs = intervalNs;
    this.phase = fromNs > 0 ? 'before' : 'within';
    this.boundaryNs = fromNs > 0 ? fromNs : this.endNs;
  }

  /** A frame of the instant `atNs` is about to be taken in. */
  cross(atNs: number, vantages: readonly Vantage[]): void {
    if (this.phase === 'before') {
      for (const { connections } of vantages) {
        for (const connection of connections) connection.beginStatistics(this.fromNs);
      }
      this.phase = 'within';
      this.boundaryNs = this.endNs;
    }
    if (this.phase === 'after' || atNs < this.boundaryNs) return;
    for (const { connections } of vantages) {
      for (const connection of connections) {
        this.taken.set(connection, takeStatistics(connection, this.toNs));
      }
    }
    this.phase = 'after';
    this.boundaryNs = Number.POSITIVE_INFINITY;
  }

  /** The numbers of a connection that is about to be reported. */
  statisticsOf(connection: Connection): ConnectionStatistics {
    if (this.phase === 'within') return takeStatistics(connection);
    const known = this.taken.get(connection);
    this.taken.delete(connection);
    if (known !== undefined) return known;
    // It ended before the span began, or began after it ended.
    connection.beginStatistics(this.fromNs);
    return takeStatistics(connection);
  }

  report(): StatisticsRangeReport | null {
    const { fromNs, toNs } = this;
    if (fromNs <= 0 && toNs === Number.POSITIVE_INFINITY) return null;
    return { fromNs, toNs: toNs === Number.POSITIVE_INFINITY ? null : toNs };
  }

  /** The first instant behind the span: times are whole nanoseconds. */
  private get endNs(): number {
    return Math.floor(this.toNs) + 1;
  }
}

import { SECOND } from '../../base/index.js';

/**
 * What the subflows of one connection share under coupled congestion control: which of them carry data, how large their
 * windows are and how long their round trips. Knows subflows as numbers only; what is done with them is each
 * algorithm's.
 *
 * A subflow counts from its first acknowledgment with a round-trip time until it is over, or has had no acknowledgment
 * for a while: an idle backup, or a path that died, must not slow the others down. It comes back with the next one.
 *
 * Read first: RFC 6356 §3.
 */

/** Without an acknowledgment for so long, and for so many round trips, a subflow no longer counts. */
const IDLE_NS = SECOND;
const IDLE_ROUND_TRIPS = 4;

/** One subflow as the others see it. */
export class CoupledFlow {
  /** What counts of its congestion window, bytes: all of it, or what it uses if that is less than half. */
  windowBytes = 0;
  /** Smoothed round-trip time in seconds, above 0; 0 before the first measurement. */
  rttSeconds = 0;
  /** Bytes between losses, by which OLIA tells good paths from bad ones. */
  lossIntervalBytes = 0;
  /** Segments a second that wVegas last measured; 0: not yet, or no longer. */
  rate = 0;
  /** Payload of a segment, to compare windows in segments. */
  mssBytes = 1;
  /** When the last acknowledgment came, ns. */
  activeAt = 0;
  /** Whether it is among the flows of the coupling. */
  isCounted = false;

  /** Window over round-trip time, bytes a second. */
  get rateBytes(): number {
    return this.windowBytes / this.rttSeconds;
  }
}

/** The subflows of one connection that carry data now. */
export class Coupling {
  /** In no order; at most as many as a connection may have. */
  readonly flows: CoupledFlow[] = [];

  /** `flow` had an acknowledgment, and its round-trip time is known. Lets go of those that have been silent. */
  touch(now: number, flow: CoupledFlow): void {
    flow.activeAt = now;
    if (!flow.isCounted) {
      flow.isCounted = true;
      this.flows.push(flow);
    }
    const { flows } = this;
    for (let i = flows.length - 1; i >= 0; i--) {
      const other = flows[i]!;
      const idleNs = Math.max(IDLE_NS, IDLE_ROUND_TRIPS * other.rttSeconds * SECOND);
      if (now - other.activeAt > idleNs) this.leave(other);
    }
  }

  /** `flow` counts no more. */
  leave(flow: CoupledFlow): void {
    if (!flow.isCounted) return;
    flow.isCounted = false;
    const { flows } = this;
    const last = flows.pop()!;
    if (last !== flow) flows[flows.indexOf(flow)] = last;
  }

  /** Sum of windows over round-trip times, bytes a second; above 0 while a flow that counts uses its window. */
  get totalRate(): number {
    const { flows } = this;
    let total = 0;
    for (let i = 0; i < flows.length; i++) total += flows[i]!.rateBytes;
    return total;
  }
}

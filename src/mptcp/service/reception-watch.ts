/**
 * Notices that a stream which was coming in has stopped, on a path on which this side has nothing in flight: TCP's timers
 * are silent there, and the peer cannot say that its packets no longer get through. The path is then asked for a sign of life,
 * once for each time that the stream stopped; one that gives none is silent like one that leaves data unacknowledged.
 */
import { MILLISECOND, NEVER } from '../../base/index.js';
import type { Subflow } from '../subflow.js';

/** Least time between probes, in ns: Linux answers segments that it has no use for twice a second at most. */
const PROBE_INTERVAL_NS = 600 * MILLISECOND;
/**
 * How long, beyond two round trips, a stream may pause without suspicion, in ns. A probe costs an ACK; being late costs what a
 * connection has that must open a path when this one is dead: a timeout and a half for all of it.
 */
const PATIENCE_NS = 30 * MILLISECOND;

export class ReceptionWatch {
  /** When to look again, in ns; `NEVER` when only news can change anything. */
  nextAt = NEVER;
  /** Bytes received at the last look. */
  private receivedBytes = 0;
  /** Whether bytes came since the last probe. */
  private isFlowing = false;
  /** When the last probe was asked for, in ns. */
  private probedAt = Number.NEGATIVE_INFINITY;

  /** Looks at the path that carries the data; whether it should be probed now. */
  look(now: number, receivedBytes: number, main: Subflow | undefined): boolean {
    if (receivedBytes > this.receivedBytes) this.isFlowing = true;
    this.receivedBytes = receivedBytes;
    this.nextAt = NEVER;
    if (!this.isFlowing || main?.state !== 'active') return false;
    const { tcp } = main;
    // Data in flight is watched already, by who sent it.
    if (tcp.sndUna !== tcp.pushEnd) return false;
    const stoppedAt = tcp.lastReceivedAt + 2 * tcp.rtt.srttNs + PATIENCE_NS;
    const dueAt = Math.max(stoppedAt, this.probedAt + PROBE_INTERVAL_NS);
    if (now < dueAt) {
      this.nextAt = dueAt;
      return false;
    }
    this.isFlowing = false;
    this.probedAt = now;
    return true;
  }
}

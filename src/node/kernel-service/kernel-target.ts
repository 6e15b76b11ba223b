/**
 * Whether the path in use alone would miss the target of a `targetBased` connection, from what the kernel shows at each look: the same
 * question that the engine asks of itself. What it found wanting stays so for a while, so that help does not come and go with every look.
 *
 * Read first: target-based.ts of the mptcp layer.
 */
import { MILLISECOND, SECOND } from '../../base/index.js';
import type { Target } from '../../mptcp/index.js';
import type { KernelPathState } from './kernel-paths.js';

/** Those of the engine. */
const DEFAULT_DEADLINE_NS = 500 * MILLISECOND;
const DEFAULT_MARGIN = 0.9;
/** A look that comes so long after the last, in ns, says nothing of a rate. */
const MAX_MEASURE_NS = 800 * MILLISECOND;

export class KernelTarget {
  private readonly allowanceNs: number;
  private readonly bytesPerSecond: number;
  private readonly holdNs: number;
  /** Until when it counts as behind whatever is seen, in ns. */
  private behindUntil = Number.NEGATIVE_INFINITY;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private receivedBytes = 0;

  /** `holdNs`: for how long a target that would be missed counts as such. */
  constructor({ deadlineNs, rateBps = 0, margin = DEFAULT_MARGIN }: Target, holdNs: number) {
    const without = rateBps > 0 ? Number.POSITIVE_INFINITY : DEFAULT_DEADLINE_NS;
    this.allowanceNs = (deadlineNs ?? without) * margin;
    this.bytesPerSecond = rateBps / 8;
    this.holdNs = holdNs;
  }

  /** Looks at the path in use; `aheadBytes` were written and are not acknowledged. Returns whether others should help it. */
  look(now: number, aheadBytes: number, main: KernelPathState | undefined): boolean {
    if (main !== undefined && (this.sendsTooSlowly(main, aheadBytes) || this.receivesTooSlowly(now, main)))
      this.behindUntil = now + this.holdNs;
    return now < this.behindUntil;
  }

  /** Whether what waits takes longer than it may at the rate of the path's window, or that rate is too low. */
  private sendsTooSlowly({ subflow: { tcp } }: KernelPathState, aheadBytes: number): boolean {
    const { srttNs, sendMss, cwndSegments, unackedSegments } = tcp;
    if (srttNs === 0 || aheadBytes <= unackedSegments * sendMss) return false;
    const bytesPerNs = (cwndSegments * sendMss) / srttNs;
    return bytesPerNs * SECOND < this.bytesPerSecond || aheadBytes / bytesPerNs > this.allowanceNs;
  }

  /** Whether data came on the path since the last look, and less than the target's rate. */
  private receivesTooSlowly(now: number, { subflow: { tcp } }: KernelPathState): boolean {
    const elapsedNs = now - this.lookedAt;
    const receivedBytes = Number(tcp.bytesReceived ?? 0n);
    const bytes = receivedBytes - this.receivedBytes;
    this.lookedAt = now;
    this.receivedBytes = receivedBytes;
    if (this.bytesPerSecond === 0 || elapsedNs > MAX_MEASURE_NS) return false;
    // Negative: it is another path.
    return bytes > 0 && (bytes * SECOND) / elapsedNs < this.bytesPerSecond;
  }
}

import { NEVER, SECOND } from '../base/index.js';
import type { Pacing } from './congestion/index.js';

/**
 * Lets data leave at the rate that congestion control sets: a quantum at once, then nothing until so much time has passed
 * as it stands for. It knows no segments; retransmissions count like everything else.
 */

/** What a timer that fires late may be made up for: a millisecond is what hosts' timers are good for. */
const LATE_NS = 1_000_000;

export class Pacer {
  /** When the owner should ask again because data was held back, an instant in ns; {@link NEVER} while none is. */
  wakeAt = NEVER;
  private readonly pacing: Pacing;
  /** When what has left so far has had its time. */
  private nextAt = 0;
  /** What may leave before that, bytes. */
  private burstBytes = 0;

  constructor(pacing: Pacing) {
    this.pacing = pacing;
  }

  /** Whether nothing may leave at `now`. */
  isClosed(now: number): boolean {
    return now < this.nextAt && this.burstBytes <= 0;
  }

  /** Bytes that may leave at once at `now`; 0 has the owner woken when it is more. There is something to send. */
  roomBytes(now: number): number {
    if (now >= this.nextAt) this.burstBytes = this.pacing.quantumBytes;
    if (this.burstBytes > 0) return this.burstBytes;
    this.wakeAt = this.nextAt;
    return 0;
  }

  /** `bytes` left at `now`, with or without room. */
  onSent(now: number, bytes: number): void {
    this.burstBytes -= bytes;
    this.nextAt = Math.max(this.nextAt, now - LATE_NS) + (bytes * SECOND) / this.pacing.rate;
  }

  /** The clock shows `now`. */
  onTime(now: number): void {
    if (now >= this.wakeAt) this.wakeAt = NEVER;
  }
}

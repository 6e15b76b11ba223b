/**
 * Connections of one listener that Fast Open made from nothing but a SYN, until the client's ACK proves that it is no
 * forger with a stolen cookie. Those that are reset before stay counted for a while: otherwise who floods from the
 * addresses of others could use their resets to make room for the next (RFC 7413 §5.1).
 */
import { MINUTE } from '../base/index.js';

/** How long one that was reset stays counted: as long as it would have waited for its ACK. */
const RESET_STAYS_NS = MINUTE;

export class FastOpenQueue {
  /** Most at a time. */
  readonly limit: number;
  /** Those that wait for their ACK. */
  private waiting = 0;
  /** When each of those that were reset is forgotten, in ns, oldest first; no more than `limit`. */
  private readonly resets: number[] = [];

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Whether there is room for one more at `now`. */
  hasRoom(now: number): boolean {
    while (this.resets.length > 0 && this.resets[0]! <= now) this.resets.shift();
    return this.waiting + this.resets.length < this.limit;
  }

  /** How many are counted. */
  get size(): number {
    return this.waiting + this.resets.length;
  }

  /** One more waits. */
  enter(): void {
    this.waiting++;
  }

  /** One no longer waits; `isReset`: because it was reset. */
  leave(now: number, isReset: boolean): void {
    this.waiting--;
    if (isReset) this.resets.push(now + RESET_STAYS_NS);
  }
}

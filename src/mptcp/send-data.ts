/**
 * The data level's sender: what was written and is not yet acknowledged, how far it has been handed to subflows, and
 * what has to be handed out again. Knows data offsets only: no subflows, no timers.
 * Read first: RFC 8684 §3.3.2, §3.3.3, §3.3.5 and §3.3.6.
 */
import { ByteQueue } from '../base/index.js';
import type { Subflow } from './subflow.js';

/** Why data is sent once more: see `ConnectionStatistics`. */
export type ReinjectionCause = 'subflow-failed' | 'data-timeout' | 'window-blocked';

/** Data that is to be sent once more, on another subflow if there is one. */
export interface Reinjection {
  /** Data offset of the first byte; moves on as parts are sent. */
  start: number;
  /** Data offset one past the last byte. */
  end: number;
  /** The subflows that failed it, to be avoided: see `ScheduleContext`. */
  failed: readonly Subflow[];
  readonly cause: ReinjectionCause;
}

export class DataSender {
  /** Bytes written and not yet acknowledged at the data level. */
  readonly queue = new ByteQueue(1);
  /** Data offset of the next byte never handed to a subflow. */
  nxt = 1;
  /** Data offset up to which the peer's window reaches; Infinity in plain TCP, which minds its window itself. */
  windowEdge = 1;
  /** Whether the stream ends after what is queued. */
  isEnded = false;
  /** Whether the DATA_FIN (or the FIN, in plain TCP) was handed out. */
  isFinSent = false;
  /** Whether the DATA_FIN was on a segment at least once. */
  isFinShown = false;
  /** Whether it was acknowledged. */
  isFinAcked = false;
  /** Data to hand out again, oldest first; undefined while there is none. */
  reinjections: Reinjection[] | undefined = undefined;

  /** Data offset of the first byte not acknowledged. */
  get una(): number {
    return this.queue.head;
  }

  /** Data offset of the DATA_FIN, once the stream is ended. */
  get finAt(): number {
    return this.queue.tail;
  }

  /** Bytes never handed to a subflow. */
  get unsentBytes(): number {
    return this.queue.tail - this.nxt;
  }

  /** Whether data or the DATA_FIN waits for the peer's acknowledgment. */
  get isOutstanding(): boolean {
    return this.queue.head < this.nxt || (this.isFinSent && !this.isFinAcked);
  }

  /**
   * Takes a DATA_ACK up to data offset `offset`. Returns whether it acknowledged something new; one for what was never
   * sent is ignored.
   */
  acknowledge(offset: number): boolean {
    const end = this.isFinSent ? this.nxt + 1 : this.nxt;
    if (offset <= this.queue.head || offset > end) return false;
    const isFin = offset > this.queue.tail;
    if (isFin && this.isFinAcked) return false;
    if (isFin) this.isFinAcked = true;
    this.queue.release(Math.min(offset, this.queue.tail));
    return true;
  }

  /** Queues the bytes from `start` to `end` to be sent again, but for those that are queued already or acknowledged. */
  reinject(start: number, end: number, failed: readonly Subflow[], cause: ReinjectionCause): void {
    const list = (this.reinjections ??= []);
    let from = Math.max(start, this.una);
    let i = 0;
    while (i < list.length && list[i]!.end <= from) i++;
    while (from < end) {
      const next = list[i];
      const to = next === undefined ? end : Math.min(end, next.start);
      if (to > from) i = insertRange(list, i, { start: from, end: to, failed, cause });
      if (next === undefined) return;
      from = Math.max(to, next.end);
      i++;
    }
  }

  /** The oldest bytes that wait to be sent again, cut to what is not acknowledged; undefined when there are none. */
  firstReinjection(): Reinjection | undefined {
    const list = this.reinjections;
    if (list === undefined) return undefined;
    const una = this.una;
    while (list.length > 0 && list[0]!.end <= Math.max(una, list[0]!.start)) list.shift();
    const first = list[0];
    if (first === undefined) {
      this.reinjections = undefined;
      return undefined;
    }
    if (first.start < una) first.start = una;
    return first;
  }
}

/** Puts a range before the one at `index`, or lengthens the one before that; returns the index of what follows it. */
function insertRange(list: Reinjection[], index: number, range: Reinjection): number {
  const previous = list[index - 1];
  if (previous?.end === range.start && previous.failed === range.failed && previous.cause === range.cause) {
    previous.end = range.end;
    return index;
  }
  list.splice(index, 0, range);
  return index + 1;
}

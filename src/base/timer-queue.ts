import { NEVER } from './time.js';

/** What a {@link TimerQueue} holds: the queue keeps its own bookkeeping on the item, so moving it needs no look-up. */
export interface TimerItem {
  /** Instant in ns at which the item is due; written by the queue only. */
  timerAt: number;
  /** Place in the heap, -1 while the item is not in it; written by the queue only. */
  timerIndex: number;
}

/** Items by the instant at which they are due: a binary heap in which an item can be moved and removed. */
export class TimerQueue<T extends TimerItem> {
  private readonly heap: T[] = [];

  /** Number of items with a timer armed. */
  get size(): number {
    return this.heap.length;
  }

  /** When the first item is due; {@link NEVER} when none is. */
  get nextAt(): number {
    return this.heap.length === 0 ? NEVER : this.heap[0]!.timerAt;
  }

  /** Arms, moves or (with {@link NEVER}) disarms the timer of `item`. */
  set(item: T, at: number): void {
    if (item.timerIndex < 0) {
      if (at === NEVER) return;
      item.timerAt = at;
      item.timerIndex = this.heap.length;
      this.heap.push(item);
      this.up(item.timerIndex);
      return;
    }
    if (at === item.timerAt) return;
    if (at === NEVER) {
      this.remove(item);
      return;
    }
    const earlier = at < item.timerAt;
    item.timerAt = at;
    if (earlier) this.up(item.timerIndex);
    else this.down(item.timerIndex);
  }

  /** Takes the first item that is due at `now`, disarmed; undefined when none is. */
  popDue(now: number): T | undefined {
    const first = this.heap[0];
    if (first === undefined || first.timerAt > now) return undefined;
    this.remove(first);
    return first;
  }

  /** Takes `item` out, armed or not. */
  remove(item: T): void {
    const index = item.timerIndex;
    if (index < 0) return;
    const last = this.heap.pop()!;
    item.timerIndex = -1;
    item.timerAt = NEVER;
    if (last === item) return;
    this.heap[index] = last;
    last.timerIndex = index;
    this.up(index);
    this.down(last.timerIndex);
  }

  private up(from: number): void {
    const item = this.heap[from]!;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.heap[parent]!;
      if (above.timerAt <= item.timerAt) break;
      this.heap[index] = above;
      above.timerIndex = index;
      index = parent;
    }
    this.heap[index] = item;
    item.timerIndex = index;
  }

  private down(from: number): void {
    const item = this.heap[from]!;
    const size = this.heap.length;
    let index = from;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= size) break;
      if (child + 1 < size && this.heap[child + 1]!.timerAt < this.heap[child]!.timerAt) child++;
      const below = this.heap[child]!;
      if (below.timerAt >= item.timerAt) break;
      this.heap[index] = below;
      below.timerIndex = index;
      index = child;
    }
    this.heap[index] = item;
    item.timerIndex = index;
  }
}

import { NEVER } from '../base/index.js';

/** Something with one moment at which it wants to be woken. The queue writes the first three fields, nobody else. */
export interface EventItem {
  /** When it is due, in ns of virtual time; NEVER while it is not queued. */
  dueAt: number;
  /** Rank among items due at the same instant: the order in which they were scheduled. */
  dueOrder: number;
  /** Its place in the queue, -1 while it is not queued. */
  queueIndex: number;
  /** It is due: `now` (ns) is the instant it was scheduled for. */
  handleDue(now: number): void;
}

/**
 * Items by the instant at which they are due; those due at the same instant come out in the order in which they were
 * scheduled. A binary heap whose items know their place, so that the usual case (an item that moves itself to its next
 * instant) costs a few comparisons and no allocation.
 */
export class EventQueue {
  private readonly heap: EventItem[] = [];
  /** Number of times anything was scheduled: the next rank. */
  private scheduled = 0;

  /** Number of items queued. */
  get size(): number {
    return this.heap.length;
  }

  /** When the first item is due; NEVER when none is queued. */
  get nextAt(): number {
    return this.heap.length === 0 ? NEVER : this.heap[0]!.dueAt;
  }

  /** The first item, still queued. */
  get first(): EventItem | undefined {
    return this.heap[0];
  }

  /**
   * Begins the turn of the first item, which stays where it is: most items move themselves to another instant, and one
   * move costs less than a removal and an insertion. End the turn with {@link endTurn}.
   */
  beginTurn(item: EventItem): void {
    // Before every instant, so that the item stays in front whatever is scheduled during its turn.
    item.dueAt = -NEVER;
  }

  /** Takes `item` out unless it was scheduled anew in its turn. */
  endTurn(item: EventItem): void {
    if (item.dueAt === -NEVER) this.remove(item);
  }

  /** Queues or moves `item` to `at` ns; NEVER takes it out. An item that is already due then keeps its rank. */
  schedule(item: EventItem, at: number): void {
    if (item.queueIndex >= 0) {
      if (at === item.dueAt) return;
      if (at === NEVER) {
        this.remove(item);
        return;
      }
      item.dueAt = at;
      item.dueOrder = this.scheduled++;
      this.settle(item);
      return;
    }
    if (at === NEVER) return;
    item.dueAt = at;
    item.dueOrder = this.scheduled++;
    item.queueIndex = this.heap.length;
    this.heap.push(item);
    this.up(item, item.queueIndex);
  }

  /** Takes `item` out of the queue, if it is there. */
  remove(item: EventItem): void {
    const index = item.queueIndex;
    if (index < 0) return;
    const last = this.heap.pop()!;
    item.queueIndex = -1;
    item.dueAt = NEVER;
    if (last === item) return;
    this.heap[index] = last;
    last.queueIndex = index;
    this.settle(last);
  }

  /** Moves an item whose instant changed to where it belongs. */
  private settle(item: EventItem): void {
    const index = item.queueIndex;
    if (index > 0 && isBefore(item, this.heap[(index - 1) >> 1]!)) this.up(item, index);
    else this.down(item, index);
  }

  private up(item: EventItem, from: number): void {
    const heap = this.heap;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent]!;
      if (isBefore(above, item)) break;
      heap[index] = above;
      above.queueIndex = index;
      index = parent;
    }
    heap[index] = item;
    item.queueIndex = index;
  }

  private down(item: EventItem, from: number): void {
    const heap = this.heap;
    const size = heap.length;
    let index = from;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= size) break;
      if (child + 1 < size && isBefore(heap[child + 1]!, heap[child]!)) child++;
      const below = heap[child]!;
      if (isBefore(item, below)) break;
      heap[index] = below;
      below.queueIndex = index;
      index = child;
    }
    heap[index] = item;
    item.queueIndex = index;
  }
}

/** Ranks are all different, so of two items exactly one is before the other. */
function isBefore(a: EventItem, b: EventItem): boolean {
  return a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.dueOrder < b.dueOrder);
}

/** A double-ended queue over a ring: push at the tail, shift at the head, read by index, all without moving items. */
export class Deque<T> {
  private ring: (T | undefined)[] = [];
  private mask = -1;
  private head = 0;
  private count = 0;

  /** Number of items held. */
  get length(): number {
    return this.count;
  }

  /** The item `index` places behind the head; undefined outside. */
  at(index: number): T | undefined {
    return index < 0 || index >= this.count ? undefined : this.ring[(this.head + index) & this.mask];
  }

  /** Adds `item` at the tail. */
  push(item: T): void {
    if (this.count > this.mask) this.grow();
    this.ring[(this.head + this.count) & this.mask] = item;
    this.count++;
  }

  /** Takes the item at the head. */
  shift(): T | undefined {
    if (this.count === 0) return undefined;
    const item = this.ring[this.head];
    this.ring[this.head] = undefined;
    this.head = (this.head + 1) & this.mask;
    this.count--;
    return item;
  }

  /** Takes the item at the tail. */
  pop(): T | undefined {
    if (this.count === 0) return undefined;
    this.count--;
    const place = (this.head + this.count) & this.mask;
    const item = this.ring[place];
    this.ring[place] = undefined;
    return item;
  }

  /** Puts `item` before the one at `index`; costs a move of everything behind it. */
  insert(index: number, item: T): void {
    this.push(item);
    for (let i = this.count - 1; i > index; i--) {
      this.ring[(this.head + i) & this.mask] = this.ring[(this.head + i - 1) & this.mask];
    }
    this.ring[(this.head + index) & this.mask] = item;
  }

  /** Lets go of every item and of the ring itself. */
  clear(): void {
    this.ring = [];
    this.mask = -1;
    this.head = 0;
    this.count = 0;
  }

  private grow(): void {
    const size = Math.max(4, (this.mask + 1) * 2);
    const next = new Array<T | undefined>(size);
    for (let i = 0; i < this.count; i++) next[i] = this.ring[(this.head + i) & this.mask];
    this.ring = next;
    this.mask = size - 1;
    this.head = 0;
  }
}

/** First in, first out, at a constant cost for each: what has been taken is cleared away when it is half of what is kept. */
export class Fifo<Item> {
  private items: Item[] = [];
  /** Place of the oldest item. */
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  push(item: Item): void {
    this.items.push(item);
  }

  /** Takes the oldest; undefined when there is none. */
  shift(): Item | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[this.head++]!;
    if (this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }

  /** All items, the oldest first. */
  list(): readonly Item[] {
    return this.items.slice(this.head);
  }
}

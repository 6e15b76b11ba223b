import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NEVER } from '../base/index.js';
import { type EventItem, EventQueue } from './event-queue.js';

class Item implements EventItem {
  dueAt = NEVER;
  dueOrder = 0;
  queueIndex = -1;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }

  handleDue(): void {
    throw new Error('the queue never wakes anybody');
  }
}

function drain(queue: EventQueue): { name: number; at: number }[] {
  const order: { name: number; at: number }[] = [];
  for (
    let item = queue.first as Item | undefined;
    item !== undefined;
    item = queue.first as Item | undefined
  ) {
    order.push({ name: item.name, at: item.dueAt });
    queue.remove(item);
  }
  return order;
}

describe('EventQueue', () => {
  it('gives items due at one instant in the order in which they were scheduled', () => {
    const queue = new EventQueue();
    for (let i = 0; i < 50; i++) queue.schedule(new Item(i), 7);
    expect(drain(queue).map(({ name }) => name)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('puts a moved item behind those that were due then already', () => {
    const queue = new EventQueue();
    const moved = new Item(0);
    queue.schedule(moved, 1);
    queue.schedule(new Item(1), 5);
    queue.schedule(moved, 5);
    expect(drain(queue).map(({ name }) => name)).toEqual([1, 0]);
  });

  it('agrees with a sorted list whatever is scheduled, moved and removed', () => {
    const operation = fc.tuple(fc.nat(15), fc.option(fc.nat(20), { nil: NEVER }));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const queue = new EventQueue();
        const items = Array.from({ length: 16 }, (_, i) => new Item(i));
        const model = new Map<number, { at: number; order: number }>();
        let order = 0;
        for (const [name, at] of operations) {
          queue.schedule(items[name]!, at);
          if (at === NEVER) model.delete(name);
          else if (model.get(name)?.at !== at) model.set(name, { at, order: order++ });
        }
        expect(queue.size).toBe(model.size);
        const expected = [...model]
          .sort(([, a], [, b]) => a.at - b.at || a.order - b.order)
          .map(([name, { at }]) => ({ name, at }));
        expect(drain(queue)).toEqual(expected);
      }),
    );
  });
});

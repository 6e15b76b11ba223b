import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NEVER } from './time.js';
import { TimerQueue } from './timer-queue.js';

class Item {
  timerAt = NEVER;
  timerIndex = -1;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }
}

describe('TimerQueue', () => {
  it('has nothing due when empty', () => {
    const queue = new TimerQueue<Item>();
    expect([queue.size, queue.nextAt, queue.popDue(Number.MAX_VALUE)]).toEqual([0, NEVER, undefined]);
  });

  it('gives items at their instant, not before, and disarms them', () => {
    const queue = new TimerQueue<Item>();
    const item = new Item(1);
    queue.set(item, 100);
    expect(queue.popDue(99)).toBeUndefined();
    expect(queue.popDue(100)).toBe(item);
    expect([item.timerAt, item.timerIndex, queue.size]).toEqual([NEVER, -1, 0]);
  });

  it('disarms on NEVER, and takes a disarmed item for what it is', () => {
    const queue = new TimerQueue<Item>();
    const item = new Item(1);
    queue.set(item, NEVER);
    queue.remove(item);
    expect(queue.size).toBe(0);
    queue.set(item, 5);
    queue.set(item, NEVER);
    expect([queue.size, item.timerAt, item.timerIndex]).toEqual([0, NEVER, -1]);
  });

  it('always knows the first instant, whatever was set, moved, removed and popped before', () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ kind: fc.constant('set' as const), item: fc.nat(19), at: fc.nat(50) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('never' as const), item: fc.nat(19) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), item: fc.nat(19) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('pop' as const), now: fc.nat(60) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new TimerQueue<Item>();
        const items = Array.from({ length: 20 }, (_, i) => new Item(i));
        const model = new Map<Item, number>();
        const first = (): number => Math.min(NEVER, ...model.values());
        for (const step of steps) {
          if (step.kind === 'pop') {
            const popped = queue.popDue(step.now);
            expect(popped === undefined).toBe(first() > step.now);
            if (popped !== undefined) {
              expect(model.get(popped)).toBe(first());
              model.delete(popped);
            }
          } else {
            const item = items[step.item]!;
            if (step.kind === 'set') {
              queue.set(item, step.at);
              model.set(item, step.at);
            } else {
              if (step.kind === 'never') queue.set(item, NEVER);
              else queue.remove(item);
              model.delete(item);
            }
          }
          expect(queue.nextAt).toBe(first());
          expect(queue.size).toBe(model.size);
          for (const item of items) {
            expect(item.timerAt).toBe(model.get(item) ?? NEVER);
            expect(item.timerIndex >= 0).toBe(model.has(item));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('drains in order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { maxLength: 100 }), (instants) => {
        const queue = new TimerQueue<Item>();
        instants.forEach((at, i) => queue.set(new Item(i), at));
        const drained: number[] = [];
        for (let at = queue.nextAt; at !== NEVER; at = queue.nextAt) {
          drained.push(at);
          queue.popDue(at);
        }
        expect(drained).toEqual([...instants].sort((a, b) => a - b));
      }),
    );
  });
});

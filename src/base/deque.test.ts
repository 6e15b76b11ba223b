import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deque } from './deque.js';

function contents(deque: Deque<number>): (number | undefined)[] {
  return Array.from({ length: deque.length }, (_, i) => deque.at(i));
}

describe('Deque', () => {
  it('is empty at first and after clear', () => {
    const deque = new Deque<number>();
    expect([deque.length, deque.shift(), deque.pop(), deque.at(0)]).toEqual([
      0,
      undefined,
      undefined,
      undefined,
    ]);
    deque.push(1);
    deque.clear();
    expect([deque.length, deque.shift(), deque.at(0)]).toEqual([0, undefined, undefined]);
    deque.push(2);
    expect(contents(deque)).toEqual([2]);
  });

  it('gives nothing outside its ends', () => {
    const deque = new Deque<number>();
    for (let i = 0; i < 5; i++) deque.push(i);
    deque.shift();
    expect([deque.at(-1), deque.at(4), deque.at(3)]).toEqual([undefined, undefined, 4]);
  });

  it('does not grow when it is used as a queue', () => {
    const deque = new Deque<number>();
    for (let i = 0; i < 1000; i++) {
      deque.push(i);
      if (i >= 3) expect(deque.shift()).toBe(i - 3);
    }
    expect((deque as unknown as { ring: unknown[] }).ring.length).toBe(4);
  });

  it('lets go of what was taken, so that it can be collected', () => {
    const deque = new Deque<number>();
    for (let i = 0; i < 4; i++) deque.push(i);
    deque.shift();
    deque.pop();
    const ring = (deque as unknown as { ring: unknown[] }).ring;
    expect(ring.filter((item) => item !== undefined)).toEqual([1, 2]);
  });

  it('behaves as an array under any mix of operations', () => {
    const operation = fc.oneof(
      { weight: 4, arbitrary: fc.constant('push' as const) },
      { weight: 3, arbitrary: fc.constant('shift' as const) },
      { weight: 1, arbitrary: fc.constant('pop' as const) },
      { weight: 2, arbitrary: fc.record({ insertAt: fc.nat(100) }) },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const deque = new Deque<number>();
        const model: number[] = [];
        operations.forEach((step, value) => {
          if (step === 'push') {
            deque.push(value);
            model.push(value);
          } else if (step === 'shift') {
            expect(deque.shift()).toBe(model.shift());
          } else if (step === 'pop') {
            expect(deque.pop()).toBe(model.pop());
          } else {
            const index = step.insertAt % (model.length + 1);
            deque.insert(index, value);
            model.splice(index, 0, value);
          }
          expect(contents(deque)).toEqual(model);
        });
      }),
      { numRuns: 300 },
    );
  });
});

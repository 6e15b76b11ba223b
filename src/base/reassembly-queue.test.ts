import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReassemblyQueue } from './reassembly-queue.js';

/** The same contract, byte by byte: the first byte to arrive at an offset stays. */
class NaiveReassembly {
  readonly bytes = new Map<number, number>();
  next: number;
  readonly delivered: number[] = [];

  constructor(origin: number) {
    this.next = origin;
  }

  insert(start: number, bytes: Uint8Array): number {
    let added = 0;
    bytes.forEach((value, i) => {
      if (start + i < this.next || this.bytes.has(start + i)) return;
      this.bytes.set(start + i, value);
      added++;
    });
    while (this.bytes.has(this.next)) {
      this.delivered.push(this.bytes.get(this.next)!);
      this.bytes.delete(this.next++);
    }
    return added;
  }

  discard(): void {
    this.bytes.clear();
  }

  get runs(): { start: number; end: number }[] {
    const runs: { start: number; end: number }[] = [];
    for (const offset of [...this.bytes.keys()].sort((a, b) => a - b)) {
      const last = runs.at(-1);
      if (last?.end === offset) last.end++;
      else runs.push({ start: offset, end: offset + 1 });
    }
    return runs;
  }
}

function runsOf(queue: ReassemblyQueue): { start: number; end: number }[] {
  return Array.from({ length: queue.runCount }, (_, i) => {
    const { start, end } = queue.runAt(i)!;
    return { start, end };
  });
}

function compare(queue: ReassemblyQueue, model: NaiveReassembly, out: readonly Uint8Array[]): void {
  expect(queue.next).toBe(model.next);
  expect(runsOf(queue)).toEqual(model.runs);
  expect(queue.bufferedBytes).toBe(model.bytes.size);
  expect(queue.highest).toBe(model.runs.at(-1)?.end ?? model.next);
  expect(out.flatMap((piece) => [...piece])).toEqual(model.delivered);
}

describe('ReassemblyQueue', () => {
  it('is moved past bytes that its owner has in order, while it holds nothing', () => {
    const queue = new ReassemblyQueue(1);
    expect(queue.advance(1, 10)).toBe(true);
    expect([queue.advance(5, 10), queue.advance(12, 1), queue.next]).toEqual([false, false, 11]);
    queue.insert(21, new Uint8Array(5), []);
    expect([queue.advance(11, 10), queue.next]).toEqual([false, 11]);
  });

  it('passes bytes in order through as they are', () => {
    const queue = new ReassemblyQueue(5);
    const out: Uint8Array[] = [];
    const bytes = Uint8Array.of(1, 2, 3);
    expect(queue.insert(5, bytes, out)).toBe(3);
    expect(out[0]).toBe(bytes);
    expect([queue.next, queue.bufferedBytes, queue.highest]).toEqual([8, 0, 8]);
  });

  it('keeps the bytes that came first where two ranges overlap', () => {
    const queue = new ReassemblyQueue();
    const out: Uint8Array[] = [];
    queue.insert(2, Uint8Array.of(12, 13), out);
    expect(queue.insert(0, Uint8Array.of(0, 1, 2, 3, 4, 5), out)).toBe(4);
    expect(out.flatMap((piece) => [...piece])).toEqual([0, 1, 12, 13, 4, 5]);
  });

  it('takes nothing from an empty or wholly stale range', () => {
    const queue = new ReassemblyQueue(10);
    const out: Uint8Array[] = [];
    queue.insert(10, new Uint8Array(5), out);
    expect(queue.insert(10, new Uint8Array(5), out)).toBe(0);
    expect(queue.insert(15, new Uint8Array(0), out)).toBe(0);
    expect(queue.insert(20, new Uint8Array(0), out)).toBe(0);
    expect([out.length, queue.runCount, queue.next]).toEqual([1, 0, 15]);
    expect(queue.runAt(0)).toBeUndefined();
  });

  it('closes a gap between two runs into one', () => {
    const queue = new ReassemblyQueue();
    const out: Uint8Array[] = [];
    queue.insert(10, new Uint8Array(5), out);
    queue.insert(20, new Uint8Array(5), out);
    expect(queue.runCount).toBe(2);
    queue.insert(15, new Uint8Array(5), out);
    expect(runsOf(queue)).toEqual([{ start: 10, end: 25 }]);
  });

  it('lets go of what is out of order, and takes it again', () => {
    const queue = new ReassemblyQueue();
    const out: Uint8Array[] = [];
    queue.insert(4, Uint8Array.of(4, 5), out);
    expect(queue.discard()).toBe(2);
    expect([queue.bufferedBytes, queue.runCount, queue.highest]).toEqual([0, 0, 0]);
    queue.insert(0, Uint8Array.of(0, 1, 2, 3), out);
    expect(queue.next).toBe(4);
    queue.insert(4, Uint8Array.of(6, 7), out);
    expect(out.flatMap((piece) => [...piece])).toEqual([0, 1, 2, 3, 6, 7]);
  });

  it('agrees with a byte-by-byte model, whatever comes in whatever order', () => {
    const step = fc.oneof(
      {
        weight: 20,
        arbitrary: fc.record({
          start: fc.integer({ min: -5, max: 60 }),
          bytes: fc.uint8Array({ maxLength: 12 }),
        }),
      },
      { weight: 1, arbitrary: fc.constant('discard' as const) },
    );
    fc.assert(
      fc.property(fc.nat(2 ** 45), fc.array(step, { maxLength: 60 }), (origin, steps) => {
        const queue = new ReassemblyQueue(origin);
        const model = new NaiveReassembly(origin);
        const out: Uint8Array[] = [];
        for (const step of steps) {
          if (step === 'discard') {
            expect(queue.discard()).toBe(model.bytes.size);
            model.discard();
          } else {
            const start = origin + step.start;
            expect(queue.insert(start, step.bytes, out)).toBe(model.insert(start, step.bytes));
          }
          compare(queue, model, out);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('takes single bytes in the worst of orders without going over what it holds again and again', () => {
    // Work that grows with the square of the count would take minutes here and run into the limit below.
    const count = 40_000;
    const orders = [
      Array.from({ length: count }, (_, i) => count - i),
      [
        ...Array.from({ length: count / 2 }, (_, i) => 2 * i + 2),
        ...Array.from({ length: count / 2 }, (_, i) => count - 1 - 2 * i),
      ],
      [
        ...Array.from({ length: count / 2 }, (_, i) => count - 2 * i),
        ...Array.from({ length: count / 2 }, (_, i) => 2 * i + 1),
      ],
    ];
    for (const order of orders) {
      const queue = new ReassemblyQueue();
      const out: Uint8Array[] = [];
      for (const offset of order) queue.insert(offset, Uint8Array.of(offset), out);
      expect([queue.runCount, queue.bufferedBytes, queue.pieceCount]).toEqual([1, count, count]);
      queue.insert(0, Uint8Array.of(0), out);
      expect(out.every((piece, offset) => piece[0] === offset % 256)).toBe(true);
      expect([queue.next, out.length, queue.pieceCount]).toEqual([count + 1, count + 1, 0]);
    }
  }, 30_000);

  it('counts the pieces it holds, so that an owner can bound their cost', () => {
    const queue = new ReassemblyQueue();
    const out: Uint8Array[] = [];
    queue.insert(10, new Uint8Array(5), out);
    queue.insert(20, new Uint8Array(5), out);
    expect(queue.pieceCount).toBe(2);
    queue.insert(8, new Uint8Array(20), out);
    expect([queue.pieceCount, queue.bufferedBytes]).toEqual([5, 20]);
    queue.insert(9, new Uint8Array(3), out);
    expect(queue.pieceCount).toBe(5);
    queue.discard();
    expect(queue.pieceCount).toBe(0);
  });

  it('delivers the stream once and in order when its segments are shuffled and repeated', () => {
    const segments = fc
      .array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 30 })
      .chain((sizes) =>
        fc
          .array(fc.nat(sizes.length - 1), { maxLength: 60 })
          .map((extra) => ({ sizes, order: [...extra, ...sizes.keys()] }))
          .chain(({ sizes, order }) =>
            fc
              .shuffledSubarray(order, { minLength: order.length, maxLength: order.length })
              .map((shuffled) => ({ sizes, order: shuffled })),
          ),
      );
    fc.assert(
      fc.property(segments, ({ sizes, order }) => {
        const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
        const total = starts.at(-1)! + sizes.at(-1)!;
        const queue = new ReassemblyQueue();
        const out: Uint8Array[] = [];
        let added = 0;
        for (const index of order) {
          const start = starts[index]!;
          added += queue.insert(
            start,
            Uint8Array.from({ length: sizes[index]! }, (_, i) => start + i),
            out,
          );
        }
        expect([added, queue.next, queue.bufferedBytes, queue.runCount]).toEqual([total, total, 0, 0]);
        expect(out.flatMap((piece) => [...piece])).toEqual(Array.from({ length: total }, (_, i) => i % 256));
      }),
      { numRuns: 200 },
    );
  });
});

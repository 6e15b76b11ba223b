import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue, copyPieces } from './byte-queue.js';
import { AssertionError } from './error.js';

/** `length` bytes that tell where in the stream they stand. */
function pattern(start: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (start + i) * 7);
}

function join(pieces: readonly Uint8Array[]): number[] {
  return pieces.flatMap((piece) => [...piece]);
}

describe('ByteQueue', () => {
  it('starts empty at its origin', () => {
    const queue = new ByteQueue(1000);
    expect([queue.head, queue.tail, queue.length]).toEqual([1000, 1000, 0]);
    expect(queue.shift()).toBeUndefined();
    expect(queue.views(1000, 0)).toEqual([]);
  });

  it('hands whole chunks out as they came in, and cuts the others without a copy', () => {
    const queue = new ByteQueue();
    const chunk = pattern(0, 10);
    queue.append(chunk);
    expect(queue.views(0, 10)[0]).toBe(chunk);
    expect(queue.views(2, 3)[0]!.buffer).toBe(chunk.buffer);
    expect(queue.shift()).toBe(chunk);
  });

  it('cuts views at the units asked for, and at the ends of chunks', () => {
    const queue = new ByteQueue();
    queue.append(pattern(0, 1000));
    queue.append(pattern(1000, 1000));
    const pieces = queue.views(1, 1500, 400);
    expect(pieces.map((piece) => piece.length)).toEqual([400, 400, 199, 201, 300]);
    expect(join(pieces)).toEqual([...pattern(1, 1500)]);
  });

  it('ignores an empty chunk', () => {
    const queue = new ByteQueue();
    queue.append(new Uint8Array(0));
    expect(queue.length).toBe(0);
    expect(queue.shift()).toBeUndefined();
  });

  it('shifts at most one chunk, and no more than asked', () => {
    const queue = new ByteQueue();
    queue.append(pattern(0, 400));
    queue.append(pattern(400, 400));
    expect(join([queue.shift(300)!])).toEqual([...pattern(0, 300)]);
    expect(join([queue.shift(300)!])).toEqual([...pattern(300, 100)]);
    expect(queue.shift(0)).toBeUndefined();
    expect(join([queue.shift()!])).toEqual([...pattern(400, 400)]);
    expect(queue.length).toBe(0);
  });

  it('refuses to release or view what it does not hold', () => {
    const queue = new ByteQueue(10);
    queue.append(pattern(10, 10));
    queue.release(12);
    expect(() => queue.release(21)).toThrow(AssertionError);
    expect(() => queue.views(11, 2)).toThrow(AssertionError);
    expect(() => queue.views(15, 6)).toThrow(AssertionError);
    queue.release(3);
    expect(queue.head).toBe(12);
  });

  it('drops spent chunks while more keep coming', () => {
    const queue = new ByteQueue();
    for (let i = 0; i < 1000; i++) {
      queue.append(pattern(i * 3, 3));
      queue.release(Math.max(0, i - 10) * 3);
    }
    expect((queue as unknown as { chunks: unknown[] }).chunks.length).toBeLessThan(100);
    expect(join(queue.views(queue.head, queue.length))).toEqual([...pattern(queue.head, queue.length)]);
  });

  it('behaves as one long array under any mix of operations', () => {
    const operation = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), size: fc.nat(40) }),
      fc.record({ kind: fc.constant('release' as const), share: fc.nat(100) }),
      fc.record({ kind: fc.constant('shift' as const), size: fc.nat(30) }),
      fc.record({ kind: fc.constant('views' as const), share: fc.nat(100), size: fc.nat(100) }),
    );
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.array(operation, { maxLength: 150 }), (origin, operations) => {
        const queue = new ByteQueue(origin);
        let head = origin;
        let tail = origin;
        for (const step of operations) {
          if (step.kind === 'append') {
            queue.append(pattern(tail, step.size));
            tail += step.size;
          } else if (step.kind === 'release') {
            head += Math.floor(((tail - head) * step.share) / 100);
            queue.release(head);
          } else if (step.kind === 'shift') {
            const piece = queue.shift(step.size);
            expect(piece === undefined).toBe(head === tail || step.size === 0);
            if (piece === undefined) continue;
            expect(piece.length).toBeGreaterThan(0);
            expect(piece.length).toBeLessThanOrEqual(step.size);
            expect([...piece]).toEqual([...pattern(head, piece.length)]);
            head += piece.length;
          } else {
            const from = head + Math.floor(((tail - head) * step.share) / 100);
            const length = Math.floor(((tail - from) * step.size) / 100);
            const pieces = queue.views(from, length);
            expect(join(pieces)).toEqual([...pattern(from, length)]);
            expect(pieces.every((piece) => piece.length > 0)).toBe(true);
          }
          expect([queue.head, queue.tail, queue.length]).toEqual([head, tail, tail - head]);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('copyPieces', () => {
  it('copies any range over any cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 12 }),
        fc.nat(),
        fc.nat(),
        (pieces, a, b) => {
          const whole = join(pieces);
          const offset = a % (whole.length + 1);
          const length = b % (whole.length - offset + 1);
          const target = new Uint8Array(length + 2).fill(0xee);
          copyPieces(pieces, offset, length, target, 1);
          expect([...target]).toEqual([0xee, ...whole.slice(offset, offset + length), 0xee]);
        },
      ),
    );
  });

  it('stops when the pieces are too short', () => {
    expect(() => copyPieces([pattern(0, 3)], 1, 3, new Uint8Array(3), 0)).toThrow(AssertionError);
  });
});

describe('tiny chunks', () => {
  it('are gathered, so that a stream of single bytes is held in few chunks', () => {
    const queue = new ByteQueue();
    const expected: number[] = [];
    for (let i = 0; i < 10_000; i++) {
      queue.append(Uint8Array.of(i & 0xff));
      expected.push(i & 0xff);
    }
    const pieces = queue.views(0, 10_000);
    expect(pieces.length).toBeLessThan(6);
    expect(pieces.flatMap((piece) => [...piece])).toEqual(expected);
  });

  it('leave views that were handed out as they are, and a large chunk by itself', () => {
    const queue = new ByteQueue();
    const large = new Uint8Array(1000).fill(7);
    queue.append(Uint8Array.of(1));
    queue.append(Uint8Array.of(2));
    const [before] = queue.views(0, 2);
    queue.append(Uint8Array.of(3));
    queue.append(large);
    queue.append(Uint8Array.of(4));
    expect(before).toEqual(Uint8Array.of(1, 2));
    expect(queue.views(3, 1000)[0]).toBe(large);
    queue.release(1003);
    expect(queue.shift()).toEqual(Uint8Array.of(4));
  });
});

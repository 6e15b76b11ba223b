import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RangeSet } from './range-set.js';

/** The same as sets of bytes. */
class Model {
  readonly bytes = new Set<number>();

  remove(start: number, end: number): number {
    let removed = 0;
    for (let at = start; at < end; at++) if (this.bytes.delete(at)) removed++;
    return removed;
  }
}

describe('a set of ranges', () => {
  it('holds the bytes that were added and not removed', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(60), fc.integer({ min: 1, max: 20 })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(steps, (script) => {
        const set = new RangeSet(1000);
        const model = new Model();
        let end = 0;
        for (const [adds, at, length] of script) {
          if (adds) {
            const start = end + (at % 5);
            end = start + length;
            set.append(start, end);
            for (let byte = start; byte < end; byte++) model.bytes.add(byte);
          } else {
            expect(set.remove(at, at + length)).toBe(model.remove(at, at + length));
            let pieces = 0;
            for (let i = 0; i < set.removedCount; i++) pieces += set.removedEnds[i]! - set.removedStarts[i]!;
            expect(pieces).toBeLessThanOrEqual(length);
          }
          expect(set.bytesBelow(30)).toBe([...model.bytes].filter((byte) => byte < 30).length);
        }
      }),
    );
  });

  it('drops the lowest range when there are too many, and counts its bytes', () => {
    const set = new RangeSet(4);
    for (let i = 0; i < 6; i++) set.append(i * 10, i * 10 + 3);
    expect(set.count).toBe(4);
    expect(set.droppedBytes).toBe(6);
    // A removal from the middle makes two of one.
    expect(set.remove(31, 32)).toBe(1);
    expect(set.count).toBe(4);
    expect(set.droppedBytes).toBe(9);
    expect(set.bytesBelow(Number.POSITIVE_INFINITY)).toBe(8);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataRanges } from './data-ranges.js';
import { Segment } from './segment.js';

const segment = new Segment();

/** What `cover` must say, byte by byte: who carried each byte first. */
class Model {
  readonly owners = new Map<number, number>();

  cover(start: number, end: number, owner: number): { fresh: number; earlier: Map<number, number> } {
    const earlier = new Map<number, number>();
    let fresh = 0;
    for (let at = start; at < end; at++) {
      const known = this.owners.get(at);
      if (known === undefined) {
        this.owners.set(at, owner);
        fresh++;
      } else {
        earlier.set(known, (earlier.get(known) ?? 0) + 1);
      }
    }
    return { fresh, earlier };
  }
}

/** What the last `cover` said of bytes that had been carried before. */
function earlierOf({ earlierOwners, earlierBytes }: DataRanges): Map<number, number> {
  return new Map(earlierOwners.map((owner, i) => [owner, earlierBytes[i]!]));
}

const pieces = fc.array(
  fc.record({ start: fc.nat(200), length: fc.integer({ min: 1, max: 40 }), owner: fc.nat(3) }),
  { maxLength: 60 },
);

describe('DataRanges', () => {
  it('says of each byte who carried it first, whatever the order', () => {
    fc.assert(
      fc.property(pieces, (all) => {
        const ranges = new DataRanges(1000);
        const model = new Model();
        for (const { start, length, owner } of all) {
          const { fresh, earlier } = model.cover(start, start + length, owner);
          ranges.cover(start, start + length, owner, segment);
          expect(ranges.freshBytes).toBe(fresh);
          expect(earlierOf(ranges)).toEqual(earlier);
        }
        for (let at = 0; at < 250; at++) expect(ranges.ownerAt(at)).toBe(model.owners.get(at) ?? -1);
      }),
    );
  });

  it('keeps its ranges disjoint and in order, and joins those of one owner that touch', () => {
    const ranges = new DataRanges(10);
    ranges.append(1, 11, 0, segment);
    ranges.append(11, 21, 0, segment);
    ranges.append(31, 41, 1, segment);
    expect(ranges.count).toBe(2);
    ranges.cover(15, 35, 2, segment);
    expect([0, 1, 2].map((i) => [ranges.startOf(i), ranges.endOf(i)])).toEqual([
      [1, 21],
      [21, 31],
      [31, 41],
    ]);
    expect(earlierOf(ranges)).toEqual(
      new Map([
        [0, 6],
        [1, 4],
      ]),
    );
  });

  it('forgets the lowest at its limit, and takes what lies below for sent before by nobody knows whom', () => {
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 5 }), (all, limit) => {
        const ranges = new DataRanges(limit);
        for (const { start, length, owner } of all) {
          ranges.cover(start, start + length, owner, segment);
          expect(ranges.count).toBeLessThanOrEqual(limit);
          const said = [...earlierOf(ranges).values()].reduce((sum, bytes) => sum + bytes, ranges.freshBytes);
          expect(said).toBe(length);
        }
      }),
    );
    const small = new DataRanges(1);
    small.append(1, 11, 0, segment);
    small.append(21, 31, 1, segment);
    small.cover(1, 11, 2, segment);
    expect(earlierOf(small)).toEqual(new Map([[-1, 10]]));
    expect(small.forgotten).toBe(1);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataDirection } from './data-direction.js';
import { Segment } from './segment.js';
import { defaultTraceLimits } from './settings.js';

const segment = new Segment();

function anchored(hi = 0, lo = 0): DataDirection {
  const data = new DataDirection(defaultTraceLimits, 0);
  data.setAnchor(hi | 0, lo | 0, 0, true);
  return data;
}

const carried = fc.array(
  fc.record({ at: fc.nat(300), length: fc.integer({ min: 1, max: 60 }), owner: fc.nat(3) }),
  { maxLength: 60 },
);

describe('DataDirection', () => {
  it('counts what no subflow had carried, what one had, and what waits behind the first hole', () => {
    fc.assert(
      fc.property(carried, (all) => {
        const data = anchored();
        const seen = new Set<number>();
        for (const { at, length, owner } of all) {
          let again = 0;
          for (let i = at + 1; i <= at + length; i++) {
            if (seen.has(i)) again++;
            seen.add(i);
          }
          expect(data.carry(at + 1, at + 1 + length, owner, segment)).toBe(again);
          let contiguous = 1;
          while (seen.has(contiguous)) contiguous++;
          expect(data.contiguous).toBe(contiguous);
          expect(data.outOfOrderBytes).toBe([...seen].filter((i) => i > contiguous).length);
        }
        expect(data.uniqueBytes).toBe(seen.size);
        expect(data.bytes).toBe(data.uniqueBytes + data.reinjectedBytes);
      }),
    );
  });

  it('takes numbers of 32 and of 64 bits for the same offset, beyond their wrapping round too', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat(2 ** 30), (initial, step) => {
        const data = anchored(Number(initial >> 32n), Number(initial & 0xffff_ffffn));
        let offset = 1;
        for (let i = 0; i < 20; i++) {
          const wire = BigInt.asUintN(64, initial + BigInt(offset));
          const [hi, lo] = [Number(wire >> 32n) | 0, Number(wire & 0xffff_ffffn) | 0];
          expect(data.offsetOf64(hi, lo)).toBe(offset);
          expect(data.offsetOf32(lo)).toBe(offset);
          expect(data.highOf(offset)).toBe(hi);
          data.carry(offset, offset + step + 1, 0, segment);
          offset += step + 1;
        }
      }),
    );
  });

  it('takes a number of 64 bits that lies nowhere near for none', () => {
    expect(anchored(5, 0).offsetOf64(5000, 0)).toBeNaN();
  });

  it('moves what it knew of numbers to where the initial one says, once that is known', () => {
    const data = new DataDirection(defaultTraceLimits, 0);
    data.setAnchor(0, 1101, 1, false);
    data.noteDataFin(1, 1);
    data.rebase({ hi: 7, lo: 1000 }, 101);
    expect(data).toMatchObject({ dataFinAt: 101, end: 102, contiguous: 1, hasHigh: true });
    expect(data.offsetOf64(7, 1101)).toBe(101);
  });
});

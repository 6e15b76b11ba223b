import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MappingTable } from './receive-mapping.js';
import type { Mapping } from './receive-mapping.js';

function mapping(start: number, length: number, dataStart: number, checksum = -1): Mapping {
  return { start, length, dataStart, dataFin: false, checksum, held: undefined, heldBytes: 0 };
}

/** The data offset that the table gives for subflow offset `at`; undefined when none covers it. */
function lookUp(table: MappingTable, at: number): number | undefined {
  const found = table.find(at);
  return found === undefined ? undefined : found.dataStart + (at - found.start);
}

describe('the mapping table', () => {
  it('finds the mapping of each offset, and where the next one starts', () => {
    const table = new MappingTable();
    table.declare(mapping(1, 10, 100), 8);
    table.declare(mapping(21, 10, 300), 8);
    table.declare(mapping(11, 5, 200), 8);
    expect([1, 10, 11, 15, 16, 21, 30, 31].map((at) => lookUp(table, at))).toEqual([
      100,
      109,
      200,
      204,
      undefined,
      300,
      309,
      undefined,
    ]);
    expect([0, 1, 16, 25].map((at) => table.nextStart(at))).toEqual([1, 11, 21, Number.POSITIVE_INFINITY]);
  });

  it('takes a mapping again to which the DATA_FIN was added meanwhile, and keeps the checksum of the first', () => {
    const table = new MappingTable();
    table.declare(mapping(1, 10, 100, 7), 8);
    expect(table.declare({ ...mapping(1, 10, 100, 6), dataFin: true }, 8)).toBe('known');
    expect(table.find(1)!.checksum).toBe(7);
    expect(table.declare({ ...mapping(1, 10, 101, 6), dataFin: true }, 8)).toBe('conflict');
  });

  it('takes the same mapping again, also after it is spent', () => {
    const table = new MappingTable();
    expect(table.declare(mapping(1, 10, 100, 7), 8)).toBe('added');
    expect(table.declare(mapping(1, 10, 100, 7), 8)).toBe('known');
    table.release(11);
    expect(table.size).toBe(0);
    expect(table.isRepetition(1, 10, 100, 7)).toBe(true);
    expect(table.isRepetition(1, 10, 100, 8)).toBe(false);
  });

  it('takes a mapping again that has the DATA_FIN behind it by now, and so another checksum (RFC 8684 §3.3.3)', () => {
    const table = new MappingTable();
    table.declare(mapping(1, 10, 100, 7), 8);
    expect(table.declare({ ...mapping(1, 10, 100, 9), dataFin: true }, 8)).toBe('known');
    expect(table.find(1)!.checksum).toBe(7);
    expect(table.declare(mapping(1, 10, 100, 9), 8)).toBe('conflict');
  });

  it('takes what continues an earlier one, and nothing that contradicts it', () => {
    const table = new MappingTable();
    table.declare(mapping(1, 10, 100), 8);
    expect(table.declare(mapping(5, 10, 104), 8)).toBe('added');
    expect(lookUp(table, 14)).toBe(113);
    expect(table.declare(mapping(3, 4, 102), 8)).toBe('known');
    expect(table.declare(mapping(5, 10, 105), 8)).toBe('conflict');
    expect(table.declare(mapping(12, 2, 111, 5), 8)).toBe('conflict');
  });

  it('keeps no more than the limit', () => {
    const table = new MappingTable();
    expect([1, 11, 21].map((start) => table.declare(mapping(start, 10, start), 2))).toEqual([
      'added',
      'added',
      'full',
    ]);
    expect(table.declare(mapping(5, 30, 5), 2)).not.toBe('added');
  });

  it('never answers two ways, whatever is declared', () => {
    const declared = fc.record({
      start: fc.nat(60),
      length: fc.integer({ min: 1, max: 20 }),
      shift: fc.constantFrom(0, 0, 1000),
    });
    fc.assert(
      fc.property(fc.array(declared, { maxLength: 30 }), (list) => {
        const table = new MappingTable();
        const seen = new Map<number, number>();
        for (const { start, length, shift } of list) {
          const result = table.declare(mapping(start, length, start + shift), 64);
          for (let at = 0; at < 90; at++) {
            const now = lookUp(table, at);
            const before = seen.get(at);
            if (before !== undefined) expect(now).toBe(before);
            if (now !== undefined) seen.set(at, now);
            const isCovered = at >= start && at < start + length;
            if (isCovered && (result === 'added' || result === 'known')) expect(now).toBe(at + shift);
          }
        }
      }),
    );
  });
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { afterAll, describe, expect, it } from 'vitest';
import { CapturedPacket } from '../../capture/index.js';
import type { Cell, Table } from '../../trace/index.js';
import { csvTable } from './csv.js';
import { parquetTable } from './parquet.js';
import { TraceClock } from './trace-clock.js';

const folder = mkdtempSync(join(tmpdir(), 'subflow-tables-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A table of every type, whose rows are their cells. */
const table: Table<readonly Cell[]> = {
  ...{ name: 'any', about: 'anything' },
  columns: [
    { name: 'n', type: 'integer', meaning: '' },
    { name: 'text', type: 'text', meaning: '' },
    { name: 'real', type: 'real', meaning: '' },
    { name: 'yes', type: 'boolean', meaning: '' },
    { name: 'at', type: 'instant', meaning: '' },
  ],
  fill: (row, cells) => row.forEach((cell, index) => (cells[index] = cell)),
};

function clockFrom(seconds: number, nanoseconds: number, atNs: number): TraceClock {
  const clock = new TraceClock();
  clock.learn(Object.assign(new CapturedPacket(), { hasTime: true, seconds, nanoseconds }), atNs);
  return clock;
}

function writeCsv(rows: readonly (readonly Cell[])[], clock: TraceClock): string {
  const writer = csvTable(table, join(folder, 'any'), clock);
  for (const row of rows) writer.add(row);
  writer.close();
  return readFileSync(join(folder, 'any.csv'), 'utf8');
}

const cells = fc.tuple(
  fc.option(fc.maxSafeInteger()),
  fc.option(fc.string({ unit: 'grapheme' })),
  fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
  fc.option(fc.boolean()),
  fc.option(fc.nat()),
);

describe('a table as CSV', () => {
  it('has every number to the digit, texts quoted where they must be, and nothing for what is not known', () => {
    const clock = clockFrom(1_000, 5, 0);
    const quoted = (text: string): string =>
      /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    const field = (cell: Cell): string => (typeof cell === 'string' ? quoted(cell) : String(cell ?? ''));
    fc.assert(
      fc.property(fc.array(cells), (rows) => {
        const lines = rows.map((row) => {
          const at = row[4];
          const ns = at === null ? '' : String((at + 5) % 1e9).padStart(9, '0');
          const seconds = at === null ? 0 : 1_000 + Math.floor((at + 5) / 1e9);
          const instant = at === null ? '' : `${new Date(seconds * 1000).toISOString().slice(0, 20)}${ns}Z`;
          return `${row.slice(0, 4).map(field).join(',')},${instant}\r\n`;
        });
        expect(writeCsv(rows, clock)).toBe(`n,text,real,yes,at\r\n${lines.join('')}`);
      }),
    );
  });

  it('writes digits of every length, and texts longer than what waits', () => {
    const numbers = Array.from({ length: 16 }, (_, power) => [10 ** power - 1, 10 ** power, -(10 ** power)]);
    const rows = numbers.flat().map((n): Cell[] => [n, null, null, null, null]);
    const text = writeCsv(rows, new TraceClock());
    expect(text.split('\r\n').slice(1, -1)).toEqual(rows.map(([n]) => `${String(n)},,,,`));
    const long = 'ä'.repeat(2_000_000);
    expect(writeCsv([[1, long, null, true, null]], new TraceClock())).toContain(`\r\n1,${long},,true,\r\n`);
  });
});

describe('the clock of a trace', () => {
  it('finds the instant of the first frame from a later one, across seconds', () => {
    const clock = clockFrom(1_700_000_001, 100, 1_500_000_000);
    expect(clock.find(0)).toBe(true);
    expect([clock.seconds, clock.nanoseconds]).toEqual([1_699_999_999, 500_000_100]);
    clock.find(1_500_000_000);
    expect([clock.seconds, clock.nanoseconds]).toEqual([1_700_000_001, 100]);
  });

  it('knows no instant in a capture without times', () => {
    const clock = new TraceClock();
    clock.learn(Object.assign(new CapturedPacket(), { hasTime: false }), 0);
    expect(clock.find(0)).toBe(false);
  });
});

describe('a table as Parquet', () => {
  it('comes back as it was, in groups of rows that are written as they fill', async () => {
    const rows = Array.from({ length: 70_000 }, (_, i): Cell[] => [
      i % 3 === 0 ? null : i * 100_003 - (i % 2) * 2 ** 40,
      i % 5 === 0 ? null : `s${i % 7}`,
      i % 4 === 0 ? null : i / 3,
      i % 6 === 0 ? null : i % 2 === 0,
      i % 2 === 0 ? null : i * 1000,
    ]);
    const writer = parquetTable(table, join(folder, 'any'), clockFrom(2_000_000_000, 1, 0));
    for (const row of rows) writer.add(row);
    writer.close();
    const bytes = readFileSync(join(folder, 'any.parquet'));
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    expect(parquetMetadata(file).row_groups.map((group) => Number(group.num_rows))).toEqual([
      32_768, 32_768, 4_464,
    ]);
    const read = await parquetReadObjects({
      ...{ file, parsers: { timestampFromNanoseconds: (ns: bigint) => ns - 2_000_000_000_000_000_001n } },
    });
    const back = read.map(({ n, text, real, yes, at }): Cell[] => [
      ...[n === null ? null : Number(n), text as Cell, real as Cell, yes as Cell],
      at === null ? null : Number(at),
    ]);
    // One by one they would take long to compare.
    expect(back.map((row) => JSON.stringify(row)).join('\n')).toBe(
      rows.map((row) => JSON.stringify(row)).join('\n'),
    );
  });

  it('may have no row at all', async () => {
    const writer = parquetTable(table, join(folder, 'none'), new TraceClock());
    writer.close();
    const bytes = readFileSync(join(folder, 'none.parquet'));
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    expect(await parquetReadObjects({ file })).toEqual([]);
  });
});

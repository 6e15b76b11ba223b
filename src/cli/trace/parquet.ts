/**
 * Tables as Parquet files, for programs that take over where one machine ends. A row group is written as soon as it is full,
 * so that memory does not grow with the capture.
 */

import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { Cell, Column, Table } from '../../trace/index.js';
import { OutputFile } from '../output-file.js';
import type { TableWriter } from './tables.js';
import type { TraceClock } from './trace-clock.js';

/** Rows of a row group: of the widest table some 20 MB while they wait and are packed. */
const GROUP_ROWS = 32_768;

type Writing = Parameters<ParquetWriter['write']>[0];
type ColumnData = Writing['columnData'][number];
type Schema = ConstructorParameters<typeof ParquetWriter>[0]['schema'];

/** Every column may be null: which ones are is for the documentation to say. */
function elementOf({ name, type }: Column): Schema[number] {
  const element = { name, repetition_type: 'OPTIONAL' } as const;
  switch (type) {
    case 'integer':
      return { ...element, type: 'INT64' };
    case 'instant':
      return {
        ...{ ...element, type: 'INT64' },
        logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' },
      };
    case 'real':
      return { ...element, type: 'DOUBLE' };
    case 'boolean':
      return { ...element, type: 'BOOLEAN' };
    case 'text':
      return { ...element, type: 'BYTE_ARRAY', converted_type: 'UTF8' };
  }
}

/** Numbers that follow each other differ by little, texts are the same few. */
function encodingOf({ type }: Column): Pick<ColumnData, 'encoding'> {
  if (type === 'integer' || type === 'instant') return { encoding: 'DELTA_BINARY_PACKED' };
  return type === 'text' ? { encoding: 'RLE_DICTIONARY' } : {};
}

/** A table written to PATH.parquet. Everything here throws a `FailureError`. */
export function parquetTable<Row>(table: Table<Row>, path: string, clock: TraceClock): TableWriter<Row> {
  const { columns } = table;
  const file = new OutputFile(`${path}.parquet`);
  const bytes = new ByteWriter();
  const schema = [{ name: 'root', num_children: columns.length }, ...columns.map(elementOf)];
  const writer = new ParquetWriter({ writer: bytes, schema, createdBy: 'subflow' });
  const cells: Cell[] = columns.map(() => null);
  const waiting = columns.map((): unknown[] => Array.from({ length: GROUP_ROWS }));
  const isInstant = columns.map(({ type }) => type === 'instant');
  let rows = 0;
  const save = (): void => {
    file.writeBytes(bytes.getBytes());
    bytes.index = 0;
  };
  const flush = (): void => {
    if (rows === 0) return;
    const columnData = columns.map((column, index) => ({
      ...{ name: column.name, data: waiting[index]!.slice(0, rows) },
      ...encodingOf(column),
    }));
    // It waits for nothing, since this writer does not.
    void writer.write({ columnData, rowGroupSize: GROUP_ROWS });
    save();
    rows = 0;
  };
  return {
    add: (row) => {
      table.fill(row, cells);
      for (let i = 0; i < cells.length; i++) {
        const cell = cells[i]!;
        waiting[i]![rows] = isInstant[i]! && cell !== null ? instantOf(cell as number, clock) : cell;
      }
      if (++rows === GROUP_ROWS) flush();
    },
    close: () => {
      flush();
      void writer.finish();
      save();
      file.close();
    },
  };
}

/** Nanoseconds since 1970. */
function instantOf(atNs: number, clock: TraceClock): bigint | null {
  return clock.find(atNs) ? BigInt(clock.seconds) * 1_000_000_000n + BigInt(clock.nanoseconds) : null;
}

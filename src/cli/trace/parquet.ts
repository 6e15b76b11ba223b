/**
 * Tables as Parquet files, for programs that take over where one machine ends. A row group is written as soon as it is full,
 * so that memory does not grow with the capture.
 */

import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import type { Cell, Column, Table } from '../../trace/index.js';
import { FailureError } from '../errors.js';
import { OutputFile } from '../output-file.js';
import type { TableWriter } from './tables.js';

/** Rows of a row group: of the widest table some 40 MB while they wait and are packed. */
const GROUP_ROWS = 32_768;

type Schema = ConstructorParameters<typeof ParquetWriter>[0]['schema'];

/** Every column may be null: which ones are is for the documentation to say. */
function schemaOf(columns: readonly Column[]): Schema {
  return [
    { name: 'root', num_children: columns.length },
    ...columns.map(({ name, type }): Schema[number] => {
      const element = { name, repetition_type: 'OPTIONAL' } as const;
      if (type === 'integer') return { ...element, type: 'INT64' };
      if (type === 'real') return { ...element, type: 'DOUBLE' };
      if (type === 'boolean') return { ...element, type: 'BOOLEAN' };
      return { ...element, type: 'BYTE_ARRAY', converted_type: 'UTF8' };
    }),
  ];
}

/** A table written to PATH.parquet. Everything here throws a {@link FailureError}. */
export function parquetTable<Row>(table: Table<Row>, path: string): TableWriter<Row> {
  const name = `${path}.parquet`;
  const { columns } = table;
  // Whether the file can be made is told before any packet is read.
  new OutputFile(name).close();
  const writer = attempt(
    name,
    () => new ParquetWriter({ writer: fileWriter(name), schema: schemaOf(columns), createdBy: 'subflow' }),
  );
  const cells: Cell[] = columns.map(() => null);
  const isInteger = columns.map(({ type }) => type === 'integer');
  let waiting: (Cell | bigint)[][] = columns.map(() => []);
  const flush = (): void => {
    if (waiting[0]!.length === 0) return;
    const columnData = columns.map((column, index) => ({ name: column.name, data: waiting[index]! }));
    attempt(name, () => writer.write({ columnData, rowGroupSize: GROUP_ROWS }));
    waiting = columns.map(() => []);
  };
  return {
    add: (row) => {
      table.fill(row, cells);
      for (let i = 0; i < cells.length; i++) {
        const cell = cells[i]!;
        waiting[i]!.push(isInteger[i]! && cell !== null ? BigInt(cell) : cell);
      }
      if (waiting[0]!.length >= GROUP_ROWS) flush();
    },
    close: () => {
      flush();
      attempt(name, () => writer.finish());
    },
  };
}

function attempt<Result>(path: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw new FailureError(`cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}

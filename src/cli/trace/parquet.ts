/**
 * Tables as Parquet files, for programs that take over where one machine ends. A row group is written as soon as it is full,
 * so that memory does not grow with the capture.
 */

import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { Cell, Column, Table } from '../../trace/index.js';
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

/** A table written to PATH.parquet. Everything here throws a `FailureError`. */
export function parquetTable<Row>(table: Table<Row>, path: string): TableWriter<Row> {
  const { columns } = table;
  const file = new OutputFile(`${path}.parquet`);
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({ writer: bytes, schema: schemaOf(columns), createdBy: 'subflow' });
  const save = (): void => {
    file.writeBytes(bytes.getBytes());
    bytes.index = 0;
  };
  const cells: Cell[] = columns.map(() => null);
  const isInteger = columns.map(({ type }) => type === 'integer');
  let waiting: (Cell | bigint)[][] = columns.map(() => []);
  const flush = (): void => {
    if (waiting[0]!.length === 0) return;
    const columnData = columns.map((column, index) => ({ name: column.name, data: waiting[index]! }));
    // It waits for nothing, since this writer does not.
    void writer.write({ columnData, rowGroupSize: GROUP_ROWS });
    save();
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
      void writer.finish();
      save();
      file.close();
    },
  };
}

/** Tables as CSV (RFC 4180): a line of names, then one for each row, with an empty field where the capture shows nothing. */

import type { Cell, Column, Table } from '../../trace/index.js';
import { OutputFile } from '../output-file.js';
import type { TableWriter } from './tables.js';
import type { TraceClock } from './trace-clock.js';

/** Bytes that wait before they are written, and the most that one cell other than a text takes. */
const PENDING_BYTES = 1 << 20;
const CELL_BYTES = 32;

const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const BILLION = 1_000_000_000;

/**
 * Fields as bytes, digit by digit: a table has a dozen and more numbers a row, and strings that are joined and encoded
 * again would cost several times what the analysis costs.
 */
class CsvBytes {
  private readonly bytes = Buffer.allocUnsafe(PENDING_BYTES + 4096);
  private length = 0;
  private readonly file: OutputFile;

  constructor(file: OutputFile) {
    this.file = file;
  }

  /** Writes what waits when there is enough of it. */
  endLine(): void {
    this.bytes[this.length++] = 0x0d;
    this.bytes[this.length++] = 0x0a;
    if (this.length >= PENDING_BYTES) this.flush();
  }

  comma(): void {
    if (this.length + CELL_BYTES > this.bytes.length) this.flush();
    this.bytes[this.length++] = COMMA;
  }

  /** A whole number below 2^53, in `least` digits or more. */
  integer(value: number, least = 1): void {
    if (value < 0) this.bytes[this.length++] = MINUS;
    const size = Math.abs(value);
    if (size < BILLION) return this.digits(size, least);
    this.integer(Math.floor(size / BILLION));
    this.digits(size % BILLION, 9);
  }

  /** Plain text of any length. */
  text(text: string): void {
    const { bytes } = this;
    if (this.length + text.length * 3 + CELL_BYTES > bytes.length) {
      this.flush();
      if (text.length * 3 + CELL_BYTES > bytes.length) return this.file.writeBytes(Buffer.from(text));
    }
    let at = this.length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        this.length += bytes.write(text, this.length);
        return;
      }
      bytes[at++] = code;
    }
    this.length = at;
  }

  flush(): void {
    this.file.writeBytes(this.bytes.subarray(0, this.length));
    this.length = 0;
  }

  /** `value`, below a billion, in `least` digits or more. */
  private digits(value: number, least: number): void {
    const { bytes, length } = this;
    let rest = value | 0;
    let count = least;
    for (let limit = least === 9 ? BILLION : 10; rest >= limit && count < 9; limit *= 10) count++;
    for (let at = length + count - 1; at >= length; at--) {
      const tens = (rest / 10) | 0;
      bytes[at] = ZERO + rest - tens * 10;
      rest = tens;
    }
    this.length = length + count;
  }
}

/** A table written to PATH.csv. Everything here throws a `FailureError`. */
export function csvTable<Row>(table: Table<Row>, path: string, clock: TraceClock): TableWriter<Row> {
  const file = new OutputFile(`${path}.csv`);
  const { columns } = table;
  const out = new CsvBytes(file);
  const cells: Cell[] = columns.map(() => null);
  // Most columns are numbers, which go the short way.
  const isInteger = columns.map(({ type }) => type === 'integer');
  const writers = columns.map(({ type }) => cellWriter(type, out, clock));
  out.text(columns.map(({ name }) => name).join(','));
  out.endLine();
  return {
    add: (row) => {
      table.fill(row, cells);
      for (let i = 0; i < cells.length; i++) {
        if (i > 0) out.comma();
        const cell = cells[i]!;
        if (cell === null) continue;
        if (isInteger[i]!) out.integer(cell as number);
        else writers[i]!(cell);
      }
      out.endLine();
    },
    close: () => {
      out.flush();
      file.close();
    },
  };
}

/** How the cells of a column that are not empty are written. */
function cellWriter(type: Column['type'], out: CsvBytes, clock: TraceClock): (cell: Cell) => void {
  switch (type) {
    case 'integer':
      return (cell) => out.integer(cell as number);
    case 'text':
      return textWriter(out);
    case 'instant':
      return instantWriter(out, clock);
    case 'boolean':
      return (cell) => out.text(cell === true ? 'true' : 'false');
    case 'real':
      return (cell) => out.text(String(cell));
  }
}

/** A field that holds what separates fields stands in quotes. Most are what the field before was. */
function textWriter(out: CsvBytes): (cell: Cell) => void {
  let last: Cell = '';
  let field = '';
  return (cell) => {
    if (cell !== last) {
      last = cell;
      const text = cell as string;
      field = /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    }
    out.text(field);
  };
}

/** ISO 8601 to the nanosecond; what comes before the fraction changes rarely. */
function instantWriter(out: CsvBytes, clock: TraceClock): (cell: Cell) => void {
  let second = Number.NaN;
  let beginning = '';
  return (cell) => {
    if (!clock.find(cell as number)) return;
    if (clock.seconds !== second) {
      second = clock.seconds;
      beginning = new Date(second * 1000).toISOString().replace(/\d{3}Z$/, '');
    }
    out.text(beginning);
    out.integer(clock.nanoseconds, 9);
    out.text('Z');
  };
}

/**
 * Tables of a trace: what columns they have, and how a row is made. Rows are for machines; how they are written (CSV,
 * Parquet) is for others to know. Names are those of the JSON and of `Observation`, units last.
 */

/** What a cell holds; null where the capture does not show it. */
export type Cell = number | string | boolean | null;

export interface Column {
  readonly name: string;
  /**
   * Integers may go beyond 32 bits, never beyond 2^53. The cells of an instant are nanoseconds since the first frame; who
   * writes them knows when that was.
   */
  readonly type: 'integer' | 'real' | 'text' | 'boolean' | 'instant';
  /** A sentence for the documentation, with the unit. */
  readonly meaning: string;
}

export interface Table<Row> {
  /** Name of the file, without its ending. */
  readonly name: string;
  /** What one row is. */
  readonly about: string;
  readonly columns: readonly Column[];
  /** Sets `cells`, one for each column, from `row`. */
  readonly fill: (row: Row, cells: Cell[]) => void;
}

/** A column with how its cell follows from a row. */
export interface PickedColumn<Row> extends Column {
  readonly pick: (row: Row) => Cell;
}

/** A table whose cells are picked one by one: for rows that are few. */
export function pickedTable<Row>(
  name: string,
  about: string,
  columns: readonly PickedColumn<Row>[],
): Table<Row> {
  return {
    ...{ name, about },
    columns: columns.map(({ name: column, type, meaning }) => ({ name: column, type, meaning })),
    fill: (row, cells) => {
      for (let i = 0; i < columns.length; i++) cells[i] = columns[i]!.pick(row);
    },
  };
}

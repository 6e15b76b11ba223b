/** The rows of a result, in the order of any column. */
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { formatCount } from '../../src/base/index.js';
import { cellText, type Column, type Row } from '../../src/experiments/index.js';

/** Rows that are shown; all are in the files. */
const MAX_ROWS = 500;

interface Props {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

interface Order {
  readonly column: string;
  readonly isDescending: boolean;
}

export function RowTable({ columns, rows }: Props): JSX.Element {
  const [order, setOrder] = useState<Order | undefined>(undefined);
  const sorted = useMemo(() => sortedRows(rows, order), [rows, order]);
  const shown = sorted.slice(0, MAX_ROWS);
  return (
    <section class="block" aria-label="Table">
      <div class="block-head">
        <h3>Table</h3>
        <span class="soft">
          {rows.length > shown.length
            ? `the first ${MAX_ROWS} of ${formatCount(rows.length)} rows`
            : `${formatCount(rows.length)} rows`}
        </span>
      </div>
      <div class="scroll table-room" tabIndex={0} role="region" aria-label="Rows">
        <table data-testid="rows">
          <thead>
            <tr>
              {columns.map((column) => (
                <ColumnHead key={column.name} column={column} order={order} onOrder={setOrder} />
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row, index) => (
              <tr key={index}>
                {columns.map((column) => (
                  <td key={column.name} class={column.kind === 'number' ? undefined : 'left'}>
                    {cellText(column, row[column.name])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface HeadProps {
  readonly column: Column;
  readonly order: Order | undefined;
  readonly onOrder: (order: Order | undefined) => void;
}

/** Up, down, and back to the order of the experiment. */
function ColumnHead({ column, order, onOrder }: HeadProps): JSX.Element {
  const { name, title, kind } = column;
  const own = order?.column === name ? order : undefined;
  const next =
    own === undefined
      ? { column: name, isDescending: false }
      : own.isDescending
        ? undefined
        : { column: name, isDescending: true };
  const direction = own === undefined ? undefined : own.isDescending ? 'descending' : 'ascending';
  return (
    <th scope="col" class={kind === 'number' ? undefined : 'left'} aria-sort={direction}>
      <button type="button" class="sort" onClick={() => onOrder(next)}>
        {title}
        <span aria-hidden="true">{own === undefined ? '' : own.isDescending ? ' ↓' : ' ↑'}</span>
      </button>
    </th>
  );
}

/** What has no value stands last, whichever way the others go. */
function sortedRows(rows: readonly Row[], order: Order | undefined): readonly Row[] {
  if (order === undefined) return rows;
  const { column, isDescending } = order;
  const sign = isDescending ? -1 : 1;
  return [...rows].sort((first, second) => {
    const [one, other] = [first[column] ?? null, second[column] ?? null];
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    if (typeof one === 'string' || typeof other === 'string')
      return sign * String(one).localeCompare(String(other), 'en');
    return sign * (Number(one) - Number(other));
  });
}

/** The numbers of two runs against each other. */
import type { JSX } from 'preact';
import { formatCount, formatDuration, formatRate, formatShare, formatSize } from '../../src/base/index.js';
import { type ComparedNumber, type ComparedUnit, compareSummaries } from '../../src/lab/index.js';
import { SideTag } from './controls.js';
import type { Side } from './side.js';

interface Props {
  readonly a: Side;
  readonly b: Side;
}

const formats: Readonly<Record<ComparedUnit, (value: number) => string>> = {
  ns: formatDuration,
  bytes: formatSize,
  'bit/s': formatRate,
  share: formatShare,
  count: formatCount,
};

export function ComparisonTable({ a, b }: Props): JSX.Element | null {
  const [ofA, ofB] = [a.detail.value?.summary, b.detail.value?.summary];
  if (ofA === undefined || ofB === undefined) return null;
  const rows = compareSummaries(ofA, ofB);
  return (
    <section class="numbers comparison" aria-label="Comparison">
      <Table title="the whole" rows={rows.filter(({ path }) => path === undefined)} />
      <Table title="by path" rows={rows.filter(({ path }) => path !== undefined)} />
    </section>
  );
}

interface TableProps {
  readonly title: string;
  readonly rows: readonly ComparedNumber[];
}

function Table({ title, rows }: TableProps): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`A and B in numbers, ${title}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">{title}</th>
            <th scope="col">
              <SideTag name="A" />
            </th>
            <th scope="col">
              <SideTag name="B" />
            </th>
            <th scope="col">B − A</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={`${row.path ?? ''} ${row.name}`} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row }: { readonly row: ComparedNumber }): JSX.Element {
  const { unit, path, a, b, difference } = row;
  const name = path === undefined ? row.name : `${path}: ${row.name}`;
  const format = (value: number | null): string => (value === null ? '–' : formats[unit](value));
  return (
    <tr>
      <th scope="row">{name}</th>
      <td data-testid={`${name}, A`}>{format(a)}</td>
      <td data-testid={`${name}, B`}>{format(b)}</td>
      <td>{difference === null ? '–' : signed(difference, unit)}</td>
    </tr>
  );
}

function signed(value: number, unit: ComparedUnit): string {
  if (value === 0) return '=';
  const text = formats[unit](Math.abs(value));
  // Shares differ by percentage points.
  return `${value > 0 ? '+' : '−'}${unit === 'share' ? text.replace('%', 'pp') : text}`;
}

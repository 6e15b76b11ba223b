/**
 * A packet taken apart: its bytes in hexadecimal beside the tree of its fields. What the pointer or the keyboard is at, on either
 * side, lights up on the other, and what it means stands below the bytes. Give it a key that changes with the packet.
 */
import '../style/packet.css';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { formatCount } from '../../src/base/index.js';
import type { Dissection } from '../../src/trace/index.js';
import { bitsOf, type FieldRow, firstChosen, openAtFirst, rowAt, rowsOf, visibleRows } from './field-rows.js';

/** Bytes that are spelled out: all headers, and what one looks at of a payload. */
const mostBytes = 256;
const bytesPerLine = 16;

interface Props {
  readonly bytes: Uint8Array;
  readonly dissection: Dissection;
  /** Name of the field that is chosen at first; without it, the first option of Multipath TCP. */
  readonly first?: string | undefined;
}

export function PacketFields({ bytes, dissection, first }: Props): JSX.Element {
  const rows = useMemo(() => rowsOf(dissection), [dissection]);
  const [chosen, choose] = useState(() => firstChosen(rows, first));
  const [open, setOpen] = useState(() => openAtFirst(rows, chosen));
  const [pointed, point] = useState('');
  const shown = visibleRows(rows, open);
  const lit = shown.find(({ id }) => id === (pointed === '' ? chosen : pointed)) ?? shown[0];
  const setRow = (id: string, isOpen: boolean): void => {
    const next = new Set(open);
    if (isOpen) next.add(id);
    else next.delete(id);
    setOpen(next);
  };
  return (
    <div class="packet-frame">
      <div class="packet" onPointerLeave={() => point('')}>
        <div class="packet-left">
          <Bytes bytes={bytes} lit={lit} rows={shown} point={point} choose={choose} />
          <Explanation bytes={bytes} row={lit} />
        </div>
        <Tree rows={shown} open={open} lit={lit} chosen={chosen} {...{ point, choose, setRow }} />
        {dissection.problem === null ? null : (
          <p class="packet-problem">Not all is shown: {dissection.problem}.</p>
        )}
      </div>
    </div>
  );
}

interface BytesProps {
  readonly bytes: Uint8Array;
  readonly lit: FieldRow | undefined;
  readonly rows: readonly FieldRow[];
  readonly point: (id: string) => void;
  readonly choose: (id: string) => void;
}

/** The line of a field's first byte is kept in sight. */
function Bytes({ bytes, lit, rows, point, choose }: BytesProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const count = Math.min(bytes.length, mostBytes);
  const line = Math.floor(Math.min(lit?.offset ?? 0, count - 1) / bytesPerLine);
  useEffect(() => {
    keepInSight(frame.current, frame.current?.children[line]);
  }, [line]);
  const idAt = (event: Event): string => {
    const place = event.target instanceof HTMLElement ? event.target.dataset['byte'] : undefined;
    return place === undefined ? '' : (rowAt(rows, Number(place))?.id ?? '');
  };
  return (
    <div
      ref={frame}
      class="packet-bytes mono"
      role="region"
      aria-label="Bytes of the packet"
      tabIndex={0}
      onPointerOver={(event) => point(idAt(event))}
      onPointerLeave={() => point('')}
      onClick={(event) => choose(idAt(event))}
    >
      {Array.from({ length: Math.ceil(count / bytesPerLine) }, (_, index) => (
        <ByteLine key={index} bytes={bytes.subarray(0, count)} start={index * bytesPerLine} lit={lit} />
      ))}
      {bytes.length > count ? (
        <div class="soft">and {formatCount(bytes.length - count)} bytes more</div>
      ) : null}
    </div>
  );
}

/** Scrolls a box, and nothing else, so far that one of its rows is in sight. */
function keepInSight(box: HTMLElement | null, row: Element | null | undefined): void {
  if (box === null || !(row instanceof HTMLElement)) return;
  const top =
    row.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop - box.clientTop;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + row.offsetHeight > box.scrollTop + box.clientHeight) {
    box.scrollTop = top + row.offsetHeight - box.clientHeight;
  }
}

interface LineProps {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly lit: FieldRow | undefined;
}

function ByteLine({ bytes, start, lit }: LineProps): JSX.Element {
  const from = lit?.offset ?? 0;
  const to = from + (lit?.length ?? 0);
  return (
    <div class="packet-line">
      <span class="soft">{start.toString(16).padStart(3, '0')}</span>
      {Array.from(bytes.subarray(start, start + bytesPerLine), (byte, index) => {
        const at = start + index;
        return (
          <span key={at} data-byte={at} class={at >= from && at < to ? 'lit' : ''}>
            {byte.toString(16).padStart(2, '0')}
          </span>
        );
      })}
    </div>
  );
}

function Explanation({
  bytes,
  row,
}: {
  readonly bytes: Uint8Array;
  readonly row: FieldRow | undefined;
}): JSX.Element {
  if (row === undefined) return <div class="packet-about" />;
  const { name, value, offset, length, meaning, source } = row;
  const bits = bitsOf(bytes, row);
  const place = length === 1 ? `byte ${offset}` : `bytes ${offset} to ${offset + length - 1}`;
  return (
    <div class="packet-about" data-testid="about-field" aria-live="polite">
      <p>
        <b>{name}</b> <span class="mono">{value}</span>
      </p>
      {meaning === undefined ? null : <p>{meaning}</p>}
      <p class="soft">
        {[source, place].filter((part) => part !== undefined).join(' · ')}
        {bits === '' ? null : <span class="mono"> {bits}</span>}
      </p>
    </div>
  );
}

/** What a key does at a row: leads to another, opens the row (true) or closes it (false), or nothing. */
function stepOf(
  key: string,
  row: FieldRow,
  rows: readonly FieldRow[],
  isOpen: boolean,
): FieldRow | boolean | undefined {
  const index = rows.indexOf(row);
  switch (key) {
    case 'ArrowDown':
      return rows[index + 1];
    case 'ArrowUp':
      return rows[index - 1];
    case 'ArrowRight':
      if (!row.hasParts) return undefined;
      return isOpen ? rows[index + 1] : true;
    case 'ArrowLeft':
      return isOpen ? false : rows.find(({ id }) => id === row.parent);
    case 'Enter':
    case ' ':
      return row.hasParts ? !isOpen : undefined;
    case 'Home':
      return rows[0];
    case 'End':
      return rows.at(-1);
    default:
      return undefined;
  }
}

interface TreeProps {
  readonly rows: readonly FieldRow[];
  readonly open: ReadonlySet<string>;
  readonly lit: FieldRow | undefined;
  readonly chosen: string;
  readonly point: (id: string) => void;
  readonly choose: (id: string) => void;
  readonly setRow: (id: string, isOpen: boolean) => void;
}

function Tree({ rows, open, lit, chosen, point, choose, setRow }: TreeProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(
    () => keepInSight(frame.current, frame.current?.querySelector(`[data-row="${chosen}"]`)),
    [chosen],
  );
  const focusable = rows.some(({ id }) => id === chosen) ? chosen : rows[0]?.id;
  const go = (row: FieldRow): void => {
    choose(row.id);
    point('');
    frame.current?.querySelector<HTMLElement>(`[data-row="${row.id}"]`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent, row: FieldRow): void => {
    const step = stepOf(event.key, row, rows, open.has(row.id));
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (typeof step === 'boolean') setRow(row.id, step);
    else go(step);
  };
  return (
    <div ref={frame} class="packet-tree" role="tree" aria-label="Fields of the packet">
      {rows.map((row) => (
        <div
          key={row.id}
          data-row={row.id}
          role="treeitem"
          aria-level={row.depth + 1}
          aria-expanded={row.hasParts ? open.has(row.id) : undefined}
          aria-selected={row.id === chosen}
          tabIndex={row.id === focusable ? 0 : -1}
          class={`packet-row depth-${Math.min(row.depth, 4)}${row === lit ? ' lit' : ''}`}
          onPointerEnter={() => point(row.id)}
          onFocus={() => choose(row.id)}
          onClick={() => {
            choose(row.id);
            if (row.hasParts) setRow(row.id, !open.has(row.id));
          }}
          onKeyDown={(event) => onKeyDown(event, row)}
        >
          <span class="packet-mark" aria-hidden="true">
            {row.hasParts ? (open.has(row.id) ? '▾' : '▸') : ''}
          </span>
          <span class="packet-name">{row.name}</span>
          <span class="packet-value">{row.value}</span>
        </div>
      ))}
    </div>
  );
}

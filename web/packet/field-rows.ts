/** A dissection as the rows of a tree, and which of them holds a byte. */
import type { DissectedField, Dissection } from '../../src/trace/index.js';

/** A layer or a field, at its place in the tree. */
export interface FieldRow {
  /** Its place: numbers from the outermost inwards, with dots between. */
  readonly id: string;
  readonly parent: string;
  /** 0 for a layer. */
  readonly depth: number;
  readonly name: string;
  readonly value: string;
  readonly offset: number;
  readonly length: number;
  readonly mask: number | undefined;
  readonly meaning: string | undefined;
  readonly source: string | undefined;
  readonly hasParts: boolean;
}

/** Every layer and field, each before what it is made of. */
export function rowsOf({ layers }: Dissection): readonly FieldRow[] {
  const rows: FieldRow[] = [];
  for (const [index, layer] of layers.entries()) {
    const { name, summary, offset, length, fields } = layer;
    addRow(rows, { name, value: summary, offset, length, fields }, '', index, 0);
  }
  return rows;
}

function addRow(rows: FieldRow[], field: DissectedField, parent: string, index: number, depth: number): void {
  const id = parent === '' ? String(index) : `${parent}.${index}`;
  const { name, value, offset, length, mask, meaning, source, fields = [] } = field;
  const hasParts = fields.length > 0;
  rows.push({ id, parent, depth, name, value, offset, length, mask, meaning, source, hasParts });
  for (const [at, inner] of fields.entries()) addRow(rows, inner, id, at, depth + 1);
}

/** Options of Multipath TCP are what one comes for: they are open from the start, with the header they stand in and what leads to the chosen row. */
export function openAtFirst(rows: readonly FieldRow[], chosen: string): ReadonlySet<string> {
  const isOpen = ({ id, name, hasParts }: FieldRow): boolean =>
    hasParts &&
    (name === 'TCP' || name === 'options' || isMultipathOption(name) || chosen.startsWith(`${id}.`));
  return new Set(rows.filter(isOpen).map(({ id }) => id));
}

/** Names of the protocol's own options are written in capitals. */
function isMultipathOption(name: string): boolean {
  return /^(MP_|DSS$|ADD_ADDR$|REMOVE_ADDR$)/.test(name);
}

/**
 * The row that is looked at first: the one named (`DSS/checksum`: the one within that), else the first option of Multipath
 * TCP, else the last header.
 */
export function firstChosen(rows: readonly FieldRow[], name = ''): string {
  const [outer, inner] = name.split('/');
  const named = rows.find((row) => row.name === outer);
  const within =
    inner === undefined ? named : rows.find((row) => row.name === inner && row.parent === named?.id);
  const wanted = within ?? rows.find((row) => isMultipathOption(row.name));
  const headers = rows.filter(
    ({ depth, name: layer }) => depth === 0 && layer !== 'payload' && layer !== 'padding',
  );
  return (wanted ?? headers.at(-1))?.id ?? '';
}

/** Rows whose ancestors are all open. */
export function visibleRows(rows: readonly FieldRow[], open: ReadonlySet<string>): readonly FieldRow[] {
  const shown = new Set(['']);
  return rows.filter(({ id, parent }) => {
    if (!shown.has(parent) || (parent !== '' && !open.has(parent))) return false;
    shown.add(id);
    return true;
  });
}

/** The innermost of `rows` that holds the byte. */
export function rowAt(rows: readonly FieldRow[], byte: number): FieldRow | undefined {
  return rows.findLast(({ offset, length }) => byte >= offset && byte < offset + length);
}

/** The bits that a field has of its bytes: `.... 0001`; empty where it has all. */
export function bitsOf(bytes: Uint8Array, { offset, length, mask }: FieldRow): string {
  if (mask === undefined) return '';
  return Array.from(bytes.subarray(offset, offset + length), (byte, index) => {
    const part = (mask >>> ((length - 1 - index) * 8)) & 255;
    const bits = Array.from({ length: 8 }, (_, i) => {
      const bit = 128 >> i;
      return (part & bit) === 0 ? '.' : (byte & bit) === 0 ? '0' : '1';
    }).join('');
    return `${bits.slice(0, 4)} ${bits.slice(4)}`;
  }).join(' ');
}

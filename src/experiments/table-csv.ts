/** The rows of a result as CSV (RFC 4180), for whoever goes on with something else. */

import type { Column, Row } from './experiment.js';

function fieldOf(value: Row[string] | undefined): string {
  const text = value === null || value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A line with the names of the columns, and one for each row; numbers with all their digits. */
export function renderTable(columns: readonly Column[], rows: readonly Row[]): string {
  const lines = rows.map((row) => columns.map(({ name }) => fieldOf(row[name])).join(','));
  return `${[columns.map(({ name }) => fieldOf(name)).join(','), ...lines].join('\r\n')}\r\n`;
}

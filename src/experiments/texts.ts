/** Cells and amounts as a person reads them. */

import type { Check, Column, Row } from './experiment.js';
import type { ComparedValue, Comparison } from './published.js';

/** A cell: numbers to the digits of its column, a dash where there is nothing. */
export function cellText(column: Column, value: Row[string] | undefined): string {
  if (value === null || value === undefined) return '-';
  if (typeof value === 'number') return value.toFixed(column.digits ?? 0);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return value;
}

/** What was measured, or what it was held against: four digits of a fraction. */
export function amountText(value: Check['value']): string {
  return typeof value === 'number' && !Number.isInteger(value) ? value.toPrecision(4) : String(value);
}

const signs = { is: '', 'at least': '≥ ', 'at most': '≤ ' } as const;

/** A published number or ours, with its unit; a dash where there is none. */
export function comparedText(
  { unit, digits }: Pick<Comparison, 'unit' | 'digits'>,
  value: number | null,
  relation: ComparedValue['relation'] = 'is',
): string {
  if (value === null) return '-';
  return `${signs[relation]}${value.toFixed(digits)}${unit === '' ? '' : ` ${unit}`}`;
}

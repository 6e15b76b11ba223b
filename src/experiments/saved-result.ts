/**
 * Results that were written down and are read again. Whoever wrote them, nothing of them is believed: what is no result
 * of an experiment of this program is refused with a sentence, and what is shown is bounded.
 */

import { MILLISECOND } from '../base/index.js';
import type { Check, Experiment, Row } from './experiment.js';
import { type ParameterValue, reportedValue } from './parameter.js';

/** What `subflow experiment run NAME --json` prints, as far as it is needed to show it. */
export interface SavedResult {
  readonly schema: 'subflow/experiment/1';
  readonly name: string;
  readonly seed: number;
  /** By the names that are reported: durations in ms. */
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly rows: readonly Row[];
  readonly checks: readonly Check[];
  /** Paths of SVG files. */
  readonly figures: readonly string[];
  readonly notes: readonly string[];
}

/** Longest text of a result, in characters. */
export const MAX_RESULT_LENGTH = 32e6;
/** Most rows, and most checks, figures and notes each. */
export const MAX_RESULT_ROWS = 100_000;
export const MAX_RESULT_ITEMS = 1000;
/** Most cells of a row, and parameters. */
const MAX_CELLS = 100;
/** Longest text in a cell, a check or a note. */
const MAX_TEXT_LENGTH = 10_000;

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isText = (item: unknown): boolean => typeof item === 'string' && item.length <= MAX_TEXT_LENGTH;

/** Whether `value` may stand in a cell or a check. */
function isPlain(value: unknown): boolean {
  return value === null || typeof value === 'number' || typeof value === 'boolean' || isText(value);
}

function isCheck(value: unknown): boolean {
  if (!isFields(value)) return false;
  const { name, pass, value: measured, bound } = value;
  return isText(name) && typeof pass === 'boolean' && isPlain(measured) && isPlain(bound);
}

function isListOf(isRight: (item: unknown) => boolean, most: number): (list: unknown) => boolean {
  return (list) => Array.isArray(list) && list.length <= most && list.every(isRight);
}

const isRecord = (item: unknown): boolean =>
  isFields(item) && Object.keys(item).length <= MAX_CELLS && Object.values(item).every(isPlain);

/** What each field of a saved result has to be. */
const rules: Readonly<Record<keyof SavedResult, (value: unknown) => boolean>> = {
  schema: (value) => value === 'subflow/experiment/1',
  name: isText,
  seed: Number.isInteger,
  parameters: isRecord,
  rows: isListOf(isRecord, MAX_RESULT_ROWS),
  checks: isListOf(isCheck, MAX_RESULT_ITEMS),
  figures: isListOf(isText, MAX_RESULT_ITEMS),
  notes: isListOf(isText, MAX_RESULT_ITEMS),
};

function isSavedResult(value: unknown): value is SavedResult {
  return isFields(value) && Object.entries(rules).every(([name, isRight]) => isRight(value[name]));
}

/** The result in `text`; undefined where it holds none, or one that is too large. */
export function readSavedResult(text: string): SavedResult | undefined {
  if (text.length > MAX_RESULT_LENGTH) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isSavedResult(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Parameters by their own names again: durations were told in ms. */
export function savedParameters(
  { parameters: declared }: Experiment,
  { parameters: told }: SavedResult,
): Record<string, ParameterValue> {
  return Object.fromEntries(
    Object.entries(declared).flatMap(([name, parameter]) => {
      const value = told[reportedValue(name, parameter, parameter.default)[0]];
      if (value === undefined) return [];
      const isTime = parameter.kind === 'duration' && typeof value === 'number';
      return [[name, isTime ? Math.round(value * MILLISECOND) : value] as const];
    }),
  );
}

/** The name of a figure, by its path: `results/fast-handover-goodput.svg` is `goodput`. */
export function figureName(path: string, experiment: string): string {
  const base = path.replace(/^.*[/\\]/s, '').replace(/\.svg$/, '');
  return base.startsWith(`${experiment}-`) ? base.slice(experiment.length + 1) : base;
}

/** Whether all rows have the columns of `experiment`, of their kinds: those of another version may not. */
export function hasColumns({ columns }: Experiment, rows: readonly Row[]): boolean {
  return rows.every((row) =>
    columns.every(({ name, kind }) => {
      const value = Object.hasOwn(row, name) ? row[name] : undefined;
      return value === null || typeof value === (kind === 'text' ? 'string' : kind);
    }),
  );
}

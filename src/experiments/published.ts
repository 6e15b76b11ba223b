/**
 * Numbers that were published, and ours beside them. Only what a source states, what follows from its equations, or what
 * a program holds itself to stands here, each with the place where it is to be read; nothing is measured off a picture.
 */

import type { BarFigure, Unit } from '../plot/index.js';
import type { Experiment, Row } from './experiment.js';

/** A number, and how ours is found among the rows of a result. */
export interface PublishedValue {
  /** What it is of; unique within its {@link Published}. */
  readonly label: string;
  readonly value: number;
  /** Whether the source says that it is so, that it is more, or that it may be no more. Default `is`. */
  readonly relation?: 'is' | 'at least' | 'at most';
  /** Ours, in the same unit; null where these rows do not have it. */
  readonly ours: (rows: readonly Row[]) => number | null;
}

/** Numbers of one kind from one source. */
export interface Published {
  /** What they count, in a few words. */
  readonly title: string;
  /** Where they are to be read: paper with section, figure or table. */
  readonly source: string;
  /** How they were come by, and what is different here: a sentence. */
  readonly basis: string;
  /** Unit of all of them. Default: none. */
  readonly unit?: Unit;
  /** Decimals that a person sees. Default 2. */
  readonly digits?: number;
  /** At least one. */
  readonly values: readonly PublishedValue[];
}

/** A published number and ours: plain data. */
export interface ComparedValue {
  readonly label: string;
  readonly relation: NonNullable<PublishedValue['relation']>;
  readonly published: number;
  /** Null where the result does not have it. */
  readonly ours: number | null;
}

/** {@link Published} with ours: plain data. */
export interface Comparison extends Required<
  Pick<Published, 'title' | 'source' | 'basis' | 'unit' | 'digits'>
> {
  readonly values: readonly ComparedValue[];
}

/** What was published beside what stands in `rows`; without rows nothing of ours is there. */
export function besidePublished({ published = [] }: Experiment, rows: readonly Row[]): Comparison[] {
  return published.map(({ title, source, basis, unit = '', digits = 2, values }) => ({
    ...{ title, source, basis, unit, digits },
    values: values.map(({ label, value, relation = 'is', ours }) => {
      const own = rows.length === 0 ? null : ours(rows);
      return { label, relation, published: value, ours: own !== null && Number.isFinite(own) ? own : null };
    }),
  }));
}

/** The first cell of `column` that is a number, of a row in which all of `where` holds; null where there is none. */
export function cellOf(rows: readonly Row[], column: string, where: Row): number | null {
  const found = rows.find((row) => Object.entries(where).every(([name, value]) => row[name] === value));
  const cell = found?.[column];
  return typeof cell === 'number' ? cell : null;
}

/** Published and ours side by side, for what both have; undefined where that is less than two numbers, or all are 0. */
export function comparisonFigure({ title, source, unit, values }: Comparison): BarFigure | undefined {
  const both = values.filter(({ ours }) => ours !== null);
  if (both.length < 2 || both.every(({ ours, published }) => ours === 0 && published === 0)) return undefined;
  return {
    ...{ kind: 'bars', title, caption: `Published: ${source}.`, x: { label: '' } },
    y: { label: 'value', unit, low: 0 },
    categories: both.map(({ label }) => label),
    groups: [
      { name: 'published', values: both.map(({ published }) => published) },
      { name: 'ours', values: both.map(({ ours }) => ours!) },
    ],
  };
}

/**
 * What an experiment is: a published result, the world it is reproduced in, and what must come out. It is a pure
 * function of its seed and parameters, but for what it asks of the machine's own kernel.
 */

import { MILLISECOND } from '../base/index.js';
import type { Figure } from '../plot/index.js';
import type { LinuxLab } from './linux-lab.js';
import type { ParameterSet, ParameterValue, ParameterValues } from './parameter.js';
import type { Published } from './published.js';

/** One column of the table. */
export interface Column {
  /** Name of the field in a row, in camel case, the unit last: `gapMs`. */
  readonly name: string;
  /** What stands above the column for a person; with the unit. */
  readonly title: string;
  readonly kind: 'text' | 'number' | 'boolean';
  /** Decimals that a person sees, 0 to 6. Default 0. */
  readonly digits?: number;
}

/** One row: a value for every column; null where there is none to give. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** Something that must hold for the result to count as reproduced. */
export interface Check {
  /** A sentence: what must hold. */
  readonly name: string;
  readonly pass: boolean;
  /** What was measured. */
  readonly value: number | string | boolean;
  /** What it was held against. */
  readonly bound: number | string | boolean;
}

/** What came out. */
export interface ExperimentResult {
  /** At least one; each has exactly the columns of the experiment. */
  readonly rows: readonly Row[];
  /** SVG documents by name, in kebab-case. */
  readonly figures: Readonly<Record<string, string>>;
  /** At least one. */
  readonly checks: readonly Check[];
  /** What was left out, and why; sentences. */
  readonly notes?: readonly string[];
}

/** What an experiment is given when it runs. */
export interface ExperimentContext<P extends ParameterSet = ParameterSet> {
  /** All randomness follows from it. */
  readonly seed: number;
  readonly parameters: ParameterValues<P>;
  /** The machine's own kernel as a subject; undefined where it cannot be one. See {@link noLinux}. */
  readonly linux: LinuxLab | undefined;
  /** Why there is no `linux`: a sentence for {@link ExperimentResult.notes}; empty when there is. */
  readonly noLinux: string;
  /**
   * Says how far it is: `done` of `total` parts, about to do `what`. To be awaited between parts, often enough (every
   * second or so): it is where the program draws breath, and where it stops when it is told to.
   */
  readonly step: (done: number, total: number, what: string) => Promise<void>;
  /**
   * Runs {@link Experiment.trial} for each of `inputs`, on several cores where the program has them, and says how far it
   * is; gives the outputs in the order of the inputs. `nameOf` says what is about to be done.
   */
  readonly runTrials: <I, O>(inputs: readonly I[], nameOf: (input: I) => string) => Promise<O[]>;
}

/** A trial that is done: what went in, and what came out. */
export interface FinishedTrial<I = unknown, O = unknown> {
  readonly input: I;
  readonly output: O;
}

/** An experiment. */
export interface Experiment<P extends ParameterSet = ParameterSet> {
  /** In kebab-case; stable. */
  readonly name: string;
  /** A line. */
  readonly title: string;
  /** Whose result it is: authors, title, where and when published. */
  readonly source: string;
  /** What is done and what should be seen: a few sentences. */
  readonly summary: string;
  readonly parameters: P;
  /**
   * Parameters with which it ends within some ten seconds and still shows what it is about; those that are not named have
   * their defaults. Default: the defaults end soon enough.
   */
  readonly small?: Readonly<Record<string, ParameterValue>>;
  readonly columns: readonly Column[];
  /** Numbers that were published, beside which ours stand. Default: there are none that ours could be held to. */
  readonly published?: readonly Published[];
  /** Whether it is about the machine's own kernel alone, and cannot run without it. Default false. */
  readonly needsLinux?: boolean;
  /**
   * A run that stands by itself, of which the experiment makes many: see {@link ExperimentContext.runTrials}. What goes in
   * and comes out is plain data, since it may happen in another thread; all randomness follows from the input.
   */
  readonly trial?: (input: never) => unknown;
  /**
   * What is known while trials still run, for whoever watches: a figure of the `finished` ones, at least one, in the order
   * in which they ended. It may be asked for after every trial, or never, and decides nothing; one that cannot be drawn,
   * because no trial has given anything yet, is not shown.
   */
  readonly live?: (finished: readonly FinishedTrial<never, never>[]) => Figure;
  /** Runs it. The same seed and parameters give the same result, but for rows that come from `linux`. */
  run(context: ExperimentContext<P>): Promise<ExperimentResult>;
}

/** Gives an experiment whose parameters have their types; in a list all are of one type. */
export function defineExperiment<const P extends ParameterSet>(experiment: Experiment<P>): Experiment {
  return experiment;
}

/** Does `run` for each of `items` in turn, having said what comes; gives the results in the same order. */
export async function runEach<T, R>(
  step: ExperimentContext['step'],
  items: readonly T[],
  nameOf: (item: T) => string,
  run: (item: T) => R,
): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) {
    await step(results.length, items.length, nameOf(item));
    results.push(run(item));
  }
  return results;
}

/** A time in ns as a row has it: in ms, or null where there is none. */
export function inMs(ns: number | null | undefined): number | null {
  return ns === undefined || ns === null ? null : ns / MILLISECOND;
}

/** A check that `value` is at most `bound`. */
export function atMost(name: string, value: number, bound: number): Check {
  return { name, pass: value <= bound, value, bound };
}

/** A check that `value` is at least `bound`. */
export function atLeast(name: string, value: number, bound: number): Check {
  return { name, pass: value >= bound, value, bound };
}

/** A check that `value` is `bound`. */
export function equals<T extends number | string | boolean>(name: string, value: T, bound: T): Check {
  return { name, pass: value === bound, value, bound };
}

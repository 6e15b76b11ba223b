/** Runs an experiment: parameters completed and checked before, the result held to its declaration after. */

import { assert, SubflowError } from '../base/index.js';
import type { Experiment, ExperimentContext, ExperimentResult, FinishedTrial, Row } from './experiment.js';
import type { LinuxLab } from './linux-lab.js';
import { completeParameters, type ParameterSet, type ParameterValue } from './parameter.js';

/**
 * Runs {@link Experiment.trial} for each of `inputs`; gives the outputs in the same order. To be awaited before each:
 * `begin`, with its index; to be called after each: `end`, with its index and what came out.
 */
export type TrialRunner = (
  experiment: Experiment,
  inputs: readonly unknown[],
  begin: (index: number) => Promise<void>,
  end: (index: number, output: unknown) => void,
) => Promise<unknown[]>;

/** How to run. */
export interface RunOptions {
  /** A whole number from 0 to 2^32 - 1. Default 1. */
  readonly seed?: number;
  /** What differs from the defaults. */
  readonly parameters?: Readonly<Record<string, ParameterValue>>;
  /** The machine's kernel, or a sentence that says why it is left out. */
  readonly linux?: LinuxLab | string;
  /** See {@link ExperimentContext.step}. Default: goes on at once. */
  readonly step?: ExperimentContext['step'];
  /** Told after each trial which ones are done, of those that run together, in the order in which they ended. */
  readonly watch?: (finished: readonly FinishedTrial[]) => void;
  /** How trials are run. Default: one after the other, here. */
  readonly trials?: TrialRunner;
}

/** One after the other, here. */
export const runInTurn: TrialRunner = async ({ trial }, inputs, begin, end) => {
  const outputs: unknown[] = [];
  for (const [index, input] of inputs.entries()) {
    await begin(index);
    outputs.push(trial!(input as never));
    end(index, outputs[index]);
  }
  return outputs;
};

/** What came out, with what went in. */
export interface ExperimentReport extends Required<ExperimentResult> {
  readonly experiment: Experiment;
  readonly seed: number;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  /** Whether every check passed. */
  readonly pass: boolean;
}

/** Runs `experiment`. Throws ERR_SUBFLOW_PARAMETER for a seed or parameter that makes no sense, ERR_SUBFLOW_NEEDS_KERNEL without one. */
export async function runExperiment(
  experiment: Experiment,
  options: RunOptions = {},
): Promise<ExperimentReport> {
  const { seed = 1, linux = 'No kernel was asked for.', step = () => Promise.resolve() } = options;
  const { trials = runInTurn } = options;
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff) {
    throw new SubflowError(
      'ERR_SUBFLOW_PARAMETER',
      `a seed is a whole number from 0 to 4294967295, not ${seed}`,
    );
  }
  const parameters = completeParameters(experiment.parameters, options.parameters ?? {});
  if (experiment.needsLinux === true && typeof linux === 'string') {
    throw new SubflowError(
      'ERR_SUBFLOW_NEEDS_KERNEL',
      `${experiment.name} is about the machine's own kernel`,
      {
        hint: linux,
      },
    );
  }
  const result = await experiment.run({
    seed,
    parameters: parameters as ExperimentContext<ParameterSet>['parameters'],
    linux: typeof linux === 'string' ? undefined : linux,
    noLinux: typeof linux === 'string' ? linux : '',
    step,
    runTrials: <I, O>(inputs: readonly I[], nameOf: (input: I) => string) => {
      const finished: FinishedTrial[] = [];
      const begin = (index: number): Promise<void> => step(index, inputs.length, nameOf(inputs[index]!));
      const end = (index: number, output: unknown): void => {
        finished.push({ input: inputs[index], output });
        options.watch?.(finished);
      };
      return trials(experiment, inputs, begin, end) as Promise<O[]>;
    },
  });
  requireDeclared(experiment, result);
  const pass = result.checks.every((check) => check.pass);
  return { ...result, notes: result.notes ?? [], experiment, seed, parameters, pass };
}

/** A result that does not keep to its declaration is a bug of the experiment. */
function requireDeclared(experiment: Experiment, { rows, checks, figures }: ExperimentResult): void {
  const { name, columns } = experiment;
  assert(rows.length > 0, `${name} gave no rows`);
  assert(checks.length > 0, `${name} checked nothing`);
  const names = columns.map((column) => column.name).sort();
  for (const row of rows) {
    assert(
      Object.keys(row).sort().join() === names.join(),
      `${name} gave a row with ${Object.keys(row).join()} for columns ${names.join()}`,
    );
    for (const { name: column, kind } of columns) requireKind(name, row, column, kind);
  }
  for (const figure of Object.keys(figures)) {
    assert(/^[a-z0-9]+(-[a-z0-9]+)*$/.test(figure), `${name} named a figure '${figure}'`);
  }
}

function requireKind(experiment: string, row: Row, column: string, kind: string): void {
  const value = row[column];
  if (value === null) return;
  const isRight = kind === 'text' ? typeof value === 'string' : typeof value === kind;
  assert(isRight && !Number.isNaN(value), `${experiment} gave ${String(value)} for column ${column}`);
}

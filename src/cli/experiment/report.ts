/** Results of experiments as an HTML page: of a run that is just over, and of runs whose JSON was kept. */

import { readFileSync } from 'node:fs';
import {
  type Check,
  type Experiment,
  type ExperimentReport,
  findExperiment,
  flagName,
  type Parameter,
  type ParameterValue,
  renderReport,
  type ReportedFigure,
  type ReportedParameter,
  type ReportedResult,
  reportedValue,
  type Row,
} from '../../experiments/index.js';
import { MILLISECOND } from '../../base/index.js';
import { FailureError } from '../errors.js';
import { writeOutput } from '../output-file.js';
import { readVersion } from '../version.js';
import { typed } from './flags.js';

/** What there is of a result beside what its experiment declares. */
type Outcome = Pick<ExperimentReport, 'seed' | 'parameters' | 'rows' | 'checks' | 'notes'>;

function valueText(parameter: Parameter, value: ParameterValue): string {
  return parameter.kind === 'choice' || typeof value === 'string' ? String(value) : typed(parameter, value);
}

/** A result as the page has it. */
export function reportedResult(
  experiment: Experiment,
  { seed, parameters, rows, checks, notes }: Outcome,
  figures: readonly ReportedFigure[],
): ReportedResult {
  const shown = Object.entries(experiment.parameters).map(([name, parameter]): ReportedParameter => {
    const value = parameters[name] ?? parameter.default;
    return {
      ...{ flag: `--${flagName(name, parameter)}`, value: valueText(parameter, value) },
      ...{ isDefault: value === parameter.default, doc: parameter.doc },
    };
  });
  const given = shown.filter(({ isDefault }) => !isDefault).map(({ flag, value }) => ` ${flag} ${value}`);
  const { name, title, source, summary, columns } = experiment;
  return {
    ...{ name, title, source, summary, columns, seed, rows, checks, notes, figures },
    parameters: shown,
    commandLine: `subflow experiment run ${name}${given.join('')} --seed ${seed}`,
  };
}

/** Writes the page of `results`. Throws a {@link FailureError}. */
export function writeReport(path: string, results: readonly ReportedResult[]): void {
  writeOutput(path, renderReport(results, `subflow ${readVersion()}`));
}

/** What `subflow experiment run NAME --json` printed, as far as a page needs it. */
interface SavedResult {
  readonly schema: 'subflow/experiment/1';
  readonly name: string;
  readonly seed: number;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly rows: readonly Row[];
  readonly checks: readonly Check[];
  readonly figures: readonly string[];
  readonly notes: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether `value` may stand in a cell or a check. */
function isPlain(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function isCheck(value: unknown): boolean {
  if (!isFields(value)) return false;
  const { name, pass, value: measured, bound } = value;
  return typeof name === 'string' && typeof pass === 'boolean' && isPlain(measured) && isPlain(bound);
}

function isListOf(isRight: (item: unknown) => boolean): (list: unknown) => boolean {
  return (list) => Array.isArray(list) && list.every(isRight);
}

const isText = (item: unknown): boolean => typeof item === 'string';
const isRecord = (item: unknown): boolean => isFields(item) && Object.values(item).every(isPlain);

/** What each field of a saved result has to be. */
const rules: Readonly<Record<keyof SavedResult, (value: unknown) => boolean>> = {
  schema: (value) => value === 'subflow/experiment/1',
  name: isText,
  seed: Number.isInteger,
  parameters: isRecord,
  rows: isListOf(isRecord),
  checks: isListOf(isCheck),
  figures: isListOf(isText),
  notes: isListOf(isText),
};

function isSavedResult(value: unknown): value is SavedResult {
  return isFields(value) && Object.entries(rules).every(([name, isRight]) => isRight(value[name]));
}

function readText(path: string, hint = ''): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new FailureError(`cannot read ${path}: ${(error as Error).message}`, { hint, cause: error });
  }
}

function parseResult(path: string): SavedResult {
  const text = readText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (isSavedResult(value)) return value;
  throw new FailureError(`${path} holds no result of an experiment`, {
    hint: 'it is what subflow experiment run NAME --json prints',
  });
}

/** Parameters by their own names again: durations were told in ms. */
function parametersOf({ parameters: declared }: Experiment, told: SavedResult['parameters']) {
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
function figureName(path: string, experiment: string): string {
  const base = path.replace(/^.*\//, '').replace(/\.svg$/, '');
  return base.startsWith(`${experiment}-`) ? base.slice(experiment.length + 1) : base;
}

/** A result that was saved, with the figures that it names. Throws a {@link FailureError}, and for unknown experiments. */
export function readResult(path: string): ReportedResult {
  const saved = parseResult(path);
  const experiment = findExperiment(saved.name);
  const figures = saved.figures.map((figure) => ({
    name: figureName(figure, saved.name),
    svg: readText(figure, `${path} names it; run from the folder that the experiment was run in`),
  }));
  return reportedResult(
    experiment,
    { ...saved, parameters: parametersOf(experiment, saved.parameters) },
    figures,
  );
}

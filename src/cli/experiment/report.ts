/** Results of experiments as an HTML page: of a run that is just over, and of runs whose JSON was kept. */

import { readFileSync } from 'node:fs';
import {
  figureName,
  findExperiment,
  readSavedResult,
  renderReport,
  reportedResult,
  type ReportedResult,
  type SavedResult,
  savedParameters,
} from '../../experiments/index.js';
import { FailureError } from '../errors.js';
import { writeOutput } from '../output-file.js';
import { readVersion } from '../version.js';

/** Writes the page of `results`. Throws a {@link FailureError}. */
export function writeReport(path: string, results: readonly ReportedResult[]): void {
  writeOutput(path, renderReport(results, `subflow ${readVersion()}`));
}

function readText(path: string, hint = ''): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new FailureError(`cannot read ${path}: ${(error as Error).message}`, { hint, cause: error });
  }
}

function parseResult(path: string): SavedResult {
  const saved = readSavedResult(readText(path));
  if (saved !== undefined) return saved;
  throw new FailureError(`${path} holds no result of an experiment`, {
    hint: 'it is what subflow experiment run NAME --json prints',
  });
}

/** A result that was saved, with the figures that it names. Throws a {@link FailureError}, and for unknown experiments. */
export function readResult(path: string): ReportedResult {
  const saved = parseResult(path);
  const experiment = findExperiment(saved.name);
  const figures = saved.figures.map((figure) => ({
    name: figureName(figure, saved.name),
    svg: readText(figure, `${path} names it; run from the folder that the experiment was run in`),
  }));
  return reportedResult(experiment, { ...saved, parameters: savedParameters(experiment, saved) }, figures);
}

/** Results as reports have them: for a page, and for scripts. */

import type { Experiment } from '../experiment.js';
import { flagName, reportedValue } from '../parameter.js';
import { commandLine, writeParameter } from '../parameter-text.js';
import { besidePublished } from '../published.js';
import type { ExperimentReport } from '../run.js';
import type { ReportedFigure, ReportedParameter, ReportedResult } from './render.js';

/** What there is of a result beside what its experiment declares. */
export type Outcome = Pick<ExperimentReport, 'seed' | 'parameters' | 'rows' | 'checks' | 'notes'>;

/** A result as the page has it. */
export function reportedResult(
  experiment: Experiment,
  { seed, parameters, rows, checks, notes }: Outcome,
  figures: readonly ReportedFigure[],
): ReportedResult {
  const shown = Object.entries(experiment.parameters).map(([name, parameter]): ReportedParameter => {
    const value = parameters[name] ?? parameter.default;
    return {
      ...{ flag: `--${flagName(name, parameter)}`, value: writeParameter(parameter, value) },
      ...{ isDefault: value === parameter.default, doc: parameter.doc },
    };
  });
  const { name, title, source, summary, columns } = experiment;
  return {
    ...{ name, title, source, summary, columns, seed, rows, checks, notes, figures },
    parameters: shown,
    published: besidePublished(experiment, rows),
    commandLine: commandLine(experiment, { seed, parameters }),
  };
}

/** Where parts of a result were written to. */
export interface WrittenFiles {
  readonly figures: readonly string[];
  /** The HTML page; undefined where none was asked for. */
  readonly page?: string | undefined;
}

/** The result for scripts: an object that `subflow experiment report` and the lab read again. */
export function resultReport(
  experiment: Experiment,
  { seed, parameters, rows, checks, notes }: Outcome,
  { figures, page }: WrittenFiles,
): Record<string, unknown> {
  return {
    schema: 'subflow/experiment/1',
    name: experiment.name,
    source: experiment.source,
    seed,
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([name, value]) =>
        reportedValue(name, experiment.parameters[name]!, value),
      ),
    ),
    ...{ rows, figures, checks, published: besidePublished(experiment, rows), notes },
    ...(page !== undefined && { report: page }),
  };
}

/** What the experiment commands print: tables for people, objects for scripts. */

import {
  amountText,
  cellText,
  type Check,
  type Column,
  type Experiment,
  type ExperimentReport,
  flagName,
  reportedValue,
  type Row,
  type WrittenFiles,
} from '../../experiments/index.js';
import { tableLines } from '../table.js';

/** A table with aligned columns: numbers to the right. */
export function tableText(columns: readonly Column[], rows: readonly Row[]): string {
  const lines = tableLines(
    columns.map(({ title, kind }) => ({ title, isNumber: kind === 'number' })),
    rows.map((row) => columns.map((column) => cellText(column, row[column.name]))),
  );
  return lines.join('\n');
}

function checkLine({ name, pass, value, bound }: Check): string {
  return `  ${pass ? 'ok    ' : 'FAILED'}  ${name}: ${amountText(value)} (bound ${amountText(bound)})`;
}

/** The result for a person. */
export function resultText(report: ExperimentReport, { figures, page }: WrittenFiles): string {
  const { experiment, seed, rows, checks, notes } = report;
  return [
    `${experiment.title} (seed ${seed})`,
    `After ${experiment.source}.`,
    '',
    tableText(experiment.columns, rows),
    '',
    ...checks.map(checkLine),
    ...notes.map((note) => `Note: ${note}`),
    ...figures.map((path) => `Figure: ${path}`),
    ...(page === undefined ? [] : [`Report: ${page}`]),
  ].join('\n');
}

/** The list for a person. */
export function listText(experiments: readonly Experiment[]): string {
  const width = Math.max(...experiments.map(({ name }) => name.length));
  return experiments
    .map(({ name, title, source }) => `${name.padEnd(width)}  ${title}\n${' '.repeat(width)}  ${source}`)
    .join('\n');
}

/** The list for scripts. */
export function listReport(experiments: readonly Experiment[]): Record<string, unknown> {
  return {
    schema: 'subflow/experiment-list/1',
    experiments: experiments.map(({ name, title, source, summary, parameters, columns }) => ({
      ...{ name, title, source, summary },
      parameters: Object.entries(parameters).map(([key, parameter]) => {
        const [reported, value] = reportedValue(key, parameter, parameter.default);
        return { name: reported, flag: `--${flagName(key, parameter)}`, default: value, doc: parameter.doc };
      }),
      columns: columns.map((column) => ({ name: column.name, kind: column.kind, title: column.title })),
    })),
  };
}

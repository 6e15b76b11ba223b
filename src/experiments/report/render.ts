/**
 * Results of experiments as one HTML page that is complete in itself: what was done, how to do it again, tables, checks and
 * figures. It has no script, and its Content Security Policy forbids all but its own style and the figures in it, whatever
 * the texts say. The same results give the same bytes: there is no date in it.
 */

import { escapeText, sha256Base64 } from '../../plot/index.js';
import type { Check, Column, Row } from '../experiment.js';
import type { ComparedValue, Comparison } from '../published.js';
import { amountText, cellText, comparedText } from '../texts.js';
import { svgText, svgUrl, table, tag } from './html.js';
import { reportStyle } from './style.js';

/** A parameter as it was used. */
export interface ReportedParameter {
  /** As on the command line: `--wifi-delay`. */
  readonly flag: string;
  /** Its value, with its unit. */
  readonly value: string;
  readonly isDefault: boolean;
  /** What it is. */
  readonly doc: string;
}

/** A figure of a result. */
export interface ReportedFigure {
  readonly name: string;
  /** An SVG document. It is shown as an image, so that nothing in it runs or reaches the page. */
  readonly svg: string;
}

/** One result. */
export interface ReportedResult {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly summary: string;
  readonly seed: number;
  /** What gives the same result again. */
  readonly commandLine: string;
  readonly parameters: readonly ReportedParameter[];
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly checks: readonly Check[];
  readonly figures: readonly ReportedFigure[];
  readonly notes: readonly string[];
  /** What was published, with ours beside it. */
  readonly published: readonly Comparison[];
}

function resultTable({ columns, rows }: ReportedResult): string {
  const kindOf = ({ kind }: Column): string => (kind === 'number' ? 'number' : '');
  return table(
    columns.map((column) => tag('th', column.title, kindOf(column))),
    rows.map((row) => columns.map((column) => tag('td', cellText(column, row[column.name]), kindOf(column)))),
  );
}

function checkTable(checks: readonly Check[]): string {
  return table(
    ['', 'what must hold', 'measured', 'bound'].map((title, at) => tag('th', title, at > 1 ? 'number' : '')),
    checks.map(({ name, pass, value, bound }) => [
      pass ? tag('td', '✓ holds', 'good') : tag('td', '✗ fails', 'bad'),
      tag('td', name),
      ...[value, bound].map((amount) => tag('td', amountText(amount), 'number')),
    ]),
  );
}

function publishedTable(comparison: Comparison): string {
  const { title, source, basis, values } = comparison;
  const cells = ({ label, relation, published, ours }: ComparedValue): string[] => [
    tag('td', label),
    tag('td', comparedText(comparison, published, relation), 'number'),
    tag('td', comparedText(comparison, ours), 'number'),
  ];
  return [
    tag('p', `${title}. ${basis} After ${source}.`),
    table(
      ['', 'published', 'ours'].map((head, at) => tag('th', head, at > 0 ? 'number' : '')),
      values.map(cells),
    ),
  ].join('\n');
}

function parameterTable(parameters: readonly ReportedParameter[]): string {
  return table(
    ['flag', 'value', '', 'what it is'].map((title) => tag('th', title)),
    parameters.map(({ flag, value, isDefault, doc }) =>
      [flag, value, isDefault ? 'default' : 'given', doc].map((text) => tag('td', text)),
    ),
  );
}

function figureElement({ name, svg }: ReportedFigure): string {
  const alt = escapeText(svgText(svg) ?? name);
  return `<figure><img src="${svgUrl(svg)}" alt="${alt}">${tag('figcaption', name)}</figure>`;
}

function section(result: ReportedResult, id: string): string {
  const { parameters, figures, notes, published } = result;
  const parts = [
    `<section id="${id}">`,
    tag('h2', result.title),
    tag('p', result.summary),
    '<dl>',
    tag('dt', 'Source') + tag('dd', result.source),
    `${tag('dt', 'Command')}<dd>${tag('code', result.commandLine)}</dd>`,
    tag('dt', 'Seed') + tag('dd', String(result.seed)),
    '</dl>',
    tag('h3', 'Checks'),
    checkTable(result.checks),
  ];
  if (published.length > 0)
    parts.push(tag('h3', 'Beside what was published'), ...published.map(publishedTable));
  if (figures.length > 0) parts.push(tag('h3', 'Figures'), ...figures.map(figureElement));
  parts.push(tag('h3', 'Table'), resultTable(result));
  if (parameters.length > 0) parts.push(tag('h3', 'Parameters'), parameterTable(parameters));
  if (notes.length > 0) parts.push(tag('h3', 'Notes'), ...notes.map((note) => tag('p', note)));
  return [...parts, '</section>'].join('\n');
}

/** Names of the sections: that of the experiment, with a number where it comes again. */
function sectionIds(results: readonly ReportedResult[]): string[] {
  const seen = new Map<string, number>();
  return results.map(({ name }) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    const bare = name.replace(/[^a-z0-9-]/g, '');
    return count === 1 ? bare : `${bare}.${count}`;
  });
}

/** What several results come to, with a link to each. */
function overview(results: readonly ReportedResult[], ids: readonly string[]): string {
  return table(
    ['experiment', 'seed', 'checks'].map((title) => tag('th', title)),
    results.map(({ title, seed, checks }, at) => {
      const failed = checks.filter(({ pass }) => !pass).length;
      return [
        `<td><a href="#${ids[at]!}">${escapeText(title)}</a></td>`,
        tag('td', String(seed), 'number'),
        failed === 0
          ? tag('td', `✓ all ${checks.length} hold`, 'good')
          : tag('td', `✗ ${failed} of ${checks.length} fail`, 'bad'),
      ];
    }),
  );
}

/** The page for `results`, at least one, in their order. `program` says what made it: name and version. */
export function renderReport(results: readonly ReportedResult[], program: string): string {
  const ids = sectionIds(results);
  const title = results.length === 1 ? `Experiment ${results[0]!.name}` : 'Results of experiments';
  const allowed = `img-src data:; style-src 'sha256-${sha256Base64(reportStyle)}'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; ${allowed}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
${tag('title', title)}
<style>${reportStyle}</style>
</head>
<body>
${tag('h1', title)}
${results.length === 1 ? '' : `${overview(results, ids)}\n`}<main>
${results.map((result, at) => section(result, ids[at]!)).join('\n')}
</main>
${tag('p', `Made by ${program}.`, 'soft')}
</body>
</html>
`;
}

/** Makes docs/conformance.md of the requirements, the scripts and the recorded differences. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { coverageOf } from './coverage.js';
import { documents } from './requirements/index.js';
import type { Exemption, Requirement, RequirementDocument } from './requirements/requirement.js';
import { conformanceFolder, loadScript, scriptFiles } from './runner/scripts.js';

const root = join(conformanceFolder, '..', '..');

/** What hosts do otherwise than scripts say, and why: by host and script. */
export interface Deviations {
  readonly ours: Readonly<Record<string, string>>;
  readonly linux: Readonly<Record<string, string>>;
  /** What the document says to each difference of Linux, with the section that decides: written by hand. */
  readonly linuxReasons: Readonly<Record<string, string>>;
  /** The kernel that `linux` was recorded with, as in `6.18`. */
  readonly linuxRelease: string;
}

export function readDeviations(): Deviations {
  return JSON.parse(readFileSync(join(conformanceFolder, 'deviations.json'), 'utf8')) as Deviations;
}

/** Whether a test of the file with this `source` has the title: not merely a comment, nor a part of a longer title. */
function isTitle(source: string, title: string): boolean {
  const quoted = [`'${title}'`, `"${title}"`, `\`${title}\``];
  return quoted.some((text) => new RegExp(`\\b(it|test)\\b[^;]{0,3000}$`).test(before(source, text)));
}

/** What stands before `text`; empty when it is not there. */
function before(source: string, text: string): string {
  const at = source.indexOf(text);
  return at < 0 ? '' : source.slice(Math.max(0, at - 3020), at);
}

/** What is wrong with a reference to a test: undefined when there is such a test. */
export function referenceProblem(reference: string): string | undefined {
  const [file, ...rest] = reference.split(' › ');
  if (rest.length === 0) {
    return existsSync(join(conformanceFolder, `${reference}.script`)) ? undefined : `no script ${reference}`;
  }
  const path = join(root, file!);
  if (!existsSync(path)) return `no file ${file!}`;
  const title = rest.at(-1)!;
  return title !== '' && isTitle(readFileSync(path, 'utf8'), title)
    ? undefined
    : `no test "${title}" in ${file!}`;
}

/** Whether tests show that our stack follows the rule. */
export function isShown({ tests, gap }: Requirement, deviations: Deviations): boolean {
  if (gap !== undefined && tests.length === 0) return false;
  return tests.length > 0 && !tests.every((test) => `${test}.script` in deviations.ours);
}

function link(reference: string): string {
  const [file, ...rest] = reference.split(' › ');
  return rest.length === 0
    ? `[${reference.split('/').at(-1)!}](../test/conformance/${reference}.script)`
    : `[${file!.split('/').at(-1)!}](../${file!}) › ${rest.join(' › ')}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** `3.1 8`, `3.1 9`, `3.7 1` as `§3.1 8 9; §3.7 1`. */
export function placeText(statements: readonly string[]): string {
  const sections = new Map<string, string[]>();
  for (const statement of statements) {
    const [section, name] = statement.split(' ') as [string, string];
    sections.set(section, [...(sections.get(section) ?? []), name]);
  }
  return [...sections].map(([section, names]) => `§${section} ${names.join(' ')}`).join('; ');
}

function row(requirement: Requirement, deviations: Deviations): string {
  const { id, section, statements, levels, text, tests, gap } = requirement;
  const shown = tests.map(link);
  const otherwise = tests.flatMap((test) => deviations.ours[`${test}.script`] ?? []);
  const notes = [...(gap === undefined ? [] : [gap]), ...otherwise].map((note) => `_Gap:_ ${note}`);
  const what = isShown(requirement, deviations)
    ? [...shown, ...notes.map((n) => n.replace('_Gap:_', '_Note:_'))]
    : notes;
  const where = statements.length === 0 ? `§${section}` : placeText(statements);
  return `| \`${id}\` | ${where} | ${levels.join(', ')} | ${cell(text)} | ${cell(what.join('<br>'))} |`;
}

function isStrict({ levels }: Requirement): boolean {
  return levels.some((level) => level.startsWith('MUST'));
}

function summary(deviations: Deviations): string[] {
  const lines = [
    '| Document | Statements | By own rules | By rules of another document | Not for us | Rules | Shown | MUST shown | Gaps |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
  ];
  for (const document of documents) {
    const { all, ruled, elsewhere, exempt } = coverageOf(document);
    const { number, requirements } = document;
    const shown = requirements.filter((one) => isShown(one, deviations));
    const must = requirements.filter(isStrict);
    const mustShown = must.filter((one) => isShown(one, deviations));
    const counts = [all.length, ruled.size, elsewhere.size, exempt.size, requirements.length, shown.length];
    const gaps = requirements.length - shown.length;
    lines.push(`| RFC ${number} | ${counts.join(' | ')} | ${mustShown.length} of ${must.length} | ${gaps} |`);
  }
  return lines;
}

/** How many statements each section has, for whoever counts them in the text. */
function countLine({ record }: RequirementDocument): string {
  const counts = [...record].map(([section, words]) => `§${section}: ${words.size}`);
  return `Statements by section: ${counts.join(', ')}.`;
}

function exemptionRow({ statements, reason, elsewhere }: Exemption): string {
  const why = reason ?? `See ${elsewhere!.map((id) => `\`${id}\``).join(', ')}.`;
  return `| ${placeText(statements)} | ${cell(why)} |`;
}

function section(document: RequirementDocument, deviations: Deviations): string[] {
  const { number, title, scope, requirements, exemptions } = document;
  return [
    '',
    `## RFC ${number}: ${title}`,
    '',
    ...(scope === undefined ? [] : [scope, '']),
    countLine(document),
    '',
    '| Rule | Statements | Level | What it says | Shown by |',
    '| --- | --- | --- | --- | --- |',
    ...requirements.map((one) => row(one, deviations)),
    ...(exemptions.length === 0
      ? []
      : [
          '',
          '| Other statements | Why there is no rule |',
          '| --- | --- |',
          ...exemptions.map(exemptionRow),
        ]),
  ];
}

function scriptTable(): string[] {
  const lines = ['', '## The scripts', '', '| Section | Shows | Script |', '| --- | --- | --- |'];
  for (const file of scriptFiles()) {
    for (const { section: where, text } of loadScript(file).requirements) {
      lines.push(`| ${where} | ${cell(text)} | [${file}](../test/conformance/${file}) |`);
    }
  }
  return lines;
}

function differences(
  title: string,
  words: string,
  list: Readonly<Record<string, string>>,
  reasons?: Readonly<Record<string, string>>,
): string[] {
  const entries = Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    '',
    `## ${title}`,
    '',
    words,
    '',
    ...(entries.length === 0
      ? ['None.']
      : [
          reasons === undefined
            ? '| Script | What happens instead |'
            : '| Script | What happens instead | What decides |',
          reasons === undefined ? '| --- | --- |' : '| --- | --- | --- |',
          ...entries.map(([file, what]) => {
            const reason = reasons === undefined ? '' : ` ${cell(reasons[file] ?? '')} |`;
            return `| [${file}](../test/conformance/${file}) | ${cell(what)} |${reason}`;
          }),
        ]),
  ];
}

/** The text of docs/conformance.md. */
export function conformanceTable(): string {
  const deviations = readDeviations();
  const scripts = scriptFiles().length;
  const lines = [
    '# Conformance',
    '',
    '<!-- Generated by `npm run conformance`. Do not edit: change test/conformance/requirements and the scripts. -->',
    '',
    'What the documents demand of a host, in our own words, and the tests that show that ours does it. A rule without a test',
    `is a gap, with its reason. ${scripts} scripts stand behind the table; [test/conformance/README.md](../test/conformance/README.md)`,
    'says how they are written and run. The same scripts run against Linux; what it does otherwise is listed at the end.',
    '',
    'A statement is a place where the document uses a word of RFC 2119 that binds (all but MAY and OPTIONAL). It is named by its',
    'section and its number there, or by the label that RFC 9293 gives it. Every statement of every document below is covered by',
    'a rule, by a rule of another document, or listed with the reason why it is not for us: a test counts them. Rules without a',
    'statement (level `says`) are of what the document describes in other words. Whoever has the text of a document can print',
    'each of its statements with the rules that cover it: `npm run conformance -- statements rfc8684.txt`.',
    '',
    ...summary(deviations),
    ...documents.flatMap((document) => section(document, deviations)),
    ...differences(
      'Where our stack differs',
      'These scripts say what the document asks for; our stack does something else, for the reason given. A test checks that the list is complete and that nothing on it has become true.',
      deviations.ours,
    ),
    ...differences(
      'Where Linux differs',
      `What Linux ${deviations.linuxRelease} did when the scripts were last run against it (\`npm run conformance -- linux --record\`, as root). Each line says which section decides, and whether it leaves the choice to the host. Scripts that need settings or calls which Linux does not have, or that last long, are left out.`,
      deviations.linux,
      deviations.linuxReasons,
    ),
    ...scriptTable(),
    '',
  ];
  return lines.join('\n');
}

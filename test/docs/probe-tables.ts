/** The tables of docs/probe.md: where boxes are found, from `subflow experiment run`, and what is known of stacks. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { knownStacks, reactionText, scenarios } from '../../src/probe/index.js';
import { root } from './pages.js';

export const pagePath = join(root, 'docs', 'probe.md');

/** A row of the experiment `middlebox-location`. */
export interface Located {
  readonly behaviour: string;
  readonly found: string;
  readonly [link: `link${number}`]: string | null;
}

/** What stands before and behind a table, each on a line of its own. */
const marks = (name: string) =>
  [
    `<!-- The table of ${name} is written by: npm run probe-tables -->`,
    `<!-- End of the table of ${name}. -->`,
  ] as const;

const links = [1, 2, 3, 4, 5] as const;

const cells: Readonly<Record<string, string>> = {
  located: 'hit',
  noticed: 'no place',
  misplaced: 'elsewhere',
  missed: 'miss',
};

/** Runs the experiment. */
export function runLocation(): Promise<Located[]> {
  const args = ['bin/subflow.js', 'experiment', 'run', 'middlebox-location', '--no-figures', '--json'];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: root, maxBuffer: 1 << 24 }, (error, out) => {
      if (out === '') reject(error ?? new Error('the experiment said nothing'));
      else resolve((JSON.parse(out) as { rows: Located[] }).rows);
    });
  });
}

/** Lines of the table of boxes, its head first. */
export function boxLines(rows: readonly Located[]): string[][] {
  return [
    ['Box', ...links.map((link) => `Link ${link}`), 'Found as'],
    ...rows.map((row) => [
      row.behaviour,
      ...links.map((link) => cells[row[`link${link}`] ?? ''] ?? ''),
      row.found,
    ]),
  ];
}

/** Lines of the table of reactions, its head first. */
export function reactionLines(): string[][] {
  const columns = knownStacks.flatMap(({ reactions, title }) =>
    ([1, 0] as const).flatMap((version) => {
      const known = reactions[version];
      return known === undefined ? [] : [{ title: `${title}, version ${version}`, known }];
    }),
  );
  return [
    ['Scenario', ...columns.map(({ title }) => title)],
    ...scenarios.map(({ name }) => [
      name,
      ...columns.map(({ known }) => (known[name] === undefined ? 'not known' : reactionText(known[name]))),
    ]),
  ];
}

/** `page` with the table `name` made anew. */
export function withTable(page: string, name: string, lines: readonly (readonly string[])[]): string {
  const [begin, end] = marks(name);
  const [before, rest] = [page.split(begin)[0]!, page.split(end)[1]!];
  const [head, ...body] = lines;
  const rows = [head!, head!.map(() => '---'), ...body].map((row) => `| ${row.join(' | ')} |`);
  return `${before}${begin}\n\n${rows.join('\n')}\n\n${end}${rest}`;
}

/** The lines of the table `name` as the page has them. */
export function documentedLines(name: string): string[][] {
  const page = readFileSync(pagePath, 'utf8');
  const [begin, end] = marks(name);
  return page
    .slice(page.indexOf(begin), page.indexOf(end))
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| -+/.test(line))
    .map((line) => line.split('|').slice(1, -1))
    .map((row) => row.map((cell) => cell.trim()));
}

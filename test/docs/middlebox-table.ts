/** The table of docs/middleboxes.md, from what `subflow experiment run middleboxes` says. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { middleboxBehaviours, type Placement, placements } from '../../src/network/index.js';
import { root } from './pages.js';

/** A row of the experiment. */
export interface Reported {
  readonly behaviour: string;
  readonly place: string;
  readonly stack: 'subflow' | 'linux';
  readonly reaction: string;
  readonly bytesIntact: boolean;
  readonly changedAsPlainTcp: boolean;
}

/** What stands before and behind the table, each on a line of its own. */
const begin = '<!-- The table is written by: npm run middleboxes -->';
const end = '<!-- End of the table. -->';

/** Between what our stack does and what Linux does otherwise, in one cell. */
const otherwise = ' · Linux: ';

const titles: Readonly<Record<Placement, string>> = {
  only: 'Only path',
  first: 'First of two',
  second: 'Second of two',
};

/** Where the page is. */
export const pagePath = join(root, 'docs', 'middleboxes.md');

/** Runs the experiment, without Linux for `--no-linux`. */
export function runMiddleboxes(...flags: readonly string[]): Promise<Reported[]> {
  const args = ['bin/subflow.js', 'experiment', 'run', 'middleboxes', '--no-figures', '--json', ...flags];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: root, maxBuffer: 1 << 24 }, (error, out) => {
      if (out === '') reject(error ?? new Error('the experiment said nothing'));
      else resolve((JSON.parse(out) as { rows: Reported[] }).rows);
    });
  });
}

function textOf({ bytesIntact, changedAsPlainTcp, reaction }: Reported): string {
  return `${reaction}${bytesIntact ? (changedAsPlainTcp ? ' ¹' : '') : ' ²'}`;
}

/** What stands in the cell of a box at a place: our stack, and Linux where it was seen to do otherwise. */
function cellOf(rows: readonly Reported[], behaviour: string, place: Placement): string {
  const found = rows.filter((row) => row.behaviour === behaviour && row.place === place);
  const [ours, linux] = (['subflow', 'linux'] as const).map((stack) => {
    const row = found.find((each) => each.stack === stack);
    return row === undefined ? undefined : textOf(row);
  });
  return linux === undefined || linux === ours ? ours! : `${ours!}${otherwise}${linux}`;
}

/** The lines of the table below its head, as cells. */
export function cellsOf(rows: readonly Reported[]): string[][] {
  return middleboxBehaviours.map(({ name, summary }) => [
    name,
    summary,
    ...placements.map((place) => cellOf(rows, name, place)),
  ]);
}

/** `page` with the table made anew. */
export function withTable(page: string, rows: readonly Reported[]): string {
  const [before, rest] = [page.split(begin)[0]!, page.split(end)[1]!];
  const head = ['Behaviour', 'What the box does', ...placements.map((place) => titles[place])];
  const lines = [head, head.map(() => '---'), ...cellsOf(rows)].map((cells) => `| ${cells.join(' | ')} |`);
  return `${before}${begin}\n\n${lines.join('\n')}\n\n${end}${rest}`;
}

/** The cells that the page has now, without what Linux does otherwise. */
export function documentedCells(): string[][] {
  const page = readFileSync(pagePath, 'utf8');
  return page
    .slice(page.indexOf(begin), page.indexOf(end))
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().split(otherwise)[0]!));
}

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { middleboxBehaviours, placements } from '../../src/network/index.js';

const root = join(import.meta.dirname, '..', '..');

interface Reported {
  readonly behaviour: string;
  readonly place: string;
  readonly reaction: string;
  readonly bytesIntact: boolean;
  readonly changedAsPlainTcp: boolean;
}

/** The cells of each line of the table in docs/middleboxes.md, without its head. */
function documentedRows(): string[][] {
  return readFileSync(join(root, 'docs', 'middleboxes.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map((cells) => cells.slice(1, -1))
    .filter(([name]) => name !== 'Behaviour' && !name!.startsWith('-'));
}

function runMiddleboxes(): Promise<Reported[]> {
  const args = ['bin/subflow.js', 'experiment', 'run', 'middleboxes', '--no-linux', '--no-figures', '--json'];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: root, maxBuffer: 1 << 24 }, (error, out) => {
      if (error !== null) reject(error);
      else resolve((JSON.parse(out) as { rows: Reported[] }).rows);
    });
  });
}

describe('the table of middleboxes in the documentation', () => {
  it('is what `subflow experiment run middleboxes` prints, and no byte was wrong', async () => {
    const rows = await runMiddleboxes();
    const cell = (behaviour: string, place: string): string => {
      const row = rows.find((one) => one.behaviour === behaviour && one.place === place)!;
      return row.changedAsPlainTcp ? `${row.reaction} ¹` : row.reaction;
    };
    const printed = middleboxBehaviours.map(({ name, summary }) => [
      name,
      summary,
      ...placements.map((place) => cell(name, place)),
    ]);
    expect(documentedRows()).toEqual(printed);
    expect(rows.filter(({ bytesIntact }) => !bytesIntact)).toEqual([]);
  }, 180_000);
});

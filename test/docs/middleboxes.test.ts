import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { middleboxBehaviours } from '../../src/network/index.js';
import {
  cellsOf,
  documentedCells,
  pagePath,
  type Reported,
  runMiddleboxes,
  withTable,
} from './middlebox-table.js';

/** A row for every box at every place, where both stacks do as `row` says of ours, but for `linux`. */
function rowsOf(linux: Partial<Reported>): Reported[] {
  return middleboxBehaviours.flatMap(({ name }) =>
    ['only', 'first', 'second'].flatMap((place) => {
      const ours = { behaviour: name, place, reaction: 'fell back', bytesIntact: true } as const;
      const row: Reported = { ...ours, stack: 'subflow', changedAsPlainTcp: false };
      return [row, { ...row, ...linux, stack: 'linux' } as const];
    }),
  );
}

describe('the table of middleboxes in the documentation', () => {
  it('is what `subflow experiment run middleboxes` prints, and no byte was wrong', async () => {
    const rows = await runMiddleboxes('--no-linux');
    expect(documentedCells()).toEqual(cellsOf(rows));
    expect(rows.filter(({ bytesIntact }) => !bytesIntact)).toEqual([]);
  }, 180_000);

  it('tells what Linux does otherwise, and marks what was wrong', () => {
    expect(cellsOf(rowsOf({}))[0]!.slice(2)).toEqual(['fell back', 'fell back', 'fell back']);
    const cell = (linux: Partial<Reported>): string => cellsOf(rowsOf(linux))[0]![2]!;
    expect(cell({ reaction: 'connection lost' })).toBe('fell back · Linux: connection lost');
    expect(cell({ bytesIntact: false })).toBe('fell back · Linux: fell back ²');
    expect(cell({ changedAsPlainTcp: true })).toBe('fell back · Linux: fell back ¹');
  });

  it('is replaced in its page, and nothing else is', () => {
    const page = readFileSync(pagePath, 'utf8');
    const anew = withTable(page, rowsOf({}));
    expect(anew).not.toBe(page);
    expect(withTable(anew, rowsOf({}))).toBe(anew);
    expect(anew.split('## Reactions')[0]).toBe(page.split('## Reactions')[0]);
    expect(anew.split('## All pairs')[1]).toBe(page.split('## All pairs')[1]);
  });
});

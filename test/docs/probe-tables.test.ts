import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  boxLines,
  documentedLines,
  pagePath,
  reactionLines,
  runLocation,
  withTable,
} from './probe-tables.js';

describe('the tables of the probe in the documentation', () => {
  it('have every box at every link as `subflow experiment run middlebox-location` prints it', async () => {
    const lines = boxLines(await runLocation());
    expect(documentedLines('boxes')).toEqual(lines);
    const all = lines.slice(1).flatMap((row) => row.slice(1, 6));
    const hits = all.filter((cell) => cell === 'hit').length;
    const misses = all.filter((cell) => cell === 'miss').length;
    expect(all).not.toContain('elsewhere');
    const page = readFileSync(pagePath, 'utf8');
    expect(page).toContain(`${hits} hits, ${misses} misses`);
  }, 120_000);

  it('have the known reactions of stacks', () => {
    expect(documentedLines('reactions')).toEqual(reactionLines());
  });

  it('are replaced, and nothing else is', () => {
    const page = readFileSync(pagePath, 'utf8');
    const anew = withTable(page, 'boxes', [['Box'], ['one']]);
    expect(anew).toContain('| one |');
    expect(withTable(anew, 'boxes', [['Box'], ['one']])).toBe(anew);
    expect(anew.split('## The path')[0]).toBe(page.split('## The path')[0]);
  });
});

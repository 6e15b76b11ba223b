/** docs/trace.md and the analyser name the same findings and columns. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findingCodes } from '../../src/trace/index.js';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'trace.md'), 'utf8');
const rows = (section: string): string[][] =>
  page
    .split(/^## /m)
    .find((part) => part.startsWith(section))!
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()));

describe('docs/trace.md', () => {
  it('lists every finding with what it says, and no other', () => {
    const listed = rows('Findings').map((cells) => [cells[1]!.replaceAll('`', ''), cells[2]!]);
    expect(listed).toEqual(Object.entries(findingCodes));
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { documents } from './requirements/index.js';
import { scriptFiles } from './runner/scripts.js';
import { conformanceTable, readDeviations, referenceProblem } from './table.js';

const path = join(import.meta.dirname, '../../docs/conformance.md');

describe('the table of conformance', () => {
  it('is what the requirements and the scripts say now: run npm run conformance', () => {
    expect(readFileSync(path, 'utf8') === conformanceTable()).toBe(true);
  });

  it('cites tests that exist', () => {
    const problems = documents.flatMap(({ requirements }) =>
      requirements.flatMap(({ tests }) => tests.flatMap((test) => referenceProblem(test) ?? [])),
    );
    expect(problems).toEqual([]);
  });

  it('has tests or a reason for every rule', () => {
    const bare = documents.flatMap(({ requirements }) =>
      requirements.filter(({ tests, gap }) => tests.length === 0 && gap === undefined),
    );
    expect(bare).toEqual([]);
  });

  it('lists differences of scripts that exist', () => {
    const { ours, linux } = readDeviations();
    const files = scriptFiles();
    expect([...Object.keys(ours), ...Object.keys(linux)].filter((file) => !files.includes(file))).toEqual([]);
  });

  it('rests on at least 150 scripts', () => {
    expect(scriptFiles().length).toBeGreaterThanOrEqual(150);
  });
});

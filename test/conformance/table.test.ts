import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { coverageOf, misplaced, unaccounted } from './coverage.js';
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

  it('accounts for every statement of every document, once for each reason', () => {
    for (const document of documents) {
      const coverage = coverageOf(document);
      expect([document.number, unaccounted(coverage)]).toEqual([document.number, []]);
      expect([document.number, misplaced(coverage)]).toEqual([document.number, []]);
      expect(coverage.all.length).toBeGreaterThan(10);
    }
  });

  it('gives each rule an ID of its own, and refers to rules that exist', () => {
    const ids = documents.flatMap(({ requirements }) => requirements.map(({ id }) => id));
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    expect(ids.filter((id) => !/^\d{4}-[a-z0-9]+(-[a-z0-9]+)*$/.test(id))).toEqual([]);
    const references = documents.flatMap(({ exemptions }) =>
      exemptions.flatMap(({ elsewhere }) => elsewhere ?? []),
    );
    expect(references.filter((id) => !ids.includes(id))).toEqual([]);
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

  it('says which section decides each difference of Linux', () => {
    const { linux, linuxReasons } = readDeviations();
    expect(Object.keys(linux).filter((file) => !/^RFC \d{4} §/.test(linuxReasons[file] ?? ''))).toEqual([]);
    expect(Object.keys(linuxReasons).filter((file) => !(file in linux))).toEqual([]);
  });

  it('rests on at least 300 scripts', () => {
    expect(scriptFiles().length).toBeGreaterThanOrEqual(300);
  });
});

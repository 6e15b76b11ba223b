import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  figureName,
  findExperiment,
  hasColumns,
  MAX_RESULT_LENGTH,
  MAX_RESULT_ROWS,
  readSavedResult,
  renderTable,
  resultReport,
  runExperiment,
  savedParameters,
} from './index.js';

const whole = {
  ...{ schema: 'subflow/experiment/1', name: 'nat64', seed: 1, parameters: { sizeBytes: 1e6, delayMs: 10 } },
  ...{ rows: [{ variant: 'a', gapMs: null }], figures: ['results/nat64-delivered.svg'], notes: ['Note.'] },
  checks: [{ name: 'holds', pass: true, value: 1, bound: 2 }],
};
const read = (changes: object) => readSavedResult(JSON.stringify({ ...whole, ...changes }));

describe('a result that was written down', () => {
  it('is read again, with the parameters that it had', async () => {
    const experiment = findExperiment('fast-open');
    const parameters = { answerBytes: 1000, delayNs: 12.5e6 };
    const report = await runExperiment(experiment, { seed: 5, parameters });
    const text = JSON.stringify(resultReport(experiment, report, { figures: [] }));
    const saved = readSavedResult(text)!;
    expect(saved).toMatchObject({ seed: 5, rows: report.rows, checks: report.checks });
    expect(savedParameters(experiment, saved)).toEqual(report.parameters);
    expect(hasColumns(experiment, saved.rows)).toBe(true);
  });

  it.each([
    ['no JSON', 'text'],
    ['a list', '[]'],
    ['null', 'null'],
    ['another schema', JSON.stringify({ ...whole, schema: 'subflow/demo/1' })],
    ['something too long', ' '.repeat(MAX_RESULT_LENGTH) + JSON.stringify(whole)],
  ])('is not %s', (_what, text) => {
    expect(readSavedResult(text)).toBeUndefined();
  });

  it.each([
    { name: 7 },
    { seed: 1.5 },
    { seed: '1' },
    { parameters: [] },
    { parameters: { a: {} } },
    { rows: {} },
    { rows: [[]] },
    { rows: [{ a: [] }] },
    { rows: [Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`c${at}`, 1]))] },
    { rows: [{ a: 'x'.repeat(10_001) }] },
    { rows: Array(MAX_RESULT_ROWS + 1).fill({}) },
    { checks: [{ name: 'a', pass: 'yes', value: 1, bound: 1 }] },
    { checks: [{ name: 'a', pass: true, value: {}, bound: 1 }] },
    { figures: [7] },
    { notes: undefined },
  ])('is none when a part of it is not what it should be (%#)', (changes) => {
    expect(read({})).toBeDefined();
    expect(read(changes)).toBeUndefined();
  });

  it('is refused or read, never more, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(...Object.keys(whole)), (json, field) => {
        readSavedResult(json);
        read({ [field]: JSON.parse(json) as unknown });
      }),
    );
  });

  it('has the columns of its experiment, each of its kind', () => {
    const experiment = findExperiment('nat64');
    const row = { variant: 'a', ipv4Bytes: 1, ipv6Bytes: null, goodputBps: 2, gapMs: 3, completed: true };
    expect(hasColumns(experiment, [row])).toBe(true);
    expect(hasColumns(experiment, [row, { ...row, completed: 'yes' }])).toBe(false);
    expect(hasColumns(experiment, [{ variant: 'a' }])).toBe(false);
  });

  it('names its figures by the paths that they were written to', () => {
    expect(figureName('results/nat64-delivered.svg', 'nat64')).toBe('delivered');
    expect(figureName('C:\\results\\nat64-delivered.svg', 'nat64')).toBe('delivered');
    expect(figureName('other.svg', 'nat64')).toBe('other');
  });
});

describe('a table as CSV', () => {
  it('has all digits, nothing where there is nothing, and quotes what needs it', () => {
    const columns = [
      { name: 'a', title: 'A', kind: 'text' },
      { name: 'b', title: 'B', kind: 'number' },
    ] as const;
    const rows = [
      { a: 'one, "two"\n', b: 0.125 },
      { a: 'plain', b: null },
    ];
    expect(renderTable(columns, rows)).toBe('a,b\r\n"one, ""two""\n",0.125\r\nplain,\r\n');
  });
});

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Finished, runSubflow } from '../../../test/support/subflow-command.js';
import {
  defineExperiment,
  equals,
  findExperiment,
  resultReport,
  runExperiment,
  writeQuantity,
} from '../../experiments/index.js';
import { StepLine } from './step-line.js';
import { resultText, tableText } from './text.js';

const folder = mkdtempSync(join(tmpdir(), 'subflow-experiment-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const subflow = (...args: string[]): Promise<Finished> => runSubflow(folder, ['experiment', ...args]);

/** What a result has beside its name, where nothing came out. */
const empty = { rows: [], checks: [], figures: [], notes: [] };

const quick = ['run', 'fast-handover', '--size', '2M', '--runs', '1', '--no-linux'];

describe('subflow experiment', () => {
  it('lists what there is, with sources', async () => {
    const text = await subflow('list');
    expect(text.status).toBe(0);
    expect(text.out).toMatch(/^fast-handover\s+How long/m);
    const { schema, experiments } = JSON.parse((await subflow('list', '--json')).out) as {
      schema: string;
      experiments: { name: string; source: string }[];
    };
    expect(schema).toBe('subflow/experiment-list/1');
    for (const { source } of experiments) expect(source).not.toBe('');
  });

  it('gives scripts one object, and figures where it says', async () => {
    const result = await subflow(...quick, '--json', '--seed', '4', '--output', 'some/where');
    expect(result).toMatchObject({ status: 0, err: '' });
    const report = JSON.parse(result.out) as { rows: { gapMs: number }[]; figures: string[] };
    expect(report).toMatchObject({
      ...{ schema: 'subflow/experiment/1', name: 'fast-handover', seed: 4 },
      parameters: { sizeBytes: 2_000_000, runs: 1, wifiDelayMs: 10, wifiRateBps: 20e6 },
      figures: ['some/where/fast-handover-sequence.svg', 'some/where/fast-handover-goodput.svg'],
    });
    expect(report.rows[0]!.gapMs).toBeGreaterThan(0);
    for (const path of report.figures) expect(readFileSync(join(folder, path), 'utf8')).toMatch(/^<svg /);
  });

  it('gives a person a table and checks, and writes nothing where that is asked for', async () => {
    const before = readdirSync(folder);
    const result = await subflow(...quick, '--no-figures');
    expect(result).toMatchObject({ status: 0, err: '' });
    expect(result.out).toMatch(/^mode +detection/m);
    expect(result.out).toMatch(/^ {2}ok /m);
    expect(readdirSync(folder)).toEqual(before);
  });

  it('runs trials on all cores, with the rows that they have on one', async () => {
    const sizes = [
      '--min-window',
      '50k',
      '--max-window',
      '50k',
      '--warm-up',
      '0s',
      '--duration',
      '1s',
      '--runs',
      '1',
    ];
    const result = await subflow('run', 'receive-window', ...sizes, '--no-figures', '--json', '--seed', '5');
    expect(result.err).toBe('');
    const { rows } = JSON.parse(result.out) as { rows: object[] };
    const parameters = { minWindowBytes: 50e3, maxWindowBytes: 50e3, warmUpNs: 0, durationNs: 1e9, runs: 1 };
    const here = await runExperiment(findExperiment('receive-window'), { seed: 5, parameters });
    expect(rows).toEqual(here.rows);
    expect(rows).toHaveLength(5);
  });

  it('writes all of it as one page, the same for the same seed, and from its JSON too', async () => {
    const run = (...more: string[]) => subflow(...quick, '--seed', '4', '--output', 'of-report', ...more);
    const first = await run('--report', 'first.html');
    expect(first).toMatchObject({ status: 0, err: '' });
    expect(first.out).toMatch(/^Report: first\.html$/m);
    const page = readFileSync(join(folder, 'first.html'), 'utf8');
    expect(page).toContain('subflow experiment run fast-handover --size 2M --runs 1 --seed 4');
    expect(page.match(/<figure>/g)).toHaveLength(2);

    const saved = await run('--json', '--report', 'second.html');
    expect(readFileSync(join(folder, 'second.html'), 'utf8')).toBe(page);
    expect(JSON.parse(saved.out)).toMatchObject({ report: 'second.html' });
    writeFileSync(join(folder, 'result.json'), saved.out);
    const report = await subflow('report', 'result.json', '--output', 'third.html');
    expect(report).toEqual({ status: 0, err: '', out: 'Report: third.html\n' });
    expect(readFileSync(join(folder, 'third.html'), 'utf8')).toBe(page);

    await subflow('report', 'result.json', 'result.json', '--output', 'both.html');
    const both = readFileSync(join(folder, 'both.html'), 'utf8');
    expect(both.match(/<section /g)).toHaveLength(2);
  });

  it.each([
    ['nothing.json', undefined, /^subflow: cannot read nothing\.json: ENOENT/],
    [
      'text.json',
      'text',
      /^subflow: text\.json holds no result of an experiment; it is what .* --json prints\n$/,
    ],
    ['other.json', '{"schema":"subflow/demo/1"}', /^subflow: other\.json holds no result/],
    ['list.json', '[]', /^subflow: list\.json holds no result/],
    [
      'unknown.json',
      JSON.stringify({
        ...{ schema: 'subflow/experiment/1', name: 'no-such-thing', seed: 1, parameters: {} },
        ...empty,
      }),
      /no experiment 'no-such-thing'/,
    ],
    [
      'figure.json',
      JSON.stringify({
        ...{ schema: 'subflow/experiment/1', name: 'fast-handover', seed: 1, parameters: {}, ...empty },
        figures: ['gone.svg'],
      }),
      /^subflow: cannot read gone\.svg: .*figure\.json names it/,
    ],
  ])('makes no page of %s, and says why in one line', async (name, text, says) => {
    if (text !== undefined) writeFileSync(join(folder, name), text);
    const result = await subflow('report', name, '--output', 'none.html');
    expect(result.status).not.toBe(0);
    expect(result.err).toMatch(says);
    expect(result.err.trim().split('\n')).toHaveLength(1);
    expect(existsSync(join(folder, 'none.html'))).toBe(false);
  });

  it('runs in shards, whose files give what one run gives, to the byte', async () => {
    const small = ['--environment', 'low-bdp-no-loss', '--sets', '3', '--runs', '1', '--size', '500k'];
    const run = ['run', 'experimental-design', ...small, '--seed', '3', '--json', '--output'];
    const [whole, first, second] = await Promise.all([
      subflow(...run, 'whole'),
      subflow(...run, 'shards', '--shard', '1/2'),
      subflow(...run, 'shards', '--shard', '2/2'),
    ]);
    expect(first).toMatchObject({ status: 0, err: '' });
    expect(JSON.parse(first.out)).toEqual({
      ...{ schema: 'subflow/experiment-shard/1', name: 'experimental-design', seed: 3, shard: 1, shards: 2 },
      ...{ trials: 2, totalTrials: 3, file: 'shards/experimental-design-shard-1-of-2.jsonl' },
    });
    expect(JSON.parse(second.out)).toMatchObject({ shard: 2, trials: 1 });
    const files = [2, 1].map((index) => `shards/experimental-design-shard-${index}-of-2.jsonl`);
    const text = readFileSync(join(folder, files[0]!), 'utf8');
    writeFileSync(join(folder, 'torn.jsonl'), text.slice(0, -20));
    const [merged, missing, torn] = await Promise.all([
      subflow('merge', ...files, '--output', 'merged', '--json'),
      subflow('merge', files[1]!, '--no-figures'),
      subflow('merge', files[1]!, 'torn.jsonl', '--no-figures'),
    ]);
    expect({ ...merged, out: merged.out.replaceAll('merged/', 'whole/') }).toEqual(whole);
    const figure = (from: string): string =>
      readFileSync(join(folder, from, 'experimental-design-benefit.svg'), 'utf8');
    expect(figure('merged')).toBe(figure('whole'));
    expect(missing.err).toMatch(/^subflow: of 2 shards these are missing: 2; .*\n$/);
    expect(missing.status).toBe(1);
    expect(torn.err).toMatch(/^subflow: torn.jsonl is not whole/);
    expect(torn.status).toBe(1);
  }, 600_000);

  it.each([
    [['merge'], /missing required argument 'files'/],
    [['merge', 'no-such-file', '--no-figures'], /no-such-file cannot be read/],
    [['merge', 'some.svg', '--no-figures'], /some.svg is no file of a shard/],
    [['run', 'nat64', '--shard', '1/2'], /nat64 has no trials to share out/],
    [['run', 'bonding', '--shard', '3/2'], /--shard 3\/2 asks for shard 3 of 2/],
  ])('answers %j with one line and status 2 too', async (args, says) => {
    writeFileSync(join(folder, 'some.svg'), '<svg></svg>');
    const result = await subflow(...args);
    expect(result.err).toMatch(says);
    expect(result.err.trim().split('\n')).toHaveLength(1);
    expect(result.status).toBe(2);
  });

  it('says that a folder cannot be made where the system makes none', async () => {
    const result = await subflow(...quick, '--output', '/proc/figures');
    expect(result.status).not.toBe(0);
    expect(result.err).toMatch(/^subflow: cannot write to \/proc\/figures/);
  });

  it('says why in one line, with status 1, when the figures have no place', async () => {
    writeFileSync(join(folder, 'file'), '');
    const result = await subflow(...quick, '--output', 'file/figures');
    expect(result.status).toBe(1);
    expect(result.err).toMatch(/^subflow: cannot write to file\/figures: .*--no-figures\n$/);
    expect(existsSync(join(folder, 'results'))).toBe(false);
  });

  it.each([
    [['run'], /missing required argument 'name'/],
    [['run', 'no-such-thing'], /no experiment 'no-such-thing'; there are: .*fast-handover/],
    [['run', 'fast-handover', '--size', 'big'], /'big' is not a size/],
    [['run', 'fast-handover', '--size', '1'], /--size lies from 500k to 200M, not at '1'/],
    [['run', 'fast-handover', '--runs', '1.5'], /--runs is a whole number/],
    [['run', 'fast-handover', '--seed', '-1'], /'-1'/],
    [['run', 'fast-handover', '--zzz', '1'], /unknown option '--zzz'/],
    [['run', 'fast-handover', 'twice'], /too many arguments/],
    [['frobnicate'], /unknown command 'frobnicate'/],
  ])('answers %j with one line and status 2', async (args, says) => {
    const result = await subflow(...args);
    expect(result.err).toMatch(says);
    expect(result.err.trim().split('\n')).toHaveLength(1);
    expect(result.status).toBe(2);
  });

  it('explains the flags of an experiment', async () => {
    const help = await subflow('run', 'fast-handover', '--help');
    expect(help.status).toBe(0);
    for (const text of ['Paasch', '--wifi-delay <time>', '0ms to 1s; default 10ms', '--output']) {
      expect(help.out.replace(/\s+/g, ' ')).toContain(text);
    }
  });
});

describe('a result', () => {
  const experiment = defineExperiment({
    ...{ name: 'x', title: 'X', source: 'Somebody, 2020', summary: '', parameters: {} },
    columns: [
      { name: 'stack', title: 'stack', kind: 'text' },
      { name: 'gapMs', title: 'gap (ms)', kind: 'number', digits: 1 },
      { name: 'intact', title: 'intact', kind: 'boolean' },
    ],
    run: async () => ({
      rows: [
        { stack: 'subflow', gapMs: 12.34, intact: true },
        { stack: 'linux', gapMs: null, intact: false },
      ],
      figures: {},
      checks: [equals('two is one', 2, 1)],
      notes: ['Something was left out.'],
    }),
  });

  it('is a table with aligned columns', async () => {
    const { rows } = await runExperiment(experiment);
    expect(tableText(experiment.columns, rows).split('\n')).toEqual([
      'stack    gap (ms)  intact',
      '-------  --------  ------',
      'subflow      12.3  yes',
      'linux           -  no',
    ]);
  });

  it('names checks that failed and what was left out', async () => {
    const report = await runExperiment(experiment);
    expect(report.pass).toBe(false);
    expect(resultText(report, { figures: [] })).toMatch(/FAILED {2}two is one: 2 \(bound 1\)/);
    expect(resultText(report, { figures: [] })).toContain('Note: Something was left out.');
    expect(resultReport(report.experiment, report, { figures: ['a.svg'] })).toMatchObject({
      checks: [{ name: 'two is one', pass: false, value: 2, bound: 1 }],
      figures: ['a.svg'],
      notes: ['Something was left out.'],
    });
  });
});

describe('quantities in the help', () => {
  it.each([
    ['rate', 20e6, '20M'],
    ['rate', 1.5e6, '1.5M'],
    ['size', 1234, '1234'],
    ['duration', 2.5e9, '2.5s'],
    ['duration', 25e6, '25ms'],
    ['number', 3, '3'],
  ] as const)('%s %d is %s', (kind, value, text) => {
    expect(writeQuantity({ kind, default: 0, min: 0, max: 0, doc: '' }, value)).toBe(text);
  });
});

describe('progress', () => {
  function record(isTTY: boolean, wanted: boolean) {
    const written: string[] = [];
    const line = new StepLine({ isTTY, columns: 20, write: (text) => written.push(text) > 0 }, wanted);
    return { written, line };
  }

  it('is one line on a terminal, cut to its width and cleared at the end', async () => {
    const { written, line } = record(true, true);
    await line.step(1, 3, 'a very long description of what is next');
    line.end();
    expect(written).toEqual(['\r\x1b[2K 33 %  a very long ', '\r\x1b[2K']);
  });

  it.each([
    [false, true],
    [true, false],
  ])('is silent with a terminal %s and wanted %s', async (isTTY, wanted) => {
    const { written, line } = record(isTTY, wanted);
    await line.step(1, 3, 'x');
    line.end();
    expect(written).toEqual([]);
  });
});

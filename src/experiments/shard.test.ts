import { describe, expect, it } from 'vitest';
import { defineExperiment, type ExperimentContext, equals } from './experiment.js';
import { runExperiment } from './run.js';
import { mergeShards, type NamedShard, runShard } from './shard.js';
import { readShardFile, type ShardFile, trialsOfShard, writeShardFile } from './shard-file.js';

const parameters = {
  trials: { kind: 'number', default: 7, min: 1, max: 99, whole: true, doc: 'trials' },
  factor: { kind: 'number', default: 2, min: 0, max: 9, doc: 'factor' },
} as const;

/** What the trials were asked, in order. */
let asked: number[] = [];

/** Sums up what its trials give, and then has one more lot of trials that follows from it. */
const summing = defineExperiment({
  ...{ name: 'summing', title: 'x', source: 'x', summary: 'x', parameters },
  columns: [
    { name: 'sum', title: 'sum', kind: 'number' },
    { name: 'text', title: 'text', kind: 'text' },
  ],
  trial: (input: number) => {
    asked.push(input);
    return { square: input / 3, none: null, words: ['ä', '\n'] };
  },
  run: async ({ seed, parameters: { trials, factor }, runTrials }: ExperimentContext<typeof parameters>) => {
    const inputs = Array.from({ length: trials }, (_, index) => seed + factor * index);
    const outputs = await runTrials<number, { square: number; words: string[] }>(inputs, String);
    const sum = outputs.reduce((total, { square }) => total + square, 0);
    const more = await runTrials<number, { square: number }>([sum], String);
    const text = outputs.map(({ words }) => words.join()).join();
    return { rows: [{ sum: more[0]!.square, text }], figures: {}, checks: [equals('it holds', true, true)] };
  },
});

const options = { seed: 5, parameters: { trials: 10 } };

async function shardsOf(count: number, given: object = options): Promise<NamedShard[]> {
  const shards: NamedShard[] = [];
  for (let index = 1; index <= count; index++) {
    const text = writeShardFile(await runShard(summing, given, { index, count }));
    shards.push({ ...readShardFile(text, `shard-${index}`), file: `shard-${index}` });
  }
  return shards;
}

describe('shards of an experiment', () => {
  it.each([1, 2, 3, 10, 13])('%d of them, merged, give what one run gives', async (count) => {
    const whole = await runExperiment(summing, options);
    const shards = await shardsOf(count);
    asked = [];
    expect(await mergeShards(summing, shards.reverse())).toEqual(whole);
    // Nothing is run again but what follows from the trials that were shared out.
    expect(asked).toHaveLength(1);
  });

  it('have every trial once, and run no others', async () => {
    const places = [1, 2, 3, 4].flatMap((index) => trialsOfShard({ index, count: 4 }, 10));
    expect(places.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    asked = [];
    await runShard(summing, options, { index: 2, count: 4 });
    expect(asked).toEqual([7, 15, 23]);
  });

  it('say how far they are by the places of their trials', async () => {
    const said: string[] = [];
    const step = async (done: number, total: number, what: string): Promise<void> => {
      said.push(`${done}/${total} ${what}`);
    };
    await runShard(summing, { ...options, step }, { index: 4, count: 4 });
    expect(said).toEqual(['3/10 11', '7/10 19']);
  });

  it('are refused for an experiment without trials', async () => {
    const without: { -readonly [Field in keyof typeof summing]: (typeof summing)[Field] } = { ...summing };
    delete without.trial;
    await expect(runShard(without, {}, { index: 1, count: 2 })).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_SHARD_NONE',
    });
  });

  it('let errors of the experiment pass', async () => {
    const wrong = { parameters: { trials: 0 } };
    await expect(runShard(summing, wrong, { index: 1, count: 2 })).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_PARAMETER',
    });
  });
});

describe('a merge', () => {
  it.each<[string, (shards: NamedShard[]) => Promise<NamedShard[]> | NamedShard[], string, RegExp]>([
    ['a shard that is missing', (all) => all.slice(1), 'MISSING', /of 3 shards these are missing: 1/],
    ['a shard twice', (all) => [...all, { ...all[1]!, file: 'copy' }], 'TWICE', /shard-2 and copy .*shard 2/],
    [
      'a shard of another seed',
      async (all) => [...all.slice(1), (await shardsOf(3, { seed: 6 }))[0]!],
      'FOREIGN',
      /shard-1 is of 3 shards of summing \(seed 6\), not 3 shards of summing \(seed 5\) as shard-2/,
    ],
    [
      'a shard of another count',
      async (all) => [...all, (await shardsOf(4))[3]!],
      'FOREIGN',
      /4 shards of summing/,
    ],
    [
      'a shard with other parameters',
      async (all) => [...all.slice(1), (await shardsOf(3, { seed: 5, parameters: { trials: 9 } }))[0]!],
      'FOREIGN',
      /other parameters/,
    ],
    [
      'shards of a version that runs other trials',
      (all) => all.map((shard) => ({ ...shard, header: { ...shard.header, inputs: 'other' } })),
      'FOREIGN',
      /another version of summing/,
    ],
  ])('of %s is refused', async (_what, change, reason, says) => {
    const given = await change(await shardsOf(3));
    const merged = mergeShards(summing, given);
    await expect(merged).rejects.toMatchObject({ code: `ERR_SUBFLOW_SHARD_${reason}` });
    await expect(merged).rejects.toThrow(says);
  });

  it('names no more missing shards than one can read', async () => {
    const [shard] = await shardsOf(1);
    const many = { ...shard!, header: { ...shard!.header, shard: { index: 1, count: 500 } } };
    await expect(mergeShards(summing, [many])).rejects.toThrow(/20, 21 and 479 more$/);
  });
});

describe('the file of a shard', () => {
  const file: ShardFile = {
    header: {
      ...{ name: 'x', seed: 1, parameters: { a: 1, b: 'c' }, shard: { index: 1, count: 2 } },
      ...{ totalTrials: 4, inputs: 'f' },
    },
    trials: [
      { trial: 0, output: { a: 0.1 + 0.2, b: [1e300, -5e-324], c: null } },
      { trial: 2, output: 'a line\nand another' },
    ],
  };
  const text = writeShardFile(file);

  it('says what was written, to the last bit', () => {
    expect(readShardFile(text, 'f')).toEqual(file);
  });

  it('that is cut short anywhere is found out', () => {
    for (let length = 0; length < text.length; length++) {
      expect(() => readShardFile(text.slice(0, length), 'f'), String(length)).toThrow(
        expect.objectContaining({ code: 'ERR_SUBFLOW_SHARD_TORN' }),
      );
    }
  });

  it('that was changed is found out', () => {
    for (const [from, to] of [
      ['"seed":1', '"seed":2'],
      ['1e+300', '1e+301'],
    ] as const) {
      expect(text).toContain(from);
      expect(() => readShardFile(text.replace(from, to), 'f')).toThrow(
        expect.objectContaining({ code: 'ERR_SUBFLOW_SHARD_TORN' }),
      );
    }
    expect(() => readShardFile(`${text}x`, 'f')).toThrow(/not whole/);
    expect(() => readShardFile(`${text}\n`, 'f')).toThrow(/not whole/);
  });

  it.each(['something', '{}', '[]', 'null', '{"schema":"subflow/experiment/1"}\n'])('is not %j', (other) => {
    expect(() => readShardFile(other, 'some.svg')).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_SHARD_FOREIGN' }),
    );
  });

  it.each([
    [NaN],
    [undefined],
    [() => 1],
    [new Map()],
    [[undefined]],
    [{ a: Infinity }],
    [new Uint8Array(1)],
  ])('is not written with %s, which it could not hold', (output) => {
    expect(() => writeShardFile({ ...file, trials: [{ trial: 0, output }] })).toThrow(/cannot hold/);
  });
});

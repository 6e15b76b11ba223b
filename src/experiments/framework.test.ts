import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import {
  completeParameters,
  defineExperiment,
  equals,
  type ExperimentResult,
  findExperiment,
  flagName,
  longestGapNs,
  reportedValue,
  runExperiment,
  runTransfer,
  type TransferSetup,
  type TrialRunner,
} from './index.js';

const parameters = {
  wifiDelayNs: { kind: 'duration', default: 10 * MILLISECOND, min: 0, max: SECOND, doc: 'delay' },
  sizeBytes: { kind: 'size', default: 1000, min: 1, max: 1e6, doc: 'size' },
  runs: { kind: 'number', default: 3, min: 1, max: 9, whole: true, doc: 'runs' },
  mode: { kind: 'choice', default: 'full', choices: ['full', 'backup'], doc: 'mode' },
} as const;

/** An experiment that gives `result`. */
function giving(result: Partial<ExperimentResult>) {
  return defineExperiment({
    ...{ name: 'x', title: 'x', source: 'x', summary: 'x', parameters },
    columns: [
      { name: 'mode', title: 'mode', kind: 'text' },
      { name: 'seed', title: 'seed', kind: 'number' },
    ],
    run: async (context) => ({
      rows: [{ mode: context.parameters.mode, seed: context.seed }],
      figures: {},
      checks: [equals('it holds', true, true)],
      ...result,
    }),
  });
}

describe('parameters', () => {
  it('have names, flags and reported names that follow from each other', () => {
    expect(flagName('wifiDelayNs', parameters.wifiDelayNs)).toBe('wifi-delay');
    expect(flagName('sizeBytes', parameters.sizeBytes)).toBe('size');
    expect(flagName('runs', parameters.runs)).toBe('runs');
    expect(reportedValue('wifiDelayNs', parameters.wifiDelayNs, 5e6)).toEqual(['wifiDelayMs', 5]);
    expect(reportedValue('sizeBytes', parameters.sizeBytes, 7)).toEqual(['sizeBytes', 7]);
  });

  it('that are left out have their defaults', () => {
    expect(completeParameters(parameters, { runs: 2 })).toEqual({
      ...{ wifiDelayNs: 10 * MILLISECOND, sizeBytes: 1000, mode: 'full' },
      runs: 2,
    });
  });

  it.each([
    [{ runs: 10 }, /runs lies from 1 to 9/],
    [{ runs: 1.5 }, /whole number/],
    [{ sizeBytes: 1.5 }, /whole number/],
    [{ runs: NaN }, /runs lies/],
    [{ mode: 'none' }, /one of full, backup/],
    [{ speed: 1 }, /no parameter speed/],
  ])('%j are refused', async (given, message) => {
    await expect(runExperiment(giving({}), { parameters: given })).rejects.toThrow(message);
  });
});

describe('an experiment', () => {
  it('gets seed and parameters, and passes when its checks do', async () => {
    const report = await runExperiment(giving({}), { seed: 9, parameters: { mode: 'backup' } });
    expect(report).toMatchObject({ seed: 9, pass: true, rows: [{ mode: 'backup', seed: 9 }], notes: [] });
    const failed = await runExperiment(giving({ checks: [equals('it holds', 1, 2)] }));
    expect(failed.pass).toBe(false);
  });

  it('is told why there is no kernel', async () => {
    let said = '';
    const curious = {
      ...giving({}),
      run: (context: { noLinux: string }) => ((said = context.noLinux), result()),
    };
    const result = () => giving({}).run({ seed: 1, parameters: { mode: 'full' } } as never);
    await runExperiment(curious, { linux: 'Without the kernel: no rights.' });
    expect(said).toBe('Without the kernel: no rights.');
  });

  it.each<[string, Partial<ExperimentResult>, RegExp]>([
    ['no rows', { rows: [] }, /no rows/],
    ['no checks', { checks: [] }, /checked nothing/],
    ['a column too many', { rows: [{ mode: '', seed: 1, more: 1 }] }, /more/],
    ['a column of another kind', { rows: [{ mode: 1, seed: 1 }] }, /for column mode/],
    ['NaN', { rows: [{ mode: '', seed: NaN }] }, /NaN for column seed/],
    ['a figure that is no file name', { figures: { '../x': '' } }, /figure/],
  ])('with %s is found out', async (_name, result, message) => {
    await expect(runExperiment(giving(result))).rejects.toThrow(message);
  });

  it('has its trials run wherever the program likes, and their outputs in the order of the inputs', async () => {
    const said: string[] = [];
    let outputs: number[] = [];
    const experiment = {
      ...giving({}),
      trial: (input: number) => input * input,
      run: async (context: Parameters<ReturnType<typeof giving>['run']>[0]) => {
        outputs = await context.runTrials<number, number>([3, 1, 2], (input) => `run ${input}`);
        return giving({}).run({ ...context, parameters: { mode: 'full' } } as never);
      },
    };
    const step = async (done: number, total: number, what: string): Promise<void> => {
      said.push(`${done}/${total} ${what}`);
    };
    const watched: (readonly [number, unknown, unknown])[] = [];
    await runExperiment(experiment, {
      step,
      watch: (finished) => {
        const { input, output } = finished.at(-1)!;
        watched.push([finished.length, input, output]);
      },
    });
    expect(watched).toEqual([
      [1, 3, 9],
      [2, 1, 1],
      [3, 2, 4],
    ]);
    expect(outputs).toEqual([9, 1, 4]);
    expect(said).toEqual(['0/3 run 3', '1/3 run 1', '2/3 run 2']);
    const elsewhere: TrialRunner = ({ trial }, inputs) =>
      Promise.resolve(inputs.map((input) => trial!(input as never)));
    await runExperiment(experiment, { trials: elsewhere });
    expect(outputs).toEqual([9, 1, 4]);
  });

  it('that is not there is named, with those that are', () => {
    expect(findExperiment('fast-handover').name).toBe('fast-handover');
    expect(() => findExperiment('fast-hand')).toThrow(
      expect.objectContaining({
        code: 'ERR_SUBFLOW_UNKNOWN_EXPERIMENT',
        hint: expect.stringMatching(/fast-handover/) as string,
      }),
    );
  });
});

describe('a transfer', () => {
  const setup: TransferSetup = {
    seed: 3,
    paths: [
      { name: 'a', both: { rateBps: 10e6, delayNs: 5 * MILLISECOND } },
      { name: 'b', both: { rateBps: 10e6, delayNs: 20 * MILLISECOND } },
    ],
    downloadBytes: 1_000_000,
    uploadBytes: 50_000,
  };

  it('carries both streams intact over both paths, the same for the same seed', () => {
    const outcome = runTransfer(setup);
    expect(outcome.client).toMatchObject({ isComplete: true, isIntact: true, bytesDelivered: 1_000_000 });
    expect(outcome.server).toMatchObject({ isComplete: true, bytesDelivered: 50_000, errorCode: '' });
    expect(outcome.client.fallback).toBeUndefined();
    const { pathBytes } = outcome.client.arrivals.at(-1)!;
    expect(pathBytes).toHaveLength(2);
    expect(pathBytes[0]! + pathBytes[1]!).toBe(1_000_000);
    expect(Math.min(...pathBytes)).toBeGreaterThan(100_000);
    expect(outcome.client.subflows.filter(({ what }) => what === 'opened').map(({ path }) => path)).toEqual([
      0, 1,
    ]);
    for (const bytes of outcome.pathBytes) expect(bytes).toBeGreaterThan(100_000);
    expect(runTransfer(setup)).toEqual(outcome);
  });

  it('has gaps that begin with an incident', () => {
    const outcome = runTransfer({
      ...setup,
      incidents: [
        {
          atNs: 200 * MILLISECOND,
          act: (now, links) => links.forEach((link) => link.setState(now, 'blackhole')),
        },
        { atNs: 400 * MILLISECOND, act: (now, links) => links.forEach((link) => link.setState(now, 'up')) },
      ],
    });
    expect(outcome.client.isComplete).toBe(true);
    const gap = longestGapNs(outcome.client, 200 * MILLISECOND);
    expect(gap).toBeGreaterThan(150 * MILLISECOND);
    expect(gap).toBeLessThan(SECOND);
  });

  it('ends with the world when nothing arrives', () => {
    const outcome = runTransfer({
      ...setup,
      untilNs: SECOND,
      incidents: [{ atNs: 0, act: (now, links) => links.forEach((link) => link.setState(now, 'blackhole')) }],
    });
    expect(outcome.client).toMatchObject({
      establishedAtNs: undefined,
      bytesDelivered: 0,
      isComplete: false,
    });
    expect(outcome.endedAtNs).toBeLessThanOrEqual(SECOND);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commandLine,
  completeParameters,
  experiments,
  findExperiment,
  type Parameter,
  readChoice,
  readFields,
  readParameter,
  readSeed,
  writeChoice,
  writeParameter,
} from './index.js';

const quantity = (kind: 'number' | 'rate' | 'duration' | 'size', whole = false): Parameter => ({
  ...{ kind, default: 0, min: 0, max: 1e12, whole, doc: '' },
});

describe('parameters as text', () => {
  it.each([
    ['rate', '20M', 20e6],
    ['rate', '1.5G', 1.5e9],
    ['size', '64Ki', 65536],
    ['size', ' 1500 ', 1500],
    ['duration', '20', 20e6],
    ['duration', '25ms', 25e6],
    ['duration', '1.5s', 1.5e9],
    ['duration', '2 min', 120e9],
    ['number', '0.25', 0.25],
  ] as const)('are read: %s %s', (kind, text, value) => {
    expect(readParameter(quantity(kind), text)).toBe(value);
  });

  it.each([
    ...['', 'fast', '20X', '1e3', '-1', '1..2', 'NaN', '0x10', '1k k', '20constructor', '9'.repeat(40)],
    '2T',
    '5000G',
  ])('that make no sense are none: %s', (text) => {
    expect(readParameter(quantity('rate'), text)).toBeUndefined();
  });

  it('keep to what was declared: ranges, whole numbers, words', () => {
    expect(readParameter(quantity('number', true), '1.5')).toBeUndefined();
    const choice: Parameter = { kind: 'choice', default: 'a', choices: ['a', 'b'], doc: '' };
    expect(readParameter(choice, 'b')).toBe('b');
    expect(readParameter(choice, 'constructor')).toBeUndefined();
    expect(['0', '4294967295'].map(readSeed)).toEqual([0, 0xffff_ffff]);
    expect(['', '-1', '1.5', '4294967296', '1e3'].map(readSeed)).toEqual(Array(5).fill(undefined));
  });

  it('are read back as they were written', () => {
    for (const { parameters } of experiments) {
      for (const parameter of Object.values(parameters)) {
        if (parameter.kind === 'choice') continue;
        for (const value of [parameter.default, parameter.min, parameter.max]) {
          expect(readParameter(parameter, writeParameter(parameter, value))).toBe(value);
        }
      }
    }
  });

  it('make an address that says what is run, and is read back; what it leaves out is as by default', () => {
    for (const experiment of experiments) {
      const parameters = completeParameters(experiment.parameters, experiment.small ?? {});
      const query = writeChoice(experiment, { seed: 7, parameters });
      expect(query).toMatch(new RegExp(`^name=${experiment.name}&seed=7`));
      const read = readChoice(experiment.parameters, query);
      expect(read).toEqual({ seed: 7, parameters, isExplicit: true, problems: [] });
    }
    expect(readChoice({}, 'name=attacks').isExplicit).toBe(false);
  });

  it('make the command line that gives the same', () => {
    const experiment = findExperiment('receive-window');
    const parameters = { ...completeParameters(experiment.parameters, {}), wifiDelayNs: 25e6, runs: 1 };
    expect(commandLine(experiment, { seed: 3, parameters })).toBe(
      'subflow experiment run receive-window --wifi-delay 25ms --runs 1 --seed 3',
    );
  });

  it('of an address that makes no sense are told in sentences, and defaults stand in', () => {
    const { parameters } = findExperiment('receive-window');
    const read = readChoice(parameters, 'name=x&seed=-1&runs=many&<b>=1&__proto__=2&runs=%E0%A4%A');
    expect(read.seed).toBe(1);
    expect(read.parameters).toEqual(completeParameters(parameters, {}));
    expect(read.problems).toHaveLength(5);
    expect(read.problems[0]).toBe("'-1' is no seed from 0 to 4294967295.");
    expect(readFields('a=1&&b&c=%'.repeat(50)).length).toBeLessThanOrEqual(100);
  });

  it('never throw, whatever an address says', () => {
    const { parameters } = findExperiment('schedulers');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (query) => {
        const read = readChoice(parameters, query);
        expect(completeParameters(parameters, read.parameters)).toEqual(read.parameters);
      }),
    );
  });
});

/** What holds for every experiment. */

import { describe, expect, it } from 'vitest';
import { experiments, flagName, runExperiment } from './index.js';

/** Smaller than the defaults, where the defaults take long. */
const small: Readonly<Record<string, Readonly<Record<string, number | string>>>> = {
  middleboxes: { place: 'only', family: 'ipv6' },
  combinations: { sizeBytes: 100_000, place: 'only' },
  'fast-handover': { sizeBytes: 3e6, runs: 1 },
  'middlebox-location': { behaviour: 'strip-dss', family: 'ipv6' },
  'mp-prio-attack': { sizeBytes: 3e6 },
};

describe('the experiments', () => {
  it('have names of their own, a source, a summary and flags that do not clash', () => {
    expect(new Set(experiments.map(({ name }) => name)).size).toBe(experiments.length);
    for (const { name, source, summary, parameters, columns } of experiments) {
      expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(source, name).toMatch(/\b(19|20)\d\d\b|RFC \d+/);
      expect(summary.length, name).toBeGreaterThan(80);
      const flags = Object.entries(parameters).map(([key, parameter]) => flagName(key, parameter));
      const reserved = ['seed', 'json', 'output', 'figures', 'no-figures', 'linux', 'no-linux', 'help'];
      expect(new Set([...flags, ...reserved]).size, name).toBe(flags.length + reserved.length);
      expect(new Set(columns.map((column) => column.name)).size, name).toBe(columns.length);
    }
  });

  it.each(experiments.map((experiment) => [experiment.name, experiment] as const))(
    '%s gives the same rows and figures for the same seed, and passes',
    async (name, experiment) => {
      const options = { seed: 7, parameters: small[name] ?? {} };
      const first = await runExperiment(experiment, options);
      expect(first.checks.filter(({ pass }) => !pass)).toEqual([]);
      const second = await runExperiment(experiment, options);
      expect(second.rows).toEqual(first.rows);
      expect(second.figures).toEqual(first.figures);
    },
    600_000,
  );
});

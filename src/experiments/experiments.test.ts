/** What holds for every experiment. */

import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import { renderTerminal } from '../plot/index.js';
import {
  besidePublished,
  catalogue,
  completeParameters,
  experiments,
  type FinishedTrial,
  flagName,
  isExperimentName,
  loadExperiment,
  runExperiment,
  type RunOptions,
} from './index.js';

/** Smaller than the small form, for what is run twice where that takes long: these parameters on top of its own. */
const smallest: Readonly<Record<string, readonly Readonly<Record<string, number | string>>[]>> = {
  middleboxes: [{ behaviour: 'payload-rewriting' }],
  'fast-handover': [{ sizeBytes: 500_000 }],
  'mp-prio-attack': [{ sizeBytes: 500_000, attackAtNs: 50 * MILLISECOND }],
  'direct-bypass': [{ clients: 2 }],
  'load-balancers': [{ clients: 1, runs: 1, flows: 1000 }],
  nat64: [{ sizeBytes: 1e6 }],
  'congestion-fairness': [{ scenario: 'two-links', congestion: 'lia', runs: 2, durationNs: 6 * SECOND }],
  'time-to-first-word': [{ walks: 1, durationNs: 20 * SECOND }],
  'multipath-tester': [{ traffic: 'request-response', walkNs: 10 * SECOND }],
  handover: [{ direction: 'upload', rateBps: 500e3, returnsAtNs: 9 * SECOND, endsAtNs: 10 * SECOND }],
  'receive-window': [{ warmUpNs: 0, durationNs: SECOND, maxWindowBytes: 300e3 }],
  schedulers: [
    { traffic: 'web', scheduler: 'ecf', runs: 1, pairs: 1 },
    { traffic: 'video', scheduler: 'linux', runs: 1, pairs: 1 },
  ],
  'experimental-design': [{ environment: 'high-bdp-losses', sets: 2, sizeBytes: 200e3 }],
  bonding: [{ scheduler: 'ecf', maxUplinks: 6, warmUpNs: 0, durationNs: SECOND }],
  // The others send thousands of packets to the same few hosts.
  attacks: ['join-replayed', 'add-addr', 'remove-addr', 'fast-close', 'data-ack', 'forged-data'].map(
    (attack) => ({ attack }),
  ),
};

/** What is about the machine's own kernel is tested where there is one. */
const inSimulation = experiments.filter(({ needsLinux }) => needsLinux !== true);

describe('the experiments', () => {
  it('have names of their own, a source, a summary and flags that do not clash', () => {
    expect(new Set(experiments.map(({ name }) => name)).size).toBe(experiments.length);
    for (const { name, source, summary, parameters, columns } of experiments) {
      expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(source, name).toMatch(/\b(19|20)\d\d\b|RFC \d+/);
      expect(summary.length, name).toBeGreaterThan(80);
      const flags = Object.entries(parameters).map(([key, parameter]) => flagName(key, parameter));
      const reserved = [
        'seed',
        'shard',
        'no-shard',
        'json',
        'output',
        'figures',
        'no-figures',
        'linux',
        'no-linux',
        'report',
        'help',
      ];
      expect(new Set([...flags, ...reserved]).size, name).toBe(flags.length + reserved.length);
      expect(new Set(columns.map((column) => column.name)).size, name).toBe(columns.length);
    }
  });

  it('have small forms whose parameters they have, but those that need the kernel', () => {
    for (const { name, parameters, small = {}, needsLinux } of experiments) {
      expect(() => completeParameters(parameters, small), name).not.toThrow();
      if (needsLinux === true) expect(small, name).toEqual({});
    }
  });

  it('are all in the catalogue, each once, and are loaded by their names', async () => {
    const names = catalogue.flatMap(({ entries }) => entries.map(({ name }) => name));
    expect([...names].sort()).toEqual(experiments.map(({ name }) => name).sort());
    for (const experiment of experiments) {
      expect(await loadExperiment(experiment.name)).toBe(experiment);
      expect(isExperimentName(experiment.name)).toBe(true);
    }
    for (const name of ['no-such-thing', '__proto__', 'constructor']) {
      expect(isExperimentName(name)).toBe(false);
      await expect(loadExperiment(name)).rejects.toMatchObject({ code: 'ERR_SUBFLOW_UNKNOWN_EXPERIMENT' });
    }
  });

  it('say of everything published where it is to be read and how it was come by', () => {
    for (const experiment of experiments) {
      for (const { source, basis, values } of besidePublished(experiment, [])) {
        expect(source, experiment.name).toMatch(/\b(19|20)\d\d\b|RFC \d+|#\d+|selftests/);
        expect(basis.length, experiment.name).toBeGreaterThan(15);
        expect(values.length, experiment.name).toBeGreaterThan(0);
        expect(new Set(values.map(({ label }) => label)).size).toBe(values.length);
        expect(values.every(({ ours }) => ours === null)).toBe(true);
      }
    }
  });

  it.each(inSimulation.map((experiment) => [experiment.name, experiment] as const))(
    '%s passes, and gives the same rows and figures for the same seed',
    async (name, experiment) => {
      const parameters = experiment.small ?? {};
      const run = (form: object, watch: RunOptions['watch'] = () => undefined) =>
        runExperiment(experiment, { seed: 7, parameters: { ...parameters, ...form }, watch });
      let finished: readonly FinishedTrial[] = [];
      const watch: RunOptions['watch'] = (trials) => {
        finished = trials;
      };
      const whole = await run({}, watch);
      // What is shown while it runs can be drawn.
      const shown = experiment.live?.(finished as readonly FinishedTrial<never, never>[]);
      if (shown !== undefined) {
        expect(renderTerminal(shown, { columns: 80, rows: 20, hasColor: true }).length).toBeGreaterThan(1);
      }
      expect(whole.checks.filter(({ pass }) => !pass)).toEqual([]);
      for (const form of smallest[name] ?? [undefined]) {
        const first = form === undefined ? whole : await run(form);
        const second = await run(form ?? {});
        expect(second.rows).toEqual(first.rows);
        expect(second.figures).toEqual(first.figures);
      }
    },
    600_000,
  );

  it.each(experiments.filter(({ needsLinux }) => needsLinux === true))(
    '$name says that it cannot run without the kernel, and why there is none',
    async (experiment) => {
      await expect(runExperiment(experiment, { linux: 'Not here.' })).rejects.toMatchObject({
        code: 'ERR_SUBFLOW_NEEDS_KERNEL',
        hint: 'Not here.',
      });
    },
  );
});

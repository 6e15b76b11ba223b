/** What holds for every experiment. */

import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import { renderTerminal } from '../plot/index.js';
import { experiments, type FinishedTrial, flagName, runExperiment, type RunOptions } from './index.js';

/** Long enough for the plain connection to fall behind. */
const shortRuns = { runs: 1, warmUpNs: 4 * SECOND, durationNs: 6 * SECOND };

/** Smaller than the defaults, where the defaults take long. */
const small: Readonly<Record<string, Readonly<Record<string, number | string>>>> = {
  middleboxes: { place: 'only', family: 'ipv6' },
  combinations: { sizeBytes: 100_000, place: 'only' },
  'fast-handover': { sizeBytes: 3e6, runs: 1 },
  'direct-bypass': { runs: 1, sizeBytes: 2e6, clients: 6 },
  'load-balancers': { clients: 8, runs: 2, flows: 5000 },
  'middlebox-location': { behaviour: 'strip-dss', family: 'ipv6' },
  'mp-prio-attack': { sizeBytes: 3e6 },
  'congestion-fairness': { scenario: 'scenario-c', runs: 1, durationNs: 20 * SECOND },
  'simult-flows': { algorithm: 'target-based' },
  'time-to-first-word': { walks: 8 },
  'multipath-tester': { walks: 1 },
  handover: { runs: 1 },
  'receive-window': { ...shortRuns, minWindowBytes: 300e3, maxWindowBytes: 600e3, stepBytes: 300e3 },
  schedulers: { traffic: 'short', runs: 2, pairs: 4 },
  'experimental-design': { environment: 'low-bdp-no-loss', sets: 4, runs: 1, sizeBytes: 5e6 },
  bonding: { scheduler: 'lowest-rtt', maxUplinks: 2, runs: 1, warmUpNs: 2 * SECOND, durationNs: 4 * SECOND },
};

/** Smaller still, for what is run twice where the small form takes long: these parameters on top of the small ones. */
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

  it.each(inSimulation.map((experiment) => [experiment.name, experiment] as const))(
    '%s passes, and gives the same rows and figures for the same seed',
    async (name, experiment) => {
      const parameters = small[name] ?? {};
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

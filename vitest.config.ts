import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { layers, nodeLayers } from './layers.js';

/** Layers that ask nothing of the machine and keep nothing between two calls: their tests may share a process. */
const pure = layers
  .filter((layer) => !nodeLayers.includes(layer))
  .map((layer) => `src/${layer}/**/*.test.ts`);

/** Long, and the same whoever runs them. */
const simulation = ['test/simulation/**/*.test.ts', 'test/fuzz/**/*.test.ts'];

/** What an emulated network in real time shows only on a machine that does nothing else. */
const alone = ['test/interop/simultaneous-flows.test.ts', 'test/proxies/bonding.test.ts'];

/** In which order projects begin. */
const order = ['simulation', 'machine', 'units', 'alone'];

/** Files of more than a minute: one that began last would leave the other workers idle. */
const longest = [
  'test/docs/commands.test.ts',
  'test/net-behaviour/references.test.ts',
  'test/proxies/modes.test.ts',
  'test/balancer/thousand-connections.test.ts',
  'src/experiments/experiments.test.ts',
];

/**
 * What takes longest begins first, so that the workers end together. Simulation computes at a low priority beside tests that
 * mostly wait for the kernel: hence one worker more than a machine of two cores would have.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project, moduleId }: TestSpecification): number =>
      2 * order.indexOf(project.name) + (longest.some((name) => moduleId.endsWith(name)) ? 0 : 1);
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 3,
    restoreMocks: true,
    // The compiled program runs as it is.
    server: { deps: { external: [/\/dist\//] } },
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'machine',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...pure, ...simulation, ...alone],
          // The kernel runs in real time beside other work. .ci/run names what needed it: a thing to look into.
          retry: 1,
        },
      },
      {
        extends: true,
        test: { name: 'simulation', include: simulation, setupFiles: ['test/support/low-priority.ts'] },
      },
      // After all others have ended.
      { extends: true, test: { name: 'alone', include: alone, sequence: { groupOrder: 1 } } },
      // Most of these files run for less time than a process takes to start and to load the engine.
      { extends: true, test: { name: 'units', include: pure, isolate: false } },
    ],
  },
});

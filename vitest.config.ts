import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { layers, nodeLayers } from './layers.js';
import { computingTests } from './test/asks-the-machine.js';

/** Long, and the same whoever runs them. */
const simulation = ['test/simulation/**/*.test.ts', 'test/fuzz/**/*.test.ts'];

/** What asks nothing of the machine and keeps nothing between two calls: these tests may share a process. */
const units = [
  ...layers.filter((layer) => !nodeLayers.includes(layer)).map((layer) => `src/${layer}/**/*.test.ts`),
  ...computingTests().filter((path) => !/^test\/(simulation|fuzz)\//.test(path)),
];

/** The lab's page: the browser that shows it is the same for everybody. What it tells of this machine is not. */
const page = ['test/browser/!(live).test.ts'];

/** The kernel runs in real time beside other work. .ci/run names what needed it: a thing to look into. */
const retry = 1;

/** What an emulated network in real time shows only on a machine that does nothing else. */
const alone = ['test/interop/simultaneous-flows.test.ts', 'test/proxies/bonding.test.ts'];

/** In which order projects begin. */
const order = ['simulation', 'machine', 'page', 'units', 'alone'];

/** Files that compute or wait longest: one that began last would leave the other workers idle. */
const longest = [
  'test/docs/commands.test.ts',
  'test/docs/commands-as-root.test.ts',
  'test/net-behaviour/references.test.ts',
  'test/proxies/modes.test.ts',
  'test/balancer/run-adverse.test.ts',
  'test/balancer/scale-linux.test.ts',
  'test/balancer/thousand-connections.test.ts',
  'src/experiments/experiments.test.ts',
];

/**
 * What takes longest begins first, so that the workers end together. Simulation computes at a low priority beside tests that
 * mostly wait for the kernel: hence twice as many workers as a machine of two cores would have.
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
    maxWorkers: 4,
    restoreMocks: true,
    // The compiled program runs as it is.
    server: { deps: { external: [/\/dist\//] } },
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'machine',
          // Whatever no other project has: a new test is also run by .ci/run as an ordinary user.
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...units, ...simulation, ...alone, ...page],
          retry,
        },
      },
      { extends: true, test: { name: 'page', include: page, retry } },
      {
        extends: true,
        test: { name: 'simulation', include: simulation, setupFiles: ['test/support/low-priority.ts'] },
      },
      // After all others have ended.
      { extends: true, test: { name: 'alone', include: alone, sequence: { groupOrder: 1 } } },
      // Most of these files run for less time than a process takes to start and to load the engine.
      { extends: true, test: { name: 'units', include: units, isolate: false } },
    ],
  },
});

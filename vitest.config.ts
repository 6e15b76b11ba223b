import { defineConfig } from 'vitest/config';
import { layers, nodeLayers } from './layers.js';

/** Layers that ask nothing of the machine and keep nothing between two calls: their tests may share a process. */
const pure = layers
  .filter((layer) => !nodeLayers.includes(layer))
  .map((layer) => `src/${layer}/**/*.test.ts`);

/** Long, and the same whoever runs them. */
const simulation = ['test/simulation/**/*.test.ts', 'test/fuzz/**/*.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    restoreMocks: true,
    // The compiled program runs as it is.
    server: { deps: { external: [/\/dist\//] } },
    // They start in the order of their names: what is long first, so that the workers end together.
    projects: [
      {
        extends: true,
        test: {
          name: 'machine',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...pure, ...simulation],
        },
      },
      { extends: true, test: { name: 'simulation', include: simulation } },
      // Most of these files run for less time than a process takes to start and to load the engine.
      { extends: true, test: { name: 'units', include: pure, isolate: false } },
    ],
  },
});

import { expect, it } from 'vitest';
import { MILLISECOND, MINUTE } from '../../base/index.js';
import { goodputBps } from './runs.js';
import { runBypass } from './world.js';

it('a run in which nothing completes lasts as long as it was waited for, and has no goodput', () => {
  const parameters = {
    ...{ direction: 'download', servers: 1, delayNs: 10 * MILLISECOND },
    ...{ balancerRateBps: 1000, clientRateBps: 1000 },
  };
  const setup = { mode: 'carried', clients: 2, sizeBytes: 1_000_000, seed: 1 } as const;
  const run = runBypass(parameters, setup);
  expect(run).toMatchObject({ completed: 0, durationNs: 10 * MINUTE });
  expect(goodputBps({ ...setup, runs: [run] }, run)).toBe(0);
});

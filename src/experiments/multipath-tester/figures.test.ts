import { expect, it } from 'vitest';
import { SECOND } from '../../base/index.js';
import { streamFigure } from './figures.js';
import type { TesterRuns } from './runs.js';

/** Streams up of one variant, one walk, with blocks at these seconds. */
function streams(variant: string, ...seconds: number[]): TesterRuns {
  const delays = seconds.map((second) => ({ atNs: second * SECOND, delayNs: SECOND / 10 }));
  const run = { delays, missed: 0, cellularShare: 0 } as TesterRuns['runs'][number];
  return { traffic: 'stream', direction: 'up', variant, runs: [run] };
}

it('the delays of blocks leave out a variant none of whose blocks came through, and are no figure where none had any', () => {
  const figure = streamFigure(
    [streams('handover', 1, 2), streams('interactive', 1, 3), streams('plain-tcp')],
    'a source',
  );
  for (const name of ['handover', 'interactive']) expect(figure).toContain(name);
  expect(figure).not.toContain('plain-tcp');
  expect(streamFigure([streams('plain-tcp')], 'a source')).toBeUndefined();
});

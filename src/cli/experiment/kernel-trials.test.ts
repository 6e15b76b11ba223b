import { describe, expect, it } from 'vitest';
import { fineEnd as end } from '../../../test/support/trial-end.js';
import type { KernelTrialOutcome, KernelTrialRequest } from '../../experiments/index.js';
import type { Reaction } from '../../network/index.js';
import { runKernelTrials } from './kernel-trials.js';

/** What came of a trial: a reaction, with `!` where bytes were wrong and `...` where it went on without end. */
function outcomeOf(text: string): Omit<KernelTrialOutcome, 'runs'> {
  return {
    reaction: text.replace(/[!.]+$/, '') as Reaction,
    bytesIntact: !text.endsWith('!'),
    changedAsPlainTcp: false,
    isOver: !text.endsWith('...'),
    ...{ client: end, server: end, countedCorruption: [] },
  };
}

/** Runs trials that are expected to be unaffected, and come to what their lists say, one each time they are run. */
async function tried(...lists: readonly (readonly string[])[]) {
  const left = lists.map((list) => [...list]);
  let running = 0;
  let most = 0;
  const steps: string[] = [];
  const requests = lists.map((_list, index): KernelTrialRequest => {
    const setup = { behaviour: undefined, placement: 'first', seed: index } as const;
    return { name: `trial ${index}`, setup, sides: 'both', expected: ['unaffected'] };
  });
  const outcomes = await runKernelTrials(requests, {
    run: async ({ seed = 0 }) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return outcomeOf(left[seed]!.shift()!);
    },
    step: (done, what) => {
      steps.push(`${done} ${what}`);
      return Promise.resolve();
    },
  });
  const said = outcomes.map(({ bytesIntact, isOver, reaction, runs }) =>
    [reaction, runs, bytesIntact ? '' : 'wrong', isOver ? '' : 'endless'].join(' ').trim(),
  );
  return { said, most, steps };
}

describe('trials with the kernel', () => {
  it('run some at a time, in order, and say how far they are', async () => {
    const { most, said, steps } = await tried(...Array.from({ length: 20 }, () => ['unaffected']));
    expect(most).toBe(8);
    expect(said).toEqual(Array.from({ length: 20 }, () => 'unaffected 1'));
    expect(steps[0]).toBe('0 trial 0');
    expect(steps).toHaveLength(20);
  });

  it('are not believed when they surprise, before they surprise in the same way by themselves', async () => {
    const { said, steps } = await tried(
      ['connection lost', 'unaffected'],
      ['unaffected'],
      ['fell back', 'fell back'],
      ['connection lost', 'subflow closed', 'unaffected'],
      ['connection lost', 'subflow closed', 'fell back'],
    );
    expect(said).toEqual(['unaffected 2', 'unaffected 1', 'fell back 2', 'unaffected 3', 'fell back 3']);
    expect(steps).toContain('5 trial 0, by itself');
  });

  it('are repeated when they move without end', async () => {
    const { said } = await tried(['unaffected...', 'unaffected'], ['unaffected...', 'unaffected...']);
    expect(said).toEqual(['unaffected 2', 'unaffected 2  endless']);
  });

  it('are believed at once when they delivered a wrong byte', async () => {
    const { said } = await tried(['connection lost!'], ['connection lost', 'fell back!'], ['unaffected!']);
    expect(said).toEqual(['connection lost 1 wrong', 'fell back 2 wrong', 'unaffected 1 wrong']);
  });
});

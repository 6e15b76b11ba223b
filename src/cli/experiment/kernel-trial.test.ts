import { expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import type { KernelSides } from '../../experiments/index.js';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../linux/index.js';
import { middleboxBehaviour, type Placement, type Reaction } from '../../network/index.js';
import { KernelLab } from './linux-lab.js';

const allSides = ['both', 'client', 'server'] as const;

/** Runs a transfer as the experiments do: what surprises is run again by itself. */
async function tried(
  name: string,
  sides: KernelSides,
  expected: Reaction,
  rest: { readonly placement: Placement; readonly family?: 4 | 6; readonly bytes?: number },
) {
  const setup = { behaviour: middleboxBehaviour(name), ...rest };
  const request = { name, setup, sides, expected: [expected] };
  const [outcome] = await new KernelLab().trials([request], () => Promise.resolve());
  return outcome!;
}

describeWith('a box between kernels', [kernelMptcp(), mayCreateTun(), mayCreateNamespaces()], () => {
  it.each(allSides)('leaves a transfer whole (kernel: %s)', async (sides) => {
    const outcome = await tried('sequence-rewriting', sides, 'unaffected', { placement: 'first' });
    expect([outcome.reaction, outcome.bytesIntact]).toEqual(['unaffected', true]);
  });

  it.each(allSides)('makes a connection plain TCP by taking options away (kernel: %s)', async (sides) => {
    const outcome = await tried('strip-mptcp', sides, 'fell back', { placement: 'only', family: 6 });
    expect([outcome.reaction, outcome.bytesIntact]).toEqual(['fell back', true]);
  });

  it.each(allSides)(
    'that drops SYNs with options is waited for, not given up (kernel: %s)',
    async (sides) => {
      const outcome = await tried('drop-mptcp-syn', sides, 'fell back', { placement: 'first' });
      expect([outcome.reaction, outcome.isOver]).toEqual(['fell back', true]);
    },
  );

  it.each(['client', 'server'] as const)(
    'has a changed payload found by checksums that the kernel and we agree on (kernel: %s)',
    async (sides) => {
      const outcome = await tried('payload-rewriting', sides, 'subflow closed', {
        placement: 'second',
        bytes: 1_000_000,
      });
      expect([outcome.reaction, outcome.bytesIntact]).toEqual(['subflow closed', true]);
    },
  );

  it('that merges segments has the kernel deliver no wrong byte that it does not count itself', async () => {
    for (const name of ['coalesce-keep-first', 'coalesce-keep-last']) {
      const { bytesIntact, countedCorruption, isOver } = await tried(name, 'both', 'unaffected', {
        placement: 'only',
      });
      expect(isOver).toBe(true);
      expect(bytesIntact || countedCorruption.length > 0).toBe(true);
    }
  });
});

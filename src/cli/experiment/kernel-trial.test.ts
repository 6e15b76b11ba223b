import { expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../linux/index.js';
import { middleboxBehaviour } from '../../network/index.js';
import { runKernelTrial } from './kernel-trial.js';

describeWith('a box between kernels', [kernelMptcp(), mayCreateTun(), mayCreateNamespaces()], () => {
  it.each(['both', 'client', 'server'] as const)('leaves a transfer whole (kernel: %s)', async (sides) => {
    const behaviour = middleboxBehaviour('sequence-rewriting');
    const outcome = await runKernelTrial({ behaviour, placement: 'first' }, sides);
    expect([outcome.reaction, outcome.bytesIntact]).toEqual(['unaffected', true]);
  });

  it.each(['both', 'client', 'server'] as const)(
    'makes a connection plain TCP by taking options away (kernel: %s)',
    async (sides) => {
      const behaviour = middleboxBehaviour('strip-mptcp');
      const outcome = await runKernelTrial({ behaviour, placement: 'only', family: 6 }, sides);
      expect([outcome.reaction, outcome.bytesIntact]).toEqual(['fell back', true]);
    },
  );

  it('has a changed payload found by checksums that the kernel and we agree on', async () => {
    const behaviour = middleboxBehaviour('payload-rewriting');
    for (const sides of ['client', 'server'] as const) {
      const outcome = await runKernelTrial({ behaviour, placement: 'second', bytes: 1_000_000 }, sides);
      expect([outcome.reaction, outcome.bytesIntact]).toEqual(['subflow closed', true]);
    }
  });
});

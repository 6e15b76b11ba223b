/** What `subflow bond` gets out of unequal uplinks, with the kernel's own Multipath TCP beside it: `npm run bench -- bond` has the figures. */
import { expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
import { bondedPart, PAYLOAD_PART, unequalUplinks } from '../support/bonding-run.js';
import { describeWith, hasTool } from '../support/with-rights.js';

const WINDOW_MS = 6_000;

describeWith('bonding', [kernelMptcp(), mayCreateTun(), mayCreateNamespaces(), hasTool('nft')], () => {
  it.each(['two', 'three', 'four'] as const)(
    'reaches at least nine tenths of what %s unequal uplinks carry together, with an upload of one connection',
    async (name) => {
      const shapes = unequalUplinks[name];
      const [ours, kernel] = await Promise.all([
        bondedPart(shapes, 'bond', WINDOW_MS),
        bondedPart(shapes, 'kernel', WINDOW_MS),
      ]);
      const said = `the kernel without a proxy: ${((100 * kernel) / PAYLOAD_PART).toFixed(1)} %`;
      expect(ours / PAYLOAD_PART, said).toBeGreaterThanOrEqual(0.9);
    },
  );
});

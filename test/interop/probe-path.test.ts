/** The path report through routers of Linux, with a box of ours between them. */
import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/index.js';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun, mayOpenRawSockets } from '../../src/linux/index.js';
import { middleboxBehaviour, type Middlebox } from '../../src/network/index.js';
import type { FindingType, PathReport } from '../../src/probe/index.js';
import { addressOf, RoutedLab } from '../support/routed-lab.js';
import { describeWith } from '../support/with-rights.js';

const rights = [mayCreateNamespaces(), mayOpenRawSockets(), mayCreateTun(), kernelMptcp()];
const families = [4, 6] as const;

function boxOf(name: string): Middlebox {
  return middleboxBehaviour(name).make({ random: new SeededRandom(1), publicAddresses: [], atByte: 200 });
}

async function traced(box: Middlebox | undefined, family: 4 | 6, boundsErrors = false): Promise<PathReport> {
  const lab = new RoutedLab(box, boundsErrors);
  try {
    return await lab.trace(family);
  } finally {
    lab.close();
  }
}

describeWith('a path through two routers of Linux', rights, () => {
  it.each(families)(
    'is clean over IPv%i, though routers bound the rate of their errors',
    async (family) => {
      const report = await traced(undefined, family, true);
      expect(report.findings).toEqual([]);
      expect(report.reach).toBe(3);
      const routers = [addressOf(1, 1, family), addressOf(2, 2, family)].map(String);
      expect(report.hops.map(({ address }) => String(address))).toEqual(routers);
    },
    60_000,
  );

  it.each<[string, FindingType]>([
    ['strip-capable-syn', 'mptcp-removed'],
    ['strip-capable-syn-ack', 'mptcp-removed'],
    ['strip-dss', 'mptcp-removed'],
    ['strip-add-addr', 'mptcp-removed'],
    ['sequence-rewriting', 'sequence-rewritten'],
    ['window-clamping', 'window-changed'],
    ['drop-mptcp-syn', 'syn-dropped'],
    ['stateful-firewall', 'stateful-firewall'],
    ['hole-holding', 'holds-out-of-order'],
  ])(
    'has %s between them, found as %s',
    async (name, type) => {
      for (const family of families) {
        const { findings } = await traced(boxOf(name), family);
        const placed = findings.filter(({ before }) => before !== undefined);
        expect(placed.map((found) => [found.type, found.after.ttl, found.before!.ttl])).toEqual([
          [type, 1, 2],
        ]);
      }
    },
    120_000,
  );
});

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

/** The path with a box on it, traced over both versions of IP at the same time. */
async function traced(
  box: Middlebox | undefined,
  boundsErrors = false,
  place: 'between' | 'behind' = 'between',
): Promise<readonly PathReport[]> {
  const lab = new RoutedLab(box, boundsErrors, place);
  try {
    return await Promise.all(families.map((family) => lab.trace(family)));
  } finally {
    lab.close();
  }
}

// A trace waits for most of its time: paths are traced side by side.
describeWith('a path through two routers of Linux', rights, () => {
  it.concurrent('is clean over IPv4 and IPv6, though routers bound the rate of their errors', async () => {
    const reports = await traced(undefined, true);
    for (const [index, family] of families.entries()) {
      const report = reports[index]!;
      expect(report.findings).toEqual([]);
      expect(report.reach).toBe(3);
      const routers = [addressOf(1, 1, family), addressOf(2, 2, family)].map(String);
      expect(report.hops.map(({ address }) => String(address))).toEqual(routers);
    }
  });

  it.concurrent.each<[string, FindingType]>([
    ['strip-capable-syn', 'mptcp-removed'],
    ['strip-capable-syn-ack', 'mptcp-removed'],
    ['strip-dss', 'mptcp-removed'],
    ['strip-add-addr', 'mptcp-removed'],
    ['sequence-rewriting', 'sequence-rewritten'],
    ['window-clamping', 'window-changed'],
    ['drop-mptcp-syn', 'syn-dropped'],
    ['stateful-firewall', 'stateful-firewall'],
    ['hole-holding', 'holds-out-of-order'],
    ['pre-acking', 'acknowledged-early'],
  ])('has %s between them, found as %s over IPv4 and IPv6', async (name, type) => {
    for (const { findings } of await traced(boxOf(name))) {
      const placed = findings.filter(({ before }) => before !== undefined);
      expect(placed.map((found) => [found.type, found.after.ttl, found.before!.ttl])).toEqual([[type, 1, 2]]);
    }
  });

  it.concurrent.each<[string, FindingType]>([
    ['split', 'segments-cut'],
    ['coalesce-keep-first', 'segments-merged'],
    ['pre-acking', 'acknowledged-early'],
    ['strip-dss', 'data-fails'],
  ])(
    'has %s behind the last, found as %s by what Linux acknowledges, over IPv4 and IPv6',
    async (name, type) => {
      for (const { findings } of await traced(boxOf(name), false, 'behind'))
        expect(findings.map((found) => [found.type, found.after.ttl, found.before])).toEqual([
          [type, 2, undefined],
        ]);
    },
  );
});

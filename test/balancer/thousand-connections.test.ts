import { afterEach, expect, it, vi } from 'vitest';
import type { DesignName } from '../../src/balancer/index.js';
import { kernelMptcp, mayCreateNamespaces, mayUseXdp, xdpDesigns } from '../../src/linux/index.js';
import { BalancedService, joinedSubflows, type BalancedServiceOptions } from '../support/balanced-service.js';
import { describeWith } from '../support/with-rights.js';

const connections = 1000;
const servers = 4;
const waiting = { timeout: 60_000, interval: 100 };

interface Row extends Pick<BalancedServiceOptions, 'design' | 'path' | 'stack'> {
  /** How many of the joins reach their server: all, or those that chance sends there, one in as many as there are servers. */
  readonly joins: 'all' | 'chance';
}

const byChance: readonly DesignName[] = ['stateful', 'stateless', 'maglev'];

function rowsOf(
  path: Row['path'],
  stack: Row['stack'],
  designs: readonly DesignName[],
): readonly (readonly [Row])[] {
  return designs.map((design) => [
    { path, stack, design, joins: byChance.includes(design) ? 'chance' : 'all' },
  ]);
}

const rows = [
  ...rowsOf('user', 'linux', ['stateful', 'stateless', 'maglev', 'token-map', 'direct-address', 'beamer']),
  ...rowsOf('xdp', 'linux', xdpDesigns),
  // Linux draws keys and timestamps itself, so that only our own engine can stand behind `key-select`.
  ...rowsOf('user', 'engine', ['key-select', 'token-map', 'direct-address']),
];

describeWith(
  'a thousand connections of Linux, each with a join',
  [mayCreateNamespaces(), mayUseXdp(), kernelMptcp()],
  () => {
    let lab: BalancedService | undefined;
    afterEach(async () => {
      await lab?.close();
      lab = undefined;
    });

    it.each(rows)(
      '$path path, $design, servers of $stack: $joins find their server',
      { timeout: 120_000 },
      async ({ joins, ...options }) => {
        lab = await BalancedService.open({ ...options, servers });
        const all = await lab.connect(connections);
        for (let id = 1; id <= servers; id++)
          expect(all.filter(({ server }) => server === id).length).toBeGreaterThan(connections / servers / 3);
        const joined = (): number => all.filter((each) => joinedSubflows(each) > 0).length;
        if (joins === 'all') {
          await vi.waitUntil(() => joined() === connections, waiting);
          // What passed the balancer by is not among them, and a SYN may have been sent again.
          const passed = connections + (await lab.joinsSeen());
          await vi.waitUntil(async () => (await lab!.subflowsSeen()) >= passed, waiting);
          expect(await lab.subflowsSeen()).toBeLessThan(passed * 1.1);
          return;
        }
        await vi.waitUntil(async () => (await lab!.joinsSeen()) === connections, waiting);
        // The others were sent to a server that does not know their token, and were reset by it.
        await vi.waitUntil(
          () => joined() + lab!.count('MPTcpExtMPJoinNoTokenFound') === connections,
          waiting,
        );
        expect(joined()).toBeGreaterThan(connections / servers / 2);
        expect(joined()).toBeLessThan((connections / servers) * 2);
      },
    );
  },
);

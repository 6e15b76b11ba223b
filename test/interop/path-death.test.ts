/** A path that dies in the middle of a transfer costs no byte, whoever notices first. */
import { expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
import { describeWith } from '../support/with-rights.js';
import { Exchange, expectCounters, type Role } from './support/exchange.js';
import { TwoPaths, type Family } from './support/two-paths.js';

const BYTES = 8 << 20;
const link = { both: { rateBps: 50e6, delayNs: 5e6, queue: { ns: 50e6 } } };

/** How a path dies. */
const deaths = {
  /** Packets vanish, and nobody is told. */
  'black hole': (paths: TwoPaths, path: number) =>
    paths.world.act((now) => paths.links[path - 1]!.setState(now, 'blackhole')),
  /** Our interface loses its carrier. */
  'our link down': (paths: TwoPaths, path: number) =>
    paths.world.act((now) => paths.links[path - 1]!.setState(now, 'down')),
  /** The kernel's interface is set down. */
  'kernel link down': (paths: TwoPaths, path: number) => paths.kernel.ip(`link set tun${path} down`),
} as const;

describeWith('a path that dies', [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()], () => {
  const cases: [Role, Family, keyof typeof deaths, number][] = [
    ['client', 4, 'black hole', 1],
    ['server', 4, 'black hole', 1],
    ['client', 6, 'black hole', 2],
    ['server', 6, 'black hole', 2],
    ['client', 4, 'our link down', 1],
    ['server', 6, 'our link down', 1],
    ['client', 4, 'kernel link down', 1],
    ['server', 4, 'kernel link down', 2],
  ];

  it.each(cases)('is survived as %s over IPv%d: %s on path %d', async (role, family, death, path) => {
    const paths = new TwoPaths({
      family,
      links: [link, link],
      ...(role === 'server' ? { ourAddresses: [{}, { signal: true }] } : {}),
    });
    try {
      const exchange = await Exchange.begin(paths, { role, bytes: BYTES });
      const { ours } = exchange;
      const { connection } = ours.socket;
      await ours.until(
        () =>
          connection.subflows.filter(({ state }) => state === 'active').length === 2 &&
          ours.receivedBytes > BYTES / 4 &&
          exchange.kernel.receivedBytes > BYTES / 4,
      );
      const lost = ours.receivedBytes;
      deaths[death](paths, path);
      await exchange.expectWhole();
      expect(ours.receivedBytes).toBeGreaterThan(lost);
      expectCounters(paths.kernel.counters(), {});
    } finally {
      paths.close();
    }
  });
});

/** Second addresses: those announced by either side are used by the other, withdrawn ones no longer, unannounced ones join. */
import { expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
import { describeWith } from '../support/with-rights.js';
import { Exchange, expectCounters } from './support/exchange.js';
import { TwoPaths, type Family } from './support/two-paths.js';

const BYTES = 8 << 20;
/** Slow enough that the announcement comes long before the end. */
const link = { both: { rateBps: 40e6, delayNs: 5e6, queue: { ns: 50e6 } } };

describeWith('a second address', [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()], () => {
  it.each<Family>([4, 6])('of the kernel, announced, gets a subflow from us, IPv%d', async (family) => {
    const paths = new TwoPaths({
      family,
      links: [link, link],
      kernelEndpoint: 'signal',
    });
    try {
      const exchange = await Exchange.begin(paths, { role: 'client', bytes: BYTES });
      const { ours } = exchange;
      const announced = paths.kernelAddress(2);
      const { connection } = ours.socket;
      await ours.until(() => connection.subflows.filter(({ state }) => state === 'active').length === 4);
      const remotes = connection.subflows.map(({ remote }) => remote.address.toString());
      expect(remotes.filter((remote) => remote === announced)).toHaveLength(2);
      expect(ours.notices.find((notice) => notice.type === 'address-announced')?.address.toString()).toBe(
        announced,
      );
      await exchange.expectWhole();
      // Every address of ours to every one of the kernel's, the initial pair aside.
      const counters = paths.kernel.counters();
      expect(counters.get('MPTcpExtEchoAdd')).toBeGreaterThan(0);
      expectCounters(counters, {
        MPTcpExtMPJoinSynRx: 3,
        MPTcpExtMPJoinAckRx: 3,
      });
    } finally {
      paths.close();
    }
  });

  it.each<Family>([4, 6])(
    'of ours, announced, gets a subflow from the kernel, and loses it again, IPv%d',
    async (family) => {
      const paths = new TwoPaths({ family, links: [link, link], ourAddresses: [{}, { signal: true }] });
      try {
        // Long enough that the address goes in the middle also where its announcement was lost once.
        const exchange = await Exchange.begin(paths, { role: 'server', bytes: 2 * BYTES });
        const { ours } = exchange;
        const { connection } = ours.socket;
        await ours.until(() => connection.subflows[1]?.state === 'active');
        expect(connection.subflows[1]!.local.address.toString()).toBe(paths.ourAddress(2));
        paths.act((now) =>
          paths.stack.removeAddress(now, paths.interfaces[1]!, paths.ourEndpoint(2, 0).address),
        );
        await ours.until(() => connection.subflows.length === 1);
        await exchange.expectWhole();
        expectCounters(paths.kernel.counters(), {
          MPTcpExtMPJoinSynTx: 1,
          MPTcpExtMPJoinSynAckRx: 1,
        });
        // Each may come more than once: it is sent again until it is answered.
        for (const name of ['AddAddr', 'EchoAddTx', 'RmAddr']) {
          expect(paths.kernel.counters().get(`MPTcpExt${name}`), name).toBeGreaterThan(0);
        }
      } finally {
        paths.close();
      }
    },
  );

  it.each<Family>([4, 6])(
    'of the kernel alone joins our one address by a path of its own, IPv%d',
    async (family) => {
      const paths = new TwoPaths({ family, links: [link, link], kernelEndpoint: 'subflow' });
      try {
        const exchange = await Exchange.begin(paths, { role: 'server', bytes: BYTES });
        const { ours } = exchange;
        await ours.until(
          () => ours.socket.connection.subflows.length === 2 && ours.receivedBytes > BYTES / 4,
        );
        const ends = ours.socket.connection.subflows.map((subflow) => [
          subflow.local.address.toString(),
          subflow.remote.address.toString(),
        ]);
        expect(ends).toEqual([
          [paths.ourAddress(1), paths.kernelAddress(1)],
          [paths.ourAddress(1), paths.kernelAddress(2)],
        ]);
        await exchange.expectWhole();
        // What we send on the second subflow leaves by the interface that it was asked for on, not by its address's.
        expect(paths.links[1]!.forward.counters.deliveredBytes).toBeGreaterThan(BYTES / 4);
        expectCounters(paths.kernel.counters(), { MPTcpExtMPJoinSynTx: 1, MPTcpExtMPJoinSynAckRx: 1 });
      } finally {
        paths.close();
      }
    },
  );
});

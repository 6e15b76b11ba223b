/** Options whose effect on the other side shows: each said by one of the two stacks and heeded by the other. */
import { expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
import { defaultMptcpSettings } from '../../src/mptcp/index.js';
import { describeWith } from '../support/with-rights.js';
import { Exchange, expectCounters } from './support/exchange.js';
import { TwoPaths } from './support/two-paths.js';

const rights = [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()];
const link = { both: { rateBps: 40e6, delayNs: 5e6, queue: { ns: 50e6 } } };

describeWith('a fast close by ACK (RFC 8684 §3.5)', rights, () => {
  it('is answered by the kernel with RSTs, and nothing is left on either side', async () => {
    const paths = new TwoPaths({ family: 4 });
    try {
      const settings = { mptcp: { ...defaultMptcpSettings, fastClose: 'ack' as const } };
      const exchange = await Exchange.begin(paths, { role: 'client', bytes: 64 << 20, settings });
      const { ours, kernel } = exchange;
      await ours.until(() => ours.receivedBytes > 1 << 20 && ours.socket.connection.subflows.length === 2);
      paths.act((now) => ours.socket.abort(now));
      expect((await kernel.finished).error).toBe('ECONNRESET');
      await expect.poll(() => ours.socket.connection.isReleasable, { timeout: 30_000 }).toBe(true);
      const counters = paths.kernel.counters();
      expectCounters(counters, { MPTcpExtMPCurrEstab: 0 });
      expect(counters.get('MPTcpExtMPFastcloseRx')).toBeGreaterThan(0);
      exchange.close();
    } finally {
      paths.close();
    }
  });
});

describeWith('MP_PRIO (RFC 8684 §3.3.8)', rights, () => {
  it('of ours is heard by the kernel', async () => {
    const paths = new TwoPaths({ family: 4, links: [link, link] });
    try {
      const exchange = await Exchange.begin(paths, { role: 'client', bytes: 8 << 20 });
      const { ours } = exchange;
      const { connection } = ours.socket;
      await ours.until(() => connection.subflows.length === 2 && ours.receivedBytes > 1 << 18);
      paths.act((now) => {
        ours.socket.setBackup(now, connection.subflows[1]!, true);
      });
      await exchange.expectWhole();
      expect(paths.kernel.counters().get('MPTcpExtMPPrioRx')).toBeGreaterThan(0);
    } finally {
      paths.close();
    }
  });

  it('of the kernel makes the subflow of its endpoint a backup of ours', async () => {
    const paths = new TwoPaths({ family: 4, links: [link, link], kernelEndpoint: 'subflow' });
    try {
      const exchange = await Exchange.begin(paths, { role: 'server', bytes: 8 << 20 });
      const { ours } = exchange;
      await ours.until(() => ours.socket.connection.subflows.length === 2 && ours.receivedBytes > 1 << 18);
      paths.kernel.ip(`mptcp endpoint change ${paths.kernelAddress(2)} backup`);
      await ours.until(() => ours.notices.some((notice) => notice.type === 'subflow-priority'));
      expect(ours.socket.connection.subflows.map(({ peerBackup }) => peerBackup)).toEqual([false, true]);
      await exchange.expectWhole();
    } finally {
      paths.close();
    }
  });
});

describeWith('flag C (RFC 8684 §3.1)', rights, () => {
  it('of ours keeps the kernel from joining the address that it reached first', async () => {
    const settings = { mptcp: { ...defaultMptcpSettings, joinInitialAddress: false } };
    const paths = new TwoPaths({ family: 4, links: [link, link], kernelEndpoint: 'subflow' });
    try {
      const exchange = await Exchange.begin(paths, { role: 'server', bytes: 4 << 20, settings });
      await exchange.expectWhole();
      expectCounters(paths.kernel.counters(), { MPTcpExtMPJoinSynTx: 0 });
    } finally {
      paths.close();
    }
  });
});

describeWith('REMOVE_ADDR of the kernel (RFC 8684 §3.4.2)', rights, () => {
  it('ends the subflow of its address and leaves the stream whole', async () => {
    const paths = new TwoPaths({ family: 4, links: [link, link], kernelEndpoint: 'signal id 7' });
    try {
      const exchange = await Exchange.begin(paths, { role: 'client', bytes: 8 << 20 });
      const { ours } = exchange;
      const { connection } = ours.socket;
      const isTo7 = (): boolean =>
        connection.subflows.some(({ remoteId, state }) => remoteId === 7 && state === 'active');
      await ours.until(() => isTo7() && ours.receivedBytes > 1 << 18);
      paths.kernel.ip('mptcp endpoint delete id 7');
      await ours.until(() =>
        ours.notices.some((notice) => notice.type === 'address-removed' && notice.id === 7),
      );
      await exchange.expectWhole();
      expect(paths.kernel.counters().get('MPTcpExtRmAddrTx')).toBeGreaterThan(0);
    } finally {
      paths.close();
    }
  });
});

/** How connections begin without Multipath TCP and end without order: each side sees what the other did. */
import { once } from 'node:events';
import { Socket as NetSocket } from 'node:net';
import { expect, it } from 'vitest';
import {
  connectKernel,
  connectionInfo,
  descriptorOf,
  isMultipath,
  kernelMptcp,
  mayCreateNamespaces,
  mayCreateTun,
} from '../../src/linux/index.js';
import { defaultMptcpSettings } from '../../src/mptcp/index.js';
import { describeWith } from '../support/with-rights.js';
import { Exchange, expectCounters, type Role } from './support/exchange.js';
import { TwoPaths, type Family } from './support/two-paths.js';

const roles: [Role, Family][] = [
  ['client', 4],
  ['server', 6],
];
const rights = [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()];

async function withPaths(
  options: { role: Role; family: Family },
  body: (paths: TwoPaths) => Promise<void>,
): Promise<void> {
  const paths = new TwoPaths({
    family: options.family,
    ...(options.role === 'server' ? { ourAddresses: [{}, { signal: true }] } : {}),
  });
  try {
    await body(paths);
  } finally {
    paths.close();
  }
}

describeWith('Multipath TCP refused', rights, () => {
  it.each(roles)('by the kernel leaves plain TCP, as %s over IPv%d', (role, family) =>
    withPaths({ role, family }, async (paths) => {
      const exchange = await Exchange.begin(paths, { role, bytes: 4 << 20, kernelProtocol: 'tcp' });
      await exchange.expectWhole();
      expect(exchange.ours.socket.connection.isFallback).toBe(true);
      expect(paths.kernel.counters().get('MPTcpExtMPJoinSynRx')).toBe(0);
    }),
  );

  it.each(roles)('by us leaves plain TCP, as %s over IPv%d', (role, family) =>
    withPaths({ role, family }, async (paths) => {
      const exchange = await Exchange.begin(paths, {
        role,
        bytes: 32 << 20,
        settings: { mptcp: { ...defaultMptcpSettings, enabled: false } },
      });
      await exchange.ours.until(() => exchange.ours.receivedBytes > 1 << 20);
      expect(isMultipath(descriptorOf(exchange.kernel.socket))).toBe(false);
      await exchange.expectWhole();
      expect(exchange.ours.socket.connection.isFallback).toBe(true);
      if (role === 'server') expectCounters(paths.kernel.counters(), { MPTcpExtMPCapableFallbackSYNACK: 1 });
    }),
  );
});

describeWith('a connection cut off', rights, () => {
  it.each(roles)('by us is seen as reset by the kernel, as %s over IPv%d', (role, family) =>
    withPaths({ role, family }, async (paths) => {
      const exchange = await Exchange.begin(paths, { role, bytes: 64 << 20 });
      const { ours, kernel } = exchange;
      await ours.until(() => ours.receivedBytes > 1 << 20 && ours.socket.connection.subflows.length === 2);
      paths.act((now) => ours.socket.abort(now));
      expect((await kernel.finished).error).toBe('ECONNRESET');
      expect(ours.socket.state).toBe('closed');
      const counters = paths.kernel.counters();
      expectCounters(counters, { MPTcpExtMPCurrEstab: 0 });
      expect(counters.get('MPTcpExtMPFastcloseRx')).toBeGreaterThan(0);
      exchange.close();
    }),
  );

  it.each(roles)('by the kernel is seen as reset by us, as %s over IPv%d', (role, family) =>
    withPaths({ role, family }, async (paths) => {
      const exchange = await Exchange.begin(paths, { role, bytes: 64 << 20 });
      const { ours, kernel } = exchange;
      await ours.until(() => ours.receivedBytes > 1 << 20 && ours.socket.connection.subflows.length === 2);
      kernel.socket.resetAndDestroy();
      expect((await ours.finished).error).toBe('ECONNRESET');
      expect(paths.stack.connectionCount).toBe(0);
      const counters = paths.kernel.counters();
      expectCounters(counters, {});
      expect(counters.get('MPTcpExtMPFastcloseTx')).toBeGreaterThan(0);
      exchange.close();
    }),
  );

  it('on one subflow only goes on over the other', () =>
    withPaths({ role: 'client', family: 4 }, async (paths) => {
      const exchange = await Exchange.begin(paths, { role: 'client', bytes: 64 << 20 });
      const { ours } = exchange;
      const { connection } = ours.socket;
      await ours.until(() => ours.receivedBytes > 1 << 20 && connection.subflows.length === 2);
      paths.act((now) => ours.socket.closeSubflow(now, connection.subflows[0]!));
      await ours.until(() => ours.notices.some((notice) => notice.type === 'subflow-closed'));
      expect(connectionInfo(descriptorOf(exchange.kernel.socket))!.fallback).toBe(false);
      await exchange.expectWhole();
      expectCounters(paths.kernel.counters(), {});
    }));

  it('is refused where nobody listens', () =>
    withPaths({ role: 'client', family: 4 }, async (paths) => {
      const ours = paths.act((now) =>
        paths.application.add(
          paths.stack.connect(now, { remote: paths.kernelEndpoint(1, 9) }),
          new Uint8Array(0),
        ),
      );
      expect((await ours.finished).error).toBe('ECONNREFUSED');
      const fd = connectKernel({ address: paths.ourAddress(1), port: 9, namespace: paths.kernel });
      const socket = new NetSocket({ fd });
      socket.resume();
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toBe('ECONNREFUSED');
    }));
});

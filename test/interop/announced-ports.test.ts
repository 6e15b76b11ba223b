/** ADD_ADDR with a port (RFC 8684 §3.4.1), and flag C (§3.1), said by either stack and heeded by the other. */
import { expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
import { defaultMptcpSettings, type Subflow } from '../../src/mptcp/index.js';
import { describeWith } from '../support/with-rights.js';
import { Exchange, expectCounters } from './support/exchange.js';
import type { OurTransfer } from './support/transfer.js';
import { TwoPaths, type Family, type TwoPathsOptions } from './support/two-paths.js';

const rights = [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()];
const link = { both: { rateBps: 40e6, delayNs: 5e6, queue: { ns: 50e6 } } };
const BYTES = 4 << 20;
const PORT = 7100;
const families: [Family][] = [[4], [6]];

async function withPaths(options: TwoPathsOptions, body: (paths: TwoPaths) => Promise<void>): Promise<void> {
  const paths = new TwoPaths({ links: [link, link], ...options });
  try {
    await body(paths);
  } finally {
    paths.close();
  }
}

/** Every subflow that ever joined the first. */
function joined(ours: OurTransfer): Subflow[] {
  return ours.notices.flatMap((notice) =>
    notice.type === 'subflow-opened' && !notice.subflow.isInitial ? [notice.subflow] : [],
  );
}

/** The peer's end of each, as `address port`. */
function remotesOf(ours: OurTransfer): string[] {
  return joined(ours).map(({ remote }) => `${remote.address.toString()} ${remote.port}`);
}

describeWith('an address that is announced with a port (RFC 8684 §3.4.1)', rights, () => {
  it.each(families)('by the kernel is joined at that port, over IPv%d', (family) =>
    withPaths({ family, kernelEndpoint: `signal port ${PORT}` }, async (paths) => {
      // Linux's timestamps leave no room for the longest form: an IPv6 address with a port and its HMAC.
      paths.kernel.sysctl('net.ipv4.tcp_timestamps', 0);
      const exchange = await Exchange.begin(paths, { role: 'client', bytes: BYTES });
      const { ours } = exchange;
      const isAtPort = ({ remote, state }: Subflow): boolean => remote.port === PORT && state === 'active';
      // Each of our two addresses joins there.
      await ours.until(() => ours.socket.connection.subflows.filter(isAtPort).length === 2);
      await exchange.expectWhole();
      expect(remotesOf(ours)).toContain(`${paths.kernelAddress(2)} ${PORT}`);
      const counters = paths.kernel.counters();
      expectCounters(counters, { MPTcpExtMPJoinPortSynRx: 2, MPTcpExtMPJoinPortAckRx: 2 });
      expect(counters.get('MPTcpExtEchoAdd')).toBeGreaterThan(0);
    }),
  );

  it.each(families)('by us is joined at that port by the kernel, over IPv%d', (family) =>
    withPaths({ family, ourAddresses: [{}, { signal: true, port: PORT }] }, async (paths) => {
      const exchange = await Exchange.begin(paths, { role: 'server', bytes: BYTES });
      const { ours } = exchange;
      await ours.until(() => ours.socket.connection.subflows.length === 2);
      const { local } = ours.socket.connection.subflows[1]!;
      expect([local.address.toString(), local.port]).toEqual([paths.ourAddress(2), PORT]);
      await exchange.expectWhole();
      const counters = paths.kernel.counters();
      expectCounters(counters, { MPTcpExtMPJoinSynTx: 1, MPTcpExtMPJoinSynAckRx: 1 });
      expect(counters.get('MPTcpExtPortAdd')).toBeGreaterThan(0);
    }),
  );
});

describeWith('flag C (RFC 8684 §3.1)', rights, () => {
  it.each(families)('of the kernel leaves us its announced address, over IPv%d', (family) =>
    withPaths({ family, kernelEndpoint: 'signal' }, async (paths) => {
      paths.kernel.sysctl('net.mptcp.allow_join_initial_addr_port', 0);
      const exchange = await Exchange.begin(paths, { role: 'client', bytes: BYTES });
      const { ours } = exchange;
      await ours.until(() => remotesOf(ours).length === 2);
      await exchange.expectWhole();
      // From both of our addresses, and none to the kernel's first.
      const announced = `${paths.kernelAddress(2)} ${ours.socket.remote.port}`;
      expect(remotesOf(ours)).toEqual([announced, announced]);
      expectCounters(paths.kernel.counters(), { MPTcpExtMPJoinSynRx: 2, MPTcpExtMPJoinAckRx: 2 });
    }),
  );

  it.each(families)('of ours leaves the kernel our announced address, over IPv%d', (family) =>
    withPaths({ family, ourAddresses: [{}, { signal: true }], kernelEndpoint: 'subflow' }, async (paths) => {
      const settings = { mptcp: { ...defaultMptcpSettings, joinInitialAddress: false } };
      const exchange = await Exchange.begin(paths, { role: 'server', bytes: BYTES, settings });
      const { ours } = exchange;
      await ours.until(() => ours.socket.connection.subflows.length > 1);
      await exchange.expectWhole();
      const locals = joined(ours).map(({ local }) => local.address.toString());
      expect(new Set(locals)).toEqual(new Set([paths.ourAddress(2)]));
      expect(paths.kernel.counters().get('MPTcpExtMPJoinSynAckRx')).toBe(locals.length);
    }),
  );
});

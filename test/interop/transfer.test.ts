/** Bulk transfer between our stack and the kernel, both ways at once over two subflows: every byte, every counter. */
import { expect, it } from 'vitest';
import {
  connectionInfo,
  descriptorOf,
  kernelMptcp,
  mayCreateNamespaces,
  mayCreateTun,
  subflowAddresses,
} from '../../src/linux/index.js';
import { describeWith } from '../support/with-rights.js';
import { Exchange, expectCounters, type Role } from './support/exchange.js';
import { TwoPaths, type Family } from './support/two-paths.js';

const MIB = 1 << 20;

/** What the kernel counts when it is the server of a connection with one join, and when it is the client. */
const ESTABLISHED = {
  client: {
    MPTcpExtMPCapableSYNRX: 1,
    MPTcpExtMPCapableACKRX: 1,
    MPTcpExtMPJoinSynRx: 1,
    MPTcpExtMPJoinAckRx: 1,
  },
  server: {
    MPTcpExtMPCapableSYNTX: 1,
    MPTcpExtMPCapableSYNACKRX: 1,
    MPTcpExtMPJoinSynTx: 1,
    MPTcpExtMPJoinSynAckRx: 1,
  },
} as const;

describeWith('a transfer with the kernel', [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()], () => {
  const combinations: [Role, Family, { checksum: boolean; offload: boolean; megabytes: number }][] = [
    ['client', 4, { checksum: false, offload: true, megabytes: 64 }],
    ['client', 6, { checksum: false, offload: true, megabytes: 64 }],
    ['server', 4, { checksum: false, offload: true, megabytes: 64 }],
    ['server', 6, { checksum: false, offload: true, megabytes: 64 }],
    ['client', 4, { checksum: true, offload: true, megabytes: 16 }],
    ['server', 6, { checksum: true, offload: true, megabytes: 16 }],
    ['client', 6, { checksum: false, offload: false, megabytes: 16 }],
    ['server', 4, { checksum: true, offload: false, megabytes: 16 }],
  ];

  it.each(combinations)('as %s over IPv%d, %o, is whole', async (role, family, variant) => {
    const paths = new TwoPaths({
      family,
      offload: variant.offload,
      ...(role === 'server' ? { ourAddresses: [{}, { signal: true }] } : {}),
    });
    try {
      paths.kernel.sysctl('net.mptcp.checksum_enabled', variant.checksum ? 1 : 0);
      const bytes = variant.megabytes * MIB;
      const exchange = await Exchange.begin(paths, { role, bytes });
      await exchange.ours.until(() => exchange.ours.receivedBytes > bytes / 2);
      const fd = descriptorOf(exchange.kernel.socket);
      expect(connectionInfo(fd)).toMatchObject({ fallback: false, checksum: variant.checksum });
      expect(subflowAddresses(fd).map((ends) => ends.local.address)).toEqual(
        role === 'client'
          ? [paths.kernelAddress(1), paths.kernelAddress(1)]
          : [paths.kernelAddress(1), paths.kernelAddress(2)],
      );
      const { connection } = exchange.ours.socket;
      expect(connection.isFallback).toBe(false);
      const carried = connection.subflows.map((subflow) => subflow.tcp.statistics);
      await exchange.expectWhole();
      expect(carried).toHaveLength(2);
      for (const { bytesSent, bytesReceived } of carried) {
        expect(bytesSent).toBeGreaterThan(0);
        expect(bytesReceived).toBeGreaterThan(0);
      }
      expectCounters(paths.kernel.counters(), ESTABLISHED[role]);
    } finally {
      paths.close();
    }
  });
});

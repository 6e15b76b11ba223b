/**
 * Versions of Multipath TCP that Linux does not speak, offered to it and asked of it: it knows version 1 only (RFC 8684), so
 * version 0 (RFC 6824) leaves plain TCP, and every byte is right.
 */
import { expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
import { defaultMptcpSettings } from '../../src/mptcp/index.js';
import type { MptcpVersion } from '../../src/wire/index.js';
import { describeWith } from '../support/with-rights.js';
import { Exchange, type Role } from './support/exchange.js';
import { TwoPaths, type Family } from './support/two-paths.js';

const BYTES = 1 << 20;

type Versions = readonly MptcpVersion[];

/** Transfers both ways, checks every byte, and gives the version that our side spoke and why it fell back. */
async function transfer(paths: TwoPaths, role: Role, versions: Versions): Promise<unknown> {
  const settings = { mptcp: { ...defaultMptcpSettings, versions } };
  const exchange = await Exchange.begin(paths, { role, bytes: BYTES, settings });
  await exchange.ours.until(() => exchange.ours.receivedBytes > BYTES / 2);
  const { connection } = exchange.ours.socket;
  const spoken = [connection.version, connection.fallbackCause];
  await exchange.expectWhole();
  return spoken;
}

async function withPaths(family: Family, body: (paths: TwoPaths) => Promise<void>): Promise<void> {
  const paths = new TwoPaths({ family });
  try {
    await body(paths);
  } finally {
    paths.close();
  }
}

const rights = [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()];
const families: [Family][] = [[4], [6]];

describeWith('version 0 with Linux, which speaks version 1', rights, () => {
  it.each(families)('asked of its server over IPv%d, is not answered and leaves plain TCP', (family) =>
    withPaths(family, async (paths) => {
      expect(await transfer(paths, 'client', [0])).toEqual([undefined, 'no-capable-in-syn-ack']);
      expect(paths.kernel.counters().get('MPTcpExtMPCapableSYNRX')).toBe(0);
      expect(await transfer(paths, 'client', [0])).toEqual([undefined, 'no-capable-in-syn-ack']);
    }),
  );

  it.each(families)('offered to its client over IPv%d, is not taken and leaves plain TCP', (family) =>
    withPaths(family, async (paths) => {
      expect(await transfer(paths, 'server', [0])).toEqual([undefined, 'no-capable-in-ack']);
      const counters = paths.kernel.counters();
      expect(counters.get('MPTcpExtMPCapableSYNTX')).toBe(1);
      expect(counters.get('MPTcpExtMPCapableSYNACKRX')).toBe(0);
    }),
  );

  it.each<[Role, Versions]>([
    ['client', [1, 0]],
    ['server', [1, 0]],
    ['server', [0, 1]],
  ])('does not stand in the way: our %s that speaks %j speaks version 1', (role, versions) =>
    withPaths(4, async (paths) => {
      expect(await transfer(paths, role, versions)).toEqual([1, undefined]);
    }),
  );

  it('preferred to version 1, is plain TCP the first time and version 1 from then on', () =>
    withPaths(4, async (paths) => {
      expect(await transfer(paths, 'client', [0, 1])).toEqual([undefined, 'no-capable-in-syn-ack']);
      for (let i = 0; i < 3; i++) expect(await transfer(paths, 'client', [0, 1])).toEqual([1, undefined]);
    }));
});

/** Fast Open against Linux, each side in either role: data in the SYN, over TCP and Multipath TCP (RFC 7413, RFC 8684 B). */
import { expect, it } from 'vitest';
import {
  acceptFastOpen,
  connectFastOpen,
  kernelMptcp,
  mayCreateNamespaces,
  mayCreateTun,
} from '../../src/linux/index.js';
import { defaultMptcpSettings } from '../../src/mptcp/index.js';
import type { FastOpenMode } from '../../src/stack/index.js';
import { describeWith } from '../support/with-rights.js';
import { expectCounters } from './support/exchange.js';
import {
  connectFromKernel,
  KernelServer,
  Payload,
  type KernelTransfer,
  type OurTransfer,
} from './support/transfer.js';
import { TwoPaths, type Family } from './support/two-paths.js';

const rights = [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()];
/** Bytes that we write before the SYN leaves. */
const EARLY_BYTES = 400;
const families: [Family][] = [[4], [6]];

interface Setup {
  readonly family: Family;
  readonly protocol?: 'tcp' | 'mptcp';
  readonly checksum?: boolean;
}

async function withPaths(setup: Setup, body: (paths: TwoPaths) => Promise<void>): Promise<void> {
  const mptcp = {
    ...defaultMptcpSettings,
    enabled: setup.protocol !== 'tcp',
    checksum: setup.checksum ?? false,
  };
  const paths = new TwoPaths({ family: setup.family, settings: { mptcp } });
  // Clients and servers; the third bit would have every client do without a cookie.
  paths.kernel.sysctl('net.ipv4.tcp_fastopen', 3);
  if (setup.checksum === true) paths.kernel.sysctl('net.mptcp.checksum_enabled', 1);
  try {
    await body(paths);
  } finally {
    paths.close();
  }
}

/** A connection of ours to the kernel, with a payload each way: what it wrote early goes with the SYN if it may. */
async function connectToKernel(
  paths: TwoPaths,
  port: number,
  setup: Setup,
  mode: FastOpenMode,
  requireCookie = true,
): Promise<OurTransfer> {
  const address = paths.family === 4 ? '0.0.0.0' : '::';
  const server = new KernelServer(paths.kernel, address, port, setup.protocol ?? 'mptcp', (fd) => {
    if (mode !== false) acceptFastOpen(fd, 16, requireCookie);
  });
  const [up, down] = [new Payload(300_000), new Payload(200_000)];
  const ours = paths.act((now) => {
    const socket = paths.stack.connect(now, { remote: paths.kernelEndpoint(1, port), fastOpen: mode });
    socket.write(now, up.bytes.slice(0, EARLY_BYTES));
    return paths.application.add(socket, up.bytes.subarray(EARLY_BYTES));
  });
  const kernel = await server.accept(down.bytes);
  await expectWhole(ours, kernel, up, down);
  server.close();
  return ours;
}

/** A connection of the kernel's to us. */
async function connectToUs(
  paths: TwoPaths,
  port: number,
  setup: Setup,
  fastOpen: boolean | { requireCookie: boolean },
  withCookie = true,
): Promise<OurTransfer> {
  const [up, down] = [new Payload(300_000), new Payload(200_000)];
  const listener = paths.act((now) => paths.stack.listen(now, { local: { port }, fastOpen }));
  const accepted = paths.application.accept(listener, down.bytes);
  const kernel = connectFromKernel(paths.kernel, {
    address: paths.ourAddress(1),
    port,
    payload: up.bytes,
    protocol: setup.protocol ?? 'mptcp',
    prepare: (fd) => connectFastOpen(fd, withCookie),
  });
  const ours = await accepted;
  await expectWhole(ours, kernel, down, up);
  return ours;
}

async function expectWhole(
  ours: OurTransfer,
  kernel: KernelTransfer,
  fromUs: Payload,
  fromKernel: Payload,
): Promise<void> {
  const ends = await Promise.all([ours.finished, kernel.finished]);
  expect(ends).toEqual([
    { bytes: fromKernel.bytes.length, sha256: fromKernel.sha256, error: undefined },
    { bytes: fromUs.bytes.length, sha256: fromUs.sha256, error: undefined },
  ]);
}

const variants: Setup[] = families.flatMap(([family]) => [
  { family, protocol: 'tcp' as const },
  { family },
  { family, checksum: true },
]);

describeWith('Fast Open towards Linux', rights, () => {
  it.each(variants)('fetches a cookie, then delivers data in the SYN: %o', (setup) =>
    withPaths(setup, async (paths) => {
      const first = await connectToKernel(paths, 7001, setup, true);
      expect(first.socket.connection.fastOpen).toMatchObject({ sentBytes: 0, acceptedBytes: 0 });
      expect(first.socket.connection.fastOpen!.cookie?.length).toBe(8);
      const second = await connectToKernel(paths, 7002, setup, true);
      expect(second.socket.connection.fastOpen).toMatchObject({ acceptedBytes: EARLY_BYTES });
      for (const { socket } of [first, second])
        expect(socket.connection.isFallback).toBe(setup.protocol === 'tcp');
      expectCounters(paths.kernel.counters(), {
        TcpExtTCPFastOpenCookieReqd: 1,
        TcpExtTCPFastOpenPassive: 1,
        TcpExtTCPFastOpenPassiveFail: 0,
      });
    }),
  );

  it.each(families)('goes without a cookie where the listener needs none, over IPv%d', (family) =>
    withPaths({ family }, async (paths) => {
      const ours = await connectToKernel(paths, 7001, { family }, 'without-cookie', false);
      expect(ours.socket.connection.fastOpen).toMatchObject({ acceptedBytes: EARLY_BYTES });
      expect(ours.socket.connection.isFallback).toBe(false);
      expectCounters(paths.kernel.counters(), { TcpExtTCPFastOpenPassive: 1 });
    }),
  );

  it.each(families)('sends the data again where the listener does not take it, over IPv%d', (family) =>
    withPaths({ family }, async (paths) => {
      const ours = await connectToKernel(paths, 7001, { family }, 'without-cookie', true);
      expect(ours.socket.connection.fastOpen).toMatchObject({ sentBytes: EARLY_BYTES, acceptedBytes: 0 });
      expect(ours.socket.connection.isFallback).toBe(false);
      expectCounters(paths.kernel.counters(), { TcpExtTCPFastOpenPassive: 0 });
    }),
  );
});

describeWith('Fast Open from Linux', rights, () => {
  it.each(variants)('is given a cookie, then its data is taken from the SYN: %o', (setup) =>
    withPaths(setup, async (paths) => {
      const first = await connectToUs(paths, 7001, setup, true);
      expect(first.socket.connection.fastOpen).toBeUndefined();
      expect(paths.stack.counters.fastOpenCookiesGiven).toBe(1);
      const second = await connectToUs(paths, 7002, setup, true);
      expect(second.socket.connection.fastOpen!.acceptedBytes).toBeGreaterThan(0);
      expect(second.socket.connection.fastOpen!.isSettled).toBe(true);
      for (const { socket } of [first, second])
        expect(socket.connection.isFallback).toBe(setup.protocol === 'tcp');
      expectCounters(paths.kernel.counters(), {
        TcpExtTCPFastOpenActive: 1,
        TcpExtTCPFastOpenActiveFail: 0,
      });
    }),
  );

  it.each(families)('goes without a cookie where our listener needs none, over IPv%d', (family) =>
    withPaths({ family }, async (paths) => {
      const ours = await connectToUs(paths, 7001, { family }, { requireCookie: false }, false);
      expect(ours.socket.connection.fastOpen!.acceptedBytes).toBeGreaterThan(0);
      expect(ours.socket.connection.fallbackCause).toBe(undefined);
      expectCounters(paths.kernel.counters(), { TcpExtTCPFastOpenActive: 1 });
    }),
  );

  it.each(families)('loses nothing when its cookie is no longer good, over IPv%d', (family) =>
    withPaths({ family }, async (paths) => {
      await connectToUs(paths, 7001, { family }, true);
      paths.act((now) => paths.stack.rotateFastOpenKey(now));
      paths.act((now) => paths.stack.rotateFastOpenKey(now));
      await connectToUs(paths, 7002, { family }, true);
      expect(paths.stack.counters.fastOpenCookiesRejected).toBe(1);
      const third = await connectToUs(paths, 7003, { family }, true);
      expect(third.socket.connection.fastOpen!.acceptedBytes).toBeGreaterThan(0);
    }),
  );
});

/** Service types on kernel sockets, between two Linux hosts in namespaces, over two links one of which loses its carrier. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Server, Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { twoLinks, type TwoLinks } from '../../../test/support/two-links.js';
import { describeWith } from '../../../test/support/with-rights.js';
import {
  commandKernelPaths,
  connectKernel,
  kernelMptcp,
  listenKernel,
  localAddressOf,
  mayCreateNamespaces,
  NetworkNamespace,
} from '../../linux/index.js';
import { adopt, serveKernelSocket } from '../kernel-socket.js';
import type { Socket } from '../socket.js';
import { KernelService, type KernelServiceOptions } from './index.js';

const open: { close(): unknown }[] = [];

afterEach(() => {
  for (const thing of open.splice(0).reverse()) thing.close();
});

const patience = { timeout: 30_000, interval: 20 };
const wifi = { name: 'wlan0', rateMbit: 20 };
const cellular = { name: 'wwan0', rateMbit: 20 };
const WIFI = '10.0.0.1';
const CELLULAR = '10.0.1.1';

/** Data that goes out little by little, as long as no more than 1 MB waits, and arrives whole. */
class Stream {
  receivedBytes = 0;
  private readonly sent = createHash('sha256');
  private readonly got = createHash('sha256');
  private readonly timer: NodeJS.Timeout;
  private readonly from: Duplex;
  private readonly end: Promise<unknown>;

  constructor(from: Duplex, to: Duplex, rateMbit: number) {
    this.from = from;
    to.on('data', (chunk: Uint8Array) => {
      this.receivedBytes += chunk.length;
      this.got.update(chunk);
    });
    this.end = once(to, 'end');
    this.timer = setInterval(() => {
      if (from.writableLength > 1 << 20) return;
      const chunk = randomBytes(rateMbit * 1250);
      this.sent.update(chunk);
      from.write(chunk);
    }, 10);
    open.push({ close: () => clearInterval(this.timer) });
  }

  /** Stands still until so many bytes more have arrived. */
  async untilReceived(bytes: number): Promise<void> {
    const goal = this.receivedBytes + bytes;
    await expect.poll(() => this.receivedBytes, patience).toBeGreaterThan(goal);
  }

  /** Ends; everything that was sent must have arrived. */
  async expectWhole(): Promise<void> {
    clearInterval(this.timer);
    this.from.end();
    await this.end;
    expect(this.got.digest('hex')).toBe(this.sent.digest('hex'));
  }
}

/** Both ends of a connection, the client's with a service type. */
interface Served {
  readonly links: TwoLinks;
  readonly client: Socket;
  readonly server: NetSocket;
}

async function served(
  options: KernelServiceOptions,
  prepare: (links: TwoLinks) => void = () => undefined,
  beforeConnecting: (links: TwoLinks) => void = () => undefined,
): Promise<Served> {
  const links = twoLinks(open, [wifi, cellular]);
  prepare(links);
  const listenFd = listenKernel({ address: '0.0.0.0', port: 0, namespace: links.server });
  const { port } = localAddressOf(listenFd);
  const listener = new Server({ allowHalfOpen: true }).listen({ fd: listenFd });
  open.push(listener);
  const accepted = once(listener, 'connection');
  const service = links.client.run(() => new KernelService(options));
  beforeConnecting(links);
  const fd = connectKernel({ address: links.serverAddress, port, namespace: links.client });
  const client = new NetSocket({ fd, allowHalfOpen: true });
  const [server] = (await accepted) as [NetSocket];
  serveKernelSocket(client, service);
  for (const socket of [client, server]) {
    socket.on('error', () => undefined);
    open.push({ close: () => socket.destroy() });
  }
  return { links, client: adopt(client), server };
}

function streamOf({ client, server }: Served, direction: 'upload' | 'download', rateMbit = 8): Stream {
  return direction === 'upload' ? new Stream(client, server, rateMbit) : new Stream(server, client, rateMbit);
}

/** The local addresses of the subflows that carry data. */
function pathsOf({ client }: Served): string[] {
  const active = client.subflows.filter(({ state }) => state === 'active');
  return active.map(({ localAddress }) => localAddress).sort();
}

const directions = ['upload', 'download'] as const;

describeWith('a service type on kernel sockets', [kernelMptcp(), mayCreateNamespaces()], () => {
  it.each(directions)(
    'handover has one path, another when the link of the first loses its carrier, and the first alone again when that is back: %s',
    async (direction) => {
      const all = await served({ type: 'handover' });
      const { links } = all;
      const stream = streamOf(all, direction);
      await stream.untilReceived(400_000);
      expect(pathsOf(all)).toEqual([WIFI]);
      expect(links.bytesOver(1)).toBe(0);
      links.setCarrier(0, false);
      await expect.poll(() => pathsOf(all), patience).toEqual([CELLULAR]);
      await stream.untilReceived(400_000);
      links.setCarrier(0, true);
      await expect.poll(() => pathsOf(all), patience).toEqual([WIFI]);
      await stream.untilReceived(400_000);
      await stream.expectWhole();
    },
  );

  it.each(directions)(
    'interactive has a backup at once, which takes over, and is the backup again when the first link is back: %s',
    async (direction) => {
      const all = await served({ type: 'interactive' });
      const { links } = all;
      const stream = streamOf(all, direction);
      await expect.poll(() => pathsOf(all), patience).toEqual([WIFI, CELLULAR]);
      const idle = links.bytesOver(1);
      await stream.untilReceived(400_000);
      expect(links.bytesOver(1) - idle).toBeLessThan(50_000);
      links.setCarrier(0, false);
      await expect.poll(() => pathsOf(all), patience).toEqual([CELLULAR]);
      await stream.untilReceived(400_000);
      links.setCarrier(0, true);
      await expect.poll(() => pathsOf(all), patience).toEqual([WIFI, CELLULAR]);
      await stream.untilReceived(400_000);
      const before = links.bytesOver(1);
      await stream.untilReceived(400_000);
      expect(links.bytesOver(1) - before).toBeLessThan(50_000);
      await stream.expectWhole();
    },
  );

  it.each(directions)(
    'aggregate uses both links, the one that is left, and both again: %s',
    async (direction) => {
      const all = await served({ type: 'aggregate' });
      const { links } = all;
      // More than one link carries.
      const stream = streamOf(all, direction, 60);
      const over = async (bytes: number): Promise<readonly [number, number]> => {
        const before = [links.bytesOver(0), links.bytesOver(1)] as const;
        await stream.untilReceived(bytes);
        return [links.bytesOver(0) - before[0], links.bytesOver(1) - before[1]];
      };
      await expect.poll(() => pathsOf(all), patience).toEqual([WIFI, CELLULAR]);
      for (const bytes of await over(2 << 20)) expect(bytes).toBeGreaterThan(300_000);
      links.setCarrier(0, false);
      await expect.poll(() => pathsOf(all), patience).toEqual([CELLULAR]);
      await over(1 << 20);
      links.setCarrier(0, true);
      await expect.poll(() => pathsOf(all), patience).toEqual([WIFI, CELLULAR]);
      for (const bytes of await over(2 << 20)) expect(bytes).toBeGreaterThan(300_000);
      await stream.expectWhole();
    },
  );

  it('withdraws no address for a lost subflow that another program opened: whose ID it is, is not known', async () => {
    const all = await served({ type: 'aggregate' }, ({ client }) =>
      client.ip('address add 10.0.1.9/24 dev wwan0'),
    );
    const { links, client } = all;
    const stream = streamOf(all, 'upload', 60);
    await expect.poll(() => pathsOf(all), patience).toEqual([WIFI, CELLULAR]);
    const { token } = client.multipath as { token: number };
    const remote = { address: links.serverAddress, port: client.remotePort! };
    const path = { token, local: { address: '10.0.1.9', port: 0 }, remote };
    links.client.run(() => commandKernelPaths((commands) => commands.create(path, { backup: false })));
    await expect.poll(() => pathsOf(all), patience).toEqual([WIFI, CELLULAR, '10.0.1.9']);
    links.setCarrier(1, false);
    await expect.poll(() => pathsOf(all), patience).toEqual([WIFI]);
    await stream.expectWhole();
    // RFC 8684 §3.4.2: that of the one that was opened here.
    expect(Number(links.server.counters().get('MPTcpExtRmAddr') ?? 0)).toBe(1);
  });

  it('targetBased has a backup that helps while the first path would miss the target, and not before', async () => {
    const all = await served({ type: 'targetBased', target: { deadlineNs: 500e6 } });
    const { links, client } = all;
    const stream = streamOf(all, 'upload');
    await expect.poll(() => pathsOf(all), patience).toEqual([WIFI, CELLULAR]);
    const idle = links.bytesOver(1);
    await stream.untilReceived(400_000);
    expect(links.bytesOver(1) - idle).toBeLessThan(50_000);
    // More at once than the first link carries in time.
    client.write(new Uint8Array(4 << 20));
    await expect.poll(() => links.bytesOver(1), patience).toBeGreaterThan(500_000);
  });

  it('takes a path away from a metered link when its bytes are used up, and gives it none again', async () => {
    // More than goes by until a lost carrier shows.
    const capBytes = 1_500_000;
    const all = await served({ type: 'aggregate', metered: { capBytes } });
    const { links } = all;
    const stream = streamOf(all, 'upload');
    await expect.poll(() => pathsOf(all), patience).toEqual([WIFI, CELLULAR]);
    links.setCarrier(0, false);
    await expect.poll(() => pathsOf(all), patience).toEqual([]);
    // What may pass after the cap is what 10 ms carry; headers are not counted by it.
    // What is sent again counts each time, also what the queue before the link had dropped.
    expect(links.bytesOver(1)).toBeGreaterThan(capBytes / 2);
    expect(links.bytesOver(1)).toBeLessThan(capBytes * 1.1 + 50_000);
    links.setCarrier(0, true);
    await expect.poll(() => pathsOf(all), patience).toEqual([WIFI]);
    await stream.untilReceived(400_000);
    expect(pathsOf(all)).toEqual([WIFI]);
    await stream.expectWhole();
  });

  it('keeps off metered links that are forbidden, also when there is no other', async () => {
    const all = await served({ type: 'aggregate', metered: 'forbid' });
    const { links } = all;
    const stream = streamOf(all, 'download');
    await stream.untilReceived(400_000);
    links.setCarrier(0, false);
    await new Promise((done) => setTimeout(done, 1500));
    links.setCarrier(0, true);
    await stream.untilReceived(400_000);
    expect(links.bytesOver(1)).toBe(0);
    await stream.expectWhole();
  });

  it('opens a path by the table of a link’s own, behind a rule for its address', async () => {
    const all = await served({ type: 'aggregate' }, ({ client }) =>
      client.ip(
        'route del 10.9.0.1/32 dev wwan0',
        'route add default via 10.0.1.2 dev wwan0 table 1001',
        'rule add from 10.0.1.1 table 1001',
      ),
    );
    const stream = streamOf(all, 'upload');
    await expect.poll(() => pathsOf(all), patience).toEqual([WIFI, CELLULAR]);
    await stream.expectWhole();
  });

  it('does not try a link over which there is no way to the peer, until there is one', async () => {
    const all = await served({ type: 'aggregate' }, ({ client }) =>
      client.ip('route del 10.9.0.1/32 dev wwan0'),
    );
    const { client } = all.links;
    const stream = streamOf(all, 'upload');
    await stream.untilReceived(400_000);
    expect(pathsOf(all)).toEqual([WIFI]);
    expect(Number(client.counters().get('MPTcpExtMPJoinSynTx') ?? 0)).toBe(0);
    client.ip('route add 10.9.0.1/32 via 10.0.1.2 dev wwan0 metric 9');
    await expect.poll(() => pathsOf(all), patience).toEqual([WIFI, CELLULAR]);
    await stream.expectWhole();
  });

  it('does no harm where the path manager became the kernel’s just before the connection began', async () => {
    const all = await served({ type: 'aggregate' }, undefined, ({ client }) =>
      client.sysctl('net.mptcp.pm_type', 0),
    );
    const stream = streamOf(all, 'upload');
    await stream.untilReceived(1_500_000);
    expect(pathsOf(all)).toEqual([WIFI]);
    await stream.expectWhole();
  });

  it('lets a link rest where the peer takes no subflow, and does no harm', async () => {
    const all = await served({ type: 'aggregate' }, ({ server }) => server.ip('mptcp limits set subflows 0'));
    const stream = streamOf(all, 'download');
    await stream.untilReceived(1_500_000);
    expect(pathsOf(all)).toEqual([WIFI]);
    const tries = Number(all.links.client.counters().get('MPTcpExtMPJoinSynTx') ?? 0);
    expect(tries).toBeGreaterThan(0);
    expect(tries).toBeLessThan(4);
    await stream.expectWhole();
  });
});

describeWith(
  'a service type that cannot be had on kernel sockets',
  [kernelMptcp(), mayCreateNamespaces()],
  () => {
    it('is refused with the way to have it where the path manager is the kernel’s', () => {
      const namespace = NetworkNamespace.create('client');
      open.push(namespace);
      const make = (): KernelService => namespace.run(() => new KernelService({ type: 'handover' }));
      expect(make).toThrow(
        expect.objectContaining({
          code: 'ERR_SUBFLOW_UNSUPPORTED',
          hint: expect.stringContaining('net.mptcp.path_manager=userspace') as string,
        }),
      );
      namespace.sysctl('net.mptcp.pm_type', 1);
      make().close();
    });

    it('is refused with EPERM without CAP_NET_ADMIN', () => {
      const namespace = NetworkNamespace.create('client');
      open.push(namespace);
      namespace.sysctl('net.mptcp.pm_type', 1);
      namespace.run(() => {
        process.seteuid!(65_534);
        try {
          expect(() => new KernelService({ type: 'handover' })).toThrow(
            expect.objectContaining({
              code: 'EPERM',
              hint: expect.stringContaining('CAP_NET_ADMIN') as string,
            }),
          );
        } finally {
          process.seteuid!(0);
        }
      });
    });
  },
);

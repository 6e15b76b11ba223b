/** The monitor against the real kernel: what it says is what `ss` and getsockopt say. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { manyConnections } from '../../../test/support/many-connections.js';
import { twoPaths } from '../../../test/support/two-paths.js';
import { describeWith, hasTool } from '../../../test/support/with-rights.js';
import {
  connectionInfo,
  connectKernel,
  descriptorOf,
  kernelMptcp,
  listenKernel,
  mayCreateNamespaces,
  type NetworkNamespace,
  subflowsOf,
} from '../../linux/index.js';
import { parseFilter } from './filter.js';
import { ConnectionMonitor, type MonitorOptions } from './monitor.js';
import type { MonitorLook } from './model.js';

const patience = { timeout: 20_000, interval: 50 };

describeWith('a monitor', [kernelMptcp(), mayCreateNamespaces(), hasTool('ss')], () => {
  let client: NetworkNamespace;
  let server: NetworkNamespace;
  let listener: Server;
  const open: { close(): unknown }[] = [];

  beforeEach(async () => {
    ({ client, server } = twoPaths());
    listener = await listen('mptcp', 7000);
  });
  afterEach(() => {
    for (const each of open.splice(0).reverse()) each.close();
    client.close();
    server.close();
  });

  /** A server that sends back what it gets. */
  async function listen(protocol: 'mptcp' | 'tcp', port: number): Promise<Server> {
    const made = createServer((socket) => {
      open.push({ close: () => socket.destroy() });
      socket.on('error', () => undefined).pipe(socket);
    });
    made.listen({ fd: listenKernel({ address: '::', port, protocol, namespace: server }) });
    await once(made, 'listening');
    open.push({ close: () => made.close() });
    return made;
  }

  function connect(address: string, port = 7000, protocol: 'mptcp' | 'tcp' = 'mptcp'): Socket {
    const socket = new Socket({ fd: connectKernel({ address, port, protocol, namespace: client }) });
    socket.on('error', () => undefined);
    open.push({ close: () => socket.destroy() });
    return socket;
  }

  /** Sends bytes, and has them all back. */
  async function exchange(socket: Socket, bytes: number): Promise<void> {
    let received = 0;
    const all = new Promise<void>((resolve) => {
      const count = (chunk: Buffer): void => {
        received += chunk.length;
        if (received < bytes) return;
        socket.off('data', count);
        resolve();
      };
      socket.on('data', count);
    });
    socket.write(Buffer.alloc(bytes, 7));
    await all;
  }

  function monitorOf(namespace: NetworkNamespace, options: MonitorOptions = {}): ConnectionMonitor {
    const monitor = new ConnectionMonitor({ ...options, namespace: namespace.path });
    open.push(monitor);
    return monitor;
  }

  /** Looks until `isThere`. */
  async function until(
    monitor: ConnectionMonitor,
    isThere: (look: MonitorLook) => boolean,
  ): Promise<MonitorLook> {
    let look: MonitorLook | undefined;
    await expect.poll(() => isThere((look = monitor.look())), patience).toBe(true);
    return look!;
  }

  it('sees connections come, get second subflows and backups, and go', async () => {
    client.ip('mptcp endpoint add 10.0.2.1 dev path2 subflow backup');
    const monitor = monitorOf(client);
    const events: string[] = [];
    monitor.watch(
      ({ type }) => events.push(type),
      () => undefined,
    );
    expect(monitor.look()).toMatchObject({ sinceMs: null, connections: [], totals: { connections: 0 } });
    const socket = connect('10.0.1.2');
    await exchange(socket, 100);
    const look = await until(monitor, ({ totals }) => totals.subflows === 2);
    const [connection] = look.connections;
    const token = connectionInfo(descriptorOf(socket))!.token.toString(16).padStart(8, '0');
    expect(connection).toMatchObject({
      ...{ token, state: 'established', remote: '10.0.1.2:7000', uid: 0, fallback: false },
      subflows: [
        { local: connection!.local, remote: '10.0.1.2:7000', joined: false, backup: 'none' },
        { remote: '10.0.1.2:7000', joined: true, backup: 'local', state: 'established' },
      ],
    });
    expect(connection!.subflows[1]!.local).toMatch(/^10\.0\.2\.1:/);
    expect(look.totals).toMatchObject({ connections: 1, subflows: 2, backups: 1, fallenBack: 0 });
    // The other end has the same, and sees that its peer wants the backup.
    const far = await until(monitorOf(server), ({ totals }) => totals.subflows === 2);
    expect(far.connections[0]!.subflows[1]).toMatchObject({ joined: true, backup: 'peer' });
    expect(far.totals.listeners).toBe(1);
    await expect.poll(() => events, patience).toContain('subflow-opened');
    socket.destroy();
    for (const each of open.splice(3, open.length - 3)) if (each !== monitor) each.close();
    const last = await until(monitor, ({ totals }) => totals.connections === 0);
    expect(last.totals.subflows).toBe(0);
  });

  it('agrees with ss and getsockopt on bytes, shares and tokens', async () => {
    client.ip('mptcp endpoint add 10.0.2.1 dev path2 subflow');
    const monitor = monitorOf(client);
    const socket = connect('10.0.1.2');
    await exchange(socket, 100);
    await until(monitor, ({ totals }) => totals.subflows === 2);
    await exchange(socket, 4_000_000);
    const fd = descriptorOf(socket);
    // What is still acknowledged changes no count of bytes of the application's.
    await expect.poll(() => connectionInfo(fd)!.bytesAcked, patience).toBe(4_000_100n);
    const [connection] = monitor.look().connections;
    const info = connectionInfo(fd)!;
    expect(connection).toMatchObject({
      ...{ sentBytes: Number(info.bytesSent), receivedBytes: Number(info.bytesReceived) },
      ...{ subflowCount: 2, retransmittedBytes: Number(info.bytesRetransmitted) },
    });
    const own = subflowsOf(fd)!;
    for (const each of connection!.subflows) {
      const { tcp } = own.find(({ local }) => each.local.endsWith(`:${local.port}`))!;
      expect(each).toMatchObject({
        ...{ sentBytes: Number(tcp.bytesSent), receivedBytes: Number(tcp.bytesReceived) },
        ...{ ackedBytes: Number(tcp.bytesAcked), rttMs: tcp.srttNs / 1e6, cwndSegments: tcp.cwndSegments },
      });
    }
    const shares = connection!.subflows.map(({ sendShare }) => sendShare);
    expect(shares[0]! + shares[1]!).toBeCloseTo(1);
    expect(connection!.sentBytes).toBeGreaterThanOrEqual(4_000_100);
    const ss = (...flags: string[]): string =>
      client.run(() => execFileSync('ss', flags, { encoding: 'utf8' }));
    expect(ss('-Mni')).toMatch(new RegExp(`token:0*${connection!.token.replace(/^0+/, '')}\\b`));
    const sent = [...ss('-tni').matchAll(/bytes_sent:(\d+)/g)].map(([, bytes]) => Number(bytes));
    expect(sent.sort()).toEqual(connection!.subflows.map(({ sentBytes }) => sentBytes).sort());
  });

  it('sees every one of five hundred connections with its subflows, in one look', async () => {
    const many = await manyConnections({ client, server }, 500);
    open.push(many);
    const monitor = monitorOf(client);
    const look = monitor.look();
    expect(look.totals).toMatchObject({ connections: 500, subflows: 1000, receivedBytes: 500 });
    const tokens = many.fds.map((fd) => connectionInfo(fd)!.token.toString(16).padStart(8, '0'));
    expect(look.connections.map(({ token }) => token).sort()).toEqual(tokens.sort());
    for (const { subflows } of look.connections)
      expect(subflows.map(({ local }) => local.replace(/:.*/, ''))).toEqual(['10.0.1.1', '10.0.2.1']);
    expect(monitor.look().totals).toMatchObject({ connections: 500, sendRateBps: 0, receiveRateBps: 0 });
  });

  it('tells rates since the last look', async () => {
    const monitor = monitorOf(client);
    const socket = connect('fd00:1::2');
    await exchange(socket, 1000);
    await until(monitor, ({ totals }) => totals.subflows === 1);
    await exchange(socket, 1_000_000);
    const look = monitor.look();
    const { sendRateBps, remote, subflows } = look.connections[0]!;
    expect(remote).toBe('[fd00:1::2]:7000');
    expect((sendRateBps! * look.sinceMs!) / 8000).toBeCloseTo(1_000_000, -1);
    expect(subflows[0]!.sendRateBps).toBeGreaterThan(0);
    expect(look.totals.receiveRateBps).toBeGreaterThan(0);
    const quiet = await until(monitor, ({ totals }) => totals.sendRateBps === 0);
    expect(quiet.connections).toHaveLength(1);
  });

  it('sees what fell back on either side, by its sockets and by the counters', async () => {
    await listen('tcp', 7001);
    const monitor = monitorOf(client);
    monitor.look();
    const fallen = connect('10.0.1.2', 7001);
    await exchange(fallen, 5000);
    const look = await until(monitor, ({ totals }) => totals.connections === 1);
    expect(look.totals.fallenBack).toBe(1);
    expect(look.connections[0]).toMatchObject({ fallback: true, remote: '10.0.1.2:7001' });
    expect(look.counters['MPTcpExtMPCapableFallbackSYNACK'] ?? look.counters['MPTcpExtMPCapableSYNTX']).toBe(
      1,
    );
    // At the server a client without Multipath TCP is a socket of TCP.
    const plain = connect('10.0.2.2', 7000, 'tcp');
    await exchange(plain, 10);
    const far = monitorOf(server).look();
    expect(far.totals).toMatchObject({ connections: 0, plain: 1 });
    expect(far.plain[0]).toMatchObject({ local: '10.0.2.2:7000', state: 'established' });
    expect(far.plain[0]!.remote).toMatch(/^10\.0\.2\.1:|^10\.0\.1\.1:/);
  });

  it('looks at those that are asked for, and at no more than it may', async () => {
    const sockets = ['10.0.1.2', '10.0.2.2', 'fd00:1::2'].map((address) => connect(address));
    await Promise.all(sockets.map((socket) => exchange(socket, 10)));
    const look = await until(monitorOf(client), ({ totals }) => totals.connections === 3);
    const found = (...terms: string[]): number => look.connections.filter(parseFilter(terms)).length;
    expect(found()).toBe(3);
    expect(found('port=7000')).toBe(3);
    expect(found('port=700')).toBe(0);
    expect(found('address=10.0.0.0/8 state=established')).toBe(2);
    expect(found('address=fd00::/16', 'uid=0')).toBe(1);
    expect(found('address=10.0.2.0/24', 'address=fd00::/16')).toBe(0);
    expect(found(`token=${look.connections[0]!.token}`)).toBe(1);
    expect(found('subflows=2')).toBe(0);
    expect(found('fallen-back')).toBe(0);
    for (const term of ['port=x', 'port', 'nonsense=1', 'address=x', 'token=zz', 'subflows=-1', '='])
      expect(() => parseFilter([term]), term).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^ERR_SUBFLOW_BAD_/) }),
      );
    const limited = monitorOf(client, { limit: 2 }).look();
    expect(limited).toMatchObject({ isWhole: false, totals: { connections: 2 } });
    expect(listener.listening).toBe(true);
  });
});

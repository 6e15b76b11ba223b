/** What `socket.multipath` and `socket.subflows` tell of kernel sockets. */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { kernelPair } from '../../test/support/kernel-pair.js';
import { runInNamespace } from '../../test/support/program.js';
import { describeWith } from '../../test/support/with-rights.js';
import { descriptorOf, getsockopt, kernelMptcp, mayCreateNamespaces } from '../linux/index.js';
import { connect, createServer, type Socket } from './index.js';

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const thing of open.splice(0).reverse()) thing.close();
});

describeWith('a kernel socket', [kernelMptcp(), mayCreateNamespaces()], () => {
  it('tells MPTCP_INFO and the TCP_INFO of each subflow, in numbers that print', async () => {
    const { namespace, client, server } = await kernelPair(open, 'userspace');
    const opening = namespace.run(() => [client.openSubflow({ localAddress: '10.0.1.1' })]);
    await opening[0];
    server.resume();
    await new Promise<void>((done) => client.write(Buffer.alloc(300_000), () => done()));
    await expect.poll(() => server.bytesRead).toBe(300_004);
    const { kernel, maxSubflows, fallback } = client.multipath;
    expect(fallback).toBeUndefined();
    expect(kernel).toMatchObject({
      joinedSubflows: 1,
      totalSubflows: 2,
      isRemoteKeyKnown: true,
      hasChecksum: false,
    });
    expect(maxSubflows).toBe(kernel!.maxJoinedSubflows + 1);
    await expect.poll(() => client.multipath.kernel!.bytesAcked).toBe(300_004);
    expect(client.multipath.kernel).toMatchObject({
      bytesSent: 300_004,
      bytesReceived: 4,
      unacknowledgedBytes: 0,
    });
    const [first, second] = client.subflows;
    for (const subflow of [first!, second!]) {
      expect(subflow.mssBytes).toBeGreaterThan(500);
      expect(subflow.pathMtuBytes).toBe(1500);
      expect(subflow.minRttMs).toBeLessThanOrEqual(subflow.rttMs!);
      expect(subflow.rttVarianceMs).toBeGreaterThanOrEqual(0);
      expect(subflow.bytesAcked).toBeTypeOf('number');
    }
    expect(first!.bytesSent + second!.bytesSent).toBeGreaterThanOrEqual(300_004);
    expect(() => JSON.stringify([client.multipath, client.subflows])).not.toThrow();
  });

  it('tells why a client fell back: likely a server without, and on which signs', async () => {
    const plain = net.createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    open.push(plain);
    await once(plain, 'listening');
    const client = connect({ host: '127.0.0.1', port: (plain.address() as AddressInfo).port });
    open.push({ close: () => client.destroy() });
    const heard = once(client as unknown as net.Socket, 'fallback');
    await once(client, 'connect');
    expect(client.multipath.fallback).toMatchObject({
      cause: 'no-capable-in-syn-ack',
      isCertain: false,
      evidence: { hasSack: true, hasTimestamps: true, hasWindowScale: true, retransmissions: 0 },
    });
    expect(client.subflows).toMatchObject([{ state: 'active', mssBytes: expect.any(Number) as number }]);
    expect(await heard).toEqual(['no-capable-in-syn-ack']);
  });

  it('says nothing of a fall-back where there is none', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    open.push(server);
    await once(server, 'listening');
    const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    open.push({ close: () => client.destroy() });
    let isTold = false;
    (client as unknown as net.Socket).on('fallback', () => (isTold = true));
    client.write('ping');
    await once(server, 'connection');
    await once(client, 'connect').catch(() => undefined);
    await new Promise(setImmediate);
    expect([isTold, client.multipath.fallback, server.fallback]).toEqual([false, undefined, undefined]);
  }, 10_000);

  it('tells why a server fell back: likely a client that does not ask', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    open.push(server);
    await once(server, 'listening');
    const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    open.push({ close: () => client.destroy() });
    const [socket] = (await once(server, 'connection')) as [Socket];
    open.push({ close: () => socket.destroy() });
    expect(socket.multipath.fallback).toMatchObject({ cause: 'no-capable-in-syn', isCertain: false });
  });

  it('is plain TCP for certain where that was asked for', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    open.push(server);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect({ host: '127.0.0.1', port, serviceType: 'none' });
    open.push({ close: () => client.destroy() });
    await once(client, 'connect');
    expect(client.multipath.fallback).toMatchObject({ cause: 'disabled', isCertain: true });
  });

  it('suspects what removes options where the SYN+ACK had none', async () => {
    const said = await runInNamespace(
      `const plain = net.createServer();
      const port = await listening(plain);
      const client = subflow.connect({ host: '127.0.0.1', port });
      await once(client, 'connect');
      print(client.multipath.fallback);`,
      { sysctls: { 'net.ipv4.tcp_timestamps': 0, 'net.ipv4.tcp_sack': 0, 'net.ipv4.tcp_window_scaling': 0 } },
    );
    expect(said).toMatchObject({
      cause: 'no-capable-in-syn-ack',
      text: expect.stringContaining('no option of TCP at all') as string,
      evidence: { hasSack: false, hasTimestamps: false, hasWindowScale: false },
    });
  });

  it('heeds its options noDelay and keepAlive', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    open.push(server);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 7000,
    });
    open.push({ close: () => client.destroy() });
    await once(client, 'connect');
    const fd = descriptorOf(client as unknown as net.Socket);
    const option = (level: number, name: number): number => {
      const value = new Uint8Array(4);
      getsockopt(fd, level, name, value);
      return new DataView(value.buffer).getInt32(0, true);
    };
    // TCP_NODELAY, SO_KEEPALIVE and TCP_KEEPIDLE, in s.
    expect([option(6, 1), option(1, 9), option(6, 4)]).toEqual([1, 1, 7]);
  });
});

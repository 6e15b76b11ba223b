import { closeSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, Socket, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { twoPaths } from '../../test/support/two-paths.js';
import { describeWith } from '../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces } from './capabilities.js';
import {
  connectKernel,
  connectionInfo,
  descriptorOf,
  isMultipath,
  listenKernel,
  localAddressOf,
  openKernelSocket,
  subflowAddresses,
  subflowTcpInfo,
  subflowsOf,
  type KernelProtocol,
} from './kernel-socket.js';
import type { NetworkNamespace } from './namespace.js';

describeWith('kernel MPTCP sockets', [kernelMptcp(), mayCreateNamespaces()], () => {
  let client: NetworkNamespace;
  let server: NetworkNamespace;
  let listener: Server;

  beforeAll(async () => {
    ({ client, server } = twoPaths());
    client.ip('mptcp endpoint add 10.0.2.1 dev path2 subflow');
    listener = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
    listener.listen({ fd: listenKernel({ address: '::', port: 7000, namespace: server }) });
    await once(listener, 'listening');
  });

  afterAll(() => {
    listener.close();
    client.close();
    server.close();
  });

  async function exchange(address: string, protocol: KernelProtocol): Promise<Socket> {
    const socket = new Socket({
      fd: connectKernel({ address, port: 7000, protocol, namespace: client }),
    });
    socket.write('hello');
    const [echo] = (await once(socket, 'data')) as [Buffer];
    expect(echo.toString()).toBe('hello');
    return socket;
  }

  it('carry a net.Socket over two subflows', async () => {
    const socket = await exchange('10.0.1.2', 'mptcp');
    const fd = descriptorOf(socket);
    // The join was under way while the first bytes were echoed; each further echo gives it time.
    for (let i = 0; i < 200 && subflowAddresses(fd).length < 2; i++) {
      socket.write('.');
      await once(socket, 'data');
    }
    expect(isMultipath(fd)).toBe(true);
    expect(connectionInfo(fd)).toMatchObject({ fallback: false, joinedSubflows: 1, checksum: false });
    expect(localAddressOf(fd)).toMatchObject({ address: '10.0.1.1', family: 4 });
    expect(subflowAddresses(fd).map((ends) => [ends.local.address, ends.remote.address])).toEqual([
      ['10.0.1.1', '10.0.1.2'],
      ['10.0.2.1', '10.0.1.2'],
    ]);
    expect(subflowTcpInfo(fd)[0]!.srttNs).toBeGreaterThan(0);
    const subflows = subflowsOf(fd)!;
    expect(subflows.map((subflow) => subflow.local.address)).toEqual(['10.0.1.1', '10.0.2.1']);
    expect(subflows[0]!.tcp.bytesSent).toBeGreaterThan(0n);
    socket.destroy();
  });

  it('work over IPv6', async () => {
    const socket = await exchange('fd00:1::2', 'mptcp');
    expect(subflowAddresses(descriptorOf(socket))[0]).toMatchObject({
      local: { address: 'fd00:1::1', family: 6 },
      remote: { address: 'fd00:1::2', port: 7000, family: 6 },
    });
    socket.destroy();
  });

  it('tell plain TCP and fallback from Multipath TCP', async () => {
    const plain = await exchange('10.0.1.2', 'tcp');
    expect(isMultipath(descriptorOf(plain))).toBe(false);
    expect(connectionInfo(descriptorOf(plain))).toBeUndefined();
    expect(subflowAddresses(descriptorOf(plain))).toEqual([]);
    expect(subflowsOf(descriptorOf(plain))).toBeUndefined();
    plain.destroy();

    const tcpServer = createServer((socket) => socket.pipe(socket));
    tcpServer.listen({
      fd: listenKernel({ address: '10.0.1.2', port: 7001, protocol: 'tcp', namespace: server }),
    });
    const fallen = new Socket({ fd: connectKernel({ address: '10.0.1.2', port: 7001, namespace: client }) });
    fallen.write('hello');
    await once(fallen, 'data');
    expect(isMultipath(descriptorOf(fallen))).toBe(false);
    expect(connectionInfo(descriptorOf(fallen))?.fallback ?? true).toBe(true);
    fallen.destroy();
    tcpServer.close();
  });

  it('report why they cannot be had', () => {
    client.sysctl('net.mptcp.enabled', 0);
    try {
      expect(() => openKernelSocket({ family: 4, namespace: client })).toThrow(
        expect.objectContaining({ syscall: 'socket', hint: expect.stringContaining('net.mptcp.enabled=1') }),
      );
      expect(client.run(kernelMptcp)).toMatchObject({
        available: false,
        reason: expect.stringContaining('off'),
      });
    } finally {
      client.sysctl('net.mptcp.enabled', 1);
    }
    expect(() => listenKernel({ address: '10.9.9.9', port: 7000, namespace: server })).toThrow(
      expect.objectContaining({ code: 'EADDRNOTAVAIL', syscall: 'bind' }),
    );
    expect(() => listenKernel({ address: '10.0.1.2', port: 7000, namespace: server })).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE' }),
    );
  });
});

describe('a descriptor', () => {
  it('is not there for a closed socket', () => {
    expect(() => descriptorOf(new Socket())).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_NO_DESCRIPTOR' }),
    );
  });

  it('of plain TCP is a socket like any other', () => {
    const fd = openKernelSocket({ family: 4, protocol: 'tcp' });
    expect(isMultipath(fd)).toBe(false);
    closeSync(fd);
  });
});

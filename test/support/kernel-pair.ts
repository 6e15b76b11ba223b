/** Two kernels that speak Multipath TCP with each other, through sockets of the public API. */
import { once } from 'node:events';
import { Server, Socket as NetSocket } from 'node:net';
import { connectKernel, listenKernel, localAddressOf, NetworkNamespace } from '../../src/linux/index.js';
import type { Socket } from '../../src/node/index.js';
import { adopt } from '../../src/node/kernel-socket.js';

/** A connection of kernel sockets, between two namespaces. */
export interface KernelPair {
  /** The client's. */
  readonly namespace: NetworkNamespace;
  /** The server's. */
  readonly peer: NetworkNamespace;
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * A connection between two namespaces, the client's with two addresses. The server has the kernel's path manager: with
 * the userspace one it would take joins only while some program listens to the kernel's events. What is to be closed at the
 * end, last first, is added to `open`.
 */
export async function kernelPair(
  open: { close(): unknown }[],
  pathManager: 'kernel' | 'userspace',
  family: 4 | 6 = 4,
): Promise<KernelPair> {
  const namespace = NetworkNamespace.create('client');
  const peer = NetworkNamespace.create('server');
  open.push(namespace, peer);
  namespace.sysctl('net.mptcp.pm_type', pathManager === 'userspace' ? 1 : 0);
  const [first, second] = family === 4 ? ['10.0.0.1', '10.0.1.1'] : ['2001:db8::1', '2001:db8:1::1'];
  const remote = family === 4 ? '10.0.0.2' : '2001:db8::2';
  const bits = family === 4 ? 24 : 64;
  namespace.connectTo(peer, 'c0', 's0');
  namespace.ip(`address add ${first}/${bits} dev c0`, `address add ${second}/${bits} dev c0`);
  peer.ip(`address add ${remote}/${bits} dev s0`, `route add ${second}/${family === 4 ? 32 : 128} dev s0`);
  peer.ip('mptcp limits set subflows 4');
  const listenFd = listenKernel({ address: remote, port: 0, namespace: peer });
  const { port } = localAddressOf(listenFd);
  const listener = new Server().listen({ fd: listenFd });
  open.push(listener);
  const accepted = once(listener, 'connection');
  const fd = connectKernel({ address: remote, port, localAddress: first!, namespace });
  const [server] = (await accepted) as [NetSocket];
  const client = new NetSocket({ fd });
  // Either end may be destroyed by a test, and the other is told so.
  for (const socket of [client, server]) socket.on('error', () => undefined);
  open.push({ close: () => client.destroy() }, { close: () => server.destroy() });
  const pair = { namespace, peer, client: adopt(client), server: adopt(server) };
  // Both sides have heard of each other's keys.
  pair.client.write('ping');
  await once(pair.server, 'data');
  pair.server.write('pong');
  await once(pair.client, 'data');
  return pair;
}

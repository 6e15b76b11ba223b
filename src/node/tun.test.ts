import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { describeWith } from '../../test/support/with-rights.js';
import {
  connectKernel,
  kernelMptcp,
  listenKernel,
  mayCreateNamespaces,
  mayCreateTun,
  NetworkNamespace,
} from '../linux/index.js';
import { connect, createServer, UserspaceHost, type Socket } from './index.js';

const BYTES = 8 * 1024 * 1024;
const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

/** A kernel of its own with interfaces, two at first, that lead to a host of ours. */
function world(paths = 2): { kernel: NetworkNamespace; host: UserspaceHost } {
  const kernel = NetworkNamespace.create('kernel');
  const host = new UserspaceHost();
  cleanUps.push(
    () => kernel.close(),
    () => host.close(),
  );
  kernel.sysctl('net.ipv4.conf.all.rp_filter', 0);
  kernel.ip('link set lo up', 'mptcp limits set subflows 8 add_addr_accepted 8');
  for (let i = 0; i < paths; i++) {
    const addresses = [`10.8.${i}.2/24`, `fd00:8:${i}::2/64`];
    const { tun } = host.addTun({ name: `path${i}`, namespace: kernel, addresses });
    kernel.ip(
      `address add 10.8.${i}.1/24 dev ${tun.name}`,
      `address add fd00:8:${i}::1/64 dev ${tun.name} nodad`,
      `link set ${tun.name} up`,
    );
  }
  return { kernel, host };
}

/** Sends `bytes` and takes all the peer sends; gives its hash. */
async function exchange(socket: NodeJS.ReadWriteStream, bytes: Buffer): Promise<string> {
  const hash = createHash('sha256');
  socket.on('data', (chunk: Buffer) => hash.update(chunk));
  const ended = once(socket, 'end');
  socket.end(bytes);
  await ended;
  return hash.digest('hex');
}

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describeWith(
  'a user-space host before the kernel',
  [kernelMptcp(), mayCreateTun(), mayCreateNamespaces()],
  () => {
    it.each([
      ['10.8.0.1', '10.8.1.2'],
      ['fd00:8:0::1', 'fd00:8:1::2'],
    ])('connects to the kernel at %s over both paths', async (address, second) => {
      const { kernel, host } = world();
      const fd = listenKernel({
        address: address.includes(':') ? '::' : '0.0.0.0',
        port: 80,
        namespace: kernel,
      });
      // The host may be closed before its last acknowledgement is out.
      const server = net.createServer({ allowHalfOpen: true }, (peer) => peer.on('error', () => undefined));
      cleanUps.push(() => server.close());
      server.listen({ fd });
      const accepted = once(server, 'connection') as Promise<[net.Socket]>;
      const client = connect({ via: host, host: address, port: 80, allowHalfOpen: true });
      await once(client, 'connect');
      const [peer] = await accepted;
      const up = randomBytes(BYTES);
      const down = randomBytes(BYTES);
      // The kernel confirms the connection when it acknowledges data; only then may others join (RFC 8684 §3.1).
      client.write(up.subarray(0, 1));
      while (client.subflows.filter((subflow) => subflow.state === 'active').length < 2) {
        await once(client, 'subflow');
      }
      expect(client.isMultipath).toBe(true);
      expect(client.subflows.map((subflow) => subflow.localAddress)).toContain(second.replace(':0::', '::'));
      const [atUs, atKernel] = await Promise.all([exchange(client, up.subarray(1)), exchange(peer, down)]);
      expect(atUs).toBe(hashOf(down));
      expect(atKernel).toBe(hashOf(up));
      expect(kernel.counters().get('MPTcpExtMPJoinAckRx')).toBe(1);
    });

    it('serves the kernel, which joins over its second interface', async () => {
      const { kernel, host } = world();
      kernel.ip('mptcp endpoint add 10.8.1.1 dev path1 subflow');
      const server = createServer({ via: host, allowHalfOpen: true });
      server.listen(80);
      await once(server, 'listening');
      const accepted = once(server, 'connection') as Promise<[Socket]>;
      const fd = connectKernel({ address: '10.8.0.2', port: 80, namespace: kernel });
      const peer = new net.Socket({ fd, allowHalfOpen: true }).on('error', () => undefined);
      const [socket] = await accepted;
      const up = randomBytes(BYTES);
      const down = randomBytes(BYTES);
      const [atUs, atKernel] = await Promise.all([exchange(socket, down), exchange(peer, up)]);
      expect(atUs).toBe(hashOf(up));
      expect(atKernel).toBe(hashOf(down));
      expect(kernel.counters().get('MPTcpExtMPJoinSynAckRx')).toBe(1);
    });

    it('uses and announces the addresses that one socket is given, and others by hand (RFC 6897 §5.3.3)', async () => {
      const { kernel, host } = world(3);
      // The client goes without a farewell.
      const server = net.createServer((peer) => peer.on('error', () => undefined).pipe(peer));
      cleanUps.push(() => server.close());
      server.listen({ fd: listenKernel({ address: '0.0.0.0', port: 80, namespace: kernel }) });
      const localAddresses = ['10.8.1.2', '10.8.2.2'];
      const client = connect({ via: host, host: '10.8.0.1', port: 80, localAddresses });
      await once(client, 'connect');
      client.on('data', () => undefined);
      client.write('confirmed by its acknowledgment');
      const locals = (): string[] =>
        client.subflows.filter(({ state }) => state === 'active').map(({ localAddress }) => localAddress);
      await expect.poll(locals, { timeout: 20_000 }).toEqual(localAddresses);
      // Every subflow that the path manager wanted was asked for when the connection was confirmed.
      expect(client.subflows).toHaveLength(2);
      await client.openSubflow({ localAddress: '10.8.0.2' });
      await expect.poll(locals, { timeout: 20_000 }).toEqual([...localAddresses, '10.8.0.2']);
      expect(kernel.counters().get('MPTcpExtMPJoinAckRx')).toBe(2);
      client.destroy();
    });

    it('makes a slow reader’s window close and the kernel wait', async () => {
      const { kernel, host } = world();
      const server = createServer({ via: host });
      server.listen(80);
      await once(server, 'listening');
      const accepted = once(server, 'connection') as Promise<[Socket]>;
      const peer = new net.Socket({
        fd: connectKernel({ address: '10.8.0.2', port: 80, namespace: kernel }),
      }).on('error', () => undefined);
      const [socket] = await accepted;
      socket.pause();
      const total = 64 * 1024 * 1024;
      peer.end(Buffer.alloc(total, 'z'));
      // Until the kernel takes no more of it for a while.
      for (let before = -1; before !== socket.subflows[0]!.bytesReceived;) {
        before = socket.subflows[0]!.bytesReceived;
        await new Promise((done) => setTimeout(done, 100));
      }
      expect(socket.subflows[0]!.bytesReceived).toBeLessThan(total / 2);
      expect(peer.writableFinished).toBe(false);
      let received = 0;
      socket.on('data', (chunk: Buffer) => (received += chunk.length));
      socket.resume();
      await once(socket, 'end');
      expect(received).toBe(total);
    });
  },
);

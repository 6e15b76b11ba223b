import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { describeWith } from '../../test/support/with-rights.js';
import {
  connectKernel,
  kernelMptcp,
  listenKernel,
  localAddressOf,
  mayCreateNamespaces,
  mayOpenRawSockets,
  NetworkNamespace,
} from '../linux/index.js';
import { connect, createServer, UserspaceHost, type Socket } from './index.js';

const cleanUps: (() => unknown)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

interface World {
  readonly host: UserspaceHost;
  readonly ours: NetworkNamespace;
  readonly theirs: NetworkNamespace;
}

/** Two kernels with two lines between them; a host of ours speaks from the addresses of the first one. */
function world(names = ['path0', 'path1']): World {
  const ours = NetworkNamespace.create('ours');
  const theirs = NetworkNamespace.create('theirs');
  const host = new UserspaceHost();
  cleanUps.push(
    () => ours.close(),
    () => theirs.close(),
    () => host.close(),
  );
  theirs.ip('mptcp limits set subflows 8 add_addr_accepted 8');
  for (const [i, name] of names.entries()) {
    ours.connectTo(theirs, name, `path${i}`);
    ours.ip(`address add 10.9.${i}.1/24 dev ${name}`, `address add fd09:${i}::1/64 dev ${name}`);
    theirs.ip(`address add 10.9.${i}.2/24 dev path${i}`, `address add fd09:${i}::2/64 dev path${i}`);
  }
  return { host, ours, theirs };
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 2000) throw new Error('it never came about');
    await new Promise((done) => setTimeout(done, 5));
  }
}

describeWith(
  'a host on the kernel’s own addresses',
  [mayCreateNamespaces(), mayOpenRawSockets(), kernelMptcp()],
  () => {
    it.each([
      ['10.9.0.2', 2],
      ['fd09:0::2', 1],
    ])('connects to %s, and the kernel keeps out of it', async (peer, paths) => {
      const { host, ours, theirs } = world();
      for (const name of ['path0', 'path1']) host.addRaw({ interface: name, namespace: ours });
      const listenFd = listenKernel({ address: peer, port: 0, namespace: theirs });
      const { port } = localAddressOf(listenFd);
      const echo = net
        .createServer((socket) => socket.on('error', () => undefined).pipe(socket))
        .listen({ fd: listenFd });
      cleanUps.push(() => echo.close());
      const client = connect({ via: host, host: peer, port });
      client.write('ping');
      expect(String((await once(client, 'data'))[0])).toBe('ping');
      await until(() => client.subflows.filter(({ state }) => state === 'active').length === paths);
      expect(client.isMultipath).toBe(true);
      expect(ours.counters().get('TcpOutRsts')).toBe(0);
      client.end();
      client.resume();
      await once(client, 'close');
    });

    it('serves on a port that the kernel leaves to it', async () => {
      const { host, ours, theirs } = world();
      expect(host.addRaw({ interface: 'path0', namespace: ours })).toHaveLength(2);
      const server = createServer({ via: host }, (socket) => socket.end('served')).listen(0);
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      for (const address of ['10.9.0.1', 'fd09:0::1']) {
        const fd = connectKernel({ address, port, namespace: theirs });
        const client = new net.Socket({ fd }).on('error', () => undefined);
        expect(String((await once(client, 'data'))[0])).toBe('served');
        client.destroy();
      }
      server.close();
      await once(server, 'close');
      expect(ours.counters().get('TcpOutRsts')).toBe(0);
    });

    it('cannot have a port of a program of the kernel’s', async () => {
      const { host, ours } = world();
      host.addRaw({ interface: 'path0', namespace: ours });
      const fd = listenKernel({ address: '10.9.0.1', port: 0, namespace: ours });
      const { port } = localAddressOf(fd);
      const taken = net.createServer().listen({ fd });
      cleanUps.push(() => taken.close());
      const server = createServer({ via: host });
      server.listen(port);
      expect((await once(server, 'error'))[0]).toMatchObject({ code: 'EADDRINUSE', syscall: 'listen' });
      expect([...host.stack.listeners]).toEqual([]);
    });

    it('says so when there is no such interface, and of options that cannot be', () => {
      const host = new UserspaceHost();
      cleanUps.push(() => host.close());
      expect(() => host.addRaw({ interface: 'nosuch0' })).toThrow(
        expect.objectContaining({ code: 'ENODEV' }),
      );
      expect(() =>
        host.addRaw({ interface: 'lo', addresses: ['127.0.0.1/8'], metered: 'yes' as never }),
      ).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
      expect(() => host.addRaw({ interface: 'nosuch0', addresses: ['192.0.2.1/24'] })).toThrow(
        expect.objectContaining({ code: 'ENODEV' }),
      );
    });

    it('moves off a link that goes down, and back', async () => {
      const { host, ours, theirs } = world();
      for (const name of ['path0', 'path1']) {
        host.addRaw({ interface: name, namespace: ours, addresses: [`10.9.${name.at(-1)}.1/24`] });
      }
      const listenFd = listenKernel({ address: '10.9.0.2', port: 0, namespace: theirs });
      const { port } = localAddressOf(listenFd);
      const echo = net
        .createServer((socket) => socket.on('error', () => undefined).pipe(socket))
        .listen({ fd: listenFd });
      cleanUps.push(() => echo.close());
      const client: Socket = connect({ via: host, host: '10.9.0.2', port });
      client.write('ping');
      await once(client, 'data');
      await until(() => client.subflows.length === 2);
      ours.ip('link set path1 down');
      await until(() => !host.stack.interfaces[1]!.up);
      expect(client.subflows.map(({ localAddress }) => localAddress)).toEqual(['10.9.0.1']);
      ours.ip('link set path1 up');
      await until(() => client.subflows.length === 2);
      client.destroy();
    });

    it('knows what its links are like, and hands over by the service type when one loses its carrier', async () => {
      const { host, ours, theirs } = world(['wlan0', 'wwan0']);
      const raw = { namespace: ours } as const;
      host.addRaw({ ...raw, interface: 'wlan0', addresses: ['10.9.0.1/24'] });
      host.addRaw({ ...raw, interface: 'wwan0', addresses: ['10.9.1.1/24'], metered: false });
      const facts = (): unknown[] => host.stack.interfaces.map(({ link }) => link.facts);
      const wifi = { kind: 'wifi', isMetered: false, hasCarrier: true };
      const cellular = { kind: 'cellular', isMetered: false, hasCarrier: true };
      await until(() => JSON.stringify(facts()) === JSON.stringify([wifi, cellular]));
      theirs.ip('address add 10.9.9.9/32 dev lo', 'route add 10.9.1.1/32 dev path1');
      const listenFd = listenKernel({ address: '10.9.9.9', port: 0, namespace: theirs });
      const { port } = localAddressOf(listenFd);
      for (const i of [0, 1])
        ours.ip(`route add 10.9.9.9/32 via 10.9.${i}.2 dev ${['wlan0', 'wwan0'][i]} metric ${i + 1}`);
      const echo = net
        .createServer((socket) => socket.on('error', () => undefined).pipe(socket))
        .listen({ fd: listenFd });
      cleanUps.push(() => echo.close());
      const client = connect({ via: host, host: '10.9.9.9', port, serviceType: 'handover' });
      const paths = (): string[] =>
        client.subflows.filter(({ state }) => state === 'active').map(({ localAddress }) => localAddress);
      client.write('ping');
      await once(client, 'data');
      expect(paths()).toEqual(['10.9.0.1']);
      theirs.ip('link set path0 down');
      await until(() => paths().join() === '10.9.1.1');
      client.write('pong');
      expect(String((await once(client, 'data'))[0])).toBe('pong');
      client.destroy();
    });
  },
);

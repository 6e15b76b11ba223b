/** TUN devices that go away, and what is left when hosts and namespaces come and go. */
import { readdirSync } from 'node:fs';
import { closeSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describeWith } from '../../test/support/with-rights.js';
import {
  kernelMptcp,
  listenKernel,
  mayCreateNamespaces,
  mayCreateTun,
  NetworkNamespace,
} from '../linux/index.js';
import net from 'node:net';
import { once } from 'node:events';
import { connect, UserspaceHost } from './index.js';

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

describeWith('TUN devices', [kernelMptcp(), mayCreateTun(), mayCreateNamespaces()], () => {
  it('may be removed in mid-transfer: the connection goes on over the other', async () => {
    const kernel = NetworkNamespace.create('kernel');
    const host = new UserspaceHost();
    const server = new net.Server();
    try {
      kernel.sysctl('net.ipv4.conf.all.rp_filter', 0);
      // The server's own address stays when a device goes.
      kernel.ip('mptcp limits set subflows 8 add_addr_accepted 8', 'address add 10.99.0.1/32 dev lo');
      for (const i of [0, 1]) {
        host.addTun({ name: `path${i}`, namespace: kernel, addresses: [`10.8.${i}.2/24`] });
        kernel.ip(`address add 10.8.${i}.1/24 dev path${i}`, `link set path${i} up`);
      }
      let received = 0;
      server.on('connection', (peer) => {
        // The host may be closed before its last acknowledgement is out.
        peer.on('error', () => undefined);
        peer.on('data', (bytes: Buffer) => {
          if (received < total / 4 && received + bytes.length >= total / 4) kernel.ip('link delete path0');
          received += bytes.length;
        });
        peer.on('end', () => peer.end());
      });
      const total = 8 << 20;
      server.listen({ fd: listenKernel({ address: '0.0.0.0', port: 80, namespace: kernel }) });
      const socket = connect({ via: host, host: '10.99.0.1', port: 80 });
      // Other subflows are opened once the peer has confirmed Multipath TCP, with its first acknowledgment of data.
      socket.write('x');
      while (socket.subflows.filter(({ state }) => state === 'active').length < 2)
        await once(socket, 'subflow');
      socket.resume().end(Buffer.alloc(total - 1));
      await once(socket, 'end');
      expect(received).toBe(total);
      expect(host.stack.interfaces.map(({ up }) => up)).toEqual([false, true]);
    } finally {
      server.close();
      host.close();
      kernel.close();
    }
  });

  it('leave no descriptor behind', () => {
    let before = 0;
    for (let i = 0; i < 12; i++) {
      // Libraries open what they keep at their first use.
      if (i === 2) before = openDescriptors();
      const kernel = NetworkNamespace.create('kernel');
      const host = new UserspaceHost();
      host.addTun({ name: 'path', namespace: kernel, addresses: ['10.8.0.2/24'] });
      expect(() => host.addTun({ name: 'path', namespace: kernel, addresses: ['10.9.0.2/24'] })).toThrowError(
        /EBUSY/,
      );
      expect(() => host.addTun({ name: 'other', namespace: kernel, addresses: ['nonsense'] })).toThrowError();
      expect(() => host.addTun({ name: 'other', namespace: kernel, addresses: [], mtu: 20 })).toThrowError();
      closeSync(listenKernel({ address: '0.0.0.0', port: 80, namespace: kernel }));
      expect(() => listenKernel({ address: '10.99.0.1', port: 80, namespace: kernel })).toThrowError(
        /EADDRNOTAVAIL/,
      );
      host.close();
      kernel.close();
    }
    expect(openDescriptors()).toBe(before);
  });
});

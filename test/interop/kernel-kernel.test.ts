/** The ground under the other interop tests: two kernels over the emulated links, with this program only in between. */
import { once } from 'node:events';
import { afterAll, expect, it } from 'vitest';
import {
  connectionInfo,
  descriptorOf,
  kernelMptcp,
  mayCreateNamespaces,
  mayCreateTun,
  NetworkNamespace,
  subflowAddresses,
  TunDevice,
} from '../../src/linux/index.js';
import { bridge, Link } from '../../src/network/index.js';
import { describeWith } from '../support/with-rights.js';
import { RealTimeWorld } from './support/real-time-world.js';
import { connectFromKernel, KernelServer, Payload } from './support/transfer.js';

describeWith(
  'two kernels over emulated links',
  [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()],
  () => {
    const world = new RealTimeWorld();
    const client = NetworkNamespace.create('client');
    const server = NetworkNamespace.create('server');
    const devices: TunDevice[] = [];
    const links: Link[] = [];
    for (const path of [1, 2]) {
      const link = new Link(world.simulator, { both: { rateBps: 100e6, delayNs: 5e6, queue: { ns: 50e6 } } });
      links.push(link);
      for (const [namespace, host, end] of [
        [client, 1, link.left],
        [server, 2, link.right],
      ] as const) {
        const device = new TunDevice({ name: `tun${path}`, namespace, offload: false }, world);
        devices.push(device);
        bridge(device, end);
        namespace.ip(
          `address add 10.0.${path}.${host}/24 dev tun${path}`,
          `link set tun${path} up`,
          `route add 10.0.${3 - path}.0/24 dev tun${path} metric 2000`,
          'mptcp limits set subflow 4 add_addr_accepted 4',
        );
      }
    }
    client.ip('mptcp endpoint add 10.0.2.1 dev tun2 subflow');

    afterAll(() => {
      world.close();
      for (const device of devices) device.close();
      client.close();
      server.close();
    });

    it('exchange bytes whole over two subflows, and one path may die', async () => {
      const [fromClient, fromServer] = [new Payload(8 << 20), new Payload(8 << 20)];
      const listener = new KernelServer(server, '10.0.1.2', 7000);
      const near = connectFromKernel(client, { address: '10.0.1.2', port: 7000, payload: fromClient.bytes });
      const far = await listener.accept(fromServer.bytes);
      while (near.receivedBytes < 2 << 20) await once(near.socket, 'data');
      await expect.poll(() => subflowAddresses(descriptorOf(near.socket))?.length).toBe(2);
      expect(connectionInfo(descriptorOf(near.socket))!.fallback).toBe(false);
      world.act((now) => links[0]!.setState(now, 'blackhole'));
      expect(await near.finished).toEqual({ bytes: 8 << 20, sha256: fromServer.sha256, error: undefined });
      expect(await far.finished).toEqual({ bytes: 8 << 20, sha256: fromClient.sha256, error: undefined });
      expect(links[1]!.forward.counters.deliveredBytes).toBeGreaterThan(4 << 20);
      listener.close();
    });
  },
);

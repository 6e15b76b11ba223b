import { closeSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { Balancer, type ServerSpec } from '../../balancer/index.js';
import { SeededRandom } from '../../base/index.js';
import { IpAddress } from '../../wire/index.js';
import { BpfProgram, passEverything, XdpLink, type XdpMode } from '../bpf/index.js';
import { mayCreateNamespaces, mayUseXdp } from '../capabilities.js';
import { AF_INET, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from '../constants.js';
import { NativeBuffer, sendFrom, socket } from '../libc.js';
import { NetworkNamespace } from '../namespace.js';
import { encodeSocketAddress } from '../socket-address.js';
import { XdpBalancer } from './xdp-balancer.js';

const address = (text: string): IpAddress => IpAddress.parse(text)!;
const IPPROTO_IPIP = 4;
const IPPROTO_RAW = 255;
const packets = 600;

describeWith('a balancer in the kernel, between hosts', [mayCreateNamespaces(), mayUseXdp()], () => {
  let client: NetworkNamespace;
  let middle: NetworkNamespace;
  const servers: NetworkNamespace[] = [];
  const sockets: number[] = [];
  let pass: BpfProgram;
  const links: XdpLink[] = [];

  beforeAll(() => {
    client = NetworkNamespace.create('client');
    middle = NetworkNamespace.create('middle');
    client.connectTo(middle, 'c0', 'b0');
    client.ip('address add 10.9.0.2/24 dev c0', 'route add 192.0.2.1 via 10.9.0.1');
    middle.ip('address add 10.9.0.1/24 dev b0');
    pass = BpfProgram.load(passEverything, new Map(), '');
    for (const id of [1, 2]) {
      const server = NetworkNamespace.create(`server ${id}`);
      servers.push(server);
      middle.connectTo(server, `b${id}`, 's0');
      server.ip(`address add 10.9.${id}.1/24 dev s0`, 'route add default dev s0');
      sockets.push(server.run(() => socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_IPIP)));
      // What the driver of one end is told to send, the other end takes only when it has a program too.
      links.push(XdpLink.attach(pass, { device: 's0', mode: 'native', namespace: server }));
    }
  });
  afterAll(() => {
    for (const fd of sockets) closeSync(fd);
    for (const link of links) link.close();
    pass.close();
    for (const namespace of [client, middle, ...servers]) namespace.close();
  });

  /** What `ip` says of an interface: its number, and its Ethernet address. */
  function interfaceOf(namespace: NetworkNamespace, device: string): { index: number; hop: Uint8Array } {
    const said = namespace.ip(`link show dev ${device}`);
    const hop = /link\/ether ([0-9a-f:]+)/.exec(said)![1]!;
    return {
      index: Number(/^(\d+):/.exec(said)![1]),
      hop: Uint8Array.from(Buffer.from(hop.replaceAll(':', ''), 'hex')),
    };
  }

  /** An ACK of the client's, of the flow and with the number `i`. */
  function segment(i: number): Uint8Array {
    const bytes = new Uint8Array(40);
    bytes.set([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 9, 0, 2, 192, 0, 2, 1]);
    bytes.set([0, 0, 1, 187, 0, 0, 0, 0, 0, 0, 0, 1, 0x50, 0x10, 1], 20);
    const view = new DataView(bytes.buffer);
    view.setUint16(20, 20_000 + (i % 97));
    view.setUint32(24, i);
    return bytes;
  }

  /** The numbers of the segments that came to each server, within a packet from the balancer to it. */
  function receive(into: readonly Set<number>[]): void {
    const room = Buffer.alloc(2048);
    sockets.forEach((fd, server) => {
      for (;;) {
        let length: number;
        try {
          length = readSync(fd, room);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return;
          throw error;
        }
        expect(length).toBe(60);
        expect([...room.subarray(12, 20)]).toEqual([10, 9, 0, 99, 10, 9, server + 1, 1]);
        expect([...room.subarray(32, 40)]).toEqual([10, 9, 0, 2, 192, 0, 2, 1]);
        const number = room.readUInt32BE(44);
        expect(into[server]!.has(number)).toBe(false);
        into[server]!.add(number);
      }
    });
  }

  const weighing = (weight: number): ServerSpec[] => [
    { id: 1, address: address('10.9.1.1'), weight },
    { id: 2, address: address('10.9.2.1') },
  ];

  it.each<XdpMode>(['native', 'generic'])(
    'brings every packet to its server once, while the servers change ten times, in %s mode',
    async (mode) => {
      const common = {
        design: 'stateless',
        services: [{ address: address('192.0.2.1'), port: 443 }],
      } as const;
      const balancer = new XdpBalancer(0, {
        ...{ ...common, servers: weighing(1), source: address('10.9.0.99') },
        route: ({ id }) => {
          const { index, hop } = interfaceOf(middle, `b${id}`);
          return { nextHop: interfaceOf(servers[id - 1]!, 's0').hop, ownHop: hop, interfaceIndex: index };
        },
      });
      balancer.attach({ device: 'b0', mode, namespace: middle });
      const model = new Balancer(0, { ...common, servers: weighing(1), random: new SeededRandom(1) });
      const fd = client.run(() => socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
      const buffer = new NativeBuffer(40);
      const to = encodeSocketAddress('192.0.2.1', 0);
      const expected = [new Set<number>(), new Set<number>()];
      const arrived = [new Set<number>(), new Set<number>()];
      for (let i = 0; i < packets; i++) {
        if (i % 60 === 59) {
          // What is on its way still meets the program that was at work when it was sent.
          await vi.waitUntil(() => (receive(arrived), arrived[0]!.size + arrived[1]!.size === i));
          const changed = weighing(1 + (i % 3));
          balancer.setServers(0, changed);
          model.setServers(0, changed);
        }
        buffer.bytes.set(segment(i));
        expect(sendFrom(fd, buffer.address, 40, to)).toBe(40);
        expected[model.steer(0, segment(i)).server!.id - 1]!.add(i);
        if (i % 50 === 0) await setImmediate();
      }
      await vi.waitUntil(() => (receive(arrived), arrived[0]!.size + arrived[1]!.size === packets));
      expect(arrived).toEqual(expected);
      expect(balancer.counters()['none']).toBe(packets);
      closeSync(fd);
      balancer.close();
      expect(middle.ip('link show dev b0')).not.toMatch(/\bxdp/);
    },
  );
});

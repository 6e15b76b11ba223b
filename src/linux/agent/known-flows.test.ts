import { closeSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { ClientFlow, server, serviceAddress, services } from '../../../test/support/balancer-packets.js';
import { whenAddressesAreUp } from '../../../test/support/when-addresses-are-up.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { encapsulate } from '../../balancer/index.js';
import { SECOND } from '../../base/index.js';
import { IpAddress } from '../../wire/index.js';
import { XdpAction } from '../bpf/index.js';
import { mayCreateNamespaces, mayCreateTun, mayUseXdp } from '../capabilities.js';
import { AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_STREAM } from '../constants.js';
import { acceptConnection, bind, connect, listen, socket } from '../libc.js';
import { NetworkNamespace } from '../namespace.js';
import { encodeSocketAddress } from '../socket-address.js';
import { Tun, TUN_HEADROOM } from '../tun.js';
import { XdpAgent } from './xdp-agent.js';

const balancer = IpAddress.parse('10.9.9.9')!;
const [own, former] = [server(1).address, server(2).address];
const start = 1000 * SECOND;

describeWith('what a server knows', [mayCreateNamespaces(), mayUseXdp(), mayCreateTun()], () => {
  let namespace: NetworkNamespace;
  let tun: Tun;
  let agent: XdpAgent;
  const fds: number[] = [];

  beforeAll(() => {
    namespace = NetworkNamespace.create('server');
    tun = Tun.open({ name: 'tun0', namespace, offload: false });
    namespace.ip(
      ...['link set tun0 up', 'route add 198.51.0.0/16 dev tun0', 'route add 2001:db8:c::/64 dev tun0'],
      `address add ${serviceAddress[4]} dev lo`,
      `address add ${serviceAddress[6]} dev lo nodad`,
    );
    for (const family of [4, 6] as const) listenOn(family, serviceAddress[family], 80);
    const route = { nextHop: new Uint8Array(6), ownHop: new Uint8Array(6), interfaceIndex: 1 };
    agent = new XdpAgent(start, {
      ...{ address: own, balancers: [balancer], peers: [{ address: former, route }], services },
    });
  });
  afterAll(() => {
    agent.close();
    for (const fd of fds) closeSync(fd);
    tun.close();
    namespace.close();
  });
  beforeEach(() => namespace.sysctl('net.ipv4.tcp_syncookies', 1));

  function listenOn(family: 4 | 6, address: string, port: number): number {
    const fd = open(family);
    whenAddressesAreUp(() => bind(fd, encodeSocketAddress(address, port)));
    listen(fd, 16);
    return fd;
  }

  function open(family: 4 | 6): number {
    const fd = namespace.run(() => socket(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    fds.push(fd);
    return fd;
  }

  /** The client's packet as it comes from its own network, past the agent. */
  function arrive(packet: Uint8Array): void {
    const bytes = new Uint8Array(TUN_HEADROOM + packet.length);
    bytes.set(packet, TUN_HEADROOM);
    const none = {
      segmentSize: 0,
      checksumStart: -1,
      checksumOffset: -1,
      ipHeaderLength: 20,
      tcpHeaderLength: 20,
    };
    expect(tun.send({ bytes, offset: TUN_HEADROOM, length: packet.length, ...none })).toBe(true);
  }

  /** What the agent does with a packet of the client's from a balancer, in a bucket that another server had until lately. */
  function verdictOn(packet: Uint8Array): 'kept' | 'forwarded' | number {
    const inner = encapsulate(packet, 0, packet.length, {
      ...{ source: balancer, destination: own, previous: former, movedAtSeconds: 999, generation: 1 },
    });
    const frame = Uint8Array.of(2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, ...inner);
    const { verdict } = namespace.run(() => agent.run(frame));
    return verdict === XdpAction.PASS ? 'kept' : verdict === XdpAction.TX ? 'forwarded' : verdict;
  }

  it.each([4, 6] as const)(
    'is not a flow of which only the listener would take packets (IPv%i)',
    (family) => {
      expect(verdictOn(new ClientFlow(1, 40_000, family).data())).toBe('forwarded');
    },
  );

  it.each([4, 6] as const)(
    'is a flow whose SYN is answered and whose third packet is awaited (IPv%i)',
    (family) => {
      const flow = new ClientFlow(2, 40_000, family);
      whenAddressesAreUp(() => {
        arrive(flow.syn());
        expect(verdictOn(flow.data())).toBe('kept');
      });
      expect(verdictOn(new ClientFlow(2, 40_001, family).data())).toBe('forwarded');
    },
  );

  it('is a flow that began here although cookies leave nothing of it (RFC 4987 §3.6)', () => {
    namespace.sysctl('net.ipv4.tcp_syncookies', 2);
    const flow = new ClientFlow(3);
    arrive(flow.syn());
    expect(verdictOn(flow.data())).toBe('forwarded');
    expect(verdictOn(flow.syn())).toBe('kept');
    expect(verdictOn(flow.data())).toBe('kept');
    expect(verdictOn(new ClientFlow(3, 40_001).data())).toBe('forwarded');
  });

  it('is a flow in TIME-WAIT', async () => {
    const client = '198.51.77.77';
    namespace.ip(`address add ${client}/32 dev lo`);
    const port = 81;
    const listener = listenOn(4, serviceAddress[4], port);
    const late = new XdpAgent(start, {
      ...{ address: own, balancers: [balancer], services: [{ address: services[0]!.address, port }] },
      peers: [
        {
          address: former,
          route: { nextHop: new Uint8Array(6), ownHop: new Uint8Array(6), interfaceIndex: 1 },
        },
      ],
    });
    const fd = open(4);
    bind(fd, encodeSocketAddress(client, 40_000));
    expect(connect(fd, encodeSocketAddress(serviceAddress[4], port))).toBe(0);
    closeSync(acceptConnection(listener));
    closeSync(fds.pop()!);
    const states = (): string => namespace.run(() => readFileSync('/proc/thread-self/net/tcp', 'utf8'));
    await vi.waitUntil(() => /:0051 [0-9A-F]+:9C40 06 /.test(states()));
    const before = agent;
    agent = late;
    try {
      const flow = new ClientFlow(77 * 257, 40_000, 4, port);
      expect(flow.source).toBe(client);
      expect(verdictOn(flow.data())).toBe('kept');
    } finally {
      agent = before;
      late.close();
    }
  });

  it('is no reason to forward where the way is not known yet: the packet is dropped, and counted', () => {
    agent.setPeers([{ address: former }]);
    expect(verdictOn(new ClientFlow(4).data())).toBe(XdpAction.DROP);
    expect(agent.counters().unreachable).toBe(1);
  });

  it('may not be asked of servers and balancers of another family', () => {
    const other = server(9, {}, 6).address;
    const expected = expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SERVER' });
    expect(() => agent.setPeers([{ address: other }])).toThrow(expected);
    expect(() => agent.setBalancers([other])).toThrow(expected);
  });
});

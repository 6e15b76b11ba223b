import { afterEach, expect, it, vi } from 'vitest';
import {
  descriptorOf,
  kernelMptcp,
  mayCreateNamespaces,
  mayUseXdp,
  subflowTcpInfo,
  type XdpDesign,
  type XdpMode,
} from '../../src/linux/index.js';
import { type EchoedConnection, LinuxServers, type LinuxServersOptions } from '../support/linux-servers.js';
import { describeWith } from '../support/with-rights.js';

const waiting = { timeout: 20_000, interval: 20 };

describeWith('Linux servers behind a balancer', [mayCreateNamespaces(), mayUseXdp(), kernelMptcp()], () => {
  const open: LinuxServers[] = [];
  afterEach(() => {
    for (const each of open.splice(0)) each.close();
  });

  async function labOf(options: LinuxServersOptions, ids: readonly number[]): Promise<LinuxServers> {
    const lab = new LinuxServers(options);
    open.push(lab);
    for (const id of ids) await lab.add(id);
    lab.setState('up', ...ids);
    return lab;
  }

  /** Connections that have sent something and had it back. */
  async function connected(lab: LinuxServers, count: number): Promise<EchoedConnection[]> {
    const connections = Array.from({ length: count }, () => lab.connect());
    for (const each of connections) each.send(3000);
    await vi.waitUntil(() => connections.every((each) => each.isEchoed()), waiting);
    return connections;
  }

  const designs: readonly XdpDesign[] = ['beamer', 'direct-address', 'token-map'];
  it.each([
    ...designs.map((design) => [design, 4, 'native'] as const),
    ['beamer', 6, 'native'],
    ['token-map', 6, 'native'],
    ['beamer', 4, 'generic'],
  ] as const)('%s: every join reaches its server (IPv%i, %s mode)', async (design, family, mode: XdpMode) => {
    const lab = await labOf({ design, family, mode, agent: { withoutTimestamps: family === 6 } }, [1, 2, 3]);
    const connections = await connected(lab, 30);
    await vi.waitUntil(() => lab.count('MPTcpExtMPJoinAckRx') >= 30, waiting);
    for (const each of connections) each.send(40_000);
    await vi.waitUntil(() => connections.every((each) => each.isEchoed()), waiting);
    expect(connections.filter((each) => each.isFallback() || each.subflows() !== 2)).toEqual([]);
    for (const { accepted } of lab.servers.values()) expect(accepted.size).toBeGreaterThan(0);
    expect(lab.count('MPTcpExtMPJoinAckRx')).toBe(30);
    expect(lab.count('MPTcpExtMPJoinNoTokenFound')).toBe(0);
  });

  it('stateless: joins come by chance, and are refused by whoever does not know them', async () => {
    const lab = await labOf({ design: 'stateless' }, [1, 2, 3]);
    const connections = await connected(lab, 30);
    await vi.waitUntil(() => lab.balancer.counters()['joins'] === 30, waiting);
    await vi.waitUntil(
      () => lab.count('MPTcpExtMPJoinAckRx') + lab.count('MPTcpExtMPJoinNoTokenFound') === 30,
      waiting,
    );
    expect(lab.count('MPTcpExtMPJoinNoTokenFound')).toBeGreaterThan(8);
    for (const each of connections) each.send(10_000);
    await vi.waitUntil(() => connections.every((each) => each.isEchoed()), waiting);
  });

  it.each(['native', 'generic'] as const)(
    'beamer: connections live on by daisy chain while a server comes and one drains (%s mode)',
    async (mode) => {
      // Without joins, by which they would live on anyway.
      const lab = await labOf({ design: 'beamer', mode, joins: false, settings: { buckets: 64 } }, [1, 2]);
      const connections = await connected(lab, 40);
      const exchange = async (): Promise<void> => {
        for (const each of connections) each.send(20_000);
        await vi.waitUntil(() => connections.every((each) => each.isEchoed()), waiting);
      };
      await lab.add(3);
      lab.setState('up', 3);
      await exchange();
      const forwardedBy3 = lab.servers.get(3)!.agent.counters().forwarded;
      expect(forwardedBy3).toBeGreaterThan(10);
      expect(lab.servers.get(3)!.accepted.size).toBe(0);
      lab.setState('draining', 1);
      await exchange();
      const { forwarded, stale, spoofed, unreachable } = lab.servers.get(2)!.agent.counters();
      expect({ stale, spoofed, unreachable }).toEqual({ stale: 0, spoofed: 0, unreachable: 0 });
      expect(forwarded + lab.servers.get(3)!.agent.counters().forwarded).toBeGreaterThan(forwardedBy3);
      const late = await connected(lab, 20);
      await exchange();
      expect(late.every((each) => each.error === undefined)).toBe(true);
      expect(lab.servers.get(3)!.accepted.size).toBeGreaterThan(0);
    },
  );

  it.each([
    ['beamer', 4, 1424],
    ['token-map', 4, 1440],
    ['token-map', 6, 1420],
  ] as const)(
    "%s over IPv%i: clients' segments leave room for what balancers put in front, and servers' are whole (RFC 9293 §3.7.1)",
    async (design, family, segmentBytes) => {
      const lab = await labOf({ design, family, joins: false }, [1]);
      const [connection] = await connected(lab, 1);
      connection!.send(400_000);
      await vi.waitUntil(() => connection!.isEchoed(), waiting);
      // Timestamps take 12 bytes of every segment.
      const [sent] = subflowTcpInfo(descriptorOf(connection!.socket));
      expect(sent!.sendMss).toBe(segmentBytes - 12);
      const [accepted] = lab.servers.get(1)!.accepted;
      const [answered] = subflowTcpInfo(descriptorOf(accepted!));
      expect(answered!.sendMss).toBe((family === 4 ? 1460 : 1440) - 12);
    },
  );

  it.each(['beamer', 'token-map'] as const)(
    "%s: a router's word on the length of packets reaches the server that sends them (RFC 1191 §4)",
    async (design) => {
      const lab = await labOf({ design, joins: false, routerMtu: 1300 }, [1, 2, 3]);
      const connections = await connected(lab, 12);
      for (const each of connections) each.send(100_000);
      await vi.waitUntil(() => connections.every((each) => each.isEchoed()), waiting);
      for (const { accepted } of lab.servers.values()) {
        for (const each of accepted)
          expect(subflowTcpInfo(descriptorOf(each))[0]!.sendMss).toBe(1300 - 40 - 12);
      }
    },
  );
});

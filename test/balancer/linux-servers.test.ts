import { afterEach, expect, it, vi } from 'vitest';
import {
  kernelMptcp,
  mayCreateNamespaces,
  mayUseXdp,
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
    for (const id of ids) lab.setState(id, 'up');
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
    ['beamer', 4, 'generic'],
  ] as const)('%s: every join reaches its server (IPv%i, %s mode)', async (design, family, mode: XdpMode) => {
    const lab = await labOf({ design, family, mode }, [1, 2, 3]);
    const connections = await connected(lab, 30);
    await vi.waitUntil(() => connections.every((each) => each.subflows() === 2), waiting);
    for (const each of connections) each.send(40_000);
    await vi.waitUntil(() => connections.every((each) => each.isEchoed()), waiting);
    expect(connections.filter((each) => each.isFallback())).toEqual([]);
    for (const { accepted } of lab.servers.values()) expect(accepted.size).toBeGreaterThan(2);
    expect(lab.count('MPTcpExtMPJoinAckRx')).toBe(30);
    expect(lab.count('MPTcpExtMPJoinNoTokenFound')).toBe(0);
  });
});

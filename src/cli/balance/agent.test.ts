import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type Finished, launcher, runSubflow } from '../../../test/support/subflow-command.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces, mayUseXdp, NetworkNamespace } from '../../linux/index.js';

const folder = mkdtempSync(join(tmpdir(), 'subflow-agent-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const needed = ['--design', 'beamer', '--id', '3', '--address', '10.0.0.3', '--service', '203.0.113.10:443'];
const whole = [...needed, '--balancer', '10.0.0.254', '--peer', '10.0.0.4'];
const configuration = {
  ...{ design: 'beamer', interfaces: ['eth0'], services: ['203.0.113.10:443'], source: '10.0.0.254' },
  servers: [
    { id: 3, address: '10.0.0.3' },
    { id: 4, address: '10.0.0.4' },
  ],
  ...{ name: 'b1', store: { kind: 'folder', folder: 'state' } },
};
const agent = (...args: string[]): Promise<Finished> => runSubflow(folder, ['balance', 'agent', ...args]);

describe('subflow balance agent', () => {
  it.each([
    [[...whole, '--id', '0'], /whole number from 1 to 16383/],
    [[...whole, '--address', 'here'], /'here' is no IP address/],
    [[...whole, '--service', '203.0.113.10'], /no address with a port/],
    [[...whole, '--design', 'round-robin'], /no design 'round-robin'/],
    [[...whole, '--mode', 'fast'], /no mode 'fast'/],
    [[...whole, '--mtu', '100'], /no length of packets/],
    [needed, /--balancer/],
    [[...whole, '--service', '203.0.113.10:443', '--dry-run'], /203\.0\.113\.10:443 is there twice/],
    [[...whole, '--service', '0.0.0.0:80', '--dry-run'], /0\.0\.0\.0 is no address of a host/],
    [[...whole, '--peer', 'fd00::1', '--dry-run'], /fd00::1 is no address of IPv4/],
    [[...whole, '--report', '0'], /0 is too short/],
    [['--id', '3', '--config', 'none.json'], /none\.json cannot be read/],
  ])('answers %j with one line and status 2', async (args, says) => {
    const { status, err } = await agent(...args);
    expect(status).toBe(2);
    expect(err).toMatch(says);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  it('refuses key-select and says why, with status 3', async () => {
    const { status, err } = await agent(...whole, '--design', 'key-select', '--interface', 'lo', '--dry-run');
    expect(status).toBe(3);
    expect(err).toMatch(/kernel draws keys and timestamps itself/);
  });

  it('prints the commands that do the same, and how packets are unpacked without it', async () => {
    const { status, out } = await agent(...whole, '--interface', 'lo', '--mtu', '1500', '--dry-run');
    expect(status).toBe(0);
    expect(out).toMatch(/^ip address add 203\.0\.113\.10\/32 dev lo scope host$/m);
    expect(out).toMatch(/^ip mptcp endpoint add 203\.0\.113\.10 id 200 signal port 49155$/m);
    const plain = await agent(...whole, '--design', 'token-map', '--interface', 'lo', '--dry-run');
    expect(plain.out).toMatch(/^ip link add subflow0 type ipip local 10\.0\.0\.3 remote 10\.0\.0\.254$/m);
    const { out: json } = await agent(...whole, '--interface', 'lo', '--dry-run', '--json');
    expect(JSON.parse(json)).toMatchObject({ schema: 'subflow/balance-agent/1', event: 'plan' });
  });

  it("takes from the balancers' configuration what it is not told, and its own address there by its number", async () => {
    const file = join(folder, 'balance.json');
    writeFileSync(file, JSON.stringify(configuration));
    const run = (...more: string[]): Promise<Finished> =>
      agent('--config', file, '--interface', 'lo', '--mtu', '1500', '--dry-run', ...more);
    const { out } = await run('--id', '3');
    const { out: same } = await agent(...whole, '--interface', 'lo', '--mtu', '1500', '--dry-run');
    expect(out).toBe(same);
    expect((await run('--id', '4', '--design', 'token-map')).out).not.toMatch(/endpoint/);
    const stranger = await run('--id', '5');
    expect([stranger.status, stranger.err]).toEqual([
      2,
      expect.stringMatching(/--address <address>' is missing/),
    ]);
    writeFileSync(file, '{');
    expect((await run('--id', '3')).status).toBe(2);
  });
});

describeWith(
  'subflow balance agent, on a server',
  [mayCreateNamespaces(), mayUseXdp(), kernelMptcp()],
  () => {
    const namespaces: NetworkNamespace[] = [];
    afterEach(() => {
      for (const namespace of namespaces.splice(0)) namespace.close();
    });

    function serverOf(): NetworkNamespace {
      const [server, link] = [NetworkNamespace.create('server'), NetworkNamespace.create('link')];
      namespaces.push(server, link);
      server.connectTo(link, 's0', 'l0');
      server.ip('address add 10.0.0.3/24 dev s0', 'route add default via 10.0.0.1');
      return server;
    }

    /** Starts the agent, and gives what it says first. */
    async function start(
      server: NetworkNamespace,
      ...more: string[]
    ): Promise<{ child: ChildProcess; ready: string }> {
      const args = [launcher, 'balance', 'agent', ...whole, '--json', ...more];
      const child = server.run(() => spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
      const [ready] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string];
      return { child, ready };
    }

    /** All that the agent changes. */
    function stateOf(server: NetworkNamespace): string {
      const names = ['net.ipv4.conf.all.arp_ignore', 'net.ipv4.conf.all.arp_announce'];
      return [
        ...[...names, 'net.mptcp.allow_join_initial_addr_port'].map((name) => server.readSysctl(name)),
        server.ip('address show dev lo', 'rule show', 'mptcp endpoint show', 'mptcp limits show'),
        server.ip('route show table all').includes('8684'),
        /\bxdp/.test(server.ip('link show dev s0')),
      ].join('\n');
    }

    it('sets up what the design wants, and takes everything back at a signal', async () => {
      const server = serverOf();
      const before = stateOf(server);
      const { child, ready } = await start(server);
      expect(JSON.parse(ready)).toMatchObject({ event: 'ready', interface: 's0', mode: 'native' });
      expect(stateOf(server)).toMatch(
        /^1\n2\n0\n[^]*203\.0\.113\.10[^]*lookup 8684[^]*port 49155 id 200[^]*subflows 8/,
      );
      expect(server.ip('route show table 8684')).toMatch(/default via 10\.0\.0\.1 dev s0 advmss 1424/);
      const last = once(child.stdout!, 'data');
      child.kill('SIGTERM');
      const [ended] = (await last) as [string];
      expect(JSON.parse(ended)).toMatchObject({
        event: 'ended',
        left: [],
        counters: { kept: 0, spoofed: 0 },
      });
      if (child.signalCode === null) await once(child, 'exit');
      expect(stateOf(server)).toBe(before);
    });

    it('follows the routes of the server', async () => {
      const server = serverOf();
      const { child } = await start(server);
      server.ip('route add 172.16.0.0/12 via 10.0.0.9');
      const copied = (): string => server.ip('route show table 8684');
      await expect
        .poll(copied, { timeout: 20_000 })
        .toMatch(/172\.16\.0\.0\/12 via 10\.0\.0\.9 dev s0 advmss 1424/);
      child.kill('SIGTERM');
      await once(child, 'exit');
      expect(copied()).toBe('');
    });

    it('takes over what one that was killed left, and takes that back as well', async () => {
      const server = serverOf();
      const before = stateOf(server);
      const first = await start(server);
      first.child.kill('SIGKILL');
      await once(first.child, 'exit');
      expect(stateOf(server)).not.toBe(before);
      const second = await start(server);
      expect(JSON.parse(second.ready)).toMatchObject({ event: 'ready' });
      second.child.kill('SIGTERM');
      await once(second.child, 'exit');
      expect(stateOf(server)).toBe(before);
    });

    it('leaves the settings to its successor when it is told to, but not the program', async () => {
      const server = serverOf();
      const before = stateOf(server);
      const first = await start(server, '--keep');
      const during = stateOf(server);
      first.child.kill('SIGTERM');
      await once(first.child, 'exit');
      expect(stateOf(server)).toBe(during.replace(/true$/, 'false'));
      const second = await start(server);
      expect(stateOf(server)).toBe(during);
      second.child.kill('SIGTERM');
      await once(second.child, 'exit');
      expect(stateOf(server)).toBe(before);
    });
  },
);

/** `subflow monitor` as it is started: once, in a pipe, on a terminal, for Prometheus, and without root. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launcher } from '../../../test/support/subflow-command.js';
import { runInTerminal } from '../../../test/support/terminal-command.js';
import { describeWith, hasTool } from '../../../test/support/with-rights.js';
import {
  connectKernel,
  kernelMptcp,
  listenKernel,
  localAddressOf,
  mayCreateNamespaces,
  NetworkNamespace,
} from '../../linux/index.js';
import type { MonitoredConnection, MonitorLook } from '../../node/index.js';
import { viewLines } from './view.js';

type JsonLook = MonitorLook & { readonly events: readonly { readonly type: string }[] };

describeWith(
  'subflow monitor',
  [kernelMptcp(), mayCreateNamespaces(), hasTool('curl'), hasTool('script')],
  () => {
    let namespace: NetworkNamespace;
    let port: number;
    const open: { close(): unknown }[] = [];
    beforeEach(async () => {
      namespace = NetworkNamespace.create('monitor');
      const fd = listenKernel({ address: '127.0.0.1', port: 0, namespace });
      ({ port } = localAddressOf(fd));
      const server = createServer((socket) => {
        open.push({ close: () => socket.destroy() });
        socket.on('error', () => undefined).pipe(socket);
      }).listen({ fd });
      await once(server, 'listening');
      open.push(server);
    });
    afterEach(() => {
      for (const each of open.splice(0).reverse()) each.close();
      namespace.close();
    });

    /** A connection in the namespace, over which a byte went. */
    async function connect(): Promise<Socket> {
      const socket = new Socket({ fd: connectKernel({ address: '127.0.0.1', port, namespace }) });
      open.push({ close: () => socket.destroy() });
      socket.on('error', () => undefined).write('x');
      await once(socket, 'data');
      return socket;
    }

    function start(...args: string[]): ChildProcess {
      return namespace.spawn(process.execPath, [launcher, 'monitor', ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    }

    /** Looks once; both ends of a connection are in the namespace. */
    async function look(...args: string[]): Promise<MonitorLook> {
      const child = start('--once', '--json', ...args);
      return JSON.parse(await text(child.stdout!)) as MonitorLook;
    }

    it('looks once, for a person or for a program', async () => {
      await connect();
      const { schema, totals, connections } = await look();
      expect([schema, totals.connections, totals.subflows]).toEqual(['subflow/monitor/1', 2, 2]);
      expect((await look('--filter', `token=${connections[0]!.token}`)).connections).toHaveLength(1);
      expect((await look('--filter', 'subflows=2')).connections).toHaveLength(0);
      const said = await text(start('--once', '--subflows').stdout!);
      expect(said).toMatch(/^2 connections, 2 subflows$/m);
      expect(said).toMatch(new RegExp(`^${connections[0]!.token}  .*established +1 B +1 B`, 'm'));
      expect(said).toMatch(/^ +127\.0\.0\.1:\d+ .*100 %.* first$/m);
    });

    it('prints one object a look, with what happened between two, until a signal', async () => {
      const child = start('--json', '--every', '50ms');
      const looks: JsonLook[] = [];
      createInterface(child.stdout!).on('line', (line) => looks.push(JSON.parse(line) as JsonLook));
      await expect.poll(() => looks.length, { timeout: 20_000 }).toBeGreaterThan(1);
      const socket = await connect();
      await expect.poll(() => looks.at(-1)!.connections.length, { timeout: 20_000 }).toBe(2);
      socket.destroy();
      await expect.poll(() => looks.at(-1)!.connections.length, { timeout: 20_000 }).toBe(0);
      expect(looks[1]!.sinceMs).toBeGreaterThan(0);
      const types = (): string[] => looks.flatMap(({ events }) => events.map(({ type }) => type));
      await expect.poll(types, { timeout: 20_000 }).toContain('connection-closed');
      expect(types()).toContain('connection-established');
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      expect(await exit).toEqual([null, 'SIGTERM']);
    });

    it('ends when nobody reads it any more', async () => {
      const child = start('--json', '--every', '10ms');
      const exit = once(child, 'exit');
      await once(child.stdout!, 'data');
      child.stdout!.destroy();
      expect(await exit).toEqual([0, null]);
    });

    it('tells sums to Prometheus', async () => {
      await connect();
      const child = start('--quiet', '--every', '50ms', '--metrics', '9464');
      const ask = (path: string): Promise<string> =>
        text(namespace.spawn('curl', ['-s', `http://127.0.0.1:9464${path}`]).stdout!);
      await expect
        .poll(() => ask('/metrics'), { timeout: 20_000 })
        .toMatch(/^subflow_monitor_connections{state="established"} 2$/m);
      const metrics = await ask('/metrics');
      expect(metrics).toMatch(/^subflow_monitor_subflows 2$/m);
      expect(metrics).toMatch(/^subflow_kernel_counter{name="MPTcpExtMPCapableSYNRX"} 1$/m);
      expect(metrics).toMatch(/^subflow_monitor_rtt_seconds{quantile="0.5"} [\d.e-]+$/m);
      expect(await ask('/healthz')).toBe('it looks\n');
      child.kill();
      expect(await text(child.stdout!)).toBe('');
    });

    it('is drawn over itself on a terminal, and stays there at the end', async () => {
      await connect();
      const { raw, shown, status } = await runInTerminal(
        ['monitor', '--every', '50ms', '--namespace', namespace.path],
        {
          columns: 100,
          rows: 12,
          environment: { TERM: 'xterm' },
          interruptAt: /sending [^,]+, receiving[^]*sending/,
        },
      );
      expect(status).toBe(130);
      expect(raw).toContain('\u001b[J');
      expect(shown.join('\n')).toMatch(/^2 connections, 2 subflows, sending/m);
      expect(Math.max(...shown.map(({ length }) => length))).toBeLessThan(100);
    });

    it('says without root what it cannot see', async () => {
      await connect();
      const command = ['--reuid=nobody', '--regid=nogroup', '--clear-groups', process.execPath, launcher];
      const run = (...args: string[]): Promise<string> =>
        text(namespace.spawn('setpriv', [...command, 'monitor', '--once', ...args], { cwd: '/' }).stdout!);
      const json = JSON.parse(await run('--json')) as MonitorLook;
      // Kernels differ in whether they tell of subflows; each connection here has one.
      expect(json).toMatchObject({ seesEvents: false, totals: { connections: 2 } });
      expect(json.connections.every(({ subflows }) => subflows.length > 0)).toBe(json.seesSubflows);
      expect(await run()).toMatch(/^Without CAP_NET_ADMIN .*run as root\.$/m);
    });

    it.each([
      [['--filter', 'nonsense'], 2, /nothing to look for.*port=NUMBER/],
      [['--every', '1ms'], 2, /10ms or more/],
      [['--limit', '0'], 2, /whole number/],
      [['--metrics', 'here'], 2, /no place to listen/],
      [['--namespace', 'no-such-namespace'], 3, /no-such-namespace.*ip netns/],
      [['--namespace', '/dev/null'], 3, /dev\/null/],
    ])('ends for %j with status %i', async (args, status, said) => {
      const child = start(...args);
      const exit = once(child, 'exit');
      expect(await text(child.stderr!)).toMatch(said);
      expect(await exit).toEqual([status, null]);
    });

    it('says so where the kernel of the namespace has Multipath TCP switched off', async () => {
      namespace.sysctl('net.mptcp.enabled', 0);
      const child = start('--once');
      expect(await text(child.stderr!)).toMatch(/switched off/);
    });
  },
);

describe('the table of connections', () => {
  const connection = (index: number, rate: number): MonitoredConnection => ({
    ...{ token: index.toString(16).padStart(8, '0'), local: '10.0.0.1:1', remote: '10.0.0.2:443' },
    ...{ state: 'established', uid: 0, inode: 1, fallback: index === 1, checksum: false },
    ...{ sentBytes: 1000, receivedBytes: 0, sendRateBps: rate, receiveRateBps: 0, retransmittedBytes: 0 },
    ...{ subflowCount: 3, subflows: [] },
  });
  const look = (connections: MonitoredConnection[]): MonitorLook => ({
    ...{
      schema: 'subflow/monitor/1',
      time: '',
      sinceMs: 1000,
      seesSubflows: true,
      seesEvents: true,
      isWhole: false,
    },
    totals: {
      ...{ connections: connections.length, subflows: 0, backups: 0, fallenBack: 1, plain: 2, listeners: 0 },
      ...{ sentBytes: 0, receivedBytes: 0, sendRateBps: null, receiveRateBps: null },
    },
    ...{
      connections,
      plain: [],
      counters: {},
      counted: { MPTcpExtMPFallbackTokenInit: 3, MPTcpExtMPJoinAckRx: 9 },
    },
  });

  it('has the busiest first, as many as there is room for, and says how many more there are', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => connection(i, i));
    const lines = viewLines(look(many), { columns: 79, rows: 20, hasSubflows: false }, ['news']);
    expect(lines.length).toBeLessThanOrEqual(20);
    expect(lines[0]).toMatch(/^10,000 connections, 0 subflows, 1 fell back, 2 came as plain TCP/);
    expect(lines[1]).toMatch(/--limit/);
    expect(lines.find((line) => line.startsWith('0000'))).toMatch(/^0000270f /);
    expect(lines.at(-3)).toMatch(/^and 9,\d\d\d more$/);
    expect(lines.at(-2)).toBe('counted since: MPFallbackTokenInit +3');
    expect(lines.at(-1)).toBe('news');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(79);
  });

  it('notes what fell back, and how many subflows are not seen', () => {
    const wide = viewLines(look([connection(1, 0), connection(2, 0)]), {
      columns: 200,
      rows: 40,
      hasSubflows: true,
    });
    expect(wide.find((line) => line.startsWith('00000001'))).toMatch(/fell back, 3 subflows$/);
    expect(viewLines(look([]), { columns: 80, rows: 5, hasSubflows: false })).toContain(
      'no connection of Multipath TCP',
    );
  });
});

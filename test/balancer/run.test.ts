import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { BalanceStatus } from '../../src/balancer/index.js';
import { mayCreateNamespaces, mayUseXdp } from '../../src/linux/index.js';
import { askStatus } from '../../src/node/balancer/status-socket.js';
import { findServices } from '../../src/node/daemon/index.js';
import {
  balancerAddress,
  buckets,
  type LabConnection,
  RunLab,
  service,
  servicePort,
} from '../support/run-lab.js';
import { launcher, spawnSubflow } from '../support/subflow-command.js';
import { describeWith } from '../support/with-rights.js';

const waiting = { timeout: 30_000, interval: 50 };
type ServerEntry = { readonly id: number; readonly state?: string };

describeWith('subflow balance run', [mayCreateNamespaces(), mayUseXdp()], () => {
  let folder: string;
  let lab: RunLab;
  let running: ChildProcess | undefined;
  let said = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'subflow-balance-'));
    lab = new RunLab([1, 2, 3]);
    said = '';
  });
  afterEach(() => {
    running?.kill('SIGKILL');
    lab.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const file = (): string => join(folder, 'balance.json');
  const socketPath = (): string => join(folder, 'run', 'balance.sock');

  function configure(servers: readonly ServerEntry[], path = 'xdp'): void {
    const config = {
      ...{
        name: 'b1',
        design: 'beamer',
        path,
        ...(path === 'xdp' && { mode: 'generic' }),
        interfaces: ['b0'],
        source: balancerAddress,
      },
      services: [`${service}:${servicePort}`],
      servers: servers.map(({ id, state = 'up' }) => ({ id, address: `10.9.${id}.1`, state })),
      health: { kind: 'tcp', port: servicePort, intervalMs: 300, timeoutMs: 250, rise: 2, fall: 2 },
      ...{ settings: { buckets }, store: { kind: 'folder', folder: join(folder, 'store') } },
      ...{ metrics: { listen: '127.0.0.1:9464' }, status: { socket: socketPath() } },
    };
    writeFileSync(file(), JSON.stringify(config, null, 2));
  }

  /** Starts the balancer, and waits until it is at work. */
  async function start(): Promise<void> {
    const args = [launcher, 'balance', 'run', '--config', file()];
    running = lab.middle.spawn(process.execPath, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, RUNTIME_DIRECTORY: join(folder, 'run') },
    });
    running.stderr!.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await vi.waitUntil(() => {
      if (running!.exitCode !== null) throw new Error(said);
      return askStatus(socketPath()).catch(() => undefined);
    }, waiting);
  }

  async function stop(signal: NodeJS.Signals): Promise<void> {
    const ended = once(running!, 'exit');
    running!.kill(signal);
    expect(await ended).toEqual([null, signal]);
  }

  /** Waits until the status is as wanted. */
  function untilStatus(isSo: (status: BalanceStatus) => boolean): Promise<BalanceStatus> {
    return vi.waitUntil(async () => {
      const status = await askStatus(socketPath());
      return isSo(status) ? status : undefined;
    }, waiting) as Promise<BalanceStatus>;
  }
  const states = ({ servers }: BalanceStatus): string =>
    servers.map(({ id, state }) => `${id} ${state}`).join(', ');

  /** Has all connections send something, and waits until it is back. */
  async function exchange(connections: readonly LabConnection[]): Promise<void> {
    for (const each of connections) each.send(5000);
    await vi.waitUntil(() => connections.every(({ isEchoed }) => isEchoed), waiting);
  }

  it.each(['xdp', 'user'])(
    'adds, drains and removes servers by its file, finds a dead one, and breaks no connection of the others (%s)',
    async (path) => {
      const configureTo = (servers: readonly ServerEntry[]): void => configure(servers, path);
      configureTo([{ id: 1 }, { id: 2 }]);
      await start();
      await untilStatus((status) => states(status) === '1 up, 2 up');
      const connections = lab.connect(20);
      await exchange(connections);

      configureTo([{ id: 1 }, { id: 2 }, { id: 3 }]);
      const grown = await untilStatus((status) => states(status) === '1 up, 2 up, 3 up');
      expect(grown.generation.reason).toMatch(/server 3/);
      expect(grown.servers.map(({ buckets: each }) => each)).toEqual([22, 21, 21]);
      await exchange(connections);
      const late = lab.connect(20);
      await exchange(late);
      expect(lab.portsAt(3).size).toBeGreaterThan(0);

      writeFileSync(file(), '{ "design": "beamer",\n "servers": 7 }');
      const broken = await untilStatus(({ config }) => config.problem !== null);
      expect(broken.config.problem).toMatch(/balance\.json:2: servers: /);
      expect(states(broken)).toBe('1 up, 2 up, 3 up');

      configureTo([{ id: 1, state: 'draining' }, { id: 2 }, { id: 3 }]);
      await untilStatus(
        (status) => states(status) === '1 draining, 2 up, 3 up' && status.config.problem === null,
      );
      await exchange([...connections, ...late]);

      const survivors = [...connections, ...late].filter(({ port }) => !lab.portsAt(2).has(port));
      lab.servers.get(2)!.kill();
      const alarmed = await untilStatus((status) => states(status) === '1 draining, 2 gone, 3 up');
      expect(alarmed.servers[1]).toMatchObject({ wanted: 'up', buckets: 0, health: { state: 'down' } });
      expect(survivors.length).toBeGreaterThan(0);
      await exchange(survivors);
      await exchange(lab.connect(10));

      configureTo([{ id: 1, state: 'draining' }, { id: 3 }]);
      const last = await untilStatus((status) => states(status) === '1 draining, 3 up');
      await exchange(survivors);
      expect(last.packets.forwarded).toBeGreaterThan(200);
      expect(last.store).toEqual({ kind: 'folder', isReachable: true, why: '' });

      const [announced, ...others] = await findServices([join(folder, 'run')]);
      expect(announced).toMatchObject({ command: 'balance run', isHealthy: true, said: '1 servers are up' });
      expect(announced!.load).toContainEqual(['design', 'beamer']);
      expect(others).toEqual([]);

      const metrics = await metricsText();
      expect(metrics).toContain('subflow_balance_server_state{server="3",address="10.9.3.1",state="up"} 1\n');
      expect(metrics).toContain(
        'subflow_balance_server_state{server="1",address="10.9.1.1",state="draining"} 1\n',
      );
      expect(metrics).toContain('subflow_balance_config_ok 1\n');
      const shown = await spawnSubflow(folder, ['balance', 'status', '--socket', socketPath()]);
      expect(shown.status).toBe(0);
      expect(shown.out).toContain(`b1: beamer by ${path} on b0 for 192.0.2.1:443\n`);
      expect(shown.out).toMatch(/\n +1 {2}10\.9\.1\.1 +draining +up, /);
      await stop('SIGTERM');
      expect(lab.isAttached).toBe(false);
      const events = said
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { event: string }).event);
      for (const event of [
        'started',
        'config-loaded',
        'config-refused',
        'server-down',
        'generation',
        'stopped',
      ])
        expect(events).toContain(event);
    },
  );

  /** What the metrics server says, asked from the balancer's machine. */
  async function metricsText(): Promise<string> {
    const ask = `fetch('http://127.0.0.1:9464/metrics').then((r) => r.text()).then((t) => process.stdout.write(t))`;
    const asking = lab.middle.spawn(process.execPath, ['-e', ask], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    asking.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await once(asking, 'close');
    return text;
  }

  it('leaves nothing attached however it ends, and goes on from its store when it is started again', async () => {
    configure([{ id: 1 }, { id: 2 }]);
    await start();
    configure([{ id: 1 }, { id: 2 }, { id: 3 }]);
    const before = await untilStatus((status) => states(status) === '1 up, 2 up, 3 up');
    const connections = lab.connect(20);
    await exchange(connections);
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      expect(lab.isAttached).toBe(true);
      await stop(signal);
      expect(lab.isAttached).toBe(false);
      await start();
      const after = await untilStatus((status) => status.generation.number >= before.generation.number);
      expect(after.servers.map(({ buckets: each }) => each)).toEqual(
        before.servers.map(({ buckets: each }) => each),
      );
      await exchange(connections);
    }
    await stop('SIGTERM');
  });

  it('lets one balancer at a time have a store, a socket or an interface, and says which', async () => {
    configure([{ id: 1 }]);
    await start();
    const second = lab.middle.spawn(process.execPath, [launcher, 'balance', 'run', '--config', file()], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let error = '';
    second.stderr!.on('data', (chunk: Buffer) => (error += chunk.toString()));
    const [status] = (await once(second, 'close')) as [number];
    expect(status).toBe(3);
    expect(error).toContain('another process has');
    expect(lab.isAttached).toBe(true);
    await stop('SIGTERM');
  });

  it('says what is wrong with its file, and does not start', async () => {
    configure([{ id: 1 }]);
    expect(await spawnSubflow(folder, ['balance', 'run', '--config', file(), '--check'])).toMatchObject({
      ...{ status: 0, out: `${file()} is right\n` },
    });
    writeFileSync(file(), '{\n "desgin": "beamer" }');
    const refused = await spawnSubflow(folder, ['balance', 'run', '--config', file(), '--check', '--json']);
    expect(refused.status).toBe(1);
    expect(JSON.parse(refused.out)).toMatchObject({ schema: 'subflow/balance-check/1', ok: false });
    expect(refused.out).toContain('desgin');
    expect((await spawnSubflow(folder, ['balance', 'run', '--config', file()])).status).toBe(2);
    const silent = await spawnSubflow(folder, ['balance', 'status', '--socket', join(folder, 'none')]);
    expect(silent.status).toBe(3);
    expect(silent.err).toContain('no balancer answers at');
  });
});

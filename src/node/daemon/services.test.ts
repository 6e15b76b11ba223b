import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { launcher } from '../../../test/support/subflow-command.js';
import { describeWith, isRoot } from '../../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces, NetworkNamespace } from '../../linux/index.js';
import { announceService, findServices, serviceSchema } from './services.js';

const patience = { timeout: 50_000 };
let folder: string;
const open: { close(): unknown }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'subflow-services-'));
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
  rmSync(folder, { recursive: true, force: true });
});

const fine = { isHealthy: true, said: 'all is well', load: {}, metrics: '' };
const isLinux =
  process.platform === 'linux' ? [] : [{ available: false, reason: 'no Linux', hint: '' } as const];

describeWith('a command that announces itself', isLinux, () => {
  it('is found with its state, for its own user alone, until it ends', async () => {
    const announcement = (await announceService(
      'balance run',
      () => ({
        ...{ isHealthy: false, said: 'no server is up', load: { servers: 0, services: '192.0.2.1:443' } },
        metrics: '# HELP a b\nsubflow_packets_total{design="x"} 5\nprocess_cpu_seconds_total 1\nnodejs_x 2\n',
      }),
      folder,
    ))!;
    open.push(announcement);
    expect(await findServices([folder])).toEqual([
      {
        ...{ command: 'balance run', pid: process.pid, uid: process.getuid!() },
        startedAtMs: expect.closeTo(Date.now() - process.uptime() * 1000, -5) as number,
        ...{ isHealthy: false, said: 'no server is up' },
        load: [
          ['servers', '0'],
          ['services', '192.0.2.1:443'],
        ],
        metrics: ['subflow_packets_total{design="x"} 5'],
      },
    ]);
    const names = readdirSync(folder);
    expect(names).toHaveLength(2);
    for (const name of names) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    await announcement.close();
    expect(readdirSync(folder)).toEqual([]);
    expect(await findServices([folder])).toEqual([]);
  });

  it('has its texts cut, and its numbers bounded', async () => {
    const load = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`n${i}`, i]));
    const metrics = Array.from({ length: 5000 }, (_, i) => `m${i} ${'x'.repeat(1000)}`).join('\n');
    const announcement = await announceService(
      'monitor',
      () => ({ ...fine, said: 'x'.repeat(9999), load, metrics }),
      folder,
    );
    open.push(announcement!);
    const [found] = await findServices([folder]);
    expect(found!.said).toHaveLength(400);
    expect(found!.load).toHaveLength(64);
    expect(found!.metrics).toHaveLength(300);
    expect(found!.metrics[0]).toHaveLength(400);
  });

  it('runs on where there is no place for it', async () => {
    writeFileSync(join(folder, 'file'), '');
    expect(await announceService('monitor', () => fine, join(folder, 'file'))).toBeUndefined();
    expect(await findServices([join(folder, 'none')])).toEqual([]);
  });
});

describeWith('what else lies in the folder', isLinux, () => {
  /** An announcement of this process as it would write it, with changes. */
  async function forged(changes: Record<string, unknown>, name = 'forged'): Promise<string> {
    const announcement = (await announceService('monitor', () => fine, folder))!;
    const real = readdirSync(folder).find((each) => each.endsWith('-monitor.json'))!;
    const told = JSON.parse(readFileSync(join(folder, real), 'utf8')) as Record<string, unknown>;
    await announcement.close();
    const file = join(folder, `service-${process.pid}-${name}.json`);
    writeFileSync(file, JSON.stringify({ ...told, ...changes }), { mode: 0o600 });
    return file;
  }

  it('counts for nothing: of another process, of another time, no announcement at all', async () => {
    await forged({ startTicks: 1 }, 'a');
    await forged({ pid: 2 ** 30 }, 'b');
    await forged({ pid: '1' }, 'c');
    await forged({ command: 'x'.repeat(100) }, 'd');
    await forged({ schema: 'other/1' }, 'e');
    await forged({ more: 1 }, 'f');
    writeFileSync(join(folder, 'service-1-g.json'), '{');
    writeFileSync(join(folder, 'service-1-h.json'), 'x'.repeat(100_000));
    mkdirSync(join(folder, 'service-1-i.json'));
    // A link to one that would count.
    renameSync(await forged({}, 'j'), join(folder, 'elsewhere'));
    symlinkSync(join(folder, 'elsewhere'), join(folder, `service-${process.pid}-k.json`));
    expect(await findServices([folder])).toEqual([]);
  });

  describeWith('of another user', [isRoot()], () => {
    it('counts for nothing', async () => {
      const file = await forged({});
      expect(await findServices([folder])).toHaveLength(1);
      chownSync(file, 65_534, 65_534);
      expect(await findServices([folder])).toEqual([]);
    });
  });

  it('does not answer, answers nonsense, or has no end: then that is said, and the others are found', async () => {
    await forged({}, 'silent');
    for (const [name, answer] of [
      ['nonsense', 'hello\n'],
      ['wrong', `${JSON.stringify({ schema: serviceSchema, isHealthy: 1, said: [] })}\n`],
    ] as const) {
      await forged({}, name);
      const server: Server = createServer((socket) => socket.on('error', () => undefined).end(answer));
      server.listen(join(folder, `service-${process.pid}-${name}.sock`));
      await once(server, 'listening');
      open.push(server);
    }
    open.push((await announceService('proxy', () => fine, folder))!);
    const found = await findServices([folder]);
    expect(found.map(({ isHealthy }) => isHealthy).sort()).toEqual([null, null, null, true].sort());
    expect(found.filter(({ said }) => said === 'it does not answer')).toHaveLength(3);
  });

  it('is swept by who comes next, where its process is gone', async () => {
    const rest = join(folder, `service-${2 ** 30}-monitor.json`);
    writeFileSync(rest, '{}');
    writeFileSync(rest.replace(/json$/, 'sock'), '');
    writeFileSync(join(folder, 'other.json'), '{}');
    open.push((await announceService('proxy', () => fine, folder))!);
    expect(existsSync(rest) || existsSync(rest.replace(/json$/, 'sock'))).toBe(false);
    expect(existsSync(join(folder, 'other.json'))).toBe(true);
  });
});

describeWith('commands that go on', [kernelMptcp()], () => {
  async function start(...args: string[]): Promise<ChildProcess> {
    const child = spawn(process.execPath, [launcher, ...args], {
      stdio: 'ignore',
      env: { ...process.env, RUNTIME_DIRECTORY: folder },
    });
    open.push({ close: () => child.kill('SIGKILL') });
    await once(child, 'spawn');
    return child;
  }

  const healthy = async (command: string) =>
    (await findServices([folder])).find((each) => each.command === command && each.isHealthy === true);

  it('announce themselves: proxy, converter, monitor', async () => {
    const children = [
      await start('proxy', '--listen', '127.0.0.1:0'),
      await start('converter', '--listen', '127.0.0.1:0'),
      await start('monitor', '--quiet'),
    ];
    for (const command of ['proxy', 'converter', 'monitor'])
      await expect.poll(() => healthy(command), patience).toBeDefined();
    expect((await healthy('proxy'))!.load).toContainEqual(['connections', '0']);
    expect((await healthy('converter'))!.metrics.join()).toContain('subflow_converter_connections 0');
    for (const child of children) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  describeWith('in a namespace', [mayCreateNamespaces()], () => {
    it('announce themselves where they were put: paths auto', async () => {
      const namespace = NetworkNamespace.create('uplinks');
      open.push(namespace);
      const child = namespace.spawn(process.execPath, [launcher, 'paths', 'auto', '--state', folder], {
        stdio: 'ignore',
        env: { ...process.env, RUNTIME_DIRECTORY: folder },
      });
      await expect.poll(() => healthy('paths auto'), patience).toMatchObject({ pid: child.pid! });
      child.kill('SIGTERM');
      await once(child, 'exit');
      expect(await findServices([folder])).toEqual([]);
    });
  });

  describeWith('and give up their rights', [isRoot()], () => {
    it('go on to be found as another user, and leave nothing that counts', async () => {
      chmodSync(folder, 0o755);
      const child = await start('proxy', '--listen', '127.0.0.1:0', '--user', 'nobody');
      await expect.poll(async () => (await healthy('proxy'))?.uid, patience).toBe(65_534);
      child.kill('SIGTERM');
      await once(child, 'exit');
      expect(await findServices([folder])).toEqual([]);
    });
  });
});

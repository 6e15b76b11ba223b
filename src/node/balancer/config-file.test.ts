import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MINUTE } from '../../base/index.js';
import type { BalanceConfig } from '../../balancer/index.js';
import { problemText } from '../daemon/config-text.js';
import { type ConfigEvent, configMark, ConfigWatch } from '../daemon/config-watch.js';
import { parseConfig, readConfig } from './config-file.js';

const base = {
  design: 'beamer',
  interfaces: ['eth0'],
  services: ['203.0.113.10:443', '[2001:db8::1]:443'],
  servers: [
    { id: 1, address: '10.0.0.1', weight: 2 },
    { id: 2, address: '10.0.0.2', state: 'draining' },
  ],
  store: { kind: 'folder', folder: '/var/lib/subflow' },
};

/** What is wrong with a file: a line each. */
function problems(value: unknown): string {
  const result = parseConfig(typeof value === 'string' ? value : JSON.stringify(value, null, 1));
  return result.ok ? '' : problemText('f', result.problems);
}

describe('a configuration', () => {
  it('is read with its defaults, durations in the units of the engine', () => {
    const result = parseConfig(
      JSON.stringify({
        ...base,
        name: 'b1',
        settings: { chainMs: 60_000, buckets: 64 },
        health: { kind: 'tcp', port: 1 },
      }),
    );
    expect(result).toMatchObject({
      ok: true,
      config: {
        ...{ name: 'b1', design: 'beamer', path: 'xdp', settings: { chainNs: MINUTE, buckets: 64 } },
        health: { kind: 'tcp', port: 1, intervalMs: 1000, timeoutMs: 500, rise: 2, fall: 3 },
        status: { socket: '/run/subflow/balance.sock' },
      },
    });
    if (!result.ok) return;
    expect(result.config.servers.map(({ address }) => address.toString())).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(result.config.services[1]!.port).toBe(443);
    expect(result.config.name).toBe('b1');
    expect(result.config).not.toHaveProperty('metrics');
  });

  it('is refused with all that is wrong with it, each with its line and its path', () => {
    const wrong = {
      ...{ ...base, design: 'beemer', services: ['203.0.113.10'], typo: 1 },
      servers: [
        { id: 0, address: '10.0.0.1' },
        { id: 2, address: '10.0.0', wieght: 1 },
      ],
    };
    expect(problems(wrong).split('\n')).toEqual([
      expect.stringMatching(/^f:2: design: .*beamer/),
      expect.stringMatching(/^f:7: services\[0\]: "203.0.113.10" is no address and port/),
      expect.stringMatching(/^f:11: servers\[0\]\.id: /),
      expect.stringMatching(/^f:16: servers\[1\]\.address: "10.0.0" is no IP address/),
      expect.stringMatching(/^f:14: servers\[1\]: has no field "wieght"/),
      expect.stringMatching(/^f:1: has no field "typo"/),
    ]);
  });

  it.each([
    ['a design is missing', { ...base, design: undefined }, 'design: is missing'],
    [
      'a server is there twice',
      { ...base, servers: [base.servers[0], base.servers[0]] },
      'servers: server 1 is there twice',
    ],
    [
      'the kernel lacks the design',
      { ...base, design: 'key-select' },
      'path: the kernel cannot carry out key-select: "user" can',
    ],
    ['metrics have no place', { ...base, metrics: { listen: 'here' } }, 'metrics.listen: "here" is no place'],
    ['families are mixed', { ...base, servers: [base.servers[0], { id: 2, address: '::1:1' }] }, 'servers: '],
    ['a port stands for a server', { ...base, services: ['10.0.0.1:50000'] }, 'services: port 50000'],
    [
      'a table has no prime',
      { ...base, settings: { maglevPlaces: 100 } },
      'settings: maglevPlaces: 100 is no prime',
    ],
    [
      'a check takes too long',
      { ...base, health: { kind: 'tcp', port: 1, intervalMs: 100 } },
      'health.timeoutMs: ',
    ],
    ['a kind of store is unknown', { ...base, store: { kind: 'paper' } }, 'store.kind: '],
    ['a source is of another family', { ...base, source: '::1' }, 'servers[0].address: is of another family'],
    [
      'a store has no address',
      { ...base, store: { kind: 'nats', servers: ['x'], bucket: 'b' } },
      'store.servers[0]: ',
    ],
    ["a name is no interface's", { ...base, interfaces: ['../eth0'] }, 'interfaces[0]: '],
    ['a name hides another', { ...base, interfaces: ['eth0\0x'] }, 'interfaces[0]: '],
    ['an interface is there twice', { ...base, interfaces: ['a', 'a'] }, 'interfaces: a is there twice'],
    [
      'a path has no end',
      { ...base, store: { kind: 'folder', folder: 'a\0b' } },
      'store.folder: holds a character that no path has',
    ],
    [
      'a request would be two',
      { ...base, health: { kind: 'http', port: 80, path: '/ HTTP/1.1\r\nX: y', host: 'a\r\nb' } },
      'health.path: ',
    ],
    ['a service is no host', { ...base, services: ['224.0.0.1:443'] }, 'services: 224.0.0.1 is no address'],
    ['a source is no host', { ...base, source: '0.0.0.0' }, 'source: is no address of a host'],
    ['there is no interface', { ...base, interfaces: [] }, 'interfaces: '],
  ])('is refused when %s', (_what, value, said) => {
    expect(problems(value)).toContain(`: ${said}`);
  });

  it('is refused when it is no JSON, with the line', () => {
    expect(problems('{\n "design": "beamer",\n oops\n}')).toMatch(/^f:3: this is no JSON/);
    expect(problems('{\n "design":')).toMatch(/^f:2: this is no JSON/);
    expect(problems('7')).toMatch(/^f:1: /);
  });

  it('is refused when a name stands in it twice, of which JSON would keep the last', () => {
    const text = JSON.stringify(base, null, 1).replace(
      '"design": "beamer",',
      '"design": "beamer",\n "design": "maglev",',
    );
    expect(problems(text)).toBe('f:3: design: is there twice');
  });
});

describe('a configuration file', () => {
  let folder: string;
  let file: string;
  let watch: ConfigWatch<BalanceConfig> | undefined;
  const events: ConfigEvent<BalanceConfig>[] = [];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'subflow-config-'));
    file = join(folder, 'balance.json');
    writeFileSync(file, JSON.stringify(base));
    events.length = 0;
    watch = new ConfigWatch(file, await configMark(file), readConfig, (event) => events.push(event));
  });
  afterEach(() => {
    watch?.close();
    rmSync(folder, { recursive: true });
  });

  it('is read anew when it is written in place or renamed over, and told to be wrong when it is', async () => {
    writeFileSync(file, JSON.stringify({ ...base, servers: [] }));
    await vi.waitUntil(() => events.length === 1, { timeout: 20_000 });
    expect(events[0]).toMatchObject({ ok: true, config: { servers: [] } });
    writeFileSync(`${file}.new`, '{');
    renameSync(`${file}.new`, file);
    await vi.waitUntil(() => events.length === 2, { timeout: 20_000 });
    expect(events[1]).toMatchObject({
      ok: false,
      problem: expect.stringContaining(`${file}:1: this is no JSON`),
    });
    rmSync(file);
    await vi.waitUntil(() => events.length === 3, { timeout: 20_000 });
    expect(events[2]).toMatchObject({ ok: false, problem: expect.stringContaining('cannot be read') });
  });

  it('is read anew when it changed after it was read and before it was watched', async () => {
    const since = await configMark(file);
    await readConfig(file);
    writeFileSync(file, JSON.stringify({ ...base, servers: [] }));
    watch!.close();
    watch = new ConfigWatch(file, since, readConfig, (event) => events.push(event));
    await vi.waitUntil(() => events.length > 0, { timeout: 20_000 });
    expect(events).toMatchObject([{ ok: true, config: { servers: [] } }]);
  });

  it('is a file, and no pipe that nobody writes to or device without an end', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const path of [pipe, folder, '/dev/zero'])
      await expect(readConfig(path)).rejects.toMatchObject({
        ...{ code: 'ERR_SUBFLOW_BAD_CONFIG', message: `${path} cannot be read: it is no file` },
      });
  });

  it('may begin with a mark of its encoding (RFC 8259 §8.1)', async () => {
    writeFileSync(file, `\ufeff${JSON.stringify(base)}`);
    expect(await readConfig(file)).toMatchObject({ design: 'beamer' });
  });

  it('is read when that is asked for, though it is the same', async () => {
    await watch!.reload();
    expect(events).toMatchObject([{ ok: true }]);
    await expect(readConfig(join(folder, 'none'))).rejects.toMatchObject({ code: 'ERR_SUBFLOW_BAD_CONFIG' });
  });
});

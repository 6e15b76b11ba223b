/** `subflow proxy` as a user runs it. */
import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProxyWorld } from '../../../test/support/proxy-world.js';
import { launcher } from '../../../test/support/subflow-command.js';
import { connect, type Socket } from '../../node/index.js';

const world = new ProxyWorld();
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'subflow-proxy-'))));
afterEach(async () => {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

function subflow(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [launcher, 'proxy', ...args], { cwd: folder });
  world.onClose(() => child.kill('SIGKILL'));
  return child;
}

/** Starts a proxy; gives what it says. */
async function start(...args: string[]) {
  const child = subflow('--listen', '127.0.0.1:0', '--json', ...args);
  const said: Record<string, unknown>[] = [];
  const lines = createInterface(child.stdout!);
  lines.on('line', (line) => said.push(JSON.parse(line) as Record<string, unknown>));
  await once(lines, 'line');
  const [at] = said[0]!['at'] as string[];
  return { child, said, at, names: () => said.map(({ event }) => event) };
}

function through(via: string, port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port, via });
  world.onClose(() => socket.destroy());
  return socket;
}
const codeOf = async (socket: Socket): Promise<unknown> =>
  ((await once(socket, 'error')) as [{ code: unknown }])[0].code;

describe('subflow proxy', () => {
  it('knows users by hashes of its own making, rules by a file, and reads both again at SIGHUP without dropping anybody', async () => {
    const port = await world.echo();
    const hashing = subflow('hash-password');
    hashing.stdin!.end('secret\n');
    const hash = (await text(hashing.stdout!)).trim();
    const users = join(folder, 'users');
    const config = join(folder, 'config.json');
    writeFileSync(users, `alice:${hash}\n`);
    const write = (more: object): void => writeFileSync(config, JSON.stringify({ users, ...more }));
    write({ allowLoopback: true });
    const proxy = await start('--config', config);
    const first = through(`socks5://alice:secret@${proxy.at}`, port);
    await once(first, 'connect');
    expect(await codeOf(through(`socks5://alice:guess@${proxy.at}`, port))).toBe(
      'ERR_SUBFLOW_PROXY_AUTHENTICATION',
    );
    write({ allowLoopback: 'yes' });
    proxy.child.kill('SIGHUP');
    await expect.poll(proxy.names, { timeout: 20_000 }).toContain('config-refused');
    write({ deny: ['127.0.0.0/8'], allowLoopback: true });
    proxy.child.kill('SIGHUP');
    await expect.poll(proxy.names, { timeout: 20_000 }).toContain('config-loaded');
    expect(await codeOf(through(`socks6://alice:secret@${proxy.at}`, port))).toBe(
      'ERR_SUBFLOW_PROXY_NOT_ALLOWED',
    );
    first.end('still there');
    expect(await text(first)).toBe('still there');
    const exit = once(proxy.child, 'exit');
    proxy.child.kill('SIGTERM');
    expect(await exit).toEqual([null, 'SIGTERM']);
    expect(proxy.names().slice(-2)).toEqual(['stopping', 'stopped']);
    expect(JSON.stringify(proxy.said)).not.toMatch(/secret|guess|scrypt/);
  });

  it('tells metrics and health to whoever asks on this machine', async () => {
    const port = await world.echo();
    const proxy = await start('--allow-loopback', '--metrics', '0');
    await expect.poll(proxy.names, { timeout: 20_000 }).toContain('metrics-listening');
    const { url } = proxy.said.find(({ event }) => event === 'metrics-listening') as { url: string };
    await once(through(`socks5://${proxy.at}`, port), 'connect');
    expect(await (await fetch(url)).text()).toMatch(/^subflow_proxy_relays 1$/m);
    expect((await fetch(url.replace('/metrics', '/healthz'))).status).toBe(200);
  });

  it('says in a few lines, and in its metrics, that descriptors have run out, and serves clients when there are some again', async () => {
    const port = await world.echo();
    const proxy = await start('--allow-loopback', '--metrics', '0');
    await expect.poll(proxy.names, { timeout: 20_000 }).toContain('metrics-listening');
    const { url } = proxy.said.find(({ event }) => event === 'metrics-listening') as { url: string };
    execFileSync('prlimit', ['--pid', String(proxy.child.pid), '--nofile=60:60']);
    const [, proxyPort] = proxy.at!.split(':');
    const clients = Array.from({ length: 200 }, () => connectTcp(Number(proxyPort), '127.0.0.1'));
    for (const client of clients) world.onClose(() => client.on('error', () => undefined).destroy());
    await expect.poll(proxy.names, { timeout: 20_000 }).toContain('exhausted');
    for (const client of clients) client.on('error', () => undefined).destroy();
    await expect
      .poll(async () => (await fetch(url).catch(() => undefined))?.text(), { timeout: 20_000 })
      .toMatch(/^subflow_proxy_refused_total{reason="EMFILE"} [1-9]/m);
    const lines = proxy.said.filter(({ event }) => event === 'exhausted');
    expect(lines[0]).toMatchObject({ level: 'error', client: '127.0.0.1', reason: 'EMFILE' });
    expect(lines.length).toBeLessThanOrEqual(5);
    await once(through(`socks5://${proxy.at}`, port), 'connect');
  });

  it('lets what there is finish at the end', async () => {
    const port = await world.echo();
    const proxy = await start('--allow-loopback', '--drain', '60s');
    const socket = through(`http://${proxy.at}`, port);
    await once(socket, 'connect');
    const exit = once(proxy.child, 'exit');
    proxy.child.kill('SIGTERM');
    await expect.poll(proxy.names, { timeout: 20_000 }).toContain('stopping');
    socket.end('last words');
    expect(await text(socket)).toBe('last words');
    expect(await exit).toEqual([null, 'SIGTERM']);
  });

  it.each([
    [['--listen', 'socks4:127.0.0.1:1'], /is not an address and a port/],
    [['--via', 'ftp://127.0.0.1:1'], /is no proxy/],
    [['--socks6-version', '5'], /not a whole number from 6 to 255/],
    [['--socks6-version', '67'], /67 cannot be the version byte/],
    [['--socks6-multipath', 'never'], /'never' is neither asked nor always/],
    [['--via', 'http://a%3ab'], /is no proxy/],
    [['--via', 'http://a%3ab:c@127.0.0.1:1'], /colon/],
    [['--listen', 'redirect:127.0.0.1:1', '--capture', 'a b'], /no interface with hosts behind it/],
    [['--listen', 'redirect:127.0.0.1:1', '--except', 'all'], /is no network/],
    [['--users', '/nonexistent'], /ENOENT/],
    [['--service-type', 'fast'], /fast/],
    [['--config', '/nonexistent'], /ENOENT/],
    [['--config', '/'], /it is no file/],
    [['--metrics', 'here'], /no place to listen/],
    [['--apply', '--user', 'nobody'], /needs its rights/],
    [['--drain', '99999999999'], /24 days/],
  ])('ends with status 2 for %j', async (flags, said) => {
    const child = subflow(...flags);
    const exit = once(child, 'exit');
    expect(await text(child.stderr!)).toMatch(said);
    expect(await exit).toEqual([2, null]);
  });
});

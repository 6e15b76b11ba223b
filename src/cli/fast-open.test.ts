/** `--fast-open` of `subflow get` and `subflow serve`, in a namespace of its own, over both transports. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { launcher } from '../../test/support/subflow-command.js';
import { describeWith } from '../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun, NetworkNamespace } from '../linux/index.js';

describeWith('Fast Open by flag', [kernelMptcp(), mayCreateNamespaces(), mayCreateTun()], () => {
  let folder: string;
  let namespace: NetworkNamespace;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'subflow-fast-open-'));
    writeFileSync(join(folder, 'file'), 'content');
    namespace = NetworkNamespace.create('fast-open');
    namespace.sysctl('net.ipv4.tcp_fastopen', 3);
  });
  afterEach(() => {
    namespace.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function subflow(...args: string[]): ChildProcess {
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    return namespace.spawn(process.execPath, [launcher, ...args, '--json'], {
      cwd: folder,
      stdio: [...stdio],
    });
  }

  /** Starts a server; gives its URL, and what it says of each request. */
  async function serve(...flags: string[]): Promise<{ origin: string; requests: unknown[] }> {
    const requests: unknown[] = [];
    const lines = createInterface(subflow('serve', folder, ...flags).stdout!);
    const [line] = (await once(lines, 'line')) as [string];
    lines.on('line', (each) => requests.push(JSON.parse(each)));
    const { address, port } = JSON.parse(line) as { address: string; port: number };
    return { origin: `http://${address}:${port}`, requests };
  }

  async function get(origin: string, ...flags: string[]): Promise<Record<string, unknown>> {
    const child = subflow('get', `${origin}/file`, '-o', '/dev/null', ...flags);
    return JSON.parse(await text(child.stdout!)) as Record<string, unknown>;
  }

  it('sends the request with the SYN from the second connection on, to our engine', async () => {
    const engine = ['--transport', 'userspace', '--tun', '10.77.0.0/30'];
    const { origin, requests } = await serve(...engine, '--fast-open');
    const whole = { status: 200, bytes: 7, multipath: true, transport: 'kernel' };
    expect(await get(origin, '--fast-open')).toMatchObject({ ...whole, fastOpen: false });
    expect(await get(origin, '--fast-open')).toMatchObject({ ...whole, fastOpen: true });
    expect(await get(origin)).toMatchObject({ ...whole, fastOpen: null });
    await expect
      .poll(() => requests, { timeout: 30_000 })
      .toMatchObject([null, true, null].map((fastOpen) => ({ fastOpen })));
  });

  it('does without cookies where both sides are told to, from our engine', async () => {
    const { origin } = await serve('--listen', '0.0.0.0:8080', '--fast-open-without-cookie');
    const engine = ['--transport', 'userspace', '--tun', '10.77.0.0/30'];
    const at = origin.replace('0.0.0.0', '10.77.0.1');
    const report = await get(at, ...engine, '--fast-open-without-cookie');
    expect(report).toMatchObject({ status: 200, bytes: 7, multipath: true, fastOpen: true });
    expect(namespace.counters().get('TcpExtTCPFastOpenPassive')).toBe(1);
  });

  it('ends with status 3 and the next step where the kernel has it switched off', async () => {
    namespace.sysctl('net.ipv4.tcp_fastopen', 1);
    const child = namespace.spawn(process.execPath, [launcher, 'serve', folder, '--fast-open'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exit = once(child, 'exit');
    expect(await text(child.stderr!)).toMatch(/^[^\n]*tcp_fastopen=3[^\n]*\n$/);
    expect(await exit).toEqual([3, null]);
  });
});

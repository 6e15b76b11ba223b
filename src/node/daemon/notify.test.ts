import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeWith, hasTool } from '../../../test/support/with-rights.js';
import { notifyReady, notifyReloading, notifyStatus, notifyStopping, startWatchdog } from './notify.js';

/** Receives datagrams at a UNIX socket, as a service manager does: tells each as a line of JSON. */
const manager = `
import json, socket, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('\\0' + name[1:] if name.startswith('@') else name)
print(json.dumps('bound'), flush=True)
while True: print(json.dumps(s.recv(65536).decode()), flush=True)
`;

let folder: string;
let children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'subflow-notify-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  for (const child of children) child.kill();
  children = [];
  rmSync(folder, { recursive: true });
});

/** Has a service manager listen at `name`; gives what it is told. */
async function listen(name: string): Promise<string[]> {
  const child = spawn('python3', ['-c', manager, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const told: string[] = [];
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => told.push(JSON.parse(line) as string));
  await once(lines, 'line');
  told.length = 0;
  vi.stubEnv('NOTIFY_SOCKET', name);
  return told;
}

describeWith('a service manager', [hasTool('python3')], () => {
  it.each(['path', 'abstract'])('is told how the command is, at a socket by %s', async (kind) => {
    const told = await listen(kind === 'path' ? join(folder, 'notify') : `@subflow-${process.pid}-notify`);
    expect(notifyReady('at\nwork')).toBe(true);
    expect(notifyReloading()).toBe(true);
    expect(notifyStatus('3 clients')).toBe(true);
    expect(notifyStopping('bye')).toBe(true);
    await expect.poll(() => told.length, { timeout: 20_000 }).toBe(4);
    expect(told).toEqual([
      'READY=1\nSTATUS=at work',
      expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+$/),
      'STATUS=3 clients',
      'STOPPING=1\nSTATUS=bye',
    ]);
  });

  it('hears by its watchdog that the command lives, for as long as it does', async () => {
    const told = await listen(join(folder, 'notify'));
    vi.stubEnv('WATCHDOG_USEC', '20000');
    vi.stubEnv('WATCHDOG_PID', `${process.pid}`);
    let isAlive = true;
    const watchdog = startWatchdog(() => isAlive);
    await expect.poll(() => told.length, { timeout: 20_000 }).toBeGreaterThan(2);
    expect(new Set(told)).toEqual(new Set(['WATCHDOG=1']));
    isAlive = false;
    notifyStatus('dead');
    await expect.poll(() => told, { timeout: 20_000 }).toContain('STATUS=dead');
    watchdog!.close();
    expect(told.at(-1)).toBe('STATUS=dead');
  });
});

describe('a service manager that is not there', () => {
  it('is told nothing: without a socket, or one that is a lie', async () => {
    vi.stubEnv('NOTIFY_SOCKET', '');
    expect(notifyReady()).toBe(false);
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const streams = createServer().listen(join(folder, 'stream'));
    await once(streams, 'listening');
    const lies = ['/nonexistent/notify', file, folder, join(folder, 'stream'), '@', '@nobody-listens-here'];
    for (const lie of [...lies, 'relative', 'vsock:2:1234', `/${'x'.repeat(4000)}`, '/with\u0007bell', '/']) {
      vi.stubEnv('NOTIFY_SOCKET', lie);
      expect(notifyReady('never'), lie).toBe(false);
      expect(startWatchdog()).toBeUndefined();
    }
    streams.close();
  });

  it('has no watchdog of another process, nor one of nonsense', () => {
    vi.stubEnv('NOTIFY_SOCKET', join(folder, 'nobody'));
    for (const [usec, pid] of [
      ['1000', '1'],
      ['0', `${process.pid}`],
      ['soon', `${process.pid}`],
      ['-1', `${process.pid}`],
    ] as const) {
      vi.stubEnv('WATCHDOG_USEC', usec);
      vi.stubEnv('WATCHDOG_PID', pid);
      expect(startWatchdog()).toBeUndefined();
    }
  });

  it('does not hold the command up when it does not read', async () => {
    const told = await listen(join(folder, 'notify'));
    children[0]!.kill('SIGSTOP');
    for (let i = 0; i < 2000; i++) notifyStatus(`${i}`.padEnd(400));
    children[0]!.kill('SIGCONT');
    await expect.poll(() => told.length, { timeout: 20_000 }).toBeGreaterThan(0);
  });
});

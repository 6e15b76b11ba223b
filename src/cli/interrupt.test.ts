/** SIGINT in the middle of what runs against the kernel: nothing of the lab is left, and the shell sees 130. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun, NetworkNamespace } from '../linux/index.js';

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'subflow.js');

/** Entries of a directory that may be gone by now. */
function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** What `read` gives; undefined where a process is gone or not ours to look at. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The network namespaces, other than `home`, that the process holds by a descriptor or a thread is in. */
function namespacesOf(pid: number, home: string): Set<string> {
  const links = [
    ...entriesOf(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`),
    ...entriesOf(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}/ns/net`),
  ].map((path) => attempt(() => readlinkSync(path)));
  return new Set(links.filter((link): link is string => link?.startsWith('net:[') === true && link !== home));
}

/** Every process that holds one of `namespaces`, or was started by `parent`. */
function leftOver(namespaces: ReadonlySet<string>, home: string, parent: number): string[] {
  const processes = entriesOf('/proc').filter((name) => /^\d+$/.test(name));
  return processes.filter((pid) => {
    const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? '';
    const isChild = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
    return isChild || [...namespacesOf(Number(pid), home)].some((each) => namespaces.has(each));
  });
}

describeWith('SIGINT', [kernelMptcp(), mayCreateNamespaces(), mayCreateTun()], () => {
  let folder: string;
  let namespace: NetworkNamespace;
  /** Identity of the namespace that the commands are started in. */
  let home: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'subflow-interrupt-'));
    namespace = NetworkNamespace.create('interrupt');
    home = namespace.run(() => readlinkSync('/proc/thread-self/ns/net'));
  });
  afterEach(() => {
    namespace.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts a command without a program between, whose signal it would be. */
  function start(...args: string[]): ChildProcess {
    return namespace.run(() =>
      spawn(process.execPath, [launcher, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
  }

  /** How the lab looks from outside: interfaces, routes, rules, and Multipath TCP's endpoints. */
  function surroundings(): string[] {
    const shows = ['link', 'address', 'route', 'rule', 'mptcp endpoint', 'mptcp limits'];
    return shows.map((what) => namespace.ip(`${what} show${what === 'route' ? ' table all' : ''}`));
  }

  it.each([
    ['demo', ['demo', '--size', '500M']],
    ['an experiment', ['experiment', 'run', 'middleboxes', '--no-figures']],
  ])('ends %s as the shell expects, and takes namespaces, devices and files with it', async (_name, args) => {
    const before = surroundings();
    const child = start(...args);
    const exit = once(child, 'exit');
    const pid = child.pid!;
    await expect.poll(() => namespacesOf(pid, home).size, { timeout: 60_000 }).toBeGreaterThan(0);
    const held = namespacesOf(pid, home);
    child.kill('SIGINT');
    // A shell makes 130 of it.
    expect(await exit).toEqual([null, 'SIGINT']);
    await expect.poll(() => leftOver(held, home, pid), { timeout: 60_000 }).toEqual([]);
    expect(surroundings()).toEqual(before);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('ends a download in the middle: its TUN device is gone, and no half of a file is there', async () => {
    const before = surroundings();
    const child = start(
      'get',
      'http://10.77.0.1:9/never',
      '--transport',
      'userspace',
      '--tun',
      '10.77.0.0/30',
      '-o',
      'file',
    );
    const exit = once(child, 'exit');
    await expect.poll(() => namespace.ip('link'), { timeout: 60_000 }).toContain('subflow0');
    child.kill('SIGINT');
    expect(await exit).toEqual([null, 'SIGINT']);
    expect(surroundings()).toEqual(before);
    expect(readdirSync(folder)).toEqual([]);
  });
});

import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, readdirSync, readlinkSync } from 'node:fs';
import { afterAll, expect, it, vi } from 'vitest';
import { describeWith } from '../../test/support/with-rights.js';
import { mayCreateNamespaces } from './capabilities.js';
import { listenKernel } from './kernel-socket.js';
import { NetworkNamespace } from './namespace.js';

/** Every network namespace that some process is in or holds. */
function namespacesInUse(): Set<string> {
  const found = new Set<string>();
  const note = (path: string): void => {
    try {
      found.add(readlinkSync(path));
    } catch {
      // The process or descriptor is gone by now.
    }
  };
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    note(`/proc/${pid}/ns/net`);
    if (!existsSync(`/proc/${pid}/fd`)) continue;
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) note(`/proc/${pid}/fd/${fd}`);
    } catch {
      // The same.
    }
  }
  return found;
}

const own = () => readlinkSync('/proc/thread-self/ns/net');

describeWith('network namespaces', [mayCreateNamespaces()], () => {
  const first = NetworkNamespace.create('first');
  const second = NetworkNamespace.create('second');
  afterAll(() => {
    first.close();
    second.close();
  });

  it('are entered for the time of an action only, nested too', () => {
    const home = own();
    const inside = first.run(() => {
      const before = own();
      const nested = second.run(own);
      expect(own()).toBe(before);
      return [before, nested];
    });
    expect(new Set([home, ...inside]).size).toBe(3);
    expect(own()).toBe(home);
  });

  it('have addresses that can be used once the command that set them has returned, however long the kernel takes', () => {
    first.connectTo(second, 'wait0', 'wait1');
    second.sysctl('net.ipv6.conf.wait1.accept_dad', 1);
    second.ip('address add fd77::2/64 dev wait1');
    const fd = listenKernel({ address: 'fd77::2', port: 7, protocol: 'tcp', namespace: second });
    closeSync(fd);
  });

  it('are left when the action throws', () => {
    const home = own();
    expect(() =>
      first.run(() => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(own()).toBe(home);
  });

  it('refuse an action that goes on later', () => {
    expect(() => first.run(() => Promise.resolve())).toThrow('asynchronous');
  });

  it('hold interfaces, addresses and parameters of their own', () => {
    first.connectTo(second, 'left', 'right');
    first.ip('address add 10.1.0.1/24 dev left', 'mptcp limits set subflow 8 add_addr_accepted 8');
    expect(first.ip('address show dev left')).toContain('10.1.0.1/24');
    expect(second.ip('link show')).toContain('right');
    expect(first.ip('mptcp limits show')).toContain('subflows 8');
    first.sysctl('net.mptcp.checksum_enabled', 1);
    expect(first.readSysctl('net.mptcp.checksum_enabled')).toBe('1');
    expect(second.readSysctl('net.mptcp.checksum_enabled')).toBe('0');
  });

  it('say what ip said when a command fails', () => {
    expect(() => first.ip('link set nothing up')).toThrow(
      expect.objectContaining({
        code: 'ERR_SUBFLOW_COMMAND_FAILED',
        message: expect.stringContaining('nothing'),
      }),
    );
  });

  it('say so when ip is not there', () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      expect(() => first.ip('link show')).toThrow(
        expect.objectContaining({
          code: 'ERR_SUBFLOW_MISSING_TOOL',
          hint: expect.stringContaining('iproute2'),
        }),
      );
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('count what happens in them', () => {
    const counters = first.counters();
    expect(counters.has('MPTcpExtMPCapableSYNRX')).toBe(true);
    expect(counters.has('TcpActiveOpens')).toBe(true);
  });

  it('run programs inside, and kill them when closed', async () => {
    const third = NetworkNamespace.create('third');
    const child = third.spawn('sleep', ['60']);
    const exit = once(child, 'exit');
    const inside = third.run(own);
    // setpriv executes the program in its own place: the process is the child.
    expect(readlinkSync(`/proc/${child.pid}/ns/net`)).toBe(inside);
    third.close();
    expect((await exit)[1]).toBe('SIGKILL');
    expect(() => third.run(own)).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_CLOSED' }));
  });

  it('leave nothing behind when the program is killed', async () => {
    const program = `
      const { NetworkNamespace, Tun } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
      const namespace = NetworkNamespace.create('doomed');
      Tun.open({ name: 'doomed0', namespace });
      namespace.spawn('sleep', ['60'], { stdio: 'ignore' });
      const inside = namespace.run(() => require('node:fs').readlinkSync('/proc/thread-self/ns/net'));
      process.stdout.write(inside);
      setInterval(() => undefined, 1000);`;
    const doomed = spawn(process.execPath, ['--import', 'tsx', '--eval', `(async () => {${program}})()`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(doomed.stdout, 'data')) as [Buffer];
    const inside = line.toString();
    expect(namespacesInUse()).toContain(inside);
    doomed.kill('SIGKILL');
    await once(doomed, 'exit');
    await vi.waitFor(() => expect(namespacesInUse()).not.toContain(inside), 5000);
  });
});

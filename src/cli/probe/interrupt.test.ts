/** A signal in the middle of a probe: what is done stays, what is open is closed, and no port is held. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { CaptureReader } from '../../capture/index.js';
import { kernelMptcp, listenKernel, mayCreateNamespaces, NetworkNamespace } from '../../linux/index.js';

const launcher = join(import.meta.dirname, '..', '..', '..', 'bin', 'subflow.js');

describeWith('a signal', [kernelMptcp(), mayCreateNamespaces()], () => {
  let folder: string;
  let namespace: NetworkNamespace;
  let other: NetworkNamespace;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'subflow-probe-'));
    namespace = NetworkNamespace.create('probe-signal');
    other = NetworkNamespace.create('probe-nobody');
    namespace.connectTo(other, 'silent', 'end');
    // Nobody has this address of the link: what goes there is heard by nobody, and no error comes back.
    const nobody = [2, 3, 4].map(
      (host) => `neigh replace 10.9.9.${host} lladdr 02:00:00:00:00:99 dev silent nud permanent`,
    );
    namespace.ip('address add 10.9.9.1/24 dev silent', ...nobody);
  });
  afterEach(() => {
    namespace.close();
    other.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(...args: string[]): ChildProcess {
    return namespace.run(() =>
      spawn(process.execPath, [launcher, 'probe', ...args], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  }

  /** Ports that somebody listens on in the namespace, as the kernel lists them. */
  function listeners(): string[] {
    const tables = namespace.run(() =>
      ['tcp', 'tcp6'].map((name) => readFileSync(`/proc/thread-self/net/${name}`)),
    );
    const lines = tables.flatMap((table) => table.toString().trim().split('\n').slice(1));
    return lines
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A')
      .map((fields) => fields[1]!);
  }

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'of %s leaves the lines and the packets of a sweep, and the shell sees it',
    async (signal) => {
      writeFileSync(join(folder, 'targets.txt'), '127.0.0.1:9\n10.9.9.2\n10.9.9.3\n10.9.9.4\n');
      const child = start('--targets', 'targets.txt', '--rate', '5', '--timeout', '5s', '--pcap', 'p.pcapng');
      const exit = once(child, 'exit');
      let out = '';
      let err = '';
      child.stdout!.on('data', (data: Buffer) => (out += data.toString()));
      child.stderr!.on('data', (data: Buffer) => (err += data.toString()));
      await expect.poll(() => out, { timeout: 60_000 }).toContain('\n');
      await expect.poll(() => listeners().length, { timeout: 60_000 }).toBeGreaterThan(0);
      child.kill(signal);
      expect(await exit).toEqual([null, signal]);
      expect(out).toBe('127.0.0.1:9: Cannot tell: the port is closed; a RST answers.\n');
      expect(err).toContain('stopped; 1 of 4 targets');
      expect(listeners()).toEqual([]);
      const reader = new CaptureReader();
      reader.push(readFileSync(join(folder, 'p.pcapng')));
      reader.end();
      let packets = 0;
      while (reader.next() !== undefined) packets++;
      expect(packets).toBeGreaterThan(2);
    },
  );

  it('resets the connection that a trace holds open', async () => {
    const server = net.createServer();
    server.listen({ fd: listenKernel({ address: '127.0.0.1', port: 8080, namespace }) });
    try {
      const connected = once(server, 'connection') as Promise<[net.Socket]>;
      const child = start(
        '127.0.0.1:8080',
        '--trace',
        '--idle',
        '600s',
        '--mptcp-version',
        '1',
        '--scenario',
        'syn-data',
      );
      const exit = once(child, 'exit');
      // The first connection is the scenario's, which ends by itself.
      const [first] = await connected;
      first.on('error', () => undefined).resume();
      const [traced] = (await once(server, 'connection')) as [net.Socket];
      let received = 0;
      traced.on('data', (data: Buffer) => (received += data.length));
      traced.on('error', () => undefined);
      // The connection has begun, and goes on or pauses for ten minutes.
      await expect.poll(() => received, { timeout: 60_000 }).toBeGreaterThan(2400);
      expect(traced.closed).toBe(false);
      child.kill('SIGINT');
      expect(await exit).toEqual([null, 'SIGINT']);
      await expect.poll(() => traced.closed, { timeout: 10_000 }).toBe(true);
      expect(listeners()).toHaveLength(1);
    } finally {
      server.close();
    }
  });
});

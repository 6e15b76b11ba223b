/**
 * Programs of Debian through proxies, as they are: curl, wget, ssh and iperf3 in a LAN whose connections are taken by a bond, and carried
 * over two unlike uplinks to a converter, one of which dies in the middle. What arrives is compared by its hash.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kernelMptcp, listenKernel, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
import { iperf3, type ProgramSetup, sha256, ssh, wget } from '../support/lan-programs.js';
import { Daemon, runIn } from '../support/program-lines.js';
import { UplinkLab } from '../support/uplink-lab.js';
import { describeWith, hasTool } from '../support/with-rights.js';

const CONVERTER = '10.9.0.1:5124';
const SERVER = '10.9.0.1';
const WEB_PORT = 8080;
const SSH_PORT = 2222;
const content = randomBytes(2_000_000);

const needs = [
  ...[kernelMptcp(), mayCreateTun(), mayCreateNamespaces()],
  ...['nft', 'curl', 'wget', 'iperf3', 'ssh', 'sshd'].map(hasTool),
];
describeWith('programs behind a bond', needs, () => {
  let lab: UplinkLab;
  let folder: string;
  let web: Server;
  const daemons: Daemon[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'subflow-programs-'));
    lab = new UplinkLab(
      [
        { rateMbit: 30, delayMs: 8 },
        { rateMbit: 15, delayMs: 25 },
      ],
      { hasEndpoints: false },
    );
    const allow = ['--allow-private', '--allow-loopback', '--allow-client', '10.0.0.0/8'];
    daemons.push(
      new Daemon(lab.studio, ['converter', '--listen', CONVERTER, ...allow]),
      new Daemon(lab.van, ['bond', '--via', CONVERTER, '--lan', 'lan0']),
    );
    web = createServer((request, response) => {
      if (request.method === 'GET') return void response.end(content);
      const hash = createHash('sha256');
      request.on('data', (chunk: Buffer) => hash.update(chunk));
      request.on('end', () => response.end(hash.digest('hex')));
    });
    web.listen({ fd: listenKernel({ address: SERVER, port: WEB_PORT, namespace: lab.studio }) });
    await Promise.all([daemons[0]!.until('listening'), daemons[1]!.until('started')]);
  });

  afterAll(async () => {
    await Promise.all(daemons.map((daemon) => daemon.end('SIGKILL')));
    web.close();
    web.closeAllConnections();
    lab.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const setup = (): ProgramSetup => ({ from: lab.lan, servers: lab.studio, address: SERVER });

  /** Waits until both uplinks are good, as far as the bond knows: one that died in the last test comes back in its own time. */
  async function bothGood(): Promise<void> {
    const states = (): unknown => {
      const uplinks = daemons[1]!.of('report').at(-1)?.['uplinks'] as Record<string, unknown>[] | undefined;
      return uplinks?.map(({ state, quality }) => `${String(state)} ${String(quality)}`);
    };
    await expect.poll(states, { timeout: 60_000 }).toEqual(['used good', 'used good']);
  }

  /** Has the first uplink die once both carried something of a program's, and come back at its end. */
  async function whileDying<T>(way: 'up' | 'down', start: () => Promise<T>): Promise<T> {
    await bothGood();
    const carried = (index: number): number =>
      lab.directionsOf(index)[way === 'up' ? 0 : 1].counters.deliveredBytes;
    const before = [carried(0), carried(1)] as const;
    const program = start();
    const least = (): number => Math.min(carried(0) - before[0], carried(1) - before[1]);
    await expect.poll(least, { timeout: 60_000, interval: 10 }).toBeGreaterThan(50_000);
    lab.setUplink(0, 'blackhole');
    try {
      return await program;
    } finally {
      lab.setUplink(0, 'up');
    }
  }

  it('curl uploads, and an uplink dies in the middle', async () => {
    const url = `http://${SERVER}:${WEB_PORT}/`;
    const args = ['-sS', '--max-time', '100', '-H', 'Expect:', '--data-binary', '@-', url];
    const { out, err } = await whileDying('up', () => runIn(lab.lan, 'curl', args, { input: content }));
    expect([String(out), err]).toEqual([sha256(content), '']);
  });

  it('wget downloads, and an uplink dies in the middle', async () => {
    expect(sha256(await whileDying('down', () => wget(setup(), WEB_PORT)))).toBe(sha256(content));
  });

  it('ssh logs in with a key, and carries what is piped through it both ways', () =>
    ssh(setup(), { folder, port: SSH_PORT, content: content.subarray(0, 500_000) }));

  it('iperf3 measures with its control connection and its data connection, either way', () =>
    iperf3(setup()));
});

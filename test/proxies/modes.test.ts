/**
 * `subflow proxy` in each of its modes, in front of a converter, with programs of Debian: uploads over two unlike uplinks of which one dies
 * in the middle, compared by their hash.
 */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import {
  kernelMptcp,
  listenKernel,
  mayCreateNamespaces,
  mayCreateTun,
  type NetworkNamespace,
} from '../../src/linux/index.js';
import { Daemon, runIn } from '../support/program-lines.js';
import { launcher } from '../support/subflow-command.js';
import { UplinkLab } from '../support/uplink-lab.js';
import { describeWith, hasTool } from '../support/with-rights.js';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const CONVERTER = '10.9.0.1:5124';
const WEB = { address: '10.9.0.1', port: 8080 };
const content = randomBytes(2_000_000);
const hashed = createHash('sha256').update(content).digest('hex');

async function startLab(flags: readonly string[]): Promise<{ lab: UplinkLab; proxy: Daemon }> {
  const lab = new UplinkLab(
    [
      { rateMbit: 30, delayMs: 8 },
      { rateMbit: 15, delayMs: 25 },
    ],
    { hasEndpoints: true },
  );
  const allow = ['--allow-private', '--allow-client', '10.0.0.0/8'];
  const proxy = new Daemon(lab.van, ['proxy', '--via', CONVERTER, ...allow, ...flags]);
  const daemons = [new Daemon(lab.studio, ['converter', '--listen', CONVERTER, ...allow]), proxy];
  const web = createServer((request, response) => {
    const hash = createHash('sha256');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => response.end(hash.digest('hex')));
  });
  web.listen({ fd: listenKernel({ ...WEB, namespace: lab.studio }) });
  open.push(lab, { close: () => web.close() && web.closeAllConnections() });
  for (const daemon of daemons) open.push({ close: () => daemon.end('SIGKILL') });
  await Promise.all(daemons.map((daemon) => daemon.until('listening')));
  return { lab, proxy };
}

/** What the server says that it got. */
async function uploadWhileDying(
  lab: UplinkLab,
  from: NetworkNamespace,
  flags: readonly string[],
): Promise<string> {
  const url = `http://${WEB.address}:${WEB.port}/`;
  const args = ['-sS', '--max-time', '100', '-H', 'Expect:', ...flags, '--data-binary', '@-', url];
  const carried = (index: number): number => lab.directionsOf(index)[0].counters.deliveredBytes;
  const uploading = runIn(from, 'curl', args, { input: content });
  const least = (): number => Math.min(carried(0), carried(1));
  await expect.poll(least, { timeout: 60_000, interval: 10 }).toBeGreaterThan(50_000);
  lab.setUplink(0, 'blackhole');
  const { out, err } = await uploading;
  return String(out) + err;
}

const needs = [...[kernelMptcp(), mayCreateTun(), mayCreateNamespaces()], ...['nft', 'curl'].map(hasTool)];
describeWith('subflow proxy with programs as they are', needs, () => {
  const asked: readonly (readonly [string, readonly string[]])[] = [
    ['socks5h', ['-x', 'socks5h://10.1.0.1:1080']],
    ['HTTP CONNECT', ['--proxytunnel', '-x', 'http://10.1.0.1:1080']],
  ];
  it.each(asked)('curl by %s: everything arrives though an uplink dies', async (_name, flags) => {
    const { lab } = await startLab(['--listen', '10.1.0.1:1080']);
    expect(await uploadWhileDying(lab, lab.lan, flags)).toBe(hashed);
  });

  const captured: readonly (readonly [string, 'lan' | 'van'])[] = [
    ['transparent', 'lan'],
    ['transparent', 'van'],
    ['redirect', 'lan'],
    ['redirect', 'van'],
  ];
  it.each(captured)(
    'curl by %s, from the %s: everything arrives though an uplink dies, and the rules go at the end',
    async (mode, from) => {
      const what = from === 'lan' ? 'lan0' : 'local';
      const flags = ['--listen', `${mode}:0.0.0.0:5123`, '--capture', what, '--apply'];
      const { lab, proxy } = await startLab(flags);
      expect(await uploadWhileDying(lab, lab[from], [])).toBe(hashed);
      await proxy.end();
      expect(lab.van.run(() => execFileSync('nft', ['list', 'ruleset'])).toString()).toBe('');
      expect(lab.van.ip('rule')).not.toContain('fwmark');
    },
  );

  it('prints the rules for a shell, and does nothing', async () => {
    const lab = new UplinkLab([{ rateMbit: 30, delayMs: 8 }], { hasEndpoints: false });
    open.push(lab);
    const flags = ['proxy', '--listen', 'redirect:[::]:5123', '--print-rules'];
    const { out } = await runIn(lab.van, process.execPath, [launcher, ...flags]);
    const said = String(out);
    expect(said).toContain('table inet subflow_capture_5123 {');
    expect(lab.van.run(() => execFileSync('nft', ['list', 'ruleset'])).toString()).toBe('');
  });
});

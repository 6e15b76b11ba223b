/**
 * `subflow proxy` in each of its modes, in front of a converter, with programs of Debian: uploads over two unlike uplinks of which one dies
 * in the middle, compared by their hash.
 */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import {
  kernelMptcp,
  listenKernel,
  mayCreateNamespaces,
  mayCreateTun,
  type NetworkNamespace,
} from '../../src/linux/index.js';
import { iperf3, sha256, ssh, wget } from '../support/lan-programs.js';
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
const hashed = sha256(content);

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
  // The web server is on its machine.
  const converter = ['converter', '--listen', CONVERTER, ...allow, '--allow-loopback'];
  const daemons = [new Daemon(lab.studio, converter), proxy];
  const web = createServer((request, response) => {
    const hash = createHash('sha256');
    if (request.method === 'GET') return void response.end(content);
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

const needs = [
  ...[kernelMptcp(), mayCreateTun(), mayCreateNamespaces()],
  ...['nft', 'curl', 'wget', 'iperf3', 'ssh', 'sshd', 'proxychains4'].map(hasTool),
];
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

  const others: readonly (readonly [string, readonly string[], string | undefined])[] = [
    ['SOCKS 5', ['--listen', '10.1.0.1:1080'], 'socks5'],
    ['HTTP CONNECT', ['--listen', '10.1.0.1:1080'], 'http'],
    ['transparent', ['--listen', 'transparent:0.0.0.0:5123', '--capture', 'lan0', '--apply'], undefined],
    ['redirect', ['--listen', 'redirect:0.0.0.0:5123', '--capture', 'lan0', '--apply'], undefined],
  ];
  it.each(others)('wget, ssh and iperf3 by %s carry what they should', async (_name, flags, kind) => {
    const { lab } = await startLab(flags);
    const folder = mkdtempSync(join(tmpdir(), 'subflow-modes-'));
    open.push({ close: () => rmSync(folder, { recursive: true, force: true }) });
    const chain = join(folder, 'proxychains.conf');
    // What knows no proxy is given one by the dynamic linker.
    writeFileSync(chain, `strict_chain\n[ProxyList]\n${kind ?? 'http'} 10.1.0.1 1080\n`);
    const before = kind === undefined ? [] : ['proxychains4', '-q', '-f', chain];
    const setup = { from: lab.lan, servers: lab.studio, address: WEB.address, before };
    expect(sha256(await wget(setup, WEB.port))).toBe(hashed);
    await ssh(setup, { folder, port: 2222, content: content.subarray(0, 300_000) });
    await iperf3(setup);
  });

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

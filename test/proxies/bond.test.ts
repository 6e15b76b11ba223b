/** `subflow bond` and a converter as programs, between a LAN and a studio, over emulated uplinks that come and go. */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
import { findServices } from '../../src/node/daemon/index.js';
import { Daemon, runIn } from '../support/program-lines.js';
import { launcher } from '../support/subflow-command.js';
import { UplinkLab, type UplinkLabOptions, type UplinkShape } from '../support/uplink-lab.js';
import { describeWith, hasTool } from '../support/with-rights.js';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const shapes: readonly UplinkShape[] = [
  { rateMbit: 30, delayMs: 8 },
  { rateMbit: 15, delayMs: 25 },
];
/** Compiled programs start slowly on a busy machine. */
const CONVERTER = '10.9.0.1:5124';
const WEB_PORT = 8080;

interface Van {
  readonly lab: UplinkLab;
  readonly bond: Daemon;
  readonly converter: Daemon;
}

async function startVan(
  flags: readonly string[] = [],
  options: UplinkLabOptions = { hasEndpoints: false },
  place = CONVERTER,
  env: NodeJS.ProcessEnv = {},
): Promise<Van> {
  const lab = new UplinkLab(shapes, options);
  open.push(lab);
  const converter = startConverter(lab, place);
  const args = ['bond', '--via', place, '--lan', 'lan0', '--every', '200ms', ...flags];
  const bond = new Daemon(lab.van, args, env);
  open.push({ close: () => bond.end('SIGKILL') });
  await Promise.all([converter.until('listening'), bond.until('started')]);
  return { lab, bond, converter };
}

function startConverter(lab: UplinkLab, place: string): Daemon {
  const daemon = new Daemon(lab.studio, [
    ...['converter', '--listen', place, '--allow-private', '--allow-loopback'],
    ...['--allow-client', '10.0.0.0/8', 'fd00::/8'],
  ]);
  open.push({ close: () => daemon.end('SIGKILL') });
  return daemon;
}

/** A folder until the end of the test. */
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'subflow-bond-'));
  open.push({ close: () => rmSync(made, { recursive: true, force: true }) });
  return made;
}

/** Bytes that the van sent by an uplink. */
function sentOver({ lab }: Van, index: number): number {
  return lab.directionsOf(index)[0].counters.deliveredBytes;
}

/** Status of curl where a connection was reset. */
const resetStatuses = [52, 55, 56];

const content = Buffer.alloc(3_000_000, 'all work and no play makes a dull test\n');
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A web server of the studio's that takes uploads, and answers with what they hash to. */
function serveUploads(lab: UplinkLab): void {
  lab.listen(WEB_PORT, (socket) => {
    const hash = createHash('sha256');
    let head = Buffer.alloc(0);
    let length: number | undefined;
    let got = 0;
    socket.on('data', (chunk: Buffer) => {
      let body = chunk;
      if (length === undefined) {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        length = Number(/content-length: (\d+)/i.exec(head.toString('latin1', 0, end))?.[1] ?? 0);
        body = head.subarray(end + 4);
      }
      got += body.length;
      hash.update(body);
      if (got < length) return;
      const said = hash.digest('hex');
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${said.length}\r\nConnection: close\r\n\r\n${said}`);
    });
  });
}

function upload(lab: UplinkLab, host = '10.9.0.1', seconds = 100): ReturnType<typeof runIn> {
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${WEB_PORT}/`;
  const flags = ['-sS', '--max-time', String(seconds), '-H', 'Expect:', '--data-binary', '@-', url];
  return runIn(lab.lan, 'curl', flags, { input: content });
}

/** Everything that the van's rules, routes and endpoints are. */
function stateOf({ lab }: Van): string {
  const commands = 'nft list ruleset; ip rule; ip -6 rule; ip route show table all; ip mptcp endpoint';
  return lab.van.run(() => execFileSync('sh', ['-c', commands], { encoding: 'utf8' }));
}

const needs = [kernelMptcp(), mayCreateTun(), mayCreateNamespaces(), hasTool('nft'), hasTool('curl')];
describeWith('subflow bond', needs, () => {
  it('carries what hosts behind it send over all uplinks at once, and on over one when the other dies in the middle', async () => {
    const van = await startVan();
    serveUploads(van.lab);
    const uploading = upload(van.lab);
    await expect
      .poll(() => Math.min(sentOver(van, 0), sentOver(van, 1)), { timeout: 60_000 })
      .toBeGreaterThan(200_000);
    van.lab.setUplink(0, 'blackhole');
    const { status, out, err } = await uploading;
    expect([status, err]).toEqual([0, '']);
    expect(String(out)).toBe(sha256(content));
    const { uplinks } = van.bond.of('report').at(-1) as unknown as {
      uplinks: { name: string; sentBytes: number }[];
    };
    expect(uplinks.map(({ name }) => name)).toEqual(['up0', 'up1']);
    for (const { sentBytes } of uplinks) expect(sentBytes).toBeGreaterThan(200_000);
  });

  it('undoes everything at the end, and after SIGKILL when it starts again', async () => {
    const van = await startVan();
    const during = stateOf(van);
    expect(during).toContain('subflow_capture_5126');
    await van.bond.end('SIGKILL');
    expect(stateOf(van)).toBe(during);
    const again = new Daemon(van.lab.van, ['bond', '--via', CONVERTER, '--lan', 'lan0']);
    open.push({ close: () => again.end('SIGKILL') });
    await again.until('started');
    expect(stateOf(van)).toBe(during);
    await again.end();
    expect(again.of('stopped')).toHaveLength(1);
    expect(stateOf(van)).not.toContain('subflow_capture');
    expect(stateOf(van)).not.toMatch(/fwmark|proto 83/);
  });

  it('refuses connections while no converter can be reached, says why, and carries them again when it is back', async () => {
    const van = await startVan();
    serveUploads(van.lab);
    await van.converter.end('SIGKILL');
    const { status } = await upload(van.lab);
    expect(resetStatuses).toContain(status);
    expect(await van.bond.until('closed')).toMatchObject({
      ...{ outcome: 'failed', error: 'upstream-failed', reason: 'ERR_SUBFLOW_PROXY_UNREACHABLE' },
    });
    await startConverter(van.lab, CONVERTER).until('listening');
    expect(String((await upload(van.lab)).out)).toBe(sha256(content));
  });

  it('begins a connection from another uplink where the best one is dead and does not know it', async () => {
    const van = await startVan();
    serveUploads(van.lab);
    van.lab.setUplink(0, 'blackhole');
    expect(String((await upload(van.lab)).out)).toBe(sha256(content));
    const { client } = (await van.converter.until('connected')) as { client?: string };
    expect(client).toMatch(/^10\.0\.1\.1:/);
  });

  it('uses a metered uplink no more once it has had what it may have', async () => {
    const van = await startVan(['--metered', 'up1=300k']);
    serveUploads(van.lab);
    expect(String((await upload(van.lab)).out)).toBe(sha256(content));
    expect(await van.bond.until('capped')).toMatchObject({ uplink: 'up1', capBytes: 300_000 });
    expect(van.bond.of('uplink').at(-1)).toMatchObject({ name: 'up1', state: 'barred', metered: true });
    const before = van.lab.directionsOf(1)[0].counters.deliveredBytes;
    expect(String((await upload(van.lab)).out)).toBe(sha256(content));
    // A few packets at the end of what was there may still go.
    expect(van.lab.directionsOf(1)[0].counters.deliveredBytes - before).toBeLessThan(100_000);
  });

  it('rather ends and refuses connections than go on by uplinks at their caps, says so, and goes on when a cap is raised', async () => {
    const [config, services] = [join(folder(), 'bond.conf'), folder()];
    const write = (...metered: string[]): void => writeFileSync(config, JSON.stringify({ metered }));
    write('up0=300k', 'up1=300k');
    const flags = ['--config', config, '--metrics', '9464'];
    const van = await startVan(flags, undefined, undefined, { RUNTIME_DIRECTORY: services });
    const { bond } = van;
    const health = async (): Promise<string> =>
      String((await runIn(van.lab.van, 'curl', ['-s', 'http://127.0.0.1:9464/healthz'])).out);
    serveUploads(van.lab);
    expect(await health()).toBe('0 connections\n');
    expect(resetStatuses).toContain((await upload(van.lab)).status);
    expect((await bond.until('paused'))['capped']).toEqual(expect.arrayContaining(['up0', 'up1']));
    expect(await bond.until('closed')).toMatchObject({ outcome: 'capped' });
    // The ends of what was there.
    await expect.poll(() => van.bond.of('report').at(-1)!['connections'], { timeout: 20_000 }).toBe(0);
    const before = sentOver(van, 0) + sentOver(van, 1);
    // 7: the reset was there before curl took the connection to be up.
    for (let i = 0; i < 3; i++) expect([7, ...resetStatuses]).toContain((await upload(van.lab)).status);
    expect(bond.of('closed').at(-1)).toMatchObject({
      ...{ outcome: 'failed', reason: 'ERR_SUBFLOW_UPLINKS_CAPPED' },
    });
    expect(sentOver(van, 0) + sentOver(van, 1) - before).toBeLessThan(200_000);
    expect(await health()).toBe('the uplinks that are left are at their caps\n');
    const found = (await findServices([services])).find(({ command }) => command === 'bond')!;
    expect(found.isHealthy).toBe(false);
    expect(found.metrics).toContain('subflow_bond_paused 1');
    write('up0=300k', 'up1=2G');
    bond.child.kill('SIGHUP');
    await bond.until('resumed');
    expect(String((await upload(van.lab)).out)).toBe(sha256(content));
    expect(await health()).toMatch(/^\d connections$/m);
  });

  it('rather carries nothing than goes on by an uplink at its cap while the other one is dead', async () => {
    const van = await startVan(['--metered', 'up1=300k']);
    serveUploads(van.lab);
    van.lab.setUplink(0, 'blackhole');
    const timedOut = 28;
    expect((await upload(van.lab, undefined, 10)).status).toBe(timedOut);
    await van.bond.until('capped');
    const before = sentOver(van, 1);
    expect((await upload(van.lab, undefined, 5)).status).not.toBe(0);
    van.lab.setUplink(0, 'up');
    await expect
      .poll(async () => String((await upload(van.lab)).out), { timeout: 60_000 })
      .toBe(sha256(content));
    expect(sentOver(van, 1) - before).toBeLessThan(200_000);
  });

  it('is found by the lab, with what it carries', async () => {
    const services = folder();
    const van = await startVan([], undefined, undefined, { RUNTIME_DIRECTORY: services });
    serveUploads(van.lab);
    expect(String((await upload(van.lab)).out)).toBe(sha256(content));
    await expect
      .poll(() => van.bond.of('report').at(-1)!['clientBytes'], { timeout: 20_000 })
      .toBeGreaterThan(3e6);
    const [found] = await findServices([services]);
    expect(found).toMatchObject({ command: 'bond', pid: van.bond.child.pid!, isHealthy: true });
    expect(found!.said).toMatch(/^\d connections$/);
    expect(Object.fromEntries(found!.load)).toMatchObject({ uplinks: '["up0 used","up1 used"]' });
    expect(found!.metrics.join('\n')).toMatch(
      /^subflow_bond_uplink_bytes_total{uplink="up1",direction="sent"} \d{6,}$/m,
    );
    await van.bond.end();
    expect(await findServices([services])).toEqual([]);
  });

  it('serves hosts of IPv4 and IPv6 over uplinks that only have IPv6', async () => {
    const van = await startVan([], { hasEndpoints: false, family: 6 }, '[fd09::1]:5124');
    serveUploads(van.lab);
    for (const host of ['10.9.0.1', 'fd09::1'])
      expect(String((await upload(van.lab, host)).out)).toBe(sha256(content));
  });

  it('prints what it would do, and does nothing', async () => {
    const lab = new UplinkLab(shapes, { hasEndpoints: false });
    open.push(lab);
    const flags = ['bond', '--via', CONVERTER, '--lan', 'lan0', '--dry-run'];
    const { status, out } = await runIn(lab.van, process.execPath, [launcher, ...flags]);
    expect(status).toBe(0);
    expect(String(out)).toContain('# uplink up1');
    expect(String(out)).toContain('table inet subflow_capture_5126 {');
    expect(lab.van.run(() => execFileSync('nft', ['list', 'ruleset'])).toString()).toBe('');
    // What it prints is what a shell takes.
    const applied = await runIn(lab.van, 'sh', ['-e'], { input: out });
    expect([applied.status, applied.err]).toEqual([0, '']);
  });
});

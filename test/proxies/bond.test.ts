/** `subflow bond` and a converter as programs, between a LAN and a studio, over emulated uplinks that come and go. */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { afterEach, expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
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
): Promise<Van> {
  const lab = new UplinkLab(shapes, options);
  open.push(lab);
  const converter = startConverter(lab, place);
  const bond = new Daemon(lab.van, ['bond', '--via', place, '--lan', 'lan0', '--every', '200ms', ...flags]);
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

function upload(lab: UplinkLab, host = '10.9.0.1'): ReturnType<typeof runIn> {
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${WEB_PORT}/`;
  const flags = ['-sS', '--max-time', '100', '-H', 'Expect:', '--data-binary', '@-', url];
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
    const sentOver = (index: number): number => van.lab.directionsOf(index)[0].counters.deliveredBytes;
    await expect.poll(() => Math.min(sentOver(0), sentOver(1)), { timeout: 60_000 }).toBeGreaterThan(200_000);
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
    // curl: the connection was reset.
    expect([52, 55, 56]).toContain(status);
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

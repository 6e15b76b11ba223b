/** `subflow paths auto` as a user runs it, on a machine with several uplinks in namespaces: its options, its file, signals, metrics and health. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import { Daemon, type Line, runIn } from '../../../test/support/program-lines.js';
import { launcher } from '../../../test/support/subflow-command.js';
import { patience, UplinkWorld } from '../../../test/support/uplink-world.js';
import { describeWith, hasTool } from '../../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces } from '../../linux/index.js';

let world: UplinkWorld;

// Where the tests are left out there is none.
afterEach(() => (world as UplinkWorld | undefined)?.close());

/** Starts it; gives it when it looks after what there is. */
async function start(...flags: string[]): Promise<Daemon> {
  const daemon = new Daemon(world.client, ['paths', 'auto', '--state', world.stateFolder, ...flags]);
  world.closeAtEnd({ close: () => daemon.child.kill('SIGKILL') });
  await daemon.until('uplink-added');
  return daemon;
}

/** Runs it to its end. */
async function run(...flags: string[]): Promise<{ status: number | null; out: string; err: string }> {
  const args = [launcher, 'paths', 'auto', '--state', world.stateFolder, ...flags];
  const { status, out, err } = await runIn(world.client, process.execPath, args);
  return { status, out: String(out), err };
}

/** What it said last of an uplink. */
function stateOf(daemon: Daemon, name: string): unknown {
  const said = daemon.lines.filter((line) => line['interface'] === name && 'state' in line);
  return said.at(-1)?.['state'];
}

/** The endpoints of IPv4. */
function endpoints(): string[] {
  return world.endpointList().filter((line) => line.startsWith('10.'));
}

/** Sends so many packets of 1000 bytes over the uplink number `i`, to nobody. */
function send(i: number, packets: number): void {
  const loop = `for i in {1..${packets}}; do head -c 1000 /dev/zero > /dev/udp/10.0.${i}.2/9; done`;
  world.client.run(() => execFileSync('bash', ['-c', loop], { stdio: 'pipe' }));
}

const needs = [kernelMptcp(), mayCreateNamespaces()];

describeWith('subflow paths auto', needs, () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('undoes everything at %s, and says so', async (signal) => {
    world = new UplinkWorld('eth0', 'wlan0');
    const before = world.picture();
    const daemon = await start('--service-type', 'aggregate');
    await expect.poll(endpoints, patience).toEqual(['10.0.1.1 subflow']);
    const over = once(daemon.child, 'exit');
    daemon.child.kill(signal);
    expect(await over).toEqual([null, signal]);
    expect(world.picture()).toBe(before);
    expect(daemon.lines.at(-1)).toMatchObject({ schema: 'subflow/paths-auto/1', event: 'stopped' });
    expect(daemon.of('stopped')).toHaveLength(1);
    expect(readdirSync(world.stateFolder).filter((name) => name.endsWith('.json'))).toEqual([]);
  });

  it('uses the interfaces of --interface and no others, and not those of --except', async () => {
    world = new UplinkWorld('eth0', 'wlan0', 'wwan0');
    const planned = async (...flags: string[]): Promise<string> =>
      (await run('--dry-run', '--service-type', 'aggregate', ...flags)).out;
    const all = await planned();
    expect(all).toContain('dev wlan0');
    expect(all).toContain('dev wwan0');
    const only = await planned('--interface', 'eth0', 'wwan0');
    expect(only).not.toContain('wlan0');
    expect(only).toContain('endpoint add 10.0.2.1 dev wwan0');
    const except = await planned('--except', 'wwan0');
    expect(except).not.toContain('wwan0');
    expect(except).toContain('endpoint add 10.0.1.1 dev wlan0');
    expect(world.endpointList()).toEqual([]);
  });

  it('takes an interface without a default route for an uplink by --gateway, and its connections get a subflow there', async () => {
    world = new UplinkWorld('eth0', 'wlan0');
    world.client.ip('route delete default dev wlan0');
    world.ip(6, 'route delete default dev wlan0');
    const without = await run('--dry-run', '--service-type', 'aggregate');
    expect(without).toMatchObject({ status: 0, out: '' });
    await start('--service-type', 'aggregate', '--gateway', 'wlan0=10.0.1.2');
    await world.connect(4);
    await expect.poll(() => world.paths(), patience).toEqual(['10.0.0.1', '10.0.1.1']);
  });

  it('leaves metered interfaces unused by --forbid-metered, and after --cap-metered bytes', async () => {
    world = new UplinkWorld('eth0', 'wwan0');
    const metered = ['--service-type', 'aggregate', '--metered', 'wwan0'];
    expect((await run('--dry-run', ...metered)).out).toContain('endpoint add 10.0.1.1');
    expect((await run('--dry-run', ...metered, '--forbid-metered')).out).not.toContain('endpoint add');
    const daemon = await start(...metered, '--cap-metered', '100k');
    expect(stateOf(daemon, 'wwan0')).toBe('active');
    const connection = await world.connect(4);
    await expect.poll(() => world.paths(), patience).toEqual(['10.0.0.1', '10.0.1.1']);
    send(1, 100);
    expect((await daemon.until('metered-used-up'))['bytes']).toBeGreaterThan(100_000);
    await expect.poll(() => world.paths(), patience).toEqual(['10.0.0.1']);
    expect(endpoints()).toEqual([]);
    await expect.poll(() => stateOf(daemon, 'wwan0'), patience).toBe('unusable');
    await world.exchange(connection);
  });

  it('takes back what a kill left by --undo, but for what a connection stands on alone, and that too by --force', async () => {
    world = new UplinkWorld('eth0', 'wlan0');
    const daemon = await start('--service-type', 'aggregate');
    const connection = await world.connect(4);
    world.keepBusy(connection);
    await expect.poll(() => world.paths(), patience).toEqual(['10.0.0.1', '10.0.1.1']);
    world.client.ip('link delete eth0');
    await expect.poll(() => world.paths(), patience).toEqual(['10.0.1.1']);
    await daemon.end('SIGKILL');
    const undone = await run('--undo', '--json');
    expect(undone.status).toBe(1);
    const lines = undone.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(lines.filter(({ event }) => event === 'left-behind')).toMatchObject([
      { schema: 'subflow/paths-auto/1', level: 'warn', address: '10.0.1.1' },
    ]);
    expect(endpoints()).toEqual(['10.0.1.1 subflow']);
    expect(world.ip(4, 'rule show')).not.toContain('proto 83');
    await world.exchange(connection);
    expect(await run('--undo', '--force')).toMatchObject({ status: 0, out: '' });
    expect(endpoints()).toEqual([]);
  });

  it('takes its options from a file, below those given, and what changes there at SIGHUP without ending a subflow', async () => {
    world = new UplinkWorld('eth0', 'wlan0', 'wwan0');
    const config = join(world.stateFolder, 'paths.conf');
    const write = (fields: object): void => writeFileSync(config, JSON.stringify(fields));
    write({ serviceType: 'aggregate', interface: ['nothing'], except: ['wwan0'] });
    const daemon = await start('--config', config, '--interface', 'eth0', 'wlan0', 'wwan0');
    expect(daemon.lines[0]).toMatchObject({ level: 'info', event: 'started', serviceType: 'aggregate' });
    await world.connect(4);
    await expect.poll(() => world.paths(), patience).toEqual(['10.0.0.1', '10.0.1.1']);
    const reload = async (fields: object, event: string): Promise<Line> => {
      const before = daemon.of(event).length;
      write(fields);
      daemon.child.kill('SIGHUP');
      await expect.poll(() => daemon.of(event).length, patience).toBe(before + 1);
      return daemon.of(event).at(-1)!;
    };
    expect(await reload({ serviceType: 'aggregate' }, 'config-loaded')).toMatchObject({
      serviceType: 'aggregate',
    });
    await expect.poll(() => world.paths(), patience).toEqual(['10.0.0.1', '10.0.1.1', '10.0.2.1']);
    await reload({ serviceType: 'interactive' }, 'config-loaded');
    await expect.poll(() => stateOf(daemon, 'wlan0'), patience).toBe('backup');
    await expect.poll(() => world.paths(), patience).toContain('10.0.1.1 backup');
    const refused = await reload(
      { serviceType: 'fast', capMetered: 'much', gateway: ['x'], dryRun: true },
      'config-refused',
    );
    expect(refused['reason']).toMatch(
      /serviceType: there are handover.*'x' is not an interface.*capMetered: 'much'.*no field "dryRun"/s,
    );
    expect((await reload({ metrics: '9464' }, 'config-refused'))['reason']).toMatch(
      /metrics: .*start it anew/,
    );
    const both = { forbidMetered: true, capMetered: '1M' };
    expect((await reload(both, 'config-refused'))['reason']).toMatch(/exclude each other/);
    expect(stateOf(daemon, 'wlan0')).toBe('backup');
  });

  it('has another cap hold at SIGHUP, against what was counted before', async () => {
    world = new UplinkWorld('eth0', 'wwan0');
    const config = join(world.stateFolder, 'paths.conf');
    const write = (capMetered: string): void =>
      writeFileSync(config, JSON.stringify({ serviceType: 'aggregate', metered: ['wwan0'], capMetered }));
    write('100k');
    const daemon = await start('--config', config);
    send(1, 120);
    await daemon.until('metered-used-up');
    await expect.poll(endpoints, patience).toEqual([]);
    write('300k');
    daemon.child.kill('SIGHUP');
    await expect.poll(endpoints, patience).toEqual(['10.0.1.1 subflow']);
    send(1, 200);
    await expect.poll(() => daemon.of('metered-used-up').length, patience).toBe(2);
    await expect.poll(endpoints, patience).toEqual([]);
  });

  it.each([
    [['--config', '/nonexistent'], /ENOENT/],
    [['--gateway', 'wlan0'], /is not an interface and its router/],
    [['--cap-metered', 'much'], /much/],
    [['--forbid-metered', '--cap-metered', '1M'], /exclude each other/],
    [['--metrics', 'here'], /no place to listen/],
    [['--log-level', 'loud'], /debug, info, warn, error/],
  ])('ends with status 2 for %j', async (flags, said) => {
    world = new UplinkWorld('eth0');
    const { status, err } = await run(...flags);
    expect(err).toMatch(said);
    expect(status).toBe(2);
  });
});

describeWith('subflow paths auto, asked by HTTP', [...needs, hasTool('curl')], () => {
  const ask = (path: string): Promise<string> => {
    const flags = ['-s', '-w', '%{http_code}', `http://127.0.0.1:9464${path}`];
    return text(world.client.spawn('curl', flags).stdout!);
  };

  it('tells metrics and health', async () => {
    world = new UplinkWorld('eth0', 'wwan0');
    const daemon = await start(
      ...['--service-type', 'aggregate', '--metrics', '127.0.0.1:9464'],
      ...['--metered', 'wwan0', '--cap-metered', '1M'],
    );
    expect(await daemon.until('metrics-listening')).toMatchObject({ url: 'http://127.0.0.1:9464/metrics' });
    expect(await ask('/healthz')).toBe('2 of 2 uplinks used\n200');
    await world.connect(4);
    await expect
      .poll(() => ask('/metrics'), patience)
      .toMatch(/^subflow_paths_connections{interface="wwan0"} 1$/m);
    const metrics = await ask('/metrics');
    expect(metrics).toMatch(
      /^subflow_paths_uplink{interface="wwan0",kind="\w+",state="active",quality="good"} 1$/m,
    );
    expect(metrics).toMatch(/^subflow_paths_bytes_total{interface="eth0",direction="sent"} [1-9]\d*$/m);
    expect(metrics).toMatch(/^subflow_paths_events_total{event="started"} 1$/m);
    expect(metrics).toMatch(/^subflow_paths_refused_steps 0$/m);
    const valueOf = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(metrics)?.[1]);
    expect(valueOf('subflow_paths_metered_bytes_total')).toBeGreaterThan(0);
    expect(valueOf('subflow_paths_metered_bytes_total') + valueOf('subflow_paths_metered_left_bytes')).toBe(
      1e6,
    );
    expect(metrics).toMatch(/^process_open_fds \d+$/m);
  });

  it('is not healthy while the system refuses a step, and is when it does not any more', async () => {
    world = new UplinkWorld('eth0', 'wlan0');
    const config = join(world.stateFolder, 'paths.conf');
    const write = (router: string): void =>
      writeFileSync(config, JSON.stringify({ serviceType: 'aggregate', gateway: [`wlan0=${router}`] }));
    // A router that is not on the link.
    write('203.0.113.1');
    const daemon = await start('--config', config, '--metrics', '9464');
    expect(await daemon.until('refused')).toMatchObject({
      ...{ level: 'warn', command: expect.stringContaining('via 203.0.113.1 dev wlan0') as string },
    });
    await daemon.until('metrics-listening');
    expect(await ask('/healthz')).toBe('2 of 2 uplinks used; steps that the system refuses: 1\n503');
    expect(await ask('/metrics')).toMatch(/^subflow_paths_refused_steps 1$/m);
    write('10.0.1.2');
    daemon.child.kill('SIGHUP');
    await daemon.until('config-loaded');
    expect(await ask('/healthz')).toBe('2 of 2 uplinks used\n200');
    expect(daemon.of('refused')).toHaveLength(1);
  });
});

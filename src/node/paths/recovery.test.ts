/** What a keeper of paths does about what went wrong: lost subflows, other programs, kills, things that are not its own. */
import type { spawn } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { patience, UplinkWorld } from '../../../test/support/uplink-world.js';
import { launcher } from '../../../test/support/subflow-command.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces } from '../../linux/index.js';
import { PathKeeper } from './index.js';

let world: UplinkWorld;

// Where the tests are left out there is none.
afterEach(() => (world as UplinkWorld | undefined)?.close());

function untilPaths(...paths: string[]): Promise<void> {
  return expect.poll(() => world.paths(), patience).toEqual(paths);
}

/** Has the kernel abort the subflows from an address. */
function abortSubflows(address: string): void {
  world.client.run(() => execFileSync('ss', ['-K', '-t', 'src', address], { stdio: 'pipe' }));
}

function events(name: string): unknown[] {
  return world.events.filter(({ event }) => event === name);
}

describeWith('a keeper of paths, when something goes wrong', [kernelMptcp(), mayCreateNamespaces()], () => {
  it('makes a subflow anew that died, which the kernel does not', async () => {
    world = new UplinkWorld('eth0', 'wlan0');
    world.keep({ serviceType: 'aggregate' });
    const connection = await world.connect(4);
    await untilPaths('10.0.0.1', '10.0.1.1');
    abortSubflows('10.0.1.1');
    await expect.poll(() => events('re-created').length, patience).toBeGreaterThan(0);
    await untilPaths('10.0.0.1', '10.0.1.1');
    await world.exchange(connection, 100_000);
  });

  it('gives connections that programs manage a subflow too, by commands, and anew when it died', async () => {
    world = new UplinkWorld('eth0', 'wlan0');
    world.client.sysctl('net.mptcp.pm_type', 1);
    world.keep({ serviceType: 'aggregate' });
    const connection = await world.connect(4);
    world.keepBusy(connection);
    await untilPaths('10.0.0.1', '10.0.1.1');
    abortSubflows('10.0.1.1');
    await untilPaths('10.0.0.1');
    await untilPaths('10.0.0.1', '10.0.1.1');
    await world.exchange(connection, 100_000);
  });

  it('follows a service type for connections that programs manage, with backups and without', async () => {
    world = new UplinkWorld('eth0', 'wwan0');
    world.client.sysctl('net.mptcp.pm_type', 1);
    const thresholds = { recoverNs: 3e8, giveUpNs: 1e8 };
    const keeper = world.keep({ serviceType: 'interactive', thresholds });
    world.keepBusy(await world.connect(4));
    await untilPaths('10.0.0.1', '10.0.1.1 backup');
    keeper.close();
    world.keep({ serviceType: 'handover', thresholds });
    const connection = await world.connect(4);
    world.keepBusy(connection);
    world.setCarrier(0, false);
    await expect.poll(() => world.paths(), patience).toContain('10.0.1.1');
    world.setCarrier(0, true);
    await expect.poll(() => world.paths(), patience).not.toContain('10.0.1.1');
    await world.exchange(connection, 50_000);
  });

  it('leaves alone what others made: rules, tables, endpoints, a higher limit', async () => {
    world = new UplinkWorld('eth0', 'wlan0', 'wwan0');
    world.client.ip(
      'mptcp endpoint add 10.0.1.1 dev wlan0 id 42 subflow backup',
      'mptcp limits set subflow 7 add_addr_accepted 1',
      'route add default via 10.0.1.2 dev wlan0 table 77',
      'rule add from 10.0.1.0/24 lookup 77',
    );
    const before = world.picture();
    const keeper = world.keep({ serviceType: 'aggregate' });
    const shown = world.client.ip('mptcp endpoint show', 'mptcp limits show', 'rule show');
    expect(shown).toContain('10.0.1.1 id 42 subflow backup dev wlan0');
    expect(shown).toContain('subflows 7');
    expect(shown).not.toMatch(/from 10\.0\.1\.1 /);
    expect(shown).toMatch(/10\.0\.2\.1 id \d+ subflow dev wwan0/);
    expect(shown).toMatch(/from 10\.0\.2\.1 lookup 53/);
    keeper.close();
    expect(world.picture()).toBe(before);
  });

  it('does not end a connection that stands on an endpoint alone, says so, and can be told to', async () => {
    world = new UplinkWorld('eth0', 'wlan0');
    const keeper = world.keep({ serviceType: 'aggregate' });
    const connection = await world.connect(4);
    world.keepBusy(connection);
    await untilPaths('10.0.0.1', '10.0.1.1');
    // The interface that the connection began on is gone for good.
    world.client.ip('link delete eth0');
    await untilPaths('10.0.1.1');
    keeper.close();
    expect(events('left-behind')).toMatchObject([{ fields: { address: '10.0.1.1' } }]);
    await world.exchange(connection, 50_000);
    const { client: namespace, stateFolder } = world;
    expect(PathKeeper.undo({ namespace, stateFolder })).toEqual(['10.0.1.1']);
    await world.exchange(connection, 50_000);
    expect(PathKeeper.undo({ namespace, stateFolder }, true)).toEqual([]);
    expect(world.client.ip('mptcp endpoint show')).toBe('');
    expect(readdirSync(stateFolder).filter((name) => name.endsWith('.json'))).toEqual([]);
  });

  it('refuses a second keeper in the same namespace, and none in another', () => {
    world = new UplinkWorld('eth0', 'wlan0');
    world.keep({ serviceType: 'aggregate' });
    expect(() => world.keep({ serviceType: 'handover' })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BUSY' }),
    );
    const { server: namespace, stateFolder } = world;
    PathKeeper.start({ serviceType: 'handover', namespace, stateFolder }).close();
  });

  it.each([1, 2, 3, 5, 8, 13, 21])(
    'after a kill in the middle of the set-up, number %i, the next one takes everything back',
    async (lines) => {
      world = new UplinkWorld('eth0', 'wlan0');
      const before = world.picture();
      const child = await started(lines);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const { client: namespace, stateFolder } = world;
      expect(PathKeeper.undo({ namespace, stateFolder })).toEqual([]);
      expect(world.picture()).toBe(before);
    },
  );

  it('after a kill the next one goes on with what there is, and takes all of it back at its end', async () => {
    world = new UplinkWorld('eth0', 'wlan0');
    const before = world.picture();
    const child = await started(50);
    const endpoints = world.client.ip('mptcp endpoint show');
    expect(endpoints).toContain('10.0.1.1');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const keeper = world.keep({ serviceType: 'aggregate' });
    expect(world.client.ip('mptcp endpoint show')).toBe(endpoints);
    keeper.close();
    expect(world.picture()).toBe(before);
  });

  it('is ended by a signal with everything undone', async () => {
    world = new UplinkWorld('eth0', 'wlan0');
    const before = world.picture();
    const child = await started(50);
    expect(world.picture()).not.toBe(before);
    child.kill('SIGTERM');
    const [, signal] = (await once(child, 'exit')) as [unknown, string];
    expect(signal).toBe('SIGTERM');
    expect(world.picture()).toBe(before);
  });

  it('says what the kernel refuses, goes on with the rest, and tries again', async () => {
    world = new UplinkWorld('eth0', 'wlan0');
    // No room: the kernel has eight endpoints at most here.
    const addresses = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => `10.77.0.${i}`);
    world.client.ip(
      ...addresses.map((address) => `address add ${address}/32 dev lo`),
      ...addresses.slice(0, 7).map((address) => `mptcp endpoint add ${address} subflow`),
    );
    const keeper = world.keep({ serviceType: 'aggregate' });
    expect(world.endpointList()).toContain('10.0.1.1 subflow');
    expect(world.endpointList()).not.toContain('2001:db8:a1::1 subflow');
    expect(world.ip(6, 'rule show')).toContain('from 2001:db8:a1::1 lookup 53');
    world.client.ip('mptcp endpoint delete id 1');
    await expect.poll(() => world.endpointList(), patience).toContain('2001:db8:a1::1 subflow');
    keeper.close();
    expect(world.endpointList()).toHaveLength(6);
  });

  it('looks at fifty interfaces, uses as many as the kernel has room for, and takes all of it back', () => {
    world = new UplinkWorld('eth0', 'wlan0');
    for (let i = 2; i < 50; i++) world.addUplink(`usb${i}`, i);
    const before = world.picture();
    const keeper = world.keep({ serviceType: 'aggregate' });
    expect(keeper.uplinks).toHaveLength(50);
    expect(world.endpointList()).toHaveLength(8);
    expect(world.ip(4, 'rule show').match(/proto 83/g)).toHaveLength(100);
    keeper.close();
    expect(world.picture()).toBe(before);
  });

  it('takes names of interfaces as they are, however odd', () => {
    world = new UplinkWorld('eth0', "a'b;$(id)", '☃.12@x');
    const before = world.picture();
    const keeper = world.keep({ serviceType: 'aggregate' });
    expect(keeper.uplinks.map(({ name }) => name)).toEqual(['eth0', "a'b;$(id)", '☃.12@x']);
    expect(world.endpointList()).toHaveLength(4);
    const commands = events('step').map((step) => (step as { fields: { command: string } }).fields.command);
    expect(commands).toContain(`ip mptcp endpoint add 10.0.1.1 dev 'a'\\''b;$(id)' subflow`);
    keeper.close();
    expect(world.picture()).toBe(before);
  });

  it('believes nothing of a file that makes no sense', () => {
    world = new UplinkWorld('eth0', 'wlan0');
    const { stateFolder } = world;
    world.keep({ serviceType: 'aggregate' }).close();
    const [lock] = readdirSync(stateFolder);
    const path = `${stateFolder}/${lock!.replace('.lock', '.json')}`;
    for (const text of ['', '{', 'null', '[]', '{"endpoints":[1,{"address":7}],"limit":{"found":"x"}}']) {
      execFileSync('sh', ['-c', 'printf %s "$1" > "$2"', 'sh', text, path]);
      world.keep({ serviceType: 'aggregate' }).close();
      expect(() => readFileSync(path)).toThrow('ENOENT');
    }
  });
});

/** The command in a process of its own, when it has told of so many steps, or of the start and what follows within a moment. */
async function started(steps: number): Promise<ReturnType<typeof spawn>> {
  const args = ['paths', 'auto', '--service-type', 'aggregate', '--json', '--state', world.stateFolder];
  const child = world.client.spawn(process.execPath, [launcher, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const isThere = (): boolean =>
    text.split('"event":"step"').length > steps || text.includes('"event":"uplink-added"');
  await expect.poll(isThere, patience).toBe(true);
  return child;
}

/** The keeper of paths over the kernel's Multipath TCP, on a machine with several uplinks in namespaces. */
import { execFileSync } from 'node:child_process';
import { afterEach, expect, it } from 'vitest';
import { patience, UplinkWorld } from '../../../test/support/uplink-world.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces } from '../../linux/index.js';
import { PathKeeper } from './index.js';

let world: UplinkWorld;

// Where the tests are left out there is none.
afterEach(() => (world as UplinkWorld | undefined)?.close());

const families = [4, 6] as const;
const address = { 4: (i: number) => `10.0.${i}.1`, 6: (i: number) => `2001:db8:a${i}::1` };

describeWith('a keeper of paths', [kernelMptcp(), mayCreateNamespaces()], () => {
  it.each(families)(
    'aggregate: makes tables, rules and endpoints, and a connection gets a subflow over the second uplink; all is undone at the end: IPv%i',
    async (family) => {
      world = new UplinkWorld('eth0', 'wlan0');
      const before = world.picture();
      const keeper = world.keep({ serviceType: 'aggregate' });
      const rules = world.ip(family, 'rule show');
      for (const i of [0, 1]) {
        expect(rules).toMatch(
          new RegExp(`from ${address[family](i)} lookup main suppress_prefixlength 0 proto 83`),
        );
        expect(rules).toMatch(new RegExp(`from ${address[family](i)} lookup 53\\d+ proto 83`));
      }
      const connection = await world.connect(family);
      await expect.poll(() => world.paths(), patience).toEqual([0, 1].map(address[family]));
      expect(keeper.uplinks.map(({ name, state }) => [name, state])).toEqual([
        ['eth0', 'active'],
        ['wlan0', 'active'],
      ]);
      expect(world.endpointList()).toEqual([`${address[4](1)} subflow`, `${address[6](1)} subflow`]);
      keeper.close();
      expect(world.picture()).toBe(before);
      await world.exchange(connection, 100_000);
    },
  );
});

describeWith('a plan', [kernelMptcp(), mayCreateNamespaces()], () => {
  it('is the commands that would be run, and changes nothing', () => {
    world = new UplinkWorld('eth0', 'wlan0');
    const before = world.picture();
    const commands = PathKeeper.plan({ serviceType: 'aggregate', namespace: world.client });
    expect(world.picture()).toBe(before);
    expect(commands).toContain('ip mptcp endpoint add 10.0.1.1 dev wlan0 subflow');
    expect(commands).toContain('ip mptcp limits set subflow 3');
    // What it says is what it does.
    for (const command of commands)
      world.client.run(() => execFileSync('sh', ['-c', command], { stdio: 'pipe' }));
    const done = world.picture();
    expect(done).not.toBe(before);
    world.keep({ serviceType: 'aggregate' });
    expect(world.events.filter(({ event }) => event === 'step')).toEqual([]);
    expect(world.picture()).toBe(done);
  });
});

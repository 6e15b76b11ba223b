/** What a keeper of paths does when uplinks change: carrier, addresses, interfaces, default routes, quality. */
import { afterEach, expect, it } from 'vitest';
import { type Family, patience, UplinkWorld } from '../../../test/support/uplink-world.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces } from '../../linux/index.js';

let world: UplinkWorld;

// Where the tests are left out there is none.
afterEach(() => (world as UplinkWorld | undefined)?.close());

const families = [4, 6] as const;
const at = (family: Family, i: number): string => (family === 4 ? `10.0.${i}.1` : `2001:db8:a${i}::1`);

/** Thresholds at which a test need not wait long. */
const quick = { recoverNs: 3e8, giveUpNs: 1e8 };

function untilPaths(...paths: string[]): Promise<void> {
  return expect.poll(() => world.paths(), patience).toEqual(paths);
}

describeWith('a keeper of paths, when uplinks change', [kernelMptcp(), mayCreateNamespaces()], () => {
  it.each(
    families.flatMap((family) => [
      ['the second link', family, 1] as const,
      ['the first one, where connections began', family, 0] as const,
    ]),
  )(
    'gives up a link that lost its carrier, and makes the subflow again when it is back: %s, IPv%i',
    async (_which, family, i) => {
      world = new UplinkWorld('eth0', 'wlan0');
      world.keep({ serviceType: 'aggregate', thresholds: quick });
      const connection = await world.connect(family);
      world.keepBusy(connection);
      await untilPaths(at(family, 0), at(family, 1));
      world.setCarrier(i, false);
      await untilPaths(at(family, 1 - i));
      world.setCarrier(i, true);
      await untilPaths(at(family, 0), at(family, 1));
      await world.exchange(connection, 100_000);
    },
  );

  it('handover: uses the second uplink only while the first has no carrier', async () => {
    world = new UplinkWorld('wlan0', 'wwan0');
    const keeper = world.keep({ serviceType: 'handover', thresholds: quick });
    const states = (): string[] => keeper.uplinks.map(({ state }) => state);
    const connection = await world.connect(4);
    world.keepBusy(connection);
    await untilPaths('10.0.0.1');
    expect(states()).toEqual(['active', 'idle']);
    expect(world.endpointList()).toEqual([]);
    world.setCarrier(0, false);
    await untilPaths('10.0.1.1');
    world.setCarrier(0, true);
    await untilPaths('10.0.0.1');
    await expect.poll(states, patience).toEqual(['active', 'idle']);
    await world.exchange(connection, 100_000);
  });

  it('interactive: has the second uplink as a backup, which becomes regular while the first gets bad', async () => {
    world = new UplinkWorld('eth0', 'wlan0');
    const keeper = world.keep({
      serviceType: 'interactive',
      thresholds: { ...quick, slowSrttNs: 150e6, slowRtoNs: 800e6 },
    });
    const quality = (): unknown => keeper.uplinks[0]?.quality;
    const connection = await world.connect(4);
    world.keepBusy(connection);
    await untilPaths('10.0.0.1', '10.0.1.1 backup');
    expect(world.endpointList()).toContain('10.0.1.1 subflow backup');
    world.slowDown('eth0', '400kbit', '900ms');
    await expect.poll(quality, patience).not.toBe('good');
    await expect.poll(() => world.paths(), patience).toContain('10.0.1.1');
    expect(world.endpointList()).toContain('10.0.1.1 subflow');
    world.speedUp('eth0');
    await expect.poll(() => world.endpointList(), patience).toContain('10.0.1.1 subflow backup');
  });

  it.each(families)('follows an address that is exchanged for another: IPv%i', async (family) => {
    world = new UplinkWorld('eth0', 'wlan0');
    world.keep({ serviceType: 'aggregate', thresholds: quick });
    const connection = await world.connect(family);
    world.keepBusy(connection);
    await untilPaths(at(family, 0), at(family, 1));
    const [before, after] =
      family === 4 ? ['10.0.1.1/24', '10.0.1.77/24'] : ['2001:db8:a1::1/64', '2001:db8:a1::77/64'];
    const via = family === 4 ? '10.0.1.2' : 'fe80::2';
    world.client.ip(
      `address delete ${before} dev wlan0`,
      `address add ${after} dev wlan0`,
      `route replace default via ${via} dev wlan0 metric 101`,
    );
    await untilPaths(at(family, 0), after.replace(/\/.*/, ''));
    expect(world.ip(family, 'rule show')).not.toContain(`from ${before.replace(/\/.*/, '')} `);
    expect(world.ip(family, 'rule show')).toContain(`from ${after.replace(/\/.*/, '')} `);
  });

  it('takes up an interface that appears, and lets go of one that is removed or renamed', async () => {
    world = new UplinkWorld('eth0');
    const keeper = world.keep({ serviceType: 'aggregate', thresholds: quick });
    const names = (): string[] => keeper.uplinks.map(({ name }) => name);
    const connection = await world.connect(4);
    world.keepBusy(connection);
    expect(names()).toEqual(['eth0']);
    world.addUplink('usb0', 1);
    await untilPaths('10.0.0.1', '10.0.1.1');
    expect(names()).toEqual(['eth0', 'usb0']);
    world.client.ip('link set usb0 down', 'link set usb0 name usb9', 'link set usb9 up');
    world.giveAddresses('usb9', 1);
    await expect.poll(names, patience).toEqual(['eth0', 'usb9']);
    await untilPaths('10.0.0.1', '10.0.1.1');
    world.client.ip('link delete usb9');
    await expect.poll(names, patience).toEqual(['eth0']);
    await expect.poll(() => world.client.ip('mptcp endpoint show'), patience).toBe('');
    expect(world.ip(4, 'rule show')).not.toContain('10.0.1.1');
    await world.exchange(connection, 100_000);
  });

  it('keeps both paths when the default route moves to the other uplink, for old connections and for new ones', async () => {
    world = new UplinkWorld('eth0', 'wlan0');
    world.keep({ serviceType: 'aggregate', thresholds: quick });
    const first = await world.connect(4);
    await untilPaths('10.0.0.1', '10.0.1.1');
    world.client.ip('route replace default via 10.0.1.2 dev wlan0 metric 5');
    await expect.poll(() => world.endpointList(), patience).toContain('10.0.0.1 subflow');
    await world.exchange(first, 10_000);
    first.client.destroy();
    first.server.destroy();
    await expect.poll(() => world.paths(), patience).toEqual([]);
    await world.connect(4);
    await untilPaths('10.0.0.1', '10.0.1.1');
  });

  it('uses an uplink that is barred no more, and again when it is released; also the one where connections began', async () => {
    world = new UplinkWorld('eth0', 'wlan0');
    const keeper = world.keep({ serviceType: 'aggregate', thresholds: quick });
    const states = (): string[] => keeper.uplinks.map(({ state }) => state);
    const connection = await world.connect(4);
    world.keepBusy(connection);
    await untilPaths('10.0.0.1', '10.0.1.1');
    keeper.bar('wlan0');
    expect(states()).toEqual(['active', 'barred']);
    await untilPaths('10.0.0.1');
    expect(world.endpointList()).not.toContain('10.0.1.1 subflow');
    // The only one that is left cannot go without ending the connection.
    keeper.bar('eth0');
    expect(states()).toEqual(['barred', 'barred']);
    await world.exchange(connection, 100_000);
    expect(world.paths()).toEqual(['10.0.0.1']);
    keeper.release('wlan0');
    await untilPaths('10.0.1.1');
    await world.exchange(connection, 100_000);
    keeper.release('eth0');
    await untilPaths('10.0.0.1', '10.0.1.1');
    expect(states()).toEqual(['active', 'active']);
  });

  it('uses no metered uplink where that is forbidden, and none any more when what may go over it has gone', async () => {
    world = new UplinkWorld('eth0', 'wwan0');
    const keeper = world.keep({ serviceType: 'aggregate', metered: 'forbid' });
    expect(keeper.uplinks.map(({ name, state }) => [name, state])).toEqual([
      ['eth0', 'active'],
      ['wwan0', 'unusable'],
    ]);
    keeper.close();
    const capped = world.keep({ serviceType: 'aggregate', metered: { capBytes: 200_000 } });
    const connection = await world.connect(4);
    await untilPaths('10.0.0.1', '10.0.1.1');
    // The kernel takes the second path when the first is full.
    world.slowDown('eth0', '800kbit', '100ms');
    world.keepBusy(connection);
    await untilPaths('10.0.0.1');
    expect(capped.meteredLeftBytes).toBe(0);
    expect(capped.uplinks[1]).toMatchObject({ state: 'unusable', isUsed: false });
    expect(world.events.map(({ event }) => event)).toContain('metered-used-up');
    await world.exchange(connection, 100_000);
  });
});

/** Data that subflows acknowledge and that never reaches the peer's data level: where it is sent again. */
import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import type { MptcpVersion } from '../wire/index.js';
import { World, localAddress, stripOptions } from '../../test/support/mptcp-world.js';
import type { Role } from '../../test/support/mptcp-world.js';

const versions: readonly MptcpVersion[] = [0, 1];
const roles: readonly Role[] = ['client', 'server'];
const near = { delayNs: 5 * MILLISECOND };
const far = { delayNs: 60 * MILLISECOND };

/** A subflow on each path, all of which have carried a signal; from then on data on the first two loses its DSS. */
function stripping(version: MptcpVersion, backup: boolean): World {
  const world = new World({
    versions: [version],
    paths: [near, near, far],
    managed: false,
    server: { maxAnnouncedAddresses: 0 },
  }).connect();
  world.send('client', 100).send('server', 100).run(SECOND).send('client', 100).send('server', 100);
  world.run(SECOND);
  world.tellAddresses(
    world.client,
    [0, 1, 2].map((index) => localAddress('client', index, { backup: backup && index === 2 })),
  );
  world.run(SECOND);
  expect(world.server.open.subflows.map(({ state }) => state)).toEqual(['active', 'active', 'active']);
  world.tamper = (packet, view) => {
    if (view.path < 2 && view.payloadLength > 0) stripOptions(packet, ({ subtype }) => subtype === 'DSS');
    return true;
  };
  return world;
}

describe.each(versions)('data that was acknowledged by TCP only, in version %i', (version) => {
  it.each(roles)(
    'of the %s goes again over each subflow in turn until one delivers it (RFC 8684 §3.3.6)',
    (role) => {
      for (const backup of [false, true]) {
        const world = stripping(version, backup);
        world.send(role, 1000);
        // Each of two paths that lose it costs one data-level timeout, and the second of them is twice as long.
        expect(world.runUntil(() => world.isDelivered(), 10 * SECOND)).toBe(true);
        expect(world.side(role).of('closed')).toEqual([]);
        expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
      }
    },
  );

  it.each(roles)('of the %s is not kept to paths that lose it by one that is dead', (role) => {
    const world = stripping(version, false);
    world.paths[0]!.isUp = false;
    world.send(role, 20_000);
    expect(world.runUntil(() => world.isDelivered(), 20 * SECOND)).toBe(true);
    expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
  });
});

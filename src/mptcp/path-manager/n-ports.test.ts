import { describe, expect, it } from 'vitest';
import { World, localAddress } from '../../../test/support/mptcp-world.js';
import { SECOND } from '../../base/index.js';
import { nPortsFor } from './n-ports.js';

/** A client with two addresses that wants `count` subflows from one of them. */
function world(count: number, maxSubflows = 8): World {
  const both = new World({
    paths: [{}, {}],
    client: { pathManager: nPortsFor(count), maxSubflows },
  }).connect();
  return both.send('client', 1000).run(2 * SECOND);
}

function ends(both: World): string[] {
  return both.client.open.subflows
    .filter(({ state }) => state === 'active')
    .map(({ local, remote }) => `${local.address}>${remote.address}`);
}

describe('the path manager n-ports', () => {
  it('opens so many subflows between the first two addresses, each from a port of its own, and no other', () => {
    const both = world(4);
    expect(ends(both)).toEqual(Array.from({ length: 4 }, () => '10.0.0.1>10.0.0.2'));
    expect(new Set(both.client.open.subflows.map(({ local }) => local.port)).size).toBe(4);
    both.send('client', 500_000).send('server', 500_000);
    expect(both.runUntil(() => both.isDelivered())).toBe(true);
    expect([both.client.wrongAt, both.server.wrongAt]).toEqual([-1, -1]);
  });

  it('keeps to the limit of subflows, and opens none for a count of one', () => {
    expect(ends(world(6, 3))).toHaveLength(3);
    expect(ends(world(1))).toHaveLength(1);
  });

  it('replaces a subflow that is lost, after its rest', () => {
    const both = world(3);
    both.server.open.subflows[1]!.tcp.abort(both.now);
    both.server.open.handleTimeout(both.now);
    both.poll(both.server);
    both.run(SECOND);
    expect(ends(both)).toHaveLength(2);
    both.run(10 * SECOND);
    expect(ends(both)).toHaveLength(3);
  });

  it('goes with the address, and begins anew when that comes back', () => {
    const both = world(2);
    both.paths[0]!.isUp = false;
    both.tellAddresses(both.client, [localAddress('client', 1)]);
    both.run(SECOND);
    expect(ends(both)).toEqual([]);
    both.paths[0]!.isUp = true;
    both.tellAddresses(both.client);
    both.run(5 * SECOND);
    expect(ends(both)).toEqual(['10.0.0.1>10.0.0.2', '10.0.0.1>10.0.0.2']);
  });

  it('refuses a number that is none', () => {
    for (const count of [0, 1.5, 256]) {
      expect(() => nPortsFor(count)).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SETTING' }));
    }
  });
});

import { describe, expect, it } from 'vitest';
import { World, localAddress } from '../../../test/support/mptcp-world.js';
import { SECOND } from '../../base/index.js';
import { linuxPathsFor, type LinuxLimits } from './linux.js';
import type { LocalAddress } from './path-manager.js';

const unmarked = { subflow: false, signal: false };

/** A client with endpoints of these flags, one a path, and a server that announces the addresses of its paths from the second on. */
function world(
  flags: readonly Partial<LocalAddress>[],
  limits: LinuxLimits,
  announced = 0,
  joinInitialAddress = true,
): World {
  const both = new World({
    paths: flags.map(() => ({})),
    client: { pathManager: linuxPathsFor(limits) },
    server: { joinInitialAddress },
    managed: false,
  }).connect();
  const own = flags.map((each, index) => localAddress('client', index, { ...unmarked, ...each }));
  both.tellAddresses(both.client, own);
  both.send('client', 1000).run(SECOND);
  const others = flags.map((_, index) =>
    localAddress('server', index, { signal: index > 0 && index <= announced }),
  );
  both.tellAddresses(both.server, others);
  return both.run(3 * SECOND);
}

/** The subflows beside the first, as indexes of paths, with a * for a backup. */
function joins(both: World): string[] {
  return both.client.open.subflows
    .filter(({ state, isInitial }) => state === 'active' && !isInitial)
    .map(
      ({ local, remote, backup }) =>
        `${local.address.toString()[5]}>${remote.address.toString()[5]}${backup ? '*' : ''}`,
    )
    .sort();
}

describe('the path manager of Linux', () => {
  it('opens one subflow from each address marked for that, to the first address of the peer, within the limit', () => {
    const flags = [{}, { subflow: true }, { subflow: true, backup: true }, { subflow: true }];
    expect(joins(world(flags, { subflows: 8 }))).toEqual(['1>0', '2>0*', '3>0']);
    expect(joins(world(flags, { subflows: 2 }))).toEqual(['1>0', '2>0*']);
    expect(joins(world(flags, { subflows: 0 }))).toEqual([]);
  });

  it('opens none from the address that it began on, and makes that a backup where it is marked so', () => {
    const both = world([{ subflow: true, backup: true }, { subflow: true }], {});
    expect(joins(both)).toEqual(['1>0']);
    expect(both.client.open.subflows[0]!.backup).toBe(true);
  });

  it('passes over announced addresses with the limits that Linux comes with', () => {
    expect(joins(world([{}, {}], {}, 1))).toEqual([]);
  });

  it('connects to an announced address from one address, up to the limit', () => {
    expect(joins(world([{}, {}, {}], { acceptedAddresses: 8, subflows: 8 }, 2))).toEqual(['0>1', '0>2']);
    expect(joins(world([{}, {}, {}], { acceptedAddresses: 1, subflows: 8 }, 2))).toHaveLength(1);
  });

  it('connects to an announced address from all addresses marked for full mesh', () => {
    const flags = [{}, { subflow: true, fullMesh: true }, { subflow: true, fullMesh: true }];
    expect(joins(world(flags, { acceptedAddresses: 8, subflows: 8 }, 1))).toEqual([
      '1>0',
      '1>1',
      '2>0',
      '2>1',
    ]);
  });

  it('pairs announced addresses with laminar ones, each used once', () => {
    const flags = [{}, { laminar: true }, { laminar: true }];
    expect(joins(world(flags, { acceptedAddresses: 8, subflows: 8 }, 2)).map((pair) => pair[0])).toEqual([
      '1',
      '2',
    ]);
    expect(joins(world([{}, { laminar: true }, {}], { acceptedAddresses: 8, subflows: 8 }, 2))).toHaveLength(
      1,
    );
  });

  it('opens nothing to the first address where the peer forbids that (RFC 8684 §3.1, flag C)', () => {
    expect(joins(world([{}, { subflow: true }], {}, 0, false))).toEqual([]);
  });

  it('does not open again what was lost, until its address comes anew', () => {
    const both = world([{}, { subflow: true }], {});
    both.client.open.subflows[1]!.tcp.abort(both.now);
    both.client.open.handleTimeout(both.now);
    both.poll(both.client);
    both.run(60 * SECOND);
    expect(joins(both)).toEqual([]);
    both.tellAddresses(both.client, [localAddress('client', 0, unmarked)]);
    both.run(SECOND);
    both.tellAddresses(both.client, [
      localAddress('client', 0, unmarked),
      localAddress('client', 1, { ...unmarked, subflow: true }),
    ]);
    both.run(SECOND);
    expect(joins(both)).toEqual(['1>0']);
  });

  it('refuses limits out of range', () => {
    for (const limits of [{ subflows: -1 }, { subflows: 256 }, { acceptedAddresses: 0.5 }]) {
      expect(() => linuxPathsFor(limits)).toThrow(
        expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SETTING' }),
      );
    }
  });
});

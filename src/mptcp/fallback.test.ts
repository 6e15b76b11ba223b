/** Paths that let Multipath TCP through at first and then lose its options, on some segments or in one direction. */
import { describe, expect, it } from 'vitest';
import { SECOND } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import type { MptcpVersion } from '../wire/index.js';
import { World, stripOptions } from '../../test/support/mptcp-world.js';
import type { PacketView, Role } from '../../test/support/mptcp-world.js';

const versions: readonly MptcpVersion[] = [0, 1];
const roles: readonly Role[] = ['client', 'server'];

/** A world in which the segments that `isStripped` picks lose every option of ours. */
function stripped(version: MptcpVersion, isStripped: (view: PacketView) => boolean): World {
  const world = new World({ versions: [version] });
  world.tamper = (packet, view) => {
    if (isStripped(view)) stripOptions(packet, () => true);
    return true;
  };
  return world.connect();
}

function hasData({ flags, payloadLength }: PacketView): boolean {
  return (flags & TcpFlag.SYN) === 0 && payloadLength > 0;
}

function isInfinite(view: PacketView): boolean {
  return view.options.some((option) => option.subtype === 'DSS' && option.mapping?.dataLength === 0);
}

/** Both sides are plain TCP, have got everything, and ended in order. */
function expectPlainAndWhole(world: World): void {
  world.runUntil(() => world.client.of('closed').length + world.server.of('closed').length === 2);
  for (const side of [world.client, world.server]) {
    expect(side.of('closed'), side.role).toEqual([{ type: 'closed', error: undefined }]);
    expect(side.open.isFallback, side.role).toBe(true);
    expect(side.wrongAt).toBe(-1);
  }
  expect(world.isDelivered()).toBe(true);
}

describe.each(versions)('a path that strips the options of data only, in version %i', (version) => {
  it.each(roles)('is found out though a DATA_FIN of the %s got through first (RFC 8684 §3.7)', (silent) => {
    const world = stripped(version, hasData);
    const talking = world.other(silent).role;
    world.run(SECOND).send(silent, 0, true).run(SECOND).send(talking, 100_000, true);
    expectPlainAndWhole(world);
  });

  it.each(roles)('is found out though the first word of the %s is that it has nothing to say', (silent) => {
    const world = stripped(version, hasData);
    world.send(silent, 0, true).send(world.other(silent).role, 100_000, true);
    expectPlainAndWhole(world);
  });
});

describe.each(versions)('a path that strips the options of one direction, in version %i', (version) => {
  const strips = (from: Role) => (view: PacketView) =>
    view.from === from && (view.flags & TcpFlag.SYN) === 0 && view.at > 2 * SECOND;

  it.each(roles)('makes both sides plain TCP when the %s is stripped and has nothing to send', (from) => {
    const world = stripped(version, strips(from));
    const other = world.other(from).role;
    world
      .run(2 * SECOND)
      .send(other, 5000, true)
      .run(SECOND)
      .send(from, 0, true);
    expectPlainAndWhole(world);
    // All of the data was out before the first acknowledgment, so a segment without data says it (RFC 8684 §3.7).
    expect(world.trace.some((view) => view.from === other && isInfinite(view) && !hasData(view))).toBe(true);
  });

  it.each(roles)('makes both sides plain TCP when the %s is stripped and both talk', (from) => {
    const world = stripped(version, strips(from));
    world
      .run(2 * SECOND)
      .send('client', 100_000, true)
      .send('server', 100_000, true);
    expectPlainAndWhole(world);
  });

  it('makes both sides plain TCP when the server’s first answers are stripped already', () => {
    const world = stripped(version, (view) => view.from === 'server' && (view.flags & TcpFlag.SYN) === 0);
    world.send('client', 100_000, true).send('server', 100_000, true);
    expectPlainAndWhole(world);
  });
});

describe.each(versions)('a join whose proof is on its way, in version %i', (version) => {
  it('keeps the connection Multipath TCP: the peer may send over it already (RFC 8684 §3.2 and §3.7)', () => {
    const world = new World({ versions: [version], paths: [{}, {}], managed: false });
    let [isStripped, isSecondOpen] = [false, false];
    world.tamper = (packet, view) => {
      if (view.from === 'client' || (view.flags & TcpFlag.SYN) !== 0) return true;
      if (isStripped && view.path === 0) stripOptions(packet, () => true);
      return view.path === 0 || isSecondOpen;
    };
    world.connect();
    // Version 0 has no joins before it is sure that a first DSS was heard.
    if (version === 0)
      world
        .send('server', 10)
        .run(SECOND / 10)
        .send('server', 10)
        .run(SECOND / 10);
    world.tellAddresses(world.client);
    world.run(SECOND / 2);
    expect(world.client.subflowOn(1)!.state).toBe('joining');
    expect(world.server.open.subflows.map(({ state }) => state)).toEqual(['active', 'active']);
    isStripped = true;
    world
      .send('client', 100_000, true)
      .send('server', 100_000, true)
      .run(SECOND / 10);
    isSecondOpen = true;
    world.runUntil(() => world.client.of('closed').length + world.server.of('closed').length === 2);
    for (const side of [world.client, world.server]) {
      expect(side.of('fallback')).toEqual([]);
      expect(side.wrongAt).toBe(-1);
    }
    expect(world.isDelivered()).toBe(true);
  });
});

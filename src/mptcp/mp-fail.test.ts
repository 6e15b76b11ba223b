/** MP_FAIL and infinite mappings in mid-stream, in both versions: with several subflows, and with the only one. */
import { describe, expect, it } from 'vitest';
import { SECOND } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import type { MptcpOption, MptcpVersion } from '../wire/index.js';
import type { Subflow } from './subflow.js';
import { World, addressOn } from '../../test/support/mptcp-world.js';
import type { Packet, PacketView, Role, Side, WorldOptions } from '../../test/support/mptcp-world.js';

const versions: readonly MptcpVersion[] = [0, 1];
const roles: readonly Role[] = ['client', 'server'];
/** Enough to be in flight for many round trips. */
const BYTES = 400_000;
const path = { rateBps: 20e6, queueBytes: 200_000 };

function worldOf(version: MptcpVersion, options: WorldOptions): World {
  const settings = { versions: [version], checksum: true };
  return new World({ client: settings, server: settings, ...options });
}

function both(world: World): World {
  return world.send('client', BYTES, true).send('server', BYTES, true);
}

function finish(world: World): void {
  world.runUntil(() => world.client.of('closed').length + world.server.of('closed').length === 2);
  expect(world.isDelivered()).toBe(true);
}

/** Changes one payload byte of the data segment number `skipped` of `from` on path number `on`. */
function spoilOnce(world: World, from: Role, on: number, skipped: number): void {
  const { tamper } = world;
  let count = 0;
  world.tamper = (packet, view) => {
    if (view.from === from && view.path === on && view.payloadLength > 0 && count++ === skipped)
      packet.bytes[packet.bytes.length - 1]! ^= 1;
    return tamper(packet, view);
  };
}

const carries =
  (subtype: MptcpOption['subtype']) =>
  (view: PacketView): boolean =>
    view.options.some((option) => option.subtype === subtype);

function isInfinite(view: PacketView): boolean {
  return view.options.some((option) => option.subtype === 'DSS' && option.mapping?.dataLength === 0);
}

/** The subflow of `side` that runs over path number `index`: the client's address decides. */
function onPath({ role, open }: Side, index: number): Subflow {
  const address = addressOn('client', index);
  return open.subflows.find(({ local, remote }) =>
    (role === 'client' ? local : remote).address.equals(address),
  )!;
}

/** Whether the connection has a subflow on each of two paths, on both sides. */
function isWhole({ client, server }: World): boolean {
  return [client, server].every(
    ({ connection }) =>
      connection !== undefined &&
      connection.subflows.length >= 2 &&
      connection.subflows.every(({ state }) => state === 'active'),
  );
}

describe.each(versions)('MP_FAIL with several subflows, version %i', (version) => {
  it.each([0, 1])(
    'goes on the RST of the subflow that failed, number %i; nothing changed is read, and all goes on over the other',
    (failing) => {
      const world = worldOf(version, { paths: [path, path] }).connect();
      world.runUntil(() => isWhole(world));
      spoilOnce(world, 'client', failing, 20);
      finish(both(world));
      expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
      const fails = world.trace.filter(carries('MP_FAIL'));
      expect(fails.map(({ from, path: on, flags }) => [from, on, (flags & TcpFlag.RST) !== 0])).toEqual([
        ['server', failing, true],
      ]);
      for (const side of [world.client, world.server]) expect(side.of('fallback')).toEqual([]);
      expect(world.trace.filter(isInfinite)).toEqual([]);
      expect(world.client.of('subflow-closed')[0]).toMatchObject({ reason: 'reset' });
    },
  );

  it.each(roles)('that comes to the %s on an ACK resets that subflow alone', (role) => {
    const world = worldOf(version, { paths: [path, path] }).connect();
    world.runUntil(() => isWhole(world));
    both(world).run(SECOND / 20);
    const peer = world.other(role);
    const failing = onPath(peer, 1);
    const { id } = world
      .side(role)
      .open.subflows.find(
        ({ local, remote }) => local.port === failing.remote.port && remote.port === failing.local.port,
      )!;
    failing.enqueueOption(world.now, { subtype: 'MP_FAIL', dataSeq: 1n });
    world.poll(peer);
    finish(world);
    const fail = world.trace.find(carries('MP_FAIL'))!;
    expect(fail).toMatchObject({ from: peer.role, path: 1, payloadLength: 0 });
    expect(fail.flags & TcpFlag.RST).toBe(0);
    expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
    for (const side of [world.client, world.server]) expect(side.of('fallback')).toEqual([]);
    const [closed] = world.side(role).of('subflow-closed');
    expect(closed).toMatchObject({ reason: 'aborted', subflow: { id } });
  });
});

describe.each(versions)('the only subflow, with data in flight both ways, version %i', (version) => {
  it.each(roles)('goes on as plain TCP after a change of what the %s sent', (from) => {
    const world = worldOf(version, { paths: [path] }).connect();
    spoilOnce(world, from, 0, 30);
    finish(both(world));
    const to = world.other(from);
    expect(to.of('fallback')).toEqual([{ type: 'fallback', cause: 'checksum' }]);
    expect(world.side(from).of('fallback')).toEqual([{ type: 'fallback', cause: 'peer-failed' }]);
    // The byte that was changed is read, as in any TCP connection; the other direction is whole.
    expect(to.wrongAt).toBeGreaterThan(0);
    expect(world.side(from).wrongAt).toBe(-1);
    // Both say so, and both announce the infinite mapping with their next data (RFC 8684 §3.7).
    for (const role of roles) {
      const sent = world.trace.filter((view) => view.from === role);
      expect(sent.filter(carries('MP_FAIL')).length).toBe(1);
      // Nothing is signalled after the infinite mapping, so the MP_FAIL goes before it.
      expect(sent.findIndex(isInfinite)).toBeGreaterThan(sent.findIndex(carries('MP_FAIL')));
      expect(carries('DSS')(sent.filter(({ payloadLength }) => payloadLength > 0).at(-1)!)).toBe(false);
    }
  });

  it('goes on as plain TCP after changes in both directions at once', () => {
    const world = worldOf(version, { paths: [path] }).connect();
    for (const role of roles) spoilOnce(world, role, 0, 30);
    finish(both(world));
    for (const side of [world.client, world.server]) {
      expect(side.of('fallback').length).toBe(1);
      expect(side.wrongAt).toBeGreaterThan(0);
      expect(side.of('closed')[0]!.error).toBeUndefined();
    }
  });

  it.each(roles)(
    'takes the infinite mapping of the peer for itself where the MP_FAIL to the %s was lost',
    (from) => {
      const world = worldOf(version, { paths: [path] }).connect();
      const to = world.other(from);
      world.tamper = (_packet: Packet, view: PacketView) =>
        !(view.from === to.role && carries('MP_FAIL')(view));
      spoilOnce(world, from, 0, 30);
      finish(both(world));
      expect(world.side(from).of('fallback')).toEqual([{ type: 'fallback', cause: 'infinite-mapping' }]);
      expect(world.side(from).wrongAt).toBe(-1);
      expect(world.trace.filter((view) => view.from === to.role).some(isInfinite)).toBe(true);
    },
  );
});

/** Both ends open at once: their SYNs cross (RFC 9293 §3.5). */
import { describe, expect, it } from 'vitest';
import { SECOND, SeededRandom } from '../base/index.js';
import type { FastOpenOffer } from '../tcp/index.js';
import { TcpFlag } from '../wire/index.js';
import type { MptcpOption, MptcpVersion } from '../wire/index.js';
import { World, addressOn, segmentBytes } from '../../test/support/mptcp-world.js';
import type { PacketView, Role, Side, WorldOptions } from '../../test/support/mptcp-world.js';
import { Connection } from './connection.js';
import type { JoinRequest } from './handshake-join.js';

const versions: readonly MptcpVersion[] = [0, 1];
const roles: readonly Role[] = ['client', 'server'];
const SYN_ACK = TcpFlag.SYN | TcpFlag.ACK;

const hasOption = (view: PacketView, subtype: MptcpOption['subtype']): boolean =>
  view.options.some((option) => option.subtype === subtype);

/** Has `side` open the initial subflow actively, from its port towards the other's; the first poll sends the SYN. */
function open(world: World, role: Role, version?: MptcpVersion, fastOpen?: FastOpenOffer): void {
  const side = world.side(role);
  const local = { address: addressOn(role, 0), port: portOf(role) };
  const other = world.other(role).role;
  const remote = { address: addressOn(other, 0), port: portOf(other) };
  side.connection = Connection.connect(world.now, {
    tuple: { local, remote },
    settings: side.settings,
    parameters: world.parameters(side),
    random: new SeededRandom(role === 'client' ? 5 : 6),
    ...(version !== undefined && { version }),
    fastOpen,
  });
}

const portOf = (role: Role): number => (role === 'client' ? 4000 : 5000);

/** Two ends that open at once. */
function crossing(options: WorldOptions): World {
  const world = new World(options);
  for (const role of roles) open(world, role);
  for (const role of roles) world.poll(world.side(role));
  return world;
}

/** Both streams arrive whole, over one plain TCP connection that ends in order. */
function expectPlainAndWhole(world: World): void {
  world.send('client', 60_000, true).send('server', 50_000, true);
  world.runUntil(() => roles.every((role) => world.side(role).of('closed').length > 0));
  expect(world.isDelivered()).toBe(true);
  for (const role of roles) {
    const side = world.side(role);
    expect(side.of('closed'), role).toEqual([{ type: 'closed', error: undefined }]);
    expect(side.of('established'), role).toEqual([
      { type: 'established', fallback: true, version: undefined },
    ]);
    expect(side.wrongAt).toBe(-1);
    expect(side.open.bufferedSendBytes, role).toBe(0);
  }
}

describe.each(versions)('two SYNs that cross, in version %i', (version) => {
  it('make one connection, of plain TCP: no side is the server that MP_CAPABLE needs (RFC 8684 §3.1)', () => {
    const world = crossing({ versions: [version] });
    expectPlainAndWhole(world);
    for (const role of roles) {
      expect(world.side(role).of('fallback')).toEqual([{ type: 'fallback', cause: 'simultaneous-open' }]);
    }
    const [first, second, ...others] = world.trace;
    expect([first, second].map((view) => hasOption(view!, 'MP_CAPABLE'))).toEqual([true, true]);
    expect(others.flatMap(({ options }) => options)).toEqual([]);
  });

  it('make one connection when one of them asks for plain TCP', () => {
    for (const off of roles) {
      const world = crossing({ versions: [version], [off]: { enabled: false } });
      expectPlainAndWhole(world);
      const on = world.other(off);
      expect(on.of('fallback')).toEqual([{ type: 'fallback', cause: 'simultaneous-open' }]);
    }
  });

  it.each([0, 1, 2, 3])('make one connection when packet number %i is lost', (number) => {
    const world = new World({ versions: [version] });
    let sent = 0;
    world.tamper = () => sent++ !== number;
    for (const role of roles) open(world, role);
    for (const role of roles) world.poll(world.side(role));
    expectPlainAndWhole(world);
  });

  it('of which one comes late finds the connection open, and changes nothing (RFC 5961 §4)', () => {
    const world = new World({ versions: [version] });
    let syn: Uint8Array | undefined;
    world.tamper = (packet, view) => {
      if (view.from === 'client' && view.flags === TcpFlag.SYN) syn ??= packet.bytes.slice();
      return true;
    };
    for (const role of roles) open(world, role);
    for (const role of roles) world.poll(world.side(role));
    world.run(SECOND);
    const source = { address: addressOn('client', 0), port: portOf('client') };
    const destination = { address: addressOn('server', 0), port: portOf('server') };
    world.inject('client', 0, { source, destination, bytes: syn! });
    world.run(SECOND);
    expectPlainAndWhole(world);
  });
});

it('two SYNs of different versions that cross make one connection of plain TCP', () => {
  const world = new World({ versions: [1, 0] });
  open(world, 'client', 1);
  open(world, 'server', 0);
  for (const role of roles) world.poll(world.side(role));
  expectPlainAndWhole(world);
  for (const role of roles) {
    // It says nothing of what the peer speaks otherwise.
    expect(world.side(role).of('fallback')).toEqual([{ type: 'fallback', cause: 'simultaneous-open' }]);
  }
});

describe.each(versions)('data in SYNs that cross, in version %i', (version) => {
  const offer: FastOpenOffer = {
    cookie: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    experimental: false,
    maxDataBytes: 1000,
  };

  it.each([
    ['one', ['client']],
    ['both', roles],
  ] as const)(
    'of %s is sent again once they are acknowledged, and comes once (RFC 7413 §4.2)',
    (_, early) => {
      for (const lost of [-1, 0, 1, 2, 3]) {
        const world = new World({ versions: [version] });
        let sent = 0;
        world.tamper = () => sent++ !== lost;
        for (const role of roles)
          open(world, role, undefined, early.includes(role as never) ? offer : undefined);
        for (const role of roles) {
          if (early.includes(role as never)) world.send(role, 300);
          else world.poll(world.side(role));
        }
        const syns = world.trace.slice(0, 2);
        expect(syns.map(({ payloadLength }) => payloadLength)).toEqual(
          early.length === 1 ? [300, 0] : [300, 300],
        );
        expectPlainAndWhole(world);
      }
    },
  );
});

describe.each(versions)('joins that cross on the same addresses and ports, in version %i', (version) => {
  const local = (role: Role) => ({ address: addressOn(role, 1), port: portOf(role) });

  function request(world: World, role: Role): JoinRequest {
    const side = world.side(role);
    const other = world.other(role).role;
    return {
      local: local(role),
      remote: local(other),
      localId: 2,
      remoteId: 2,
      backup: false,
      parameters: world.parameters(side),
    };
  }

  /** A connection over path 0, with all that version 0 wants to hear before joins. */
  function connected(): World {
    const world = new World({ versions: [version], paths: [{}, {}], managed: false }).connect();
    return world
      .send('client', 100)
      .send('server', 100)
      .run(SECOND)
      .send('client', 100)
      .send('server', 100)
      .run(SECOND);
  }

  function join(world: World): World {
    const made = roles.map((role) => world.side(role).open.openSubflow(world.now, request(world, role)));
    expect(made).not.toContain(undefined);
    for (const role of roles) world.poll(world.side(role));
    return world;
  }

  const second = (side: Side) =>
    side.open.subflows.find(({ local: { address } }) => address.equals(addressOn(side.role, 1)));

  function expectOne(world: World): void {
    world.run(5 * SECOND);
    for (const role of roles) {
      const side = world.side(role);
      expect(side.open.subflows, role).toHaveLength(2);
      expect(second(side), role).toMatchObject({ state: 'active', isConfirmed: true, remoteId: 2 });
      expect(side.of('subflow-opened'), role).toHaveLength(2);
      expect(side.of('subflow-closed'), role).toEqual([]);
    }
    // It carries data both ways, alone.
    world.paths[0]!.isUp = false;
    world.send('client', 30_000).send('server', 30_000);
    expect(world.runUntil(() => world.isDelivered())).toBe(true);
    expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
  }

  it('make one subflow, proved by both (RFC 8684 §3.9.2)', () => {
    const world = join(connected());
    expectOne(world);
    const joins = world.trace.flatMap(({ from, options }) =>
      options.flatMap((option) => (option.subtype === 'MP_JOIN' ? [`${from} ${option.phase}`] : [])),
    );
    for (const role of roles) {
      for (const phase of ['syn', 'synack', 'ack']) expect(joins).toContain(`${role} ${phase}`);
    }
  });

  it.each([0, 1, 2, 3, 4, 5])('make one subflow when packet number %i of it is lost', (number) => {
    const world = connected();
    let sent = 0;
    world.tamper = (_, view) => view.path !== 1 || sent++ !== number;
    expectOne(join(world));
  });

  it.each([
    ['token', TcpFlag.SYN, 5],
    ['proof in the SYN+ACK', SYN_ACK, 5],
    ['proof in the third ACK', TcpFlag.ACK, 23],
  ])('make none when the %s of one is wrong', (_, flags, byte) => {
    const world = connected();
    world.tamper = (packet, view) => {
      if (view.path === 1 && view.from === 'client' && view.flags === flags && hasOption(view, 'MP_JOIN'))
        packet.bytes[packet.bytes.indexOf(30, 20) + byte]! ^= 1;
      return true;
    };
    join(world).run(5 * SECOND);
    for (const role of roles) {
      expect(world.side(role).of('subflow-closed'), role).toHaveLength(1);
      expect(world.side(role).open.subflows, role).toHaveLength(1);
    }
    world.send('client', 30_000).send('server', 30_000);
    expect(world.runUntil(() => world.isDelivered())).toBe(true);
    expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
  });
});

it('a SYN with MP_JOIN that crosses that of a connection leads to plain TCP or a clear refusal', () => {
  const world = new World();
  open(world, 'client');
  world.poll(world.client);
  const join: MptcpOption = {
    subtype: 'MP_JOIN',
    phase: 'syn',
    backup: false,
    addressId: 1,
    token: 7,
    nonce: 9,
  };
  const source = { address: addressOn('server', 0), port: portOf('server') };
  const destination = { address: addressOn('client', 0), port: portOf('client') };
  const bytes = segmentBytes(source.port, destination.port, {
    flags: TcpFlag.SYN,
    seq: 77,
    mss: 1460,
    options: [join],
  });
  world.server.isListening = false;
  world.inject('server', 0, { source, destination, bytes });
  world.run(SECOND);
  expect(world.client.of('fallback')).toEqual([{ type: 'fallback', cause: 'simultaneous-open' }]);
  // Nobody is there who would know the SYN+ACK.
  expect(world.client.of('closed')).toMatchObject([{ error: { code: 'ECONNREFUSED' } }]);
});

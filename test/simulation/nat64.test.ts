import { describe, expect, it } from 'vitest';
import { PathWorld, type PathWorldOptions } from '../support/path-world.js';
import { MILLISECOND, SECOND, SeededRandom } from '../../src/base/index.js';
import {
  MiddleboxDevice,
  Nat64,
  pathAddress,
  Simulator,
  type Device,
  type Nat64Options,
} from '../../src/network/index.js';
import type { Socket } from '../../src/stack/index.js';
import { IpAddress, parseNat64Prefix, wellKnownNat64Prefix } from '../../src/wire/index.js';

const prefix = parseNat64Prefix('2001:db8:64::/96')!;
const pool = IpAddress.parse('198.51.100.1')!;
const ofPath = { both: { delayNs: 10 * MILLISECOND, rateBps: 20e6 } };

interface Setup {
  /** Which of the two paths has IPv6 only, with a NAT64 behind. */
  readonly only6: 0 | 1;
  readonly nat64?: Partial<Nat64Options>;
  readonly world?: Partial<PathWorldOptions>;
}

/** Two paths to a server with IPv4 only: one has IPv4, the other IPv6 and a NAT64. */
function twoFamilies({ only6, nat64 = {}, world: more = {} }: Setup): { world: PathWorld; box: Nat64 } {
  const box = new Nat64({ prefix, publicAddress: pool, random: new SeededRandom(9), ...nat64 });
  // The box has no timers, so that any clock will do.
  const clock = new Simulator(0);
  const wrap = (device: Device, side: 'client' | 'server'): Device =>
    side === 'client' ? new MiddleboxDevice(clock, box, device) : device;
  const paths = [0, 1].map((index) =>
    index === only6 ? { ...ofPath, families: 'ipv6' as const, wrap } : ofPath,
  );
  const world = new PathWorld({ ...more, paths });
  world.client.stack.setNat64Prefixes(0, only6, [nat64.prefix ?? prefix]);
  // The server keeps its IPv4 address when path 0 has none of its own.
  if (only6 === 0)
    world.server.stack.addAddress(0, 0, { address: pathAddress(0, 'server', 4), prefixLength: 24 });
  return { world, box };
}

const activeLocals = (socket: Socket): string[] =>
  socket.connection.subflows
    .filter(({ state }) => state === 'active')
    .map(({ local }) => local.address.toString())
    .sort();

function expectDelivered(world: PathWorld, bytes: number): void {
  expect(world.accepted).toHaveLength(1);
  expect(world.talk(world.accepted[0]!).checker).toMatchObject({ bytesDelivered: bytes, wrongAt: -1 });
  expect(world.violations).toEqual([]);
}

describe('one connection over an IPv4 and an IPv6-only path', () => {
  it.each([0, 1] as const)('uses both at once when path %i is the one without IPv4', (only6) => {
    const { world, box } = twoFamilies({ only6 });
    const socket = world.connect();
    world.write(socket, 2_000_000);
    world.run(20 * SECOND);
    const locals = [0, 1].map((index) => pathAddress(index, 'client', index === only6 ? 6 : 4).toString());
    expect(activeLocals(socket)).toEqual(locals.sort());
    for (const subflow of socket.connection.subflows) expect(subflow.bytesSent).toBeGreaterThan(300_000);
    expect(box.counters.translated).toBeGreaterThan(200);
    // The server knows nothing of IPv6 on either.
    const remotes = world.accepted[0]!.connection.subflows.map(({ remote }) => remote.address.toString());
    expect(remotes.sort()).toEqual(
      ['10.0.0.2', '10.0.1.2']
        .filter((_, index) => index !== only6)
        .concat(pool.toString())
        .sort(),
    );
    expectDelivered(world, 2_000_000);
  });

  it('takes bytes from the server by both, too', () => {
    const { world } = twoFamilies({ only6: 1 });
    const socket = world.connect();
    world.run(SECOND);
    world.write(world.accepted[0]!, 2_000_000);
    world.run(20 * SECOND);
    expect(world.talk(socket).checker).toMatchObject({ bytesDelivered: 2_000_000, wrongAt: -1 });
    for (const subflow of socket.connection.subflows) expect(subflow.bytesReceived).toBeGreaterThan(300_000);
    expect(world.violations).toEqual([]);
  });

  it('reaches addresses that the server announces, under their IDs, and leaves them when they go', () => {
    const { world } = twoFamilies({ only6: 1 });
    const second = IpAddress.parse('10.0.0.77')!;
    world.server.stack.addAddress(0, 0, { address: second, prefixLength: 24, signal: true });
    const id = world.server.stack.localAddresses.find(({ address }) => address.equals(second))!.id;
    const socket = world.connect();
    world.write(socket, 1000);
    world.run(2 * SECOND);
    const from6 = (): (readonly [string, number])[] =>
      socket.connection.subflows
        .filter(({ local, state }) => local.address.family === 6 && state === 'active')
        .map(({ remote, remoteId }) => [remote.address.toString(), remoteId] as const);
    expect(from6()).toEqual([
      ['2001:db8:64::a00:1', 0],
      ['2001:db8:64::a00:4d', id],
    ]);
    world.act('server', (now) => world.server.stack.removeAddress(now, 0, second));
    world.pass(2 * SECOND);
    expect(from6()).toEqual([['2001:db8:64::a00:1', 0]]);
    expect(world.violations).toEqual([]);
  });

  it('lives on over IPv4 when the translator forgets its bindings, and gets the other path back', () => {
    const { world, box } = twoFamilies({ only6: 1 });
    const socket = world.connect();
    world.write(socket, 200_000);
    world.run(SECOND);
    box.clear();
    world.write(socket, 1_000_000);
    world.pass(60 * SECOND);
    expectDelivered(world, 1_200_000);
    expect(activeLocals(socket)).toContain(pathAddress(1, 'client', 6).toString());
  });

  it('fits its packets to a translator whose IPv6 side carries less', () => {
    const { world, box } = twoFamilies({ only6: 1, nat64: { ipv6Mtu: 1400 } });
    const socket = world.connect();
    world.run(SECOND);
    world.write(world.accepted[0]!, 1_000_000);
    world.run(30 * SECOND);
    expect(world.talk(socket).checker).toMatchObject({ bytesDelivered: 1_000_000, wrongAt: -1 });
    expect(box.counters.droppedTooBig).toBeGreaterThan(0);
    const through = world.accepted[0]!.connection.subflows.find(({ remote }) => remote.address.equals(pool))!;
    expect(through.tcp.pathMtu).toBe(1380);
    expect(through.bytesSent).toBeGreaterThan(100_000);
  });
});

describe('a connection through NAT64', () => {
  it('is begun from an IPv6-only interface to an IPv4 address, also with robust establishment', () => {
    for (const robust of [undefined, { mode: 'simultaneous' } as const]) {
      const { world } = twoFamilies({ only6: 0 });
      world.links[1]!.setState(0, 'blackhole');
      const socket = world.connect(robust && { robust });
      world.write(socket, 10_000);
      world.run(3 * SECOND);
      expect(socket.remote.address.toString()).toBe('2001:db8:64::a00:1');
      expectDelivered(world, 10_000);
    }
  });

  it('is opened at the owner’s wish to an IPv4 address', () => {
    const { world } = twoFamilies({ only6: 1 });
    const socket = world.connect();
    world.write(socket, 10);
    world.run(SECOND);
    const local = { address: pathAddress(1, 'client', 6), port: 0 };
    world.act('client', (now) => {
      const subflow = socket.openSubflow(now, {
        local,
        remote: { address: pathAddress(0, 'server', 4), port: 80 },
      });
      expect(subflow?.remote.address.toString()).toBe('2001:db8:64::a00:1');
    });
  });

  it('is not tried to a private address by the well-known prefix, nor without a prefix', () => {
    for (const prefixes of [[wellKnownNat64Prefix], []]) {
      const { world } = twoFamilies({ only6: 1 });
      world.client.stack.setNat64Prefixes(0, 1, prefixes);
      const socket = world.connect();
      world.write(socket, 10);
      world.run(SECOND);
      expect(activeLocals(socket)).toEqual([pathAddress(0, 'client', 4).toString()]);
      const address = pathAddress(1, 'client', 6);
      expect(() => world.connect({ local: { address } })).toThrow(/no interface leads/);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { PathWorld, subtypesOf, type SentSegment } from '../support/path-world.js';
import { craft } from '../support/stack-pair.js';
import { MILLISECOND, SECOND } from '../../src/base/index.js';
import { defaultMptcpSettings } from '../../src/mptcp/index.js';
import { pathAddress, type PathSetup } from '../../src/network/index.js';
import type { RobustEstablishment, Socket } from '../../src/stack/index.js';
import { TcpFlag } from '../../src/wire/index.js';

const timeout: RobustEstablishment = { mode: 'timeout', delayNs: 100 * MILLISECOND };
const simultaneous: RobustEstablishment = { mode: 'simultaneous' };
const bothModes = [timeout, simultaneous];
const plain = { mptcp: { ...defaultMptcpSettings, enabled: false } };

const slow = { both: { delayNs: 40 * MILLISECOND } };
const fast = { both: { delayNs: 5 * MILLISECOND } };

/** SYNs that open a connection rather than join one. */
const isOpening = (segment: SentSegment): boolean =>
  (segment.tcp.flags & (TcpFlag.SYN | TcpFlag.ACK)) === TcpFlag.SYN &&
  !subtypesOf(segment).includes('MP_JOIN');

const openings = (world: PathWorld): number[] => world.sent.filter(isOpening).map(({ path }) => path);

/** All is delivered once and in order, the server's application got one connection, and nothing is left of any other. */
function expectOneConnection(world: PathWorld, bytes: number): void {
  expect(world.accepted).toHaveLength(1);
  expect(world.talk(world.accepted[0]!).checker).toMatchObject({ bytesDelivered: bytes, wrongAt: -1 });
  expect(world.violations).toEqual([]);
  expect(world.client.stack.connectionCount).toBe(1);
  expect(world.server.stack.connectionCount).toBe(1);
  expect([...world.client.stack.sockets]).toHaveLength(1);
}

describe('robust establishment by time-out', () => {
  it('tries the second path when the first has not answered in time, and the one socket is open', () => {
    const world = new PathWorld({ paths: [slow, fast] });
    world.links[0]!.setState(0, 'blackhole');
    const socket = world.connect({ robust: timeout });
    world.write(socket, 50_000);
    world.run(5 * SECOND);
    const syns = world.sent.filter(isOpening);
    expect(syns[1]).toMatchObject({ path: 1, at: 100 * MILLISECOND });
    expect(world.talk(socket).establishedAt).toBe(110 * MILLISECOND);
    expect(socket.local.address.equals(pathAddress(1, 'client', 4))).toBe(true);
    expect(socket.connection.isFallback).toBe(false);
    expectOneConnection(world, 50_000);
  });

  it('sends nothing on the second path when the first answers in time', () => {
    const world = new PathWorld({ paths: [slow, fast] });
    const socket = world.connect({ robust: timeout });
    world.write(socket, 50_000);
    world.run(5 * SECOND);
    expect(openings(world)).toEqual([0]);
    expectOneConnection(world, 50_000);
  });

  it('tries the next path at once when one is refused or its interface is down', () => {
    const world = new PathWorld({ paths: [slow, fast, fast] });
    world.client.stack.setInterfaceState(0, 0, false);
    const reset = { reset: 0 };
    world.filter = (segment) => {
      // A firewall on path 1 refuses: here the network answers for the server.
      if (segment.path !== 1 || segment.from !== 'client') return true;
      reset.reset++;
      world.simulator.after(MILLISECOND, () => refuse(world, segment));
      return false;
    };
    const socket = world.connect({ robust: { mode: 'timeout', delayNs: 10 * SECOND } });
    world.run(SECOND / 2);
    expect(openings(world)).toEqual([1, 2]);
    expect(world.talk(socket).establishedAt).toBeLessThan(20 * MILLISECOND);
    expect(reset.reset).toBeGreaterThan(0);
  });

  it('begins on the addresses that were named, in their order', () => {
    const world = new PathWorld({ paths: [slow, fast, fast] });
    for (const link of world.links) link.setState(0, 'blackhole');
    const locals = [2, 0].map((index) => pathAddress(index, 'client', 4));
    world.connect({ robust: { ...timeout, locals } });
    world.run(SECOND / 2);
    expect(openings(world)).toEqual([2, 0]);
    const other = new PathWorld({ paths: [slow, fast, fast] });
    for (const link of other.links) link.setState(0, 'blackhole');
    other.connect({ robust: timeout, local: { address: locals[0]! } });
    other.run(50 * MILLISECOND);
    expect(openings(other)).toEqual([2]);
  });

  it('leaves backups for the end', () => {
    const world = new PathWorld({ paths: [{ ...fast, backup: true }, slow] });
    for (const link of world.links) link.setState(0, 'blackhole');
    world.connect({ robust: timeout });
    world.run(SECOND / 2);
    expect(openings(world)).toEqual([1, 0]);
  });
});

describe.each(bothModes)('addresses that change while a connection is raced, mode $mode', (robust) => {
  /** One path that is dead, and one that answers late enough for something to happen before; more as a test likes. */
  function racing(more: readonly PathSetup[], isUp: boolean): { world: PathWorld; socket: Socket } {
    const world = new PathWorld({ paths: [slow, slow, ...more] });
    world.links[0]!.setState(0, 'blackhole');
    for (let index = 2; index < 2 + more.length; index++)
      world.client.stack.setInterfaceState(0, index, isUp);
    const socket = world.connect({ robust });
    // The SYN of path 1 is on its way.
    world.run(robust.mode === 'timeout' ? 120 * MILLISECOND : 20 * MILLISECOND);
    expect(openings(world).slice(0, 2)).toEqual([0, 1]);
    expect(socket.state).toBe('connecting');
    return { world, socket };
  }

  /** Paths that joins were sent on. */
  const joins = (world: PathWorld): number[] => [
    ...new Set(
      world.sent
        .filter(
          (segment) => segment.from === 'client' && segment.tcp.flags === TcpFlag.SYN && !isOpening(segment),
        )
        .map(({ path }) => path),
    ),
  ];

  const isActiveOn = (socket: Socket, path: number): boolean =>
    socket.connection.subflows.some(
      ({ local, state }) => state === 'active' && local.address.equals(pathAddress(path, 'client', 4)),
    );

  it('are joined when they appeared meanwhile', () => {
    const { world, socket } = racing([fast], false);
    world.client.stack.setInterfaceState(world.now, 2, true);
    world.write(socket, 50_000);
    world.run(5 * SECOND);
    expect(socket.local.address.equals(pathAddress(1, 'client', 4))).toBe(true);
    expect(isActiveOn(socket, 2)).toBe(true);
    expectOneConnection(world, 50_000);
  });

  it('are left alone when they vanished meanwhile, and joined when they come back', () => {
    // The third path is slower than the second, so that it does not win before it goes.
    const { world, socket } = racing([{ both: { delayNs: 90 * MILLISECOND } }], true);
    world.client.stack.setInterfaceState(world.now, 2, false);
    world.write(socket, 50_000);
    world.run(5 * SECOND);
    expect(socket.local.address.equals(pathAddress(1, 'client', 4))).toBe(true);
    expect(joins(world)).not.toContain(2);
    world.client.stack.setInterfaceState(world.now, 2, true);
    world.run(world.now + 5 * SECOND);
    expect(isActiveOn(socket, 2)).toBe(true);
    // The server repeats what it answered on the path that vanished, until that is told otherwise.
    world.run(world.now + 60 * SECOND);
    expectOneConnection(world, 50_000);
  });

  it('cost the attempt that began on them only, the owner’s first one included', () => {
    const { world, socket } = racing([], true);
    world.client.stack.removeAddress(world.now, 0, pathAddress(0, 'client', 4));
    world.write(socket, 50_000);
    world.run(5 * SECOND);
    expect(socket.local.address.equals(pathAddress(1, 'client', 4))).toBe(true);
    expect(joins(world)).toEqual([]);
    expect(world.client.stack.localAddresses.map(({ address }) => address.toString())).toEqual([
      pathAddress(1, 'client', 4).toString(),
    ]);
    expectOneConnection(world, 50_000);
  });
});

describe('robust establishment on all paths at once', () => {
  it('begins on the path that answers first, resets the others half-open, and joins them then', () => {
    const world = new PathWorld({ paths: [slow, fast] });
    const socket = world.connect({ robust: simultaneous });
    world.write(socket, 50_000);
    world.run(5 * SECOND);
    expect(openings(world)).toEqual([0, 1]);
    expect(world.talk(socket).establishedAt).toBe(10 * MILLISECOND);
    // The SYN+ACK on the slow path finds nobody any more.
    const resets = world.sent.filter(({ tcp, from }) => from === 'client' && (tcp.flags & TcpFlag.RST) !== 0);
    expect(resets.map(({ path }) => path)).toEqual([0]);
    const active = socket.connection.subflows.filter(({ state }) => state === 'active');
    expect(active.map(({ local }) => local.address.toString()).sort()).toEqual(['10.0.0.2', '10.0.1.2']);
    expectOneConnection(world, 50_000);
  });

  it('tries no more paths than the limit', () => {
    const world = new PathWorld({ paths: new Array(12).fill(fast) });
    for (const link of world.links) link.setState(0, 'blackhole');
    world.connect({ robust: simultaneous });
    world.run(100 * MILLISECOND);
    expect(openings(world)).toHaveLength(8);
    expect([...world.client.stack.sockets]).toHaveLength(1);
  });

  it('gives every seed one connection, whichever path loses what', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = new PathWorld({
        seed,
        paths: [
          {
            both: { delayNs: (seed % 7) * MILLISECOND, jitterNs: 5 * MILLISECOND, duplicateProbability: 0.2 },
          },
          {
            both: { delayNs: (seed % 5) * MILLISECOND, jitterNs: 5 * MILLISECOND, duplicateProbability: 0.2 },
          },
        ],
      });
      const lost = seed % 3;
      let count = 0;
      world.filter = () => count++ % 5 !== lost || count > 20;
      const socket = world.connect({ robust: seed % 2 === 0 ? simultaneous : timeout });
      world.write(socket, 20_000);
      world.run(60 * SECOND);
      expect(world.talk(world.accepted[0]!).checker, `seed ${seed}`).toMatchObject({
        bytesDelivered: 20_000,
        wrongAt: -1,
      });
      expect(world.violations).toEqual([]);
      expect(world.client.stack.connectionCount).toBe(1);
      world.act('client', (now) => socket.abort(now));
      world.pass(400 * SECOND);
      expect(world.client.stack.connectionCount + world.server.stack.connectionCount, `seed ${seed}`).toBe(0);
    }
  });
});

describe.each(bothModes)('robust establishment ($mode)', (robust) => {
  it('works with a peer that speaks plain TCP: one connection, no byte twice', () => {
    const world = new PathWorld({ paths: [slow, fast], server: plain });
    const socket = world.connect({ robust: { ...robust, delayNs: 20 * MILLISECOND } });
    world.write(socket, 50_000, true);
    world.run(5 * SECOND);
    expect(openings(world)).toEqual([0, 1]);
    expect(socket.connection.isFallback).toBe(true);
    expect(world.accepted).toHaveLength(1);
    expect(world.talk(world.accepted[0]!).checker).toMatchObject({ bytesDelivered: 50_000, wrongAt: -1 });
    expect(world.talk(socket).notices).toContain('fallback');
    expect(world.violations).toEqual([]);
    world.pass(120 * SECOND);
    expect(world.client.stack.connectionCount + world.server.stack.connectionCount).toBe(0);
  });

  it('fails once, when the last path has failed', () => {
    const world = new PathWorld({ paths: [slow, fast] });
    for (const link of world.links) link.setState(0, 'blackhole');
    const socket = world.connect({ robust });
    world.write(socket, 100);
    world.run(600 * SECOND);
    expect(world.talk(socket)).toMatchObject({ errorCode: 'ETIMEDOUT' });
    expect(world.client.stack.connectionCount).toBe(0);
  });

  it('is given up with the socket', () => {
    const world = new PathWorld({ paths: [slow, fast] });
    for (const link of world.links) link.setState(0, 'blackhole');
    const socket = world.connect({ robust });
    world.pass(300 * MILLISECOND);
    world.act('client', (now) => socket.abort(now));
    const count = openings(world).length;
    world.run(600 * SECOND);
    expect(openings(world)).toHaveLength(count);
    expect(world.talk(socket)).toMatchObject({ errorCode: '' });
    expect(world.talk(socket).closedAt).toBeLessThan(SECOND);
    expect(world.client.stack.connectionCount).toBe(0);
  });

  it('keeps what was asked of the socket before it was open', () => {
    const world = new PathWorld({ paths: [slow, fast] });
    world.links[0]!.setState(0, 'blackhole');
    const socket = world.connect({ robust });
    world.act('client', (now) => socket.setNagle(now, false));
    world.write(socket, 10, true);
    world.run(2 * SECOND);
    expect(socket.connection.subflows.every(({ tcp }) => !tcp.nagle)).toBe(true);
    expect(world.talk(world.accepted[0]!).checker.bytesDelivered).toBe(10);
    expect(world.talk(socket).closedAt).toBeLessThan(2 * SECOND);
  });
});

describe('robust establishment where paths fail', () => {
  it('lets go of every attempt, whichever were refused before another won', () => {
    for (const refused of [0, 1, 2]) {
      const world = new PathWorld({ paths: [slow, slow, slow, fast] });
      refuseFrom(world, [refused]);
      world.links[3]!.setState(0, 'blackhole');
      const socket = world.connect({ robust: simultaneous });
      world.write(socket, 1000, true);
      world.run(5 * SECOND);
      expect(world.talk(socket), `refused ${refused}`).toMatchObject({ errorCode: '' });
      expect(world.accepted).toHaveLength(1);
      world.pass(400 * SECOND);
      expect(world.client.stack.connectionCount + world.server.stack.connectionCount).toBe(0);
    }
  });

  it('goes on while one attempt is left, whichever failed before', () => {
    for (const order of [
      [0, 1],
      [1, 0],
      [1, 2],
      [2, 0],
    ]) {
      const world = new PathWorld({ paths: [slow, slow, slow] });
      refuseFrom(world, order);
      const socket = world.connect({ robust: simultaneous });
      world.write(socket, 1000);
      world.run(5 * SECOND);
      expect(world.talk(socket), `refused ${order.join()}`).toMatchObject({ errorCode: '' });
      expectOneConnection(world, 1000);
    }
  });

  it('waits for every path its time, though an earlier one was refused', () => {
    const world = new PathWorld({ paths: [slow, slow, slow, slow] });
    refuseFrom(world, [0]);
    for (const link of world.links.slice(1)) link.setState(0, 'blackhole');
    world.connect({ robust: { mode: 'timeout', delayNs: 10 * SECOND } });
    world.run(5 * SECOND);
    expect(openings(world).filter((path, index, all) => all.indexOf(path) === index)).toEqual([0, 1]);
  });
});

describe('robust establishment where no path is', () => {
  it('throws as a connection on one path does', () => {
    const world = new PathWorld({ paths: [slow, fast] });
    world.client.stack.setInterfaceState(0, 0, false);
    world.client.stack.setInterfaceState(0, 1, false);
    expect(() => world.connect({ robust: timeout })).toThrow(/no interface leads/);
    const locals = [pathAddress(0, 'client', 4)];
    expect(() => world.connect({ robust: { ...timeout, locals } })).toThrow(/down|no interface leads/);
  });
});

/** Firewalls on `paths` refuse, one after the other. */
function refuseFrom(world: PathWorld, paths: readonly number[]): void {
  world.filter = (segment) => {
    const index = paths.indexOf(segment.path);
    if (index < 0 || segment.from !== 'client') return true;
    if (isOpening(segment)) world.simulator.after((1 + index) * MILLISECOND, () => refuse(world, segment));
    return false;
  };
}

/** A reset for a SYN, as from the address that it was sent to. */
function refuse(world: PathWorld, syn: SentSegment): void {
  world.client.stack.handlePacket(
    world.now,
    syn.path,
    craft({
      from: syn.destination,
      to: syn.source,
      sourcePort: syn.tcp.destinationPort,
      destinationPort: syn.tcp.sourcePort,
      ack: syn.tcp.seq + 1,
      flags: TcpFlag.RST | TcpFlag.ACK,
    }),
  );
  world.client.wake(world.now);
}

import { describe, expect, it } from 'vitest';
import { PathWorld, subtypesOf, type SentSegment } from '../support/path-world.js';
import { MILLISECOND, MINUTE, SECOND } from '../../src/base/index.js';
import { pathAddress } from '../../src/network/index.js';
import type { Socket } from '../../src/stack/index.js';
import { defaultTcpSettings } from '../../src/tcp/index.js';
import { TcpFlag } from '../../src/wire/index.js';

const fast = { both: { delayNs: 10 * MILLISECOND } };
const isSyn = ({ tcp }: SentSegment): boolean => (tcp.flags & TcpFlag.SYN) !== 0;

/** Two paths; on path 0 SYNs with Multipath TCP options vanish while `isClosed` says so. */
function twoPaths(isClosed: (at: number) => boolean): PathWorld {
  const world = new PathWorld({ paths: [fast, fast] });
  world.filter = (segment) =>
    !(segment.path === 0 && isSyn(segment) && subtypesOf(segment).length > 0 && isClosed(segment.at));
  return world;
}

const from = (path: number) => ({ local: { address: pathAddress(path, 'client', 4) } });

interface Attempt {
  readonly isMultipath: boolean;
  readonly tookNs: number;
  readonly synsWithOption: number;
}

/** Connects by `path`, sees how that went, and ends the connection. */
function attempt(world: PathWorld, path: number): Attempt {
  const [startedAt, first] = [world.now, world.sent.length];
  const socket: Socket = world.connect(from(path));
  world.write(socket, 100);
  world.pass(20 * SECOND);
  const isMultipath = !socket.connection.isFallback;
  const tookNs = world.talk(socket).establishedAt - startedAt;
  const syns = world.sent.slice(first).filter((segment) => isSyn(segment) && segment.from === 'client');
  const synsWithOption = syns.filter((syn) => subtypesOf(syn).includes('MP_CAPABLE')).length;
  world.act('client', (now) => socket.abort(now));
  world.pass(SECOND);
  return { isMultipath, tookNs, synsWithOption };
}

/** Linux's rule (net/mptcp/ctrl.c): after the nth such connection no path speaks Multipath TCP for 2^(n-1) hours. */
function linuxIsOff(lossesAt: readonly number[], now: number): boolean {
  const last = lossesAt.filter((at) => at <= now).at(-1);
  return last !== undefined && now < last + 60 * MINUTE * 2 ** Math.min(lossesAt.length - 1, 6);
}

describe('a path that swallows SYNs with MP_CAPABLE', () => {
  it('costs three SYNs once, then none while it rests, then one', () => {
    const world = twoPaths(() => true);
    const [first, second] = [attempt(world, 0), attempt(world, 0)];
    expect(first).toMatchObject({ isMultipath: false, synsWithOption: 3 });
    expect(second).toEqual({ isMultipath: false, synsWithOption: 0, tookNs: 20 * MILLISECOND });
    world.run(3 * MINUTE);
    const trial = attempt(world, 0);
    expect(trial).toMatchObject({ isMultipath: false, synsWithOption: 1 });
    expect(trial.tookNs).toBeLessThan(first.tookNs / 3);
    expect(world.violations).toEqual([]);
  });

  it('leaves the other paths alone, and is forgiven with the first SYN that passes: no hour as with Linux', () => {
    // The hotel's box drops the option for half a minute of the day.
    const world = twoPaths((at) => at < 30 * SECOND);
    const lost = attempt(world, 0);
    expect(lost.isMultipath).toBe(false);
    const lossesAt = [lost.tookNs];
    const seen: { minute: number; ours: readonly boolean[]; linux: readonly boolean[] }[] = [];
    for (const minute of [1, 2, 59, 61]) {
      world.run(minute * MINUTE);
      const linux = !linuxIsOff(lossesAt, world.now);
      seen.push({
        minute,
        ours: [0, 1].map((path) => attempt(world, path).isMultipath),
        linux: [linux, linux],
      });
    }
    expect(seen).toEqual([
      { minute: 1, ours: [false, true], linux: [false, false] },
      { minute: 2, ours: [true, true], linux: [false, false] },
      { minute: 59, ours: [true, true], linux: [false, false] },
      { minute: 61, ours: [true, true], linux: [true, true] },
    ]);
  });

  it('is told from a peer that is down, which answers nothing, and from a path that is slow', () => {
    const down = new PathWorld({ paths: [fast, fast] });
    down.links[0]!.setState(0, 'blackhole');
    const socket = down.connect(from(0));
    down.run(400 * SECOND);
    expect(down.talk(socket).errorCode).toBe('ETIMEDOUT');
    down.links[0]!.setState(down.now, 'up');
    expect(attempt(down, 0)).toMatchObject({ isMultipath: true, synsWithOption: 1 });
    const slow = new PathWorld({ paths: [{ both: { delayNs: 4 * SECOND } }, fast] });
    const late = slow.connect(from(0));
    slow.run(60 * SECOND);
    expect(slow.talk(late).notices).toContain('fallback');
    slow.links[0]!.configure(slow.now, { delayNs: MILLISECOND });
    expect(attempt(slow, 0)).toMatchObject({ isMultipath: true, synsWithOption: 1 });
  });

  it('is a new path after its interface was down: another network may be behind it', () => {
    const world = twoPaths((at) => at < 30 * SECOND);
    expect(attempt(world, 0).isMultipath).toBe(false);
    world.run(40 * SECOND);
    world.act('client', (now) => {
      world.client.stack.setInterfaceState(now, 0, false);
      world.client.stack.setInterfaceState(now, 0, true);
    });
    expect(attempt(world, 0)).toMatchObject({ isMultipath: true, synsWithOption: 1 });
  });
});

describe('a path that swallows SYNs with MP_JOIN', () => {
  it('rests for later connections, too, and is joined again some time after it opens', () => {
    let isClosed = true;
    const world = twoPaths(() => isClosed);
    const joins = (): number =>
      world.sent.filter((segment) => segment.path === 0 && subtypesOf(segment).includes('MP_JOIN')).length;
    const socket = world.connect(from(1));
    world.write(socket, 100);
    // The last of its SYNs, and the time to wait for the answer to that.
    world.run(260 * SECOND);
    world.write(socket, 100);
    expect(joins()).toBe(1 + defaultTcpSettings.synRetries);
    const before = joins();
    const other = world.connect(from(1));
    world.write(other, 100);
    world.pass(30 * SECOND);
    expect(joins()).toBe(before);
    isClosed = false;
    world.pass(10 * MINUTE);
    for (const { connection } of [socket, other])
      expect(connection.subflows.filter(({ state }) => state === 'active')).toHaveLength(2);
    expect(world.violations).toEqual([]);
  });
});

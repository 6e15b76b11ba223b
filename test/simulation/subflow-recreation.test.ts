import { describe, expect, it } from 'vitest';
import { PathWorld, subtypesOf } from '../support/path-world.js';
import { MILLISECOND, MINUTE, SECOND } from '../../src/base/index.js';
import { defaultTcpSettings } from '../../src/tcp/index.js';
import { TcpFlag } from '../../src/wire/index.js';

const fast = { both: { delayNs: 10 * MILLISECOND, rateBps: 5e6 } };
// A subflow counts as lost after seconds rather than a quarter of an hour.
const tcp = { ...defaultTcpSettings, dataRetries: 4, synRetries: 2, maxRtoNs: 4 * SECOND };

describe('a subflow lost to time-outs', () => {
  it('is made again with growing rests, within bounds, and carries data when its path is back', () => {
    const world = new PathWorld({ paths: [fast, fast], client: { tcp }, server: { tcp } });
    const socket = world.connect();
    world.write(socket, 200_000);
    world.run(SECOND);
    const activeCount = (): number =>
      socket.connection.subflows.filter(({ state }) => state === 'active').length;
    expect(activeCount()).toBe(2);
    world.links[1]!.setState(world.now, 'blackhole');
    let written = 200_000;
    for (let minute = 0; minute < 30; minute++) {
      world.write(socket, 50_000);
      written += 50_000;
      world.pass(MINUTE);
    }
    expect(activeCount()).toBe(1);
    expect(world.talk(socket).notices).toContain('subflow-closed');
    // The first SYN of each attempt: those that are sent again have the same port.
    const syns = world.sent.filter(
      (segment) =>
        segment.path === 1 &&
        segment.at > SECOND &&
        subtypesOf(segment).includes('MP_JOIN') &&
        (segment.tcp.flags & TcpFlag.SYN) !== 0,
    );
    const attempts = syns.filter(
      ({ tcp: { sourcePort } }, index) =>
        syns.findIndex((other) => other.tcp.sourcePort === sourcePort) === index,
    );
    const pauses = attempts.slice(1).map(({ at }, index) => at - attempts[index]!.at);
    expect(attempts.length).toBeGreaterThan(3);
    expect(attempts.length).toBeLessThan(30);
    expect(Math.max(...pauses)).toBeLessThan(13 * MINUTE);
    expect(pauses.at(-1)!).toBeGreaterThan(4 * pauses[0]!);
    world.links[1]!.setState(world.now, 'up');
    world.pass(13 * MINUTE);
    expect(activeCount()).toBe(2);
    const again = socket.connection.subflows.at(-1)!;
    world.write(socket, 2_000_000);
    written += 2_000_000;
    world.pass(MINUTE);
    expect(again.bytesSent).toBeGreaterThan(100_000);
    expect(world.talk(world.accepted[0]!).checker).toMatchObject({ bytesDelivered: written, wrongAt: -1 });
    expect(world.violations).toEqual([]);
  });
});

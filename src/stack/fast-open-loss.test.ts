/** Fast Open while packets are lost, come twice, or overtake each other: the stream arrives whole, and once. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isSame, pattern, prefix, readAll, World, type TestHost } from '../../test/support/stack-pair.js';
import { randomBelow, randomUnit, SECOND, SeededRandom } from '../base/index.js';
import { defaultMptcpSettings, type MptcpSettings } from '../mptcp/index.js';

const protocols: readonly Partial<MptcpSettings>[] = [
  { enabled: false },
  {},
  { checksum: true },
  { versions: [0] },
  { versions: [0], checksum: true },
];

/** Has the wire out of `host` misbehave for its first packets, SYNs among them. */
function disturb(world: World, host: TestHost, random: SeededRandom): void {
  let left = 12;
  host.filter = (packet) => {
    if (left-- <= 0) return packet;
    const draw = randomUnit(random);
    if (draw < 0.25) return undefined;
    const last = world.flights.at(-1);
    if (draw < 0.5) {
      // Comes twice, the second time later than what follows it.
      const peer = host.peers[0]!;
      const copy = packet.slice();
      world.late.push({
        at: world.now + world.delayNs * (1 + randomBelow(random, 400)),
        packet: copy,
        ...peer,
      });
    } else if (draw < 0.7 && last !== undefined && last.to === host.peers[0]!.host) {
      world.flights.splice(-1, 0, { ...last, packet });
      return undefined;
    }
    return packet;
  };
}

it('delivers every byte once, whatever happens to the first packets', () => {
  const property = (seed: number, kind: number, upBytes: number, isEarly: boolean): void => {
    const random = new SeededRandom(seed);
    const world = new World();
    const settings = { mptcp: { ...defaultMptcpSettings, ...protocols[kind]! } };
    const [client, server] = [world.host(settings), world.host(settings)];
    world.wire(client, [prefix('10.0.0.1/24')], server, [prefix('10.0.0.2/24')]);
    const fastOpen = { requireCookie: false, earlyAnswer: isEarly };
    const listener = server.stack.listen(world.now, { local: { port: 80 }, fastOpen });
    disturb(world, client, random);
    disturb(world, server, random);
    const [up, down] = [pattern(upBytes), pattern(30_000, 3)];
    const remote = { address: prefix('10.0.0.2/24').address, port: 80 };
    const socket = client.stack.connect(world.now, { remote, fastOpen: 'without-cookie' });
    const early = Math.min(upBytes, 1 + randomBelow(random, 700));
    socket.write(world.now, up.slice(0, early));
    let accepted = listener.accept();
    for (let i = 0; i < 400 && accepted === undefined; i++) {
      world.run(world.now + SECOND / 10);
      accepted = listener.accept();
    }
    accepted!.write(world.now, down.slice());
    accepted!.shutdown(world.now);
    socket.write(world.now, up.slice(early));
    socket.shutdown(world.now);
    // Timeouts back off for minutes where the few first samples of the round-trip time are bad.
    world.run(world.now + 2_000 * SECOND);
    expect(isSame(readAll(world.now, accepted!), up)).toBe(true);
    expect(isSame(readAll(world.now, socket), down)).toBe(true);
    expect([socket.error, accepted!.error]).toEqual([undefined, undefined]);
  };
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e9 }),
      fc.integer({ min: 0, max: protocols.length - 1 }),
      fc.integer({ min: 1, max: 40_000 }),
      fc.boolean(),
      property,
    ),
    { numRuns: 150, seed: 1 },
  );
});

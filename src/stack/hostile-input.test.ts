import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { craft, isSame, pattern, prefix, readAll, World } from '../../test/support/stack-pair.js';
import { SECOND, SeededRandom } from '../base/index.js';
import { TcpFlag, writeU16 } from '../wire/index.js';

const remote = { address: prefix('10.0.0.2/24').address, port: 80 };

/** Two hosts with an open connection. */
function connected() {
  const world = new World();
  const client = world.host();
  const server = world.host();
  world.wire(client, [prefix('10.0.0.1/24')], server, [prefix('10.0.0.2/24')]);
  const listener = server.stack.listen(0, { local: { port: 80 } });
  const a = client.stack.connect(0, { remote });
  world.run(SECOND);
  return { world, client, server, a, b: listener.accept()! };
}

describe('bad packets', () => {
  it('are counted by what is wrong with them, and dropped', () => {
    const { world, server } = connected();
    const stray = { from: '10.0.0.1', to: '10.0.0.2', sourcePort: 5, destinationPort: 6, flags: TcpFlag.ACK };
    const { stack, sent } = server;
    sent.length = 0;
    const damaged = craft(stray);
    damaged[30]! ^= 1;
    stack.handlePacket(world.now, 0, damaged);
    stack.handlePacket(world.now, 0, craft({ ...stray, to: '10.0.0.3' }));
    stack.handlePacket(world.now, 7, craft(stray));
    stack.handlePacket(world.now, 0, new Uint8Array(0));
    const brokenHeader = craft(stray);
    brokenHeader[8]!--;
    stack.handlePacket(world.now, 0, brokenHeader);
    const fragment = craft(stray);
    writeU16(fragment, 6, 0x2000);
    stack.handlePacket(world.now, 0, fragment, { checksumValid: true });
    const udp = craft(stray);
    udp[9] = 17;
    stack.handlePacket(world.now, 0, udp, { checksumValid: true });
    const shortHeader = craft(stray);
    shortHeader[32] = 0x40;
    stack.handlePacket(world.now, 0, shortHeader, { checksumValid: true });
    world.run(world.now);
    expect(stack.counters).toMatchObject({
      checksumErrors: 1,
      notForUs: 1,
      interfaceDown: 1,
      malformedIp: 2,
      fragmentsDropped: 1,
      unknownProtocol: 1,
      malformedTcp: 1,
      unknownFlow: 0,
    });
    expect(sent).toEqual([]);
  });

  it('of any bytes do no harm', () => {
    const { world, server, a, b } = connected();
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.constantFrom(4, 6),
        (bytes, version) => {
          bytes[0] = (version << 4) | (bytes[0]! & 0x0f);
          server.stack.handlePacket(world.now, 0, bytes, { checksumValid: true });
          server.pump();
        },
      ),
      { numRuns: 2000 },
    );
    a.write(world.now, pattern(1000));
    world.run(world.now + SECOND);
    expect(readAll(world.now, b)).toHaveLength(1000);
  });

  it('made from good ones by a changed byte end at the checksum', () => {
    const { world, client, server, a, b } = connected();
    const random = new SeededRandom(3);
    client.filter = (packet) => {
      const changed = packet.slice();
      const at = random.nextUint32() % changed.length;
      changed[at]! ^= 1 + (random.nextUint32() % 255);
      server.stack.handlePacket(world.now, 0, changed);
      return packet;
    };
    const bytes = pattern(200_000);
    a.write(world.now, bytes.slice());
    world.run(world.now + 20 * SECOND);
    expect(isSame(readAll(world.now, b), bytes)).toBe(true);
    const { counters } = server.stack;
    expect(counters.checksumErrors + counters.malformedIp + counters.fragmentsDropped).toBeGreaterThan(100);
    expect(server.stack.connectionCount).toBe(1);
  });
});

describe('events', () => {
  it('are told once for what happened many times', () => {
    const { world, server, client, a, b } = connected();
    server.events.length = 0;
    for (let i = 0; i < 50; i++) {
      a.write(world.now, pattern(100));
      while (client.stack.pollEvent() !== undefined);
      world.run(world.now);
    }
    world.run(world.now + SECOND);
    expect(server.eventsOf('readable').length).toBeLessThanOrEqual(1);
    expect(readAll(world.now, b)).toHaveLength(5000);
    a.write(world.now, pattern(100));
    world.run(world.now + SECOND);
    expect(server.eventsOf('readable').length).toBeLessThanOrEqual(2);
    expect(readAll(world.now, b)).toHaveLength(100);
  });
});

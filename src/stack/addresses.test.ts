/** Which addresses connections have, and with whom there are none (RFC 9293 §3.9.1.1, §3.9.2 and §3.9.2.3). */
import { describe, expect, it } from 'vitest';
import { craft, dissect, prefix, World, type TestHost } from '../../test/support/stack-pair.js';
import { SECOND } from '../base/index.js';
import { IpAddress, TcpFlag } from '../wire/index.js';
import type { StackSettings } from './index.js';

const remote = { address: prefix('10.0.0.2/24').address, port: 80 };

/** Two hosts on one wire; the client has two addresses on it, and one of IPv6. */
function pair(settings: Partial<StackSettings> = {}): { world: World; client: TestHost; server: TestHost } {
  const world = new World();
  const client = world.host(settings);
  const server = world.host();
  const own = [prefix('10.0.0.1/24'), prefix('10.0.0.9/24'), prefix('2001:db8::1/64')];
  world.wire(client, own, server, [prefix('10.0.0.2/24'), prefix('2001:db8::2/64')]);
  return { world, client, server };
}

function forgedSyn(from: string, to: string): Uint8Array {
  return craft({ from, to, sourcePort: 4000, destinationPort: 80, seq: 7, flags: TcpFlag.SYN, options: [] });
}

describe('a connection', () => {
  it.each(['224.0.0.5', '255.255.255.255', '0.0.0.0', 'ff02::1', '::'])(
    'refuses to connect to a group, to everybody and to nobody: %s (RFC 9293 §3.9.1.1)',
    (text) => {
      const { client } = pair();
      const address = IpAddress.parse(text)!;
      const everything = IpAddress.parse(address.family === 4 ? '0.0.0.0' : '::')!;
      client.stack.addRoute({ prefix: everything, prefixLength: 0, interfaceId: 0 });
      expect(() => client.stack.connect(0, { remote: { address, port: 80 } })).toThrow(
        expect.objectContaining({ code: 'ENETUNREACH' }) as Error,
      );
      expect(client.stack.connectionCount).toBe(0);
    },
  );

  it('takes the local address that it is given', () => {
    const { world, client, server } = pair();
    server.stack.listen(0, { local: { port: 80 } });
    const local = { address: prefix('10.0.0.9/24').address, port: 0 };
    client.stack.connect(0, { remote, local });
    world.run(SECOND);
    expect(dissect(client.sent[0]!).source).toBe('10.0.0.9');
  });

  it('keeps the address of the first SYN', () => {
    const { world, client, server } = pair();
    server.filter = () => undefined;
    client.stack.connect(0, { remote });
    world.run(20 * SECOND);
    const sources = client.sent.map((packet) => dissect(packet).source);
    expect(sources.length).toBeGreaterThan(3);
    expect(new Set(sources).size).toBe(1);
  });

  it('sends the time to live that was set', () => {
    const { world, client } = pair({ hopLimit: 17 });
    client.stack.connect(0, { remote });
    world.run(SECOND);
    expect(client.sent[0]![8]).toBe(17);
  });
});

describe('a listener', () => {
  it('lets a port be listened on that a connection under way has', () => {
    const { world, client, server } = pair();
    server.filter = () => undefined;
    const socket = client.stack.connect(0, { remote, local: { port: 5000 } });
    world.run(SECOND / 2);
    expect(socket.state).toBe('connecting');
    client.stack.listen(world.now, { local: { port: 5000 } });
    expect(socket.state).toBe('connecting');
    expect(client.stack.connectionCount).toBe(1);
  });

  it.each(['224.0.0.5', '255.255.255.255', '0.0.0.0'])(
    'ignores a SYN from a group, from everybody and from nobody: %s (RFC 9293 §3.9.2.3)',
    (from) => {
      const { world, server } = pair();
      server.stack.listen(0, { local: { port: 80 } });
      server.stack.handlePacket(0, 0, forgedSyn(from, '10.0.0.2'));
      world.run(SECOND);
      expect(server.sent).toEqual([]);
      expect(server.stack.connectionCount).toBe(0);
      expect(server.stack.counters.badSource).toBe(1);
    },
  );

  it.each(['224.0.0.5', '255.255.255.255', '10.0.0.255'])(
    'ignores a SYN to a group and to everybody: %s (RFC 9293 §3.9.2.3)',
    (to) => {
      const { world, server } = pair();
      server.stack.listen(0, { local: { port: 80 } });
      server.stack.handlePacket(0, 0, forgedSyn('10.0.0.1', to));
      world.run(SECOND);
      expect(server.sent).toEqual([]);
      expect(server.stack.connectionCount).toBe(0);
      expect(server.stack.counters.notForUs).toBe(1);
    },
  );
});

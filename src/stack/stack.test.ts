import { describe, expect, it } from 'vitest';
import { isSame, pattern, prefix, readAll, World, type TestHost } from '../../test/support/stack-pair.js';
import { MINUTE, SECOND } from '../base/index.js';
import type { Socket, StackSettings } from './index.js';

const families = [
  { family: 4, client: '10.0.0.1/24', server: '10.0.0.2/24' },
  { family: 6, client: '2001:db8::1/64', server: '2001:db8::2/64' },
] as const;

function pair(
  addresses: { readonly client: string; readonly server: string } = families[0],
  options: { readonly maxOffloadBytes?: number; readonly settings?: Partial<StackSettings> } = {},
): { world: World; client: TestHost; server: TestHost } {
  const world = new World();
  const client = world.host(options.settings);
  const server = world.host(options.settings);
  world.wire(client, [prefix(addresses.client)], server, [prefix(addresses.server)], options);
  return { world, client, server };
}

/** Connects, and gives both ends. */
function connected(
  world: World,
  client: TestHost,
  server: TestHost,
  address = '10.0.0.2/24',
  port = 80,
): [Socket, Socket] {
  const listener = server.stack.listen(world.now, { local: { port } });
  const socket = client.stack.connect(world.now, { remote: { address: prefix(address).address, port } });
  world.run(world.now + SECOND);
  const accepted = listener.accept();
  listener.close(world.now);
  expect(socket.state).toBe('open');
  return [socket, accepted!];
}

describe.each(families)('two hosts, IPv$family', (addresses) => {
  it.each([0, 65_000])(
    'carry a stream both ways and close, super-segments of %i bytes',
    (maxOffloadBytes) => {
      const { world, client, server } = pair(addresses, { maxOffloadBytes });
      const [a, b] = connected(world, client, server, addresses.server);
      expect(a.connection.isFallback).toBe(false);
      const up = pattern(300_000);
      const down = pattern(200_000, 7);
      a.write(world.now, up.slice());
      b.write(world.now, down.slice());
      a.shutdown(world.now);
      b.shutdown(world.now);
      world.run(world.now + 10 * SECOND);
      expect(isSame(readAll(world.now, b), up)).toBe(true);
      expect(isSame(readAll(world.now, a), down)).toBe(true);
      world.run(world.now + 10 * SECOND);
      expect(a.state).toBe('closed');
      expect(b.state).toBe('closed');
      expect(a.error).toBeUndefined();
      expect(b.error).toBeUndefined();
      expect(client.stack.counters.checksumErrors + server.stack.counters.checksumErrors).toBe(0);
      world.run(world.now + 5 * MINUTE);
      expect([client.stack.connectionCount, server.stack.connectionCount]).toEqual([0, 0]);
      expect([client.stack.timeWaitCount, server.stack.timeWaitCount]).toEqual([0, 0]);
    },
  );

  it('refuses where nobody listens', () => {
    const { world, client, server } = pair(addresses);
    const remote = { address: prefix(addresses.server).address, port: 81 };
    const socket = client.stack.connect(world.now, { remote });
    world.run(SECOND);
    expect(client.eventsOf('closed')).toEqual([
      { type: 'closed', socket, error: expect.objectContaining({ code: 'ECONNREFUSED' }) },
    ]);
    expect(server.stack.counters.resetsSent).toBe(1);
    expect(client.stack.connectionCount).toBe(0);
  });
});

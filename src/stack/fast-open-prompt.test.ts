/**
 * A server that answers what came in the SYN may keep its answer until it hears a DATA_ACK, as Linux does. Where all of the
 * request is out before the client can send one, that is a segment of its own, which can be lost.
 */
import { describe, expect, it } from 'vitest';
import { dissect, pattern, prefix, readAll, World, type TestHost } from '../../test/support/stack-pair.js';
import { MILLISECOND, SECOND } from '../base/index.js';
import { defaultMptcpSettings } from '../mptcp/index.js';
import { TcpFlag, type MptcpVersion } from '../wire/index.js';
import type { Listener } from './index.js';

const versions: readonly MptcpVersion[] = [0, 1];
const REQUEST_BYTES = 3000;

/** Segments of `host` with nothing but an acknowledgment. */
function acknowledgments(host: TestHost): number {
  return host.sent.filter((packet) => {
    const { flags, payload } = dissect(packet);
    return flags === TcpFlag.ACK && payload.length === 0;
  }).length;
}

/** A request that begins in the SYN and goes on with the client's key, up to when the server has acknowledged it. */
function ask(version: MptcpVersion): {
  world: World;
  client: TestHost;
  listener: Listener;
  read: () => number;
} {
  const world = new World();
  const settings = { mptcp: { ...defaultMptcpSettings, versions: [version] } };
  const [client, server] = [world.host(settings), world.host(settings)];
  world.wire(client, [prefix('10.0.0.1/24')], server, [prefix('10.0.0.2/24')]);
  const listener = server.stack.listen(world.now, {
    local: { port: 80 },
    fastOpen: { requireCookie: false },
  });
  const remote = { address: prefix('10.0.0.2/24').address, port: 80 };
  const socket = client.stack.connect(world.now, { remote, fastOpen: 'without-cookie' });
  socket.write(world.now, pattern(REQUEST_BYTES));
  world.run(100 * MILLISECOND);
  expect(socket.connection.fastOpen!.acceptedBytes).toBeGreaterThan(0);
  expect(socket.connection.isConfirmed).toBe(true);
  return { world, client, listener, read: () => readAll(world.now, socket).length };
}

describe.each(versions)(
  'the DATA_ACK that a server may wait for, in version %i (RFC 8684 §B.2)',
  (version) => {
    it('is repeated, less and less often and not for long, while nothing of the answer is heard', () => {
      const { world, client } = ask(version);
      const before = acknowledgments(client);
      expect(before).toBeGreaterThan(0);
      world.run(world.now + 400 * MILLISECOND);
      const soon = acknowledgments(client) - before;
      expect(soon).toBeGreaterThan(0);
      world.run(world.now + 60 * SECOND);
      expect(acknowledgments(client) - before).toBeGreaterThan(soon);
      expect(acknowledgments(client) - before).toBeLessThanOrEqual(3);
    });

    it('is not repeated once it is', () => {
      const { world, client, listener, read } = ask(version);
      listener.accept()!.write(world.now, pattern(10));
      world.run(world.now + 100 * MILLISECOND);
      expect(read()).toBe(10);
      const before = acknowledgments(client);
      world.run(world.now + 60 * SECOND);
      expect(acknowledgments(client)).toBe(before);
    });
  },
);

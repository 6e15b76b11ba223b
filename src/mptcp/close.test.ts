import { describe, expect, it } from 'vitest';
import { MILLISECOND, NEVER, SECOND, seq32 } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import { World } from '../../test/support/mptcp-world.js';
import type { WorldOptions } from '../../test/support/mptcp-world.js';

const plain: WorldOptions = { client: { enabled: false } };

function open(options: WorldOptions = {}): World {
  const world = new World(options).connect().run(SECOND);
  expect(world.server.of('established')).toHaveLength(1);
  return world;
}

/** The errors both sides closed with; each must have closed exactly once. */
function errors(world: World): (string | undefined)[] {
  const closed = [...world.client.of('closed'), ...world.server.of('closed')];
  expect(closed).toHaveLength(2);
  return closed.map(({ error }) => error?.code);
}

for (const [name, options] of [
  ['Multipath TCP', {}],
  ['Multipath TCP on two paths', { paths: [{}, {}] }],
  ['Multipath TCP version 0', { versions: [0] }],
  ['Multipath TCP version 0 on two paths', { versions: [0], paths: [{}, {}] }],
  ['Multipath TCP with checksums', { client: { checksum: true } }],
  ['plain TCP', plain],
] as const) {
  describe(`closing ${name}`, () => {
    it('lets the other direction go on after one has ended', () => {
      const world = open(options).send('client', 1000, true).run(SECOND);
      expect(world.server.of('peer-closed')).toHaveLength(1);
      expect(world.client.of('closed')).toEqual([]);
      world.send('server', 100_000).run(2 * SECOND);
      expect(world.isDelivered()).toBe(true);
      world.send('server', 0, true).run(SECOND);
      expect(errors(world)).toEqual([undefined, undefined]);
      expect(world.client.of('peer-closed')).toHaveLength(1);
    });

    it('works without a byte', () => {
      const world = open(options)
        .send('client', 0, true)
        .send('server', 0, true)
        .run(5 * SECOND);
      expect(errors(world)).toEqual([undefined, undefined]);
    });

    it('works when the end of the stream is written with the first bytes', () => {
      const world = new World(options).connect().send('client', 10, true).run(SECOND);
      world.send('server', 10, true).run(5 * SECOND);
      expect(errors(world)).toEqual([undefined, undefined]);
      expect(world.isDelivered()).toBe(true);
    });

    it('works when packets are lost', () => {
      for (let seed = 1; seed <= 10; seed++) {
        const paths = (options.paths ?? [{}]).map((path) => ({ ...path, loss: 0.25 }));
        const world = new World({ ...options, paths, seed }).connect();
        world.send('client', 5000, true).send('server', 5000, true);
        const isOver = world.runUntil(
          () => world.client.of('closed').length + world.server.of('closed').length === 2,
          300 * SECOND,
        );
        expect(isOver).toBe(true);
        expect(world.isDelivered()).toBe(true);
        expect(errors(world)).toEqual([undefined, undefined]);
      }
    });

    it('by close() throws away what the peer still sends', () => {
      const world = open(options).send('server', 3_000_000, true);
      world.runUntil(() => world.client.received > 100_000);
      world.client.open.close(world.now);
      world.poll(world.client);
      world.run(30 * SECOND);
      expect(errors(world)).toEqual([undefined, undefined]);
      expect(world.client.open.readableBytes).toBe(0);
    });

    it('by close() ends by force when the peer never ends', () => {
      const world = open({ ...options, client: { ...options.client, closeTimeoutNs: 5 * SECOND } });
      world.client.open.close(world.now);
      world.poll(world.client);
      world.run(10 * SECOND);
      expect(errors(world)).toEqual(['ETIMEDOUT', 'ECONNRESET']);
    });

    it('by abort() is a reset at the other side', () => {
      const world = open(options)
        .send('client', 100_000)
        .run(5 * MILLISECOND);
      world.client.open.abort(world.now);
      world.poll(world.client);
      world.run(SECOND);
      expect(errors(world)).toEqual([undefined, 'ECONNRESET']);
      expect(world.client.open.isReleasable).toBe(true);
      expect(world.server.open.isReleasable).toBe(true);
      const fast = world.trace.flatMap((view) =>
        view.options.filter(({ subtype }) => subtype === 'MP_FASTCLOSE'),
      );
      expect(fast.length > 0).toBe(name !== 'plain TCP');
    });
  });
}

describe('a peer that never closes its half of a subflow', () => {
  it.each([1, 2])('is not waited for once the connection is closed, with %i paths', (count) => {
    const world = open({ paths: [{}, {}].slice(0, count), client: { closeTimeoutNs: 5 * SECOND } });
    world.run(SECOND);
    world.tamper = (_packet, view) => view.from === 'client' || (view.flags & TcpFlag.FIN) === 0;
    world
      .send('client', 10, true)
      .send('server', 10, true)
      .run(2 * SECOND);
    expect(world.client.of('closed')).toEqual([{ type: 'closed', error: undefined }]);
    const states = world.client.open.subflows.map(({ tcp }) => tcp.state);
    expect(new Set(states)).toEqual(new Set(['fin-wait-2']));
    world.run(10 * SECOND);
    expect(world.client.open.isReleasable).toBe(true);
    expect(world.client.open.pollTimeout()).toBe(NEVER);
  });
});

describe('a connection that cannot be opened', () => {
  it('is refused', () => {
    for (const enabled of [true, false]) {
      const world = new World({ client: { enabled } });
      world.server.isListening = false;
      world.connect().run(SECOND);
      expect(world.client.of('closed')[0]!.error?.code).toBe('ECONNREFUSED');
      expect(world.client.open.isReleasable).toBe(true);
    }
  });

  it('times out', () => {
    const world = new World({ tcp: { synRetries: 2 } });
    world.paths[0]!.isUp = false;
    world.connect().run(60 * SECOND);
    expect(world.client.of('closed')[0]!.error?.code).toBe('ETIMEDOUT');
  });

  it('has no route', () => {
    const world = new World();
    world.paths[0]!.isUp = false;
    world.connect();
    const subflow = world.client.open.subflows[0]!;
    world.client.open.handleUnreachable(world.now, subflow, true, seq32(world.trace[0]!.seq));
    world.poll(world.client);
    expect(world.client.of('closed')[0]!.error?.code).toBe('EHOSTUNREACH');
  });

  it('is closed by its owner first', () => {
    const world = new World().connect();
    world.client.open.close(world.now);
    world.poll(world.client);
    expect(world.client.of('closed')).toEqual([{ type: 'closed', error: undefined }]);
    expect(world.client.open.isReleasable).toBe(true);
  });
});

describe('a reset of the last subflow', () => {
  it('without MP_TCPRST is one by a host that knows nothing of the connection', () => {
    const world = open();
    world.server.connection = undefined;
    world.send('client', 10).run(SECOND);
    expect(world.client.of('closed')[0]!.error?.code).toBe('ECONNRESET');
  });
});

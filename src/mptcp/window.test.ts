import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import type { MptcpVersion } from '../wire/index.js';
import { World } from '../../test/support/mptcp-world.js';

const versions: MptcpVersion[] = [1, 0];
const fast = { rateBps: 50e6, delayNs: 10 * MILLISECOND, queueBytes: 200_000 };
const slow = { rateBps: 5e6, delayNs: 80 * MILLISECOND, queueBytes: 200_000 };
const bufferBytes = 100_000;
/** A window field counts units, of two bytes for such a buffer: what rounding and a window probe add is kept too. */
const slackBytes = 4;

describe.each(versions)('the window that all subflows share, in version %i', (version) => {
  it('bounds what waits for the reader, and opens as it reads', () => {
    for (const paths of [[fast], [fast, slow]]) {
      const world = new World({
        versions: [version],
        paths,
        server: { receiveBufferBytes: bufferBytes },
      }).connect();
      world.server.isReading = false;
      world.send('client', 500_000).run(5 * SECOND);
      const { open } = world.server;
      expect(open.readableBytes).toBeLessThanOrEqual(bufferBytes + slackBytes);
      expect(open.readableBytes).toBeGreaterThan(bufferBytes / 2);
      for (let i = 0; i < 2000 && world.server.received < 500_000; i++) {
        world.read(world.server, 1000);
        world.poll(world.server);
        world.run(5 * MILLISECOND);
        expect(open.readableBytes).toBeLessThanOrEqual(bufferBytes + slackBytes);
      }
      expect(world.server.received).toBe(500_000);
      expect(world.server.wrongAt).toBe(-1);
    }
  });

  it('never makes the peer send what is then dropped', () => {
    const world = new World({
      versions: [version],
      paths: [fast, slow],
      server: { receiveBufferBytes: bufferBytes },
    }).connect();
    world.send('client', 800_000);
    expect(world.runUntil(() => world.isDelivered())).toBe(true);
    expect(world.server.open.statistics.droppedBytes).toBe(0);
  });

  it('is found open again after its update was lost', () => {
    const world = new World({
      versions: [version],
      paths: [fast],
      server: { receiveBufferBytes: bufferBytes },
    }).connect();
    world.server.isReading = false;
    world.send('client', 300_000).run(5 * SECOND);
    let isDeaf = true;
    world.tamper = (_, view) => !(isDeaf && view.from === 'server');
    world.server.isReading = true;
    world.poll(world.server);
    world.run(100 * MILLISECOND);
    isDeaf = false;
    expect(world.runUntil(() => world.isDelivered(), 120 * SECOND)).toBe(true);
    expect(world.server.wrongAt).toBe(-1);
  });

  it('may be tiny', () => {
    const world = new World({
      versions: [version],
      paths: [fast, slow],
      server: { receiveBufferBytes: 3000 },
    }).connect();
    world.send('client', 60_000);
    expect(world.runUntil(() => world.isDelivered(), 120 * SECOND)).toBe(true);
    expect(world.server.wrongAt).toBe(-1);
    expect(world.server.open.statistics.droppedBytes).toBe(0);
  });

  it('does not let a slow path stall a fast one for long', () => {
    const world = new World({
      versions: [version],
      paths: [fast, slow],
      server: { receiveBufferBytes: 400_000 },
    }).connect();
    const start = world.now;
    world.send('client', 2_000_000);
    expect(world.runUntil(() => world.isDelivered())).toBe(true);
    // The fast path alone would need a third of a second and its slow start.
    expect(world.now - start).toBeLessThan(2 * SECOND);
  });
});

describe.each(versions)('the send buffer, in version %i', (version) => {
  it('asks the writer to wait, and says when there is room', () => {
    const world = new World({ versions: [version], client: { sendBufferBytes: 50_000 } })
      .connect()
      .run(SECOND);
    world.paths[0]!.isUp = false;
    const { open } = world.client;
    expect(open.write(world.now, new Uint8Array(49_999))).toBe(true);
    expect(open.write(world.now, new Uint8Array(1))).toBe(false);
    expect(open.bufferedSendBytes).toBe(50_000);
    world.poll(world.client);
    world.run(SECOND);
    expect(world.client.of('writable')).toEqual([]);
    world.paths[0]!.isUp = true;
    world.run(10 * SECOND);
    expect(open.bufferedSendBytes).toBe(0);
    expect(world.client.of('writable')).toHaveLength(1);
  });
});

describe.each(versions)('a writer who ended the stream, in version %i', (version) => {
  it('is not asked for more when there is room', () => {
    const world = new World({ versions: [version], client: { sendBufferBytes: 50_000 } })
      .connect()
      .run(SECOND);
    expect(world.client.open.write(world.now, new Uint8Array(50_000))).toBe(false);
    world.client.open.shutdown(world.now);
    world.poll(world.client);
    world.run(10 * SECOND);
    expect(world.client.open.bufferedSendBytes).toBe(0);
    expect(world.client.of('writable')).toEqual([]);
  });
});

describe.each(versions)('events of the reader, in version %i', (version) => {
  it('come once until everything was read', () => {
    const world = new World({ versions: [version] }).connect().run(SECOND);
    world.server.isReading = false;
    world.send('client', 100).run(SECOND).send('client', 100).run(SECOND);
    expect(world.server.of('readable')).toHaveLength(1);
    world.read(world.server, 150);
    world.send('client', 100).run(SECOND);
    expect(world.server.of('readable')).toHaveLength(1);
    world.read(world.server, 150);
    world.send('client', 100).run(SECOND);
    expect(world.server.of('readable')).toHaveLength(2);
  });

  it('tell of the last bytes before the end', () => {
    const world = new World({ versions: [version] }).connect().run(SECOND);
    world.server.isReading = false;
    world.send('client', 100, true).run(SECOND);
    const types = world.server.events.map(({ type }) => type);
    expect(types.indexOf('readable')).toBeLessThan(types.indexOf('peer-closed'));
    expect(world.trace.every(({ flags }) => (flags & TcpFlag.RST) === 0)).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import { deriveInitialDataSeq } from '../wire/index.js';
import { World, addressOn, localAddress } from '../../test/support/mptcp-world.js';

const mbit10 = { rateBps: 10e6, delayNs: 10 * MILLISECOND, queueBytes: 60_000 };

/** Runs until both ends are closed; every byte must have arrived by then. */
function finish(world: World): void {
  const isOver = world.runUntil(
    () => world.client.of('closed').length + world.server.of('closed').length === 2,
  );
  expect(isOver).toBe(true);
  expect(world.isDelivered()).toBe(true);
  expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
  expect(world.client.of('closed')[0]!.error).toBeUndefined();
  expect(world.server.of('closed')[0]!.error).toBeUndefined();
}

describe('a transfer on one path', () => {
  it('brings every byte both ways, closes in order and leaves nothing behind', () => {
    const world = new World().connect();
    world.send('client', 300_000, true).send('server', 200_000, true);
    finish(world);
    expect(world.client.of('established')).toEqual([{ type: 'established', fallback: false, version: 1 }]);
    expect(world.server.of('established')).toEqual([{ type: 'established', fallback: false, version: 1 }]);
    expect(world.client.of('fallback')).toEqual([]);
    expect(world.client.open.bufferedSendBytes).toBe(0);
    world.run(200 * SECOND);
    for (const side of [world.client, world.server]) {
      expect(side.open.isReleasable).toBe(true);
      expect(side.open.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
      expect(side.of('subflow-released')).toHaveLength(1);
    }
  });

  it('does the same with segmentation offload, checksums and 32-bit numbers', () => {
    for (const settings of [
      { checksum: true },
      { dataSequenceBits: 32 },
      { checksum: true, dataSequenceBits: 32 },
    ] as const) {
      for (const maxOffloadBytes of [0, 65_535]) {
        const world = new World({ client: settings, maxOffloadBytes }).connect();
        world.send('client', 300_000, true).send('server', 200_000, true);
        finish(world);
        expect(world.client.open.statistics.checksumFailures).toBe(0);
        expect(world.client.of('fallback')).toEqual([]);
      }
    }
  });

  it('acknowledges with the width that the peer numbers with', () => {
    const world = new World({ client: { dataSequenceBits: 32 } }).connect();
    world.send('client', 100_000, true).send('server', 100_000, true);
    finish(world);
    const acks = world.trace.flatMap((view) =>
      view.from === 'server'
        ? view.options.flatMap((option) => (option.subtype === 'DSS' ? (option.dataAck?.bits ?? []) : []))
        : [],
    );
    expect(acks.at(-1)).toBe(32);
  });
});

describe('data sequence numbers that wrap at 32 bits', () => {
  /** A key whose owner's data begins less than 2 KiB below a multiple of 2^32; found by trying. */
  const key = { hi: 0x5eed, lo: 128_151 };

  it('do not confuse either side, in either width', () => {
    expect(deriveInitialDataSeq(key, 1).lo).toBeGreaterThan(2 ** 32 - 2048);
    for (const dataSequenceBits of [32, 64] as const) {
      const settings = { dataSequenceBits, checksum: true };
      const world = new World({
        client: settings,
        server: settings,
        clientKey: key,
        serverKey: key,
      }).connect();
      world.send('client', 300_000, true).send('server', 300_000, true);
      finish(world);
      expect(world.client.of('fallback')).toEqual([]);
    }
  });
});

describe('a transfer on two paths', () => {
  it('uses both about equally', () => {
    const world = new World({ paths: [mbit10, mbit10] }).connect();
    world.send('client', 2_000_000, true);
    expect(world.runUntil(() => world.isDelivered())).toBe(true);
    const perPath = [0, 1].map((index) =>
      world.client.open.subflows
        .filter((subflow) => subflow.local.address.equals(addressOn('client', index)))
        .reduce((sum, subflow) => sum + subflow.bytesSent, 0),
    );
    expect(perPath[0]! + perPath[1]!).toBe(2_000_000);
    expect(Math.min(...perPath)).toBeGreaterThan(700_000);
    world.send('server', 10, true).send('client', 0, true);
    finish(world);
  });

  it('survives loss, reordering and checksums, whatever the seed', () => {
    for (let seed = 1; seed <= 8; seed++) {
      const lossy = { ...mbit10, loss: 0.02 * (seed % 6), jitterNs: (seed % 4) * 5 * MILLISECOND };
      const world = new World({
        seed,
        paths: [lossy, { ...lossy, delayNs: 40 * MILLISECOND }],
        client: { checksum: seed % 2 === 0 },
      });
      world.connect().send('client', 80_000, true).send('server', 80_000, true);
      finish(world);
    }
  });

  it('counts data once that came on two subflows', () => {
    const world = new World({ paths: [mbit10, mbit10] }).connect().run(SECOND);
    world.send('client', 200_000);
    expect(world.runUntil(() => world.isDelivered())).toBe(true);
    expect(world.server.open.statistics.bytesReceived).toBe(200_000);
    const received = world.server.open.subflows.reduce((sum, subflow) => sum + subflow.bytesReceived, 0);
    expect(received).toBe(200_000);
  });
});

describe('the face', () => {
  it('refuses to write after shutdown', () => {
    const world = new World().connect().send('client', 10, true);
    expect(() => world.client.open.write(world.now, new Uint8Array(1))).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_STATE' }),
    );
  });

  it('gives both sides the same tokens, crosswise', () => {
    const world = new World().connect().run(SECOND);
    expect(world.client.open.localToken).toBe(world.server.open.remoteToken);
    expect(world.client.open.remoteToken).toBe(world.server.open.localToken);
    expect(world.client.of('token')).toEqual([
      { type: 'token', token: world.client.open.localToken, active: true },
    ]);
  });

  it('opens a subflow on the owner’s own wish', () => {
    const world = new World({ paths: [{}, {}], managed: false }).connect().send('client', 100).run(SECOND);
    const request = {
      local: { address: addressOn('client', 1), port: 50_000 },
      remote: { address: addressOn('server', 0), port: 80 },
      localId: localAddress('client', 1).id,
      remoteId: 0,
      backup: false,
      parameters: world.parameters(),
    };
    const subflow = world.client.open.openSubflow(world.now, request);
    world.poll(world.client);
    world.run(SECOND);
    expect(subflow?.state).toBe('active');
    expect(world.server.of('subflow-opened')).toHaveLength(2);
  });
});

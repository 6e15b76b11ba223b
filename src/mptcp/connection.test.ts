import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import { World } from '../../test/support/mptcp-world.js';

describe('a transfer on one path', () => {
  it('brings every byte both ways and closes in order', () => {
    const world = new World().connect();
    world.send('client', 300_000, true).send('server', 200_000, true);
    expect(world.runUntil(() => world.client.of('closed').length + world.server.of('closed').length === 2)).toBe(true);
    expect(world.isDelivered()).toBe(true);
    expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
    expect(world.client.of('closed')).toEqual([{ type: 'closed', error: undefined }]);
    expect(world.client.of('established')).toEqual([{ type: 'established', fallback: false, version: 1 }]);
    expect(world.server.of('established')).toEqual([{ type: 'established', fallback: false, version: 1 }]);
    expect(world.client.of('fallback')).toEqual([]);
    world.run(200 * SECOND);
    expect(world.client.open.isReleasable).toBe(true);
    expect(world.server.open.isReleasable).toBe(true);
    expect(world.client.open.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a transfer on two paths', () => {
  it('uses both', () => {
    const path = { rateBps: 10e6, delayNs: 10 * MILLISECOND, queueBytes: 60_000 };
    const world = new World({ paths: [path, path] }).connect();
    world.send('client', 4_000_000, true).send('server', 10, true);
    expect(world.runUntil(() => world.client.of('closed').length + world.server.of('closed').length === 2)).toBe(true);
    expect(world.isDelivered()).toBe(true);
    expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
    const shares = world.client.of('subflow-closed').map(({ subflow }) => subflow.bytesSent);
    console.log(shares, world.now / 1e9, world.client.open.statistics);
    expect(Math.min(...shares)).toBeGreaterThan(1_000_000);
  });
});

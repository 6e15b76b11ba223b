import { describe, expect, it } from 'vitest';
import { World, addressOn } from '../../test/support/mptcp-world.js';
import { MILLISECOND, SECOND } from '../base/index.js';
import { redundant } from './scheduler/redundant.js';

const quick = { rateBps: 20e6, delayNs: 10 * MILLISECOND, queueBytes: 50_000 };
const slow = { rateBps: 5e6, delayNs: 60 * MILLISECOND, queueBytes: 50_000 };
const bytes = 600_000;

function world(options: Partial<ConstructorParameters<typeof World>[0]> = {}): World {
  // Without announcements there is one subflow on each path.
  const client = { scheduler: redundant, heedAnnouncements: false };
  return new World({ paths: [quick, slow], client, ...options }).connect();
}

/** Payload bytes that the client put on path `index`. */
function sentOn(within: World, index: number): number {
  return within.trace
    .filter((view) => view.from === 'client' && view.path === index)
    .reduce((sum, view) => sum + view.payloadLength, 0);
}

describe('copies on several subflows', () => {
  it('reach the reader once, whatever is lost on the way', () => {
    let copied = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const lossy = {
        seed,
        paths: [
          { ...quick, loss: 0.05 },
          { ...slow, loss: 0.05 },
        ],
      };
      const both = world(lossy).send('client', 200_000, true).send('server', 1000, true);
      expect(both.runUntil(() => both.isDelivered())).toBe(true);
      expect([both.client.wrongAt, both.server.wrongAt]).toEqual([-1, -1]);
      expect(both.server.open.statistics.bytesReceived).toBe(200_000);
      copied += both.client.open.statistics.copiedBytes;
    }
    expect(copied).toBeGreaterThan(10_000);
  });

  it('are no longer sent once the peer has acknowledged the bytes', () => {
    const both = world().send('client', bytes);
    expect(both.runUntil(() => both.isDelivered())).toBe(true);
    const { copiedBytes, bytesSent, reinjectedBytes } = both.client.open.statistics;
    expect(bytesSent).toBe(bytes);
    expect(reinjectedBytes).toBe(0);
    // The slow path skips what came over the quick one: its share is that of its rate.
    expect(copiedBytes).toBeGreaterThan(10_000);
    expect(copiedBytes).toBeLessThan(bytes / 2);
    expect(sentOn(both, 0)).toBeGreaterThanOrEqual(bytes);
  });

  it('make up for a path that dies without anything being sent again', () => {
    const both = world({ paths: [quick, { ...quick, delayNs: 12 * MILLISECOND }] }).send('client', bytes);
    both.runUntil(() => both.server.received > bytes / 3);
    both.paths[0]!.isUp = false;
    expect(both.runUntil(() => both.isDelivered(), 10 * SECOND)).toBe(true);
    expect(both.server.wrongAt).toBe(-1);
    expect(both.client.open.statistics.failureReinjectedBytes).toBe(0);
  });

  it('leave nothing behind on a path that closes before the other has caught up', () => {
    const both = world().send('client', bytes, true);
    both.runUntil(() => both.server.received > bytes / 3);
    const { open } = both.client;
    const first = open.subflows.find(({ local }) => local.address.equals(addressOn('client', 0)))!;
    open.closeSubflow(both.now, first);
    both.poll(both.client);
    expect(both.runUntil(() => both.isDelivered(), 30 * SECOND)).toBe(true);
    expect(both.server.wrongAt).toBe(-1);
  });

  it('do not go over backups', () => {
    const both = world().send('client', 20_000);
    both.run(SECOND);
    both.client.open.setBackup(both.now, both.client.open.subflows[1]!, true);
    const before = sentOn(both, 1);
    both.send('client', 100_000);
    expect(both.runUntil(() => both.isDelivered())).toBe(true);
    expect(sentOn(both, 1)).toBe(before);
  });
});

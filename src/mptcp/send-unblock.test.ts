import { describe, expect, it } from 'vitest';
import { World } from '../../test/support/mptcp-world.js';
import { Deque, MILLISECOND } from '../base/index.js';
import type { ConnectionCore } from './core.js';
import { unblock } from './send-unblock.js';
import type { MptcpSettings } from './settings.js';

/** The links of NSDI 2012: a Wi-Fi and a 3G with a queue of two seconds, before a peer with a small window. */
const paths = [
  { rateBps: 8e6, delayNs: 10 * MILLISECOND, queueBytes: 80_000 },
  { rateBps: 2e6, delayNs: 75 * MILLISECOND, queueBytes: 500_000 },
];
const bytes = 2_000_000;

/** A world with one subflow on each path: announcements would lead to more. */
function connected(settings: Partial<MptcpSettings>, all = paths, receiveBufferBytes = 200_000): World {
  const client = { ...settings, heedAnnouncements: false };
  return new World({ paths: all, client, server: { receiveBufferBytes } }).connect();
}

function transfer(settings: Partial<MptcpSettings>, all = paths): World {
  const world = connected(settings, all).send('client', bytes);
  expect(world.runUntil(() => world.isDelivered())).toBe(true);
  expect(world.server.wrongAt).toBe(-1);
  return world;
}

const neither = { opportunisticRetransmission: false, penalisation: false };

describe('data that keeps the window closed on a slow subflow (NSDI 2012, §4.2)', () => {
  it('is sent again over a quick one that has room, each byte once', () => {
    const { client } = transfer({ ...neither, opportunisticRetransmission: true });
    const { statistics } = client.open;
    expect(statistics.windowReinjectedBytes).toBeGreaterThan(0);
    expect(statistics.windowReinjectedBytes).toBeLessThan(bytes / 4);
    expect(statistics.penalties).toBe(0);
    const told = client.of('reinjection').filter(({ cause }) => cause === 'window-blocked');
    expect(told.reduce((sum, event) => sum + event.bytes, 0)).toBe(statistics.windowReinjectedBytes);
    expect(told.every(({ subflow }) => subflow.isInitial)).toBe(true);
  });

  it('has the window of the slow one halved, at most once in its round trip', () => {
    const started = connected({ ...neither, penalisation: true }).send('client', bytes);
    let last = Number.NEGATIVE_INFINITY;
    let told = 0;
    started.runUntil(() => {
      const events = started.client.of('subflow-penalised');
      if (events.length > told) {
        const { subflow } = events.at(-1)!;
        expect(events.length).toBe(told + 1);
        expect(subflow.isInitial).toBe(false);
        expect(started.now - last).toBeGreaterThanOrEqual(2 * paths[1]!.delayNs);
        last = started.now;
        told = events.length;
      }
      return started.isDelivered();
    });
    expect(started.server.wrongAt).toBe(-1);
    expect(told).toBeGreaterThan(1);
    expect(started.client.open.statistics).toMatchObject({ penalties: told, windowReinjectedBytes: 0 });
  });

  it('is left alone where both switches are off, and where the paths are alike', () => {
    const off = transfer(neither).client.open.statistics;
    expect(off).toMatchObject({ penalties: 0, windowReinjectedBytes: 0, reinjectedBytes: 0 });
    const alone = transfer({}, [paths[0]!]).client.open.statistics;
    expect(alone).toMatchObject({ penalties: 0, windowReinjectedBytes: 0 });
  });

  it('costs less time with both switches than without', () => {
    const without = transfer(neither);
    const both = transfer({});
    expect(both.now).toBeLessThan(without.now);
  });

  it('does not make a backup carry data', () => {
    const world = connected({}, [paths[1]!, paths[0]!], 100_000).send('client', 1000);
    world.run(1000 * MILLISECOND);
    world.client.open.setBackup(world.now, world.client.open.subflows[1]!, true);
    const { bytesSent } = world.client.open.subflows[1]!;
    world.send('client', 500_000);
    expect(world.runUntil(() => world.isDelivered())).toBe(true);
    expect(world.client.open.subflows[1]!.bytesSent).toBe(bytesSent);
    expect(world.client.open.statistics.reinjectedBytes).toBe(0);
  });
});

describe('a byte that was sent again', () => {
  it('is found at once where many others are under way, as long as the window stays closed', () => {
    let looks = 0;
    class Counting<T> extends Deque<T> {
      override at(index: number): T | undefined {
        looks++;
        return super.at(index);
      }
    }
    const recordsOf = (starts: readonly number[]): Deque<{ dataStart: number; dataEnd: number }> => {
      const records = new Counting<{ dataStart: number; dataEnd: number }>();
      for (const dataStart of starts) records.push({ dataStart, dataEnd: dataStart + 10 });
      return records;
    };
    const subflowOf = (srttNs: number, starts: readonly number[]): object => ({
      ...{ state: 'active', isStale: false, isBackup: false, tcp: { rtt: { srttNs } } },
      ...{ sendRoomBytes: () => 1000, records: recordsOf(starts) },
    });
    const thousand = Array.from({ length: 1000 }, (_, i) => 10 * (i + 1));
    const core = {
      ...{ isFallback: false, settings: {}, windowBlocks: 0, sender: { una: 5, nxt: 10_010 } },
      // The quick one, which has the first bytes behind a thousand later records; and the slow one, on which they are lost.
      subflows: [subflowOf(1, [...thousand, 0]), subflowOf(2, [0])],
    };
    unblock(core as unknown as ConnectionCore, 0);
    expect(core.windowBlocks).toBe(0);
    expect(looks).toBeLessThan(5);
  });
});

describe('the counters of what was sent again', () => {
  it('add up by cause', () => {
    const world = connected({});
    world.send('client', bytes);
    world.runUntil(() => world.server.received > bytes / 2);
    world.paths[0]!.isUp = false;
    expect(world.runUntil(() => world.isDelivered())).toBe(true);
    const { statistics } = world.client.open;
    const { failureReinjectedBytes, timerReinjectedBytes, windowReinjectedBytes, reinjectedBytes } =
      statistics;
    expect(failureReinjectedBytes).toBeGreaterThan(0);
    expect(failureReinjectedBytes + timerReinjectedBytes + windowReinjectedBytes).toBe(reinjectedBytes);
    const events = world.client.of('reinjection');
    expect(events.reduce((sum, event) => sum + event.bytes, 0)).toBe(reinjectedBytes);
  });
});

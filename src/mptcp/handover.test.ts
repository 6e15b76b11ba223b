import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import type { MptcpVersion } from '../wire/index.js';
import { World, addressOn, localAddress } from '../../test/support/mptcp-world.js';
import type { PathOptions } from '../../test/support/mptcp-world.js';

const versions: MptcpVersion[] = [1, 0];
const wifi: PathOptions = { rateBps: 20e6, delayNs: 10 * MILLISECOND, queueBytes: 50_000 };
const lte: PathOptions = { rateBps: 10e6, delayNs: 30 * MILLISECOND, queueBytes: 100_000 };

/** Longest time without progress at the receiver from now on until everything is delivered. */
function longestGapNs(world: World): number {
  let gap = 0;
  let before = world.now;
  let received = world.server.received + world.client.received;
  while (!world.isDelivered()) {
    expect(world.runUntil(() => world.server.received + world.client.received > received, 30 * SECOND)).toBe(
      true,
    );
    gap = Math.max(gap, world.now - before);
    before = world.now;
    received = world.server.received + world.client.received;
  }
  return gap;
}

describe.each(versions)('a path that dies in the middle of a transfer, in version %i', (version) => {
  it('costs no byte, and a gap of a few round-trip times', () => {
    for (const sender of ['client', 'server'] as const) {
      const world = new World({ versions: [version], paths: [wifi, lte] })
        .connect()
        .send(sender, 1_200_000, true);
      world.runUntil(() => world.other(sender).received > 500_000);
      world.paths[0]!.isUp = false;
      expect(longestGapNs(world)).toBeLessThan(500 * MILLISECOND);
      expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
      expect(world.side(sender).open.statistics.reinjectedBytes).toBeGreaterThan(0);
    }
  });

  it('is used again when it comes back', () => {
    const world = new World({ versions: [version], paths: [wifi, lte] }).connect().send('client', 3_500_000);
    world.runUntil(() => world.server.received > 500_000);
    world.paths[0]!.isUp = false;
    world.run(SECOND);
    const before = world.client.open.subflows[0]!.bytesSent;
    world.paths[0]!.isUp = true;
    expect(world.runUntil(() => world.isDelivered())).toBe(true);
    expect(world.client.open.subflows[0]!.bytesSent).toBeGreaterThan(before);
    expect(world.server.wrongAt).toBe(-1);
  });

  it('is noticed at once when its address goes, and the peer is told', () => {
    const world = new World({ versions: [version], paths: [wifi, lte] }).connect().send('client', 1_500_000);
    world.runUntil(() => world.server.received > 500_000);
    world.paths[0]!.isUp = false;
    world.tellAddresses(world.client, [localAddress('client', 1)]);
    expect(longestGapNs(world)).toBeLessThan(500 * MILLISECOND);
    expect(world.client.of('subflow-closed').some(({ subflow }) => subflow.localId === 0)).toBe(true);
    expect(world.server.of('address-removed')).toEqual([{ type: 'address-removed', id: 0 }]);
    // The other end makes sure first that the path is gone (RFC 8684 §3.4.2).
    world.run(10 * SECOND);
    expect(world.server.open.subflows.every(({ remoteId }) => remoteId === 2)).toBe(true);
  });
});

describe.each(versions)('break before make, in version %i', (version) => {
  it('goes on over a new subflow when the last one is gone', () => {
    const world = new World({ versions: [version], paths: [wifi, lte] }).connect();
    world.tellAddresses(world.client, [localAddress('client', 0)]);
    world.send('client', 2_000_000, true).send('server', 1000, true);
    world.runUntil(() => world.server.received > 500_000);
    world.paths[0]!.isUp = false;
    world.tellAddresses(world.client, []);
    world.run(3 * SECOND);
    expect(world.client.open.subflows.filter(({ state }) => state !== 'closed')).toEqual([]);
    expect(world.client.of('closed')).toEqual([]);
    world.tellAddresses(world.client, [localAddress('client', 1)]);
    expect(
      world.runUntil(() => world.client.of('closed').length + world.server.of('closed').length === 2),
    ).toBe(true);
    expect(world.isDelivered()).toBe(true);
    expect(world.server.wrongAt).toBe(-1);
    expect(world.client.of('closed')[0]!.error).toBeUndefined();
  });

  it('fails with a clear error when the grace time is over', () => {
    const world = new World({ versions: [version], paths: [wifi, lte], client: { graceNs: 5 * SECOND } })
      .connect()
      .send('client', 100)
      .run(SECOND);
    world.tellAddresses(world.client, []);
    world.run(4 * SECOND);
    expect(world.client.of('closed')).toEqual([]);
    world.run(2 * SECOND);
    expect(world.client.of('closed')[0]!.error?.code).toBe('ETIMEDOUT');
    expect(world.client.open.isReleasable).toBe(true);
  });

  it('ends on the other side when TCP gives the path up', () => {
    const tcp = { dataRetries: 3 };
    const world = new World({ versions: [version], paths: [wifi], tcp, server: { graceNs: 2 * SECOND } })
      .connect()
      .send('server', 50_000_000);
    world.runUntil(() => world.client.received > 100_000);
    world.paths[0]!.isUp = false;
    world.run(30 * SECOND);
    expect(world.server.of('subflow-closed')[0]!.reason).toBe('timeout');
    expect(world.server.of('closed')[0]!.error?.code).toBe('ETIMEDOUT');
  });
});

describe.each(versions)('a backup, in version %i', (version) => {
  it('carries nothing while a regular subflow is usable, and everything when none is', () => {
    const world = new World({ versions: [version], paths: [wifi, lte] });
    world.connect();
    world.tellAddresses(world.client, [
      localAddress('client', 0),
      localAddress('client', 1, { backup: true }),
    ]);
    world.send('client', 1_500_000).send('server', 1_500_000);
    world.runUntil(() => world.server.received > 700_000);
    const backups = world.client.open.subflows.filter(({ local }) =>
      local.address.equals(addressOn('client', 1)),
    );
    expect(backups.length).toBeGreaterThan(0);
    expect(
      backups.every(
        ({ isBackup, bytesSent, bytesReceived }) => isBackup && bytesSent === 0 && bytesReceived === 0,
      ),
    ).toBe(true);
    world.paths[0]!.isUp = false;
    expect(longestGapNs(world)).toBeLessThan(500 * MILLISECOND);
    expect(backups.reduce((sum, { bytesSent }) => sum + bytesSent, 0)).toBeGreaterThan(400_000);
  });

  it('can be made of a subflow later, and regular again, by either side', () => {
    const world = new World({ versions: [version], paths: [wifi, wifi], client: { maxSubflows: 2 } })
      .connect()
      .send('client', 1000)
      .run(SECOND);
    const subflow = world.client.open.subflows[1]!;
    world.client.open.setBackup(world.now, subflow, true);
    world.poll(world.client);
    world.run(SECOND);
    expect(world.server.of('subflow-priority')).toMatchObject([{ peerBackup: true }]);
    const before = subflow.bytesReceived;
    world.send('server', 500_000).run(2 * SECOND);
    expect(subflow.bytesReceived).toBe(before);
    world.client.open.setBackup(world.now, subflow, false);
    world.poll(world.client);
    world.send('server', 500_000).run(2 * SECOND);
    expect(subflow.bytesReceived).toBeGreaterThan(before);
  });
});

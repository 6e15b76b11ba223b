import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { server, servers } from '../../test/support/balancer-packets.js';
import { MINUTE, NEVER, SECOND } from '../base/index.js';
import { BucketTable } from './bucket-table.js';
import { ServerSet, type ServerSpec } from './servers.js';

const size = 1024;
const chainNs = 4 * MINUTE;

function tableOf(specs: readonly ServerSpec[]) {
  const counters = { bucketsMoved: 0 };
  const table = new BucketTable(0, size, chainNs, new ServerSet(specs), counters);
  const owners = (): number[] => Array.from({ length: size }, (_, bucket) => table.owner(bucket));
  const countOf = (id: number): number => owners().filter((owner) => owner === id).length;
  const revise = (now: number, next: readonly ServerSpec[]): void => table.revise(now, new ServerSet(next));
  return { table, counters, owners, countOf, revise };
}

describe("Beamer's buckets", () => {
  it('are shared out by weight', () => {
    const { countOf } = tableOf([server(1), server(2, { weight: 2 }), server(3, { weight: 5 })]);
    expect([1, 2, 3].map(countOf)).toEqual([128, 256, 640]);
  });

  it('move only to a server that comes, its share exactly', () => {
    const { owners, revise, counters, countOf, table } = tableOf(servers(4));
    const before = owners();
    revise(SECOND, servers(5));
    const moved = owners().flatMap((owner, bucket) => (owner === before[bucket] ? [] : [{ owner, bucket }]));
    expect(new Set(moved.map(({ owner }) => owner))).toEqual(new Set([5]));
    expect(moved).toHaveLength(countOf(5));
    expect(Math.abs(countOf(5) - size / 5)).toBeLessThanOrEqual(1);
    expect(counters.bucketsMoved).toBe(moved.length);
    for (const { bucket } of moved) {
      expect(table.former(SECOND, bucket)).toBe(before[bucket]);
      expect(table.movedAtSeconds(bucket)).toBe(1);
    }
  });

  it('move only from a server that drains or is gone', () => {
    for (const state of ['draining', 'gone'] as const) {
      const { owners, revise, table } = tableOf(servers(4));
      const before = owners();
      revise(SECOND, [...servers(3), server(4, { state })]);
      owners().forEach((owner, bucket) => {
        expect(owner).toBe(before[bucket] === 4 ? owner : before[bucket]);
        expect(owner).not.toBe(4);
        // Nobody asks the dead.
        expect(table.former(SECOND, bucket)).toBe(before[bucket] === 4 && state === 'draining' ? 4 : 0);
      });
    }
  });

  it('do not move while somebody is still asked about their flows, unless their owner is gone', () => {
    const { owners, revise, table } = tableOf(servers(2));
    revise(0, servers(3));
    const before = owners();
    revise(SECOND, [...servers(2), server(3, { state: 'draining' })]);
    expect(owners()).toEqual(before);
    expect(table.nextRevision()).toBe(chainNs);
    revise(chainNs, [...servers(2), server(3, { state: 'draining' })]);
    expect(owners()).not.toContain(3);
    expect(table.nextRevision()).toBe(NEVER);
  });

  it('of a server that is gone go back to who had them, and so nothing of that one is lost', () => {
    const { owners, revise } = tableOf(servers(2));
    const before = owners();
    revise(0, servers(3));
    revise(SECOND, servers(2));
    expect(owners()).toEqual(before);
  });

  it('remember who drained before the one that is gone', () => {
    const { table, revise, owners } = tableOf(servers(3));
    const before = owners();
    const draining = server(1, { state: 'draining' });
    revise(SECOND, [draining, server(2), server(3)]);
    const with2 = owners();
    revise(2 * SECOND, [draining, server(3)]);
    before.forEach((first, bucket) => {
      if (first !== 1 || with2[bucket] !== 2) return;
      expect([table.owner(bucket), table.former(2 * SECOND, bucket)]).toEqual([3, 1]);
    });
  });

  it('forget who had them in time', () => {
    const { table, revise, owners } = tableOf(servers(2));
    revise(0, servers(3));
    const bucket = owners().indexOf(3);
    expect(table.former(chainNs - 1, bucket)).not.toBe(0);
    expect(table.former(chainNs, bucket)).toBe(0);
  });

  it('stay with the last server that drains, and are nobody’s without servers', () => {
    const { owners, revise } = tableOf(servers(1));
    revise(0, [server(1, { state: 'draining' })]);
    expect(new Set(owners())).toEqual(new Set([1]));
    revise(0, []);
    expect(new Set(owners())).toEqual(new Set([0]));
    revise(0, servers(2));
    expect(new Set(owners())).toEqual(new Set([1, 2]));
  });

  it('have a generation that rises with every change, and with no other call', () => {
    const { table, revise } = tableOf(servers(2));
    expect(table.generation).toBe(1);
    revise(0, servers(2));
    expect(table.generation).toBe(1);
    revise(0, servers(3));
    expect(table.generation).toBe(2);
  });

  it('whatever comes and drains, never leave a live flow with neither owner nor former owner', () => {
    const step = fc.record({
      id: fc.integer({ min: 1, max: 8 }),
      state: fc.constantFrom('up', 'draining', 'remove' as const),
      afterNs: fc.integer({ min: 0, max: 200 }).map((seconds) => seconds * SECOND),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const list = new Map(servers(4).map((spec) => [spec.id, spec]));
        const { table, owners, revise } = tableOf([...list.values()]);
        // A flow of each bucket begins at first, and lives for less than the chain does.
        const homes = owners();
        let now = 0;
        for (const { id, state, afterNs } of steps) {
          now += afterNs;
          if (table.nextRevision() <= now) revise(now, [...list.values()]);
          // A server is taken off the list once it has drained for long enough to have no flows.
          if (state === 'remove') continue;
          list.set(id, server(id, { state }));
          revise(now, [...list.values()]);
          if (now >= chainNs) return;
          homes.forEach((home, bucket) => {
            const reachable = [table.owner(bucket), table.former(now, bucket)];
            expect(reachable).toContain(home);
          });
        }
      }),
      { numRuns: 60, seed: 11 },
    );
  });
});

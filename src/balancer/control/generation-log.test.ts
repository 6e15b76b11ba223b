import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { balancerOf, server, servers } from '../../../test/support/balancer-packets.js';
import { drawPacket, drawnPortBase, drawnServices } from '../../../test/support/balancer-traffic.js';
import { MINUTE, NEVER, SECOND, SeededRandom } from '../../base/index.js';
import { type Balancer } from '../balancer.js';
import { designNames } from '../designs.js';
import type { Generation } from './generation.js';
import { parseSnapshot, snapshotToJson } from './generation-json.js';
import { GenerationLog } from './generation-log.js';

const settings = { buckets: 128, maglevPlaces: 251, chainNs: MINUTE };
const start = 1_800_000_000 * SECOND;

function grow(log: GenerationLog, now: number, count: number): Generation {
  const generation = log.next(now, servers(count), 'a test');
  log.append(generation);
  return generation;
}

describe('the log of generations', () => {
  it('numbers generations from 1 and gives each a later time, whatever the clock says', () => {
    const log = new GenerationLog('beamer', settings);
    grow(log, start, 2);
    const second = grow(log, start - SECOND, 3);
    expect(second.number).toBe(2);
    expect(second.atNs).toBeGreaterThan(start);
    expect(log.current).toBe(second);
    expect(log.length).toBe(2);
  });

  it('refuses a generation that does not follow, and stays as it is', () => {
    const log = new GenerationLog('beamer', settings);
    expect(() => log.snapshot()).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_STATE' }));
    const first = grow(log, start, 2);
    const next = log.next(start + SECOND, servers(3), '');
    for (const wrong of [{ ...next, number: 3 }, { ...next, atNs: first.atNs }, first]) {
      expect(() => log.append(wrong)).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_STATE' }));
    }
    expect(() => log.append({ ...next, servers: [server(1), server(1)] })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SERVER' }),
    );
    expect(log.current).toBe(first);
    log.append(next);
  });

  it('tells when buckets that wait may move, and how many each server has', () => {
    const log = new GenerationLog('beamer', settings);
    grow(log, start, 3);
    expect(log.nextRevision()).toBe(NEVER);
    const change = grow(log, start + SECOND, 4);
    grow(log, start + 2 * SECOND, 3);
    // Server 4 is gone again: its buckets went back. Now it comes a second time and has to wait for nothing.
    expect(log.bucketsByServer()).toEqual(
      new Map([
        [1, 43],
        [2, 43],
        [3, 42],
      ]),
    );
    grow(log, start + 3 * SECOND, 5);
    const draining = log.next(
      start + 4 * SECOND,
      [...servers(4), server(5, { state: 'draining' })],
      'a drain',
    );
    log.append(draining);
    expect(log.nextRevision()).toBe(start + 3 * SECOND + settings.chainNs);
    expect(change.number).toBe(2);
    expect(new GenerationLog('stateless').bucketsByServer()).toBeUndefined();
  });

  it('shares buckets out anew from a snapshot that has none that fit, and says so', () => {
    const log = new GenerationLog('beamer', settings);
    grow(log, start, 3);
    const snapshot = log.snapshot();
    expect(new GenerationLog('beamer', settings).restore(snapshot)).toBe(true);
    expect(new GenerationLog('beamer', { ...settings, buckets: 64 }).restore(snapshot)).toBe(false);
    const plain = new GenerationLog('maglev', settings);
    expect(plain.restore(snapshot)).toBe(true);
    expect(plain.snapshot()).toEqual({ generation: snapshot.generation });
    expect(new GenerationLog('beamer', settings).restore(plain.snapshot())).toBe(false);
  });
});

/** A list of servers, and how much later it comes than the one before it. */
const change = fc.record({
  afterNs: fc.integer({ min: 1, max: 90 }).map((seconds) => seconds * SECOND + 123_456_789),
  states: fc.array(fc.constantFrom('up', 'up', 'draining', 'gone'), { minLength: 1, maxLength: 6 }),
});

/** What both balancers say of the same packets. */
function compare(a: Balancer, b: Balancer, now: number, seed: number): void {
  const random = new SeededRandom(seed);
  for (let i = 0; i < 60; i++) {
    const packet = drawPacket(random);
    const first = a.steer(now, packet);
    const said = [first.action, first.reason, first.server?.id, first.previous?.id, first.movedAtSeconds];
    const told = first.generation;
    const second = b.steer(now, packet);
    expect([
      ...[second.action, second.reason, second.server?.id, second.previous?.id],
      second.movedAtSeconds,
    ]).toEqual(said);
    expect(second.generation).toBe(told);
  }
}

describe('a balancer that begins from a snapshot', () => {
  const stateless = designNames.filter((name) => name !== 'stateful' && name !== 'token-map');

  it.each(stateless)('decides as one that ran all along: %s', (design) => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 2, maxLength: 12 }), fc.nat(), (changes, seed) => {
        const log = new GenerationLog(design, settings);
        log.append(log.next(start, servers(3), ''));
        const common = { services: drawnServices, joinPortBase: drawnPortBase, settings };
        const first = log.snapshot();
        const began = {
          ...common,
          servers: first.generation.servers,
          ...(first.buckets !== undefined && { buckets: first.buckets }),
        };
        const always = balancerOf(design, began, start);
        const joinsAt = seed % changes.length;
        let late: Balancer | undefined;
        let now = start;
        changes.forEach(({ afterNs, states }, i) => {
          now += afterNs;
          const list = states.map((state, at) => server(at + 1, { state, weight: 1 + (at % 3) }));
          const generation = log.next(now, list, '');
          log.append(generation);
          // News takes its time, and packets come meanwhile.
          always.setServers(generation.atNs, generation.servers);
          late?.setServers(generation.atNs, generation.servers);
          if (i === joinsAt) {
            const read = parseSnapshot(JSON.parse(JSON.stringify(snapshotToJson(log.snapshot()))));
            expect(read.ok).toBe(true);
            if (!read.ok) return;
            const { generation: from, buckets } = read.value;
            const options = { ...common, servers: from.servers, ...(buckets !== undefined && { buckets }) };
            late = balancerOf(design, options, now + SECOND);
          }
          for (const each of [always, late]) each?.handleTimeout(now + 2 * SECOND);
          if (late !== undefined) compare(always, late, now + 3 * SECOND, seed + i);
        });
      }),
      { numRuns: 40 },
    );
  });
});

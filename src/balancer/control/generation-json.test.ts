import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { server, servers } from '../../../test/support/balancer-packets.js';
import { MINUTE, SECOND } from '../../base/index.js';
import type { Generation } from './generation.js';
import {
  generationToJson,
  maxSharedTokens,
  parseGeneration,
  parseObservation,
  parseSnapshot,
  parseTokenEntries,
  snapshotToJson,
} from './generation-json.js';
import { GenerationLog } from './generation-log.js';

const through = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

const generation: Generation = {
  ...{ number: 7, atNs: 1_800_000_000_123_456_800, reason: 'server 2 is down: refused' },
  servers: [
    server(1),
    { ...server(2), state: 'gone', wanted: 'up', weight: 3 },
    server(3, { state: 'draining' }),
  ],
};

describe('generations as JSON', () => {
  it('come back as they were, times to the last bit', () => {
    expect(parseGeneration(through(generationToJson(generation)))).toEqual({ ok: true, value: generation });
  });

  it('may have fields of a later version', () => {
    const json = { ...generationToJson(generation), later: 1 };
    expect(parseGeneration(through(json))).toEqual({ ok: true, value: generation });
  });

  it.each([
    ['no object', 7],
    ['nothing', null],
    ['a number that is none', { ...generationToJson(generation), number: 0 }],
    ['a time that is none', { ...generationToJson(generation), atNs: '1' }],
    ['no reason', { ...generationToJson(generation), reason: undefined }],
    ['a reason without end', { ...generationToJson(generation), reason: 'x'.repeat(513) }],
    ['no servers', { ...generationToJson(generation), servers: {} }],
    ['a server without an address', { ...generationToJson(generation), servers: [{ id: 1 }] }],
    [
      'a server in no state',
      { ...generationToJson(generation), servers: [{ id: 1, address: '10.0.0.1', state: 'x' }] },
    ],
    [
      'a server twice',
      {
        ...generationToJson(generation),
        servers: [1, 1].map((id) => ({ id, address: '10.0.0.1' })),
      },
    ],
    ['a server twice as heavy', { ...generationToJson(generation), servers: [{ id: 1, weight: '2' }] }],
  ])('are refused with %s', (_what, json) => {
    expect(parseGeneration(through(json ?? null))).toMatchObject({ ok: false, code: 'bad-state' });
  });

  it('are refused for any nonsense, and never make a reader throw', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        for (const parse of [parseGeneration, parseSnapshot, parseObservation])
          expect(parse(json).ok).toBe(false);
      }),
    );
  });
});

describe('snapshots as JSON', () => {
  const log = new GenerationLog('beamer', { buckets: 64, chainNs: MINUTE });
  log.append(log.next(SECOND, servers(3), ''));
  log.append(log.next(2 * SECOND, servers(4), ''));
  log.append(log.next(3 * SECOND, [...servers(3), server(4, { state: 'draining' })], ''));
  const snapshot = log.snapshot();
  const json = through(snapshotToJson(snapshot)) as {
    buckets: { runs: number[]; hands: unknown[][]; size: number };
  };

  it('come back as they were, with buckets and without', () => {
    expect(snapshot.buckets!.formers.some((id) => id !== 0)).toBe(true);
    expect(parseSnapshot(json)).toEqual({ ok: true, value: snapshot });
    const bare = { generation };
    expect(parseSnapshot(through(snapshotToJson(bare)))).toEqual({ ok: true, value: bare });
  });

  it('are refused when the buckets do not add up', () => {
    const { runs, hands, size } = json.buckets;
    const wrong = [
      { runs: runs.slice(2) },
      { runs: [...runs, 1, 0] },
      { runs: [size, hands.length] },
      { runs: [size, 0.5] },
      { runs: [-1, 0, ...runs] },
      { runs: 'x' },
      { hands: hands.map(() => [1, 2]) },
      { hands: hands.map(() => [99_999, 0, null]) },
      { size: 2 ** 20 + 1 },
      { size: 0 },
      { generation: -1 },
      { dueAtNs: 'soon' },
    ];
    for (const each of wrong) {
      expect(parseSnapshot({ ...json, buckets: { ...json.buckets, ...each } }).ok, JSON.stringify(each)).toBe(
        false,
      );
    }
  });
});

describe('what balancers tell each other', () => {
  it('is read as it was written', () => {
    const observation = {
      ...{ balancer: 'b1', atNs: 5 },
      servers: [
        { id: 1, isHealthy: true, why: '' },
        { id: 2, isHealthy: false, why: 'refused' },
      ],
    };
    expect(parseObservation(through(observation))).toEqual({ ok: true, value: observation });
    const tokens = [{ token: 2 ** 32 - 1, version: 1 as const, server: 3 }];
    expect(parseTokenEntries(through(tokens))).toEqual({ ok: true, value: tokens });
  });

  it('is refused where it breaks a limit', () => {
    const observation = {
      balancer: 'b',
      atNs: 5,
      servers: [{ id: 1, isHealthy: true, why: 'x'.repeat(201) }],
    };
    expect(parseObservation(observation).ok).toBe(false);
    expect(parseObservation({ ...observation, servers: [], balancer: 'b'.repeat(129) }).ok).toBe(false);
    const token = { token: 1, version: 1, server: 1 };
    for (const wrong of [{ token: -1 }, { token: 2 ** 32 }, { version: 2 }, { server: 0 }])
      expect(parseTokenEntries([{ ...token, ...wrong }]).ok).toBe(false);
    expect(parseTokenEntries(Array.from({ length: maxSharedTokens + 1 }, () => token)).ok).toBe(false);
  });
});

import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Generation } from '../../../balancer/index.js';
import { IpAddress } from '../../../wire/index.js';
import {
  decodeRecord,
  encodeRecord,
  maxAheadNs,
  maxLoggedGenerations,
  packSnapshot,
  unpackSnapshot,
  type StoreRecord,
} from './record.js';

const now = 1.8e18;

function generation(number: number, atNs = now - 1e12 + number * 1000): Generation {
  const servers = [
    { id: 1, address: IpAddress.parse('2001:db8::1')!, weight: 3, state: 'draining' as const },
  ];
  return { number, atNs, servers, reason: `because of ${number}` };
}

const place = { number: 6, hash: 'a'.repeat(32), parts: 2 };
const record: StoreRecord = { by: 'me', snapshot: place, generations: [generation(7), generation(8)] };

function quickly(content: string | Uint8Array): Buffer {
  return brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
}

async function refusal(bad: Partial<StoreRecord>): Promise<string> {
  const result = await decodeRecord(await encodeRecord({ ...record, ...bad }), now);
  return result.ok ? 'believed' : result.message;
}

describe('the record that balancers share', () => {
  it('is read as it was written', async () => {
    expect(await decodeRecord(await encodeRecord(record), now)).toEqual({ ok: true, value: record });
    const young = { by: 'me', snapshot: undefined, generations: [generation(1)] };
    expect(await decodeRecord(await encodeRecord(young), now)).toEqual({ ok: true, value: young });
  });

  it('is refused when generations are missing, out of order, or ahead of the clock', async () => {
    expect(await refusal({ snapshot: undefined, generations: [] })).toMatch(/holds nothing/);
    expect(await refusal({ snapshot: undefined })).toMatch(/generation 7 where 1 should be/);
    expect(await refusal({ generations: [generation(8)] })).toMatch(/generation 8 where 7 should be/);
    expect(await refusal({ generations: [generation(7), generation(7)] })).toMatch(/generation 7 where 8/);
    expect(await refusal({ generations: [generation(7, now), generation(8, now)] })).toMatch(/no later/);
    expect(await refusal({ generations: [generation(7, now + maxAheadNs * 2)] })).toMatch(
      /ahead of this clock/,
    );
    expect(await refusal({ generations: [generation(7, now + maxAheadNs / 2)] })).toBe('believed');
  });

  it('is refused when a field is what it may not be', async () => {
    expect(await refusal({ by: 'x'.repeat(65) })).toMatch(/damaged/);
    for (const wrong of [
      { hash: 'A'.repeat(32) },
      { parts: 0 },
      { parts: 33 },
      { number: 0 },
      { number: 1.5 },
    ])
      expect(await refusal({ snapshot: { ...place, ...wrong } })).toMatch(/damaged/);
    const many = Array.from({ length: maxLoggedGenerations + 1 }, (_, i) => generation(7 + i));
    expect(await refusal({ generations: many })).toMatch(/damaged/);
    expect(await refusal({ generations: many.slice(1).map((each, i) => ({ ...each, number: 7 + i })) })).toBe(
      'believed',
    );
    const servers = [{ id: 1, address: IpAddress.parse('10.0.0.1')!, weight: 1000, state: 'up' as const }];
    expect(await refusal({ generations: [{ ...generation(7), servers }] })).toMatch(/its servers/);
  });

  it('of a later version is told from one that is damaged', async () => {
    const later = await decodeRecord(brotliCompressSync('{"format":2,"generations":"elsewhere"}'), now);
    expect(later).toMatchObject({ ok: false, code: 'bad-record' });
    expect(await decodeRecord(brotliCompressSync('{"format":2}'), now)).toMatchObject({
      code: 'newer-format',
    });
    expect(await decodeRecord(brotliCompressSync('{"format":0}'), now)).toMatchObject({ code: 'bad-record' });
  });

  it('is a value or an error, whatever the bytes, and never takes more memory than it may', async () => {
    const bytes = await encodeRecord(record);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const spoilt = bytes.slice();
          for (const [at, value] of changes) spoilt[at] = value;
          const result = await decodeRecord(spoilt, now);
          if (result.ok) expect(result.value.generations.length).toBeLessThanOrEqual(maxLoggedGenerations);
        },
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.json(), async (json) => {
        expect((await decodeRecord(quickly(json), now)).ok).toBe(false);
      }),
    );
    const bomb = quickly(Buffer.alloc(200_000_000, 0x20));
    expect(bomb.length).toBeLessThan(100_000);
    expect((await decodeRecord(bomb, now)).ok).toBe(false);
  });
});

describe('a snapshot in parts', () => {
  it('is put together only when every part is there and as it was', async () => {
    const packed = (await packSnapshot({ generation: generation(6) }))!;
    expect(packed.place).toMatchObject({ number: 6, parts: 1 });
    expect(await unpackSnapshot(packed.place, packed.parts, now)).toEqual({
      ok: true,
      value: { generation: generation(6) },
    });
    const refused = { ok: false, code: 'bad-record' };
    expect(await unpackSnapshot(packed.place, [], now)).toMatchObject(refused);
    const changed = [Uint8Array.from(packed.parts[0]!, (byte, i) => (i === 9 ? byte ^ 1 : byte))];
    expect(await unpackSnapshot(packed.place, changed, now)).toMatchObject(refused);
    expect(await unpackSnapshot({ ...packed.place, number: 5 }, packed.parts, now)).toMatchObject(refused);
    expect(await unpackSnapshot(packed.place, packed.parts, 0)).toMatchObject(refused);
    expect(String(brotliDecompressSync(packed.parts[0]!))).toContain('"format":1');
  });
});

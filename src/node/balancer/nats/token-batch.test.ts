import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTokens, encodeTokens, maxBatchTokens } from './token-batch.js';

const entry = fc.record({
  token: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  version: fc.constantFrom(0 as const, 1 as const),
  server: fc.integer({ min: 1, max: 16_383 }),
});

describe('tokens between balancers', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        expect(decodeTokens(encodeTokens(entries))).toEqual({ ok: true, value: entries });
      }),
    );
  });

  it('are all believed or none, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const result = decodeTokens(bytes);
        if (result.ok) expect(encodeTokens(result.value)).toEqual(bytes);
      }),
    );
    const one = { token: 1, version: 1, server: 1 } as const;
    expect(decodeTokens(encodeTokens([one, { ...one, server: 0 }]))).toMatchObject({ ok: false });
    expect(decodeTokens(encodeTokens([one, { ...one, server: 16_384 }]))).toMatchObject({ ok: false });
    const most = Array.from({ length: maxBatchTokens }, () => one);
    expect(decodeTokens(encodeTokens(most)).ok).toBe(true);
    expect(decodeTokens(encodeTokens([...most, one])).ok).toBe(false);
  });
});

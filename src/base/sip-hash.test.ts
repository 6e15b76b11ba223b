import { describe, expect, it } from 'vitest';
import { HalfSipHash, sipHash } from './sip-hash.js';

describe('sipHash', () => {
  const key = [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c] as const;

  it('gives the reference values for whole words', () => {
    // From the reference implementation's table: messages 00 01 02 ... of 0, 4, 8 and 12 bytes.
    const words = [0x03020100, 0x07060504, 0x0b0a0908];
    const expected = [0x726fdb47dd0e0e31n, 0xcf2794e0277187b7n, 0x93f5f5799a932462n, 0x751e8fbc860ee5fbn];
    expected.forEach((value, count) => {
      const { hi, lo } = sipHash(key, words.slice(0, count));
      expect((BigInt(hi) << 32n) | BigInt(lo), `${count} words`).toBe(value);
    });
  });
});

describe('HalfSipHash', () => {
  const hash = (k0: number, k1: number, words: number[]): number => {
    const h = new HalfSipHash(k0, k1);
    h.begin();
    for (const word of words) h.add(word);
    return h.end();
  };

  it('is a function of key, words and their order', () => {
    expect(hash(1, 2, [3, 4])).toBe(hash(1, 2, [3, 4]));
    const distinct = new Set([
      hash(1, 2, [3, 4]),
      hash(2, 1, [3, 4]),
      hash(1, 2, [4, 3]),
      hash(1, 2, [3]),
      hash(1, 2, [3, 4, 0]),
    ]);
    expect(distinct.size).toBe(5);
  });

  it('spreads words that differ in few bits', () => {
    const buckets = new Array<number>(256).fill(0);
    for (let i = 0; i < 65536; i++) buckets[hash(0x1234, 0x5678, [0x0a000001, i]) & 255]!++;
    expect(Math.min(...buckets)).toBeGreaterThan(160);
    expect(Math.max(...buckets)).toBeLessThan(360);
  });
});

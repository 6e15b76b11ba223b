import { describe, expect, it } from 'vitest';
import type { TokenEntry } from '../../balancer/index.js';
import { tokenMemory, TokenExchange, tokensInRing } from './token-exchange.js';

const entry = (token: number, version: 0 | 1 = 1): TokenEntry => ({
  token,
  version,
  server: 1 + (token % 16_383),
});

describe('tokens that threads share', () => {
  it('reach all others once, and not the one that learned them', () => {
    const memory = tokenMemory(3);
    const [a, b, c] = [0, 1, 2].map((member) => new TokenExchange(memory, member)) as [
      ...[TokenExchange, TokenExchange, TokenExchange],
    ];
    a.write(entry(0xffff_ffff, 0));
    a.write(entry(7));
    c.write(entry(9));
    expect([a.isBehind, b.isBehind, c.isBehind]).toEqual([true, true, true]);
    expect(b.take()).toEqual([entry(0xffff_ffff, 0), entry(7), entry(9)]);
    expect(a.take()).toEqual([entry(9)]);
    expect(c.take()).toEqual([entry(0xffff_ffff, 0), entry(7)]);
    expect([a.isBehind, b.isBehind, c.isBehind]).toEqual([false, false, false]);
    expect(b.take()).toEqual([]);
  });

  it('are counted by whoever misses them, the oldest first', () => {
    const memory = tokenMemory(2);
    const writer = new TokenExchange(memory, 0);
    const reader = new TokenExchange(memory, 1);
    for (let i = 0; i < tokensInRing + 100; i++) writer.write(entry(i));
    const taken = reader.take();
    expect(reader.missed).toBe(tokensInRing + 100 - taken.length);
    expect(taken.length).toBeGreaterThan(tokensInRing - 100);
    expect(taken.at(-1)).toEqual(entry(tokensInRing + 99));
    expect(taken[0]).toEqual(entry(tokensInRing + 100 - taken.length));
  });

  it('that were there before a thread began are none of its', () => {
    const memory = tokenMemory(2);
    const writer = new TokenExchange(memory, 0);
    writer.write(entry(1));
    const reader = new TokenExchange(memory, 1);
    expect(reader.isBehind).toBe(false);
    writer.write(entry(2));
    expect(reader.take()).toEqual([entry(2)]);
  });
});

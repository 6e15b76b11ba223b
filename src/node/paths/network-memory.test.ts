import { describe, expect, it } from 'vitest';
import { NetworkMemory } from './network-memory.js';

describe('what a network did to Multipath TCP', () => {
  it('is forgiven in the next one, once, and not in the same', () => {
    const memory = new NetworkMemory();
    expect(memory.isForgivenIn('hotel', 3)).toBe(false);
    expect(memory.isForgivenIn('hotel', 5)).toBe(false);
    expect(memory.isForgivenIn('office', 5)).toBe(true);
    expect(memory.isForgivenIn('office', 5)).toBe(false);
    expect(memory.isForgivenIn('street', 5)).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import { FlowOrigins } from './initial-sequence.js';
import { PortAllocator } from './port-allocator.js';

const local = IpAddress.parse('192.0.2.1')!;
const peer = IpAddress.parse('198.51.100.7')!;
const other = IpAddress.parse('198.51.100.8')!;

describe('PortAllocator', () => {
  const range = { first: 50_000, last: 50_099 };

  it('gives every port of the range once while they are kept, then none', () => {
    const allocator = new PortAllocator(range, new SeededRandom(3));
    const taken = new Set<number>();
    for (let i = 0; i < 100; i++) {
      const port = allocator.allocate(local, peer, 443, (candidate) => !taken.has(candidate))!;
      expect(port).toBeGreaterThanOrEqual(range.first);
      expect(port).toBeLessThanOrEqual(range.last);
      taken.add(port);
    }
    expect(taken.size).toBe(100);
    expect(allocator.allocate(local, peer, 443, (candidate) => !taken.has(candidate))).toBeUndefined();
  });

  it('does not give a port again before it gave all others', () => {
    const allocator = new PortAllocator(range, new SeededRandom(3));
    const first = Array.from({ length: 100 }, () => allocator.allocate(local, peer, 443, () => true));
    expect(new Set(first).size).toBe(100);
  });

  it('starts elsewhere for another peer and on another host', () => {
    const wide = { first: 1024, last: 65_535 };
    const firsts = new Set<number | undefined>();
    for (let seed = 0; seed < 10; seed++) {
      const allocator = new PortAllocator(wide, new SeededRandom(seed));
      firsts.add(allocator.allocate(local, peer, 443, () => true));
      firsts.add(allocator.allocate(local, other, 443, () => true));
    }
    expect(firsts.size).toBeGreaterThan(15);
  });
});

describe('FlowOrigins', () => {
  it('moves on by a tick each 4 us for a four-tuple, with a timestamp offset that stays', () => {
    const origins = new FlowOrigins(new SeededRandom(1));
    const early = origins.at(0, local, peer, 5);
    const late = origins.at(4_000_000, local, peer, 5);
    expect((late.initialSequence - early.initialSequence) >>> 0).toBe(1000);
    expect(late.timestampOffset).toBe(early.timestampOffset);
  });

  it('tells nothing about another four-tuple', () => {
    const origins = new FlowOrigins(new SeededRandom(1));
    const seen = new Set([5, 6, 7, 8].map((ports) => origins.at(0, local, peer, ports).initialSequence));
    seen.add(origins.at(0, local, other, 5).initialSequence);
    seen.add(new FlowOrigins(new SeededRandom(2)).at(0, local, peer, 5).initialSequence);
    expect(seen.size).toBe(6);
  });
});

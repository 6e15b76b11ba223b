import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowTable } from './flow-table.js';
import { Segment } from './segment.js';
import { Stream } from './stream.js';

/** One end of a five-tuple; few of each, so that many share something. */
const end = fc.record({ address: fc.nat(3), port: fc.nat(3) });
const tuple = fc.record({ source: end, destination: end, isSix: fc.boolean() });
type Tuple = typeof tuple extends fc.Arbitrary<infer Value> ? Value : never;

function segmentOf({ source, destination, isSix }: Tuple): Segment {
  const segment = new Segment();
  segment.family = isSix ? 6 : 4;
  segment.sourceD = isSix ? 1 : -source.address;
  segment.destinationD = isSix ? 1 : -destination.address;
  // IPv6 addresses differ in their first word only: all four count.
  segment.sourceA = isSix ? source.address : 0;
  segment.destinationA = isSix ? destination.address : 0;
  segment.sourcePort = source.port;
  segment.destinationPort = destination.port;
  return segment;
}

const textOf = ({ address, port }: Tuple['source']): string => `${address}.${port}`;
/** The five-tuple, the same for both directions. */
const nameOf = ({ source, destination, isSix }: Tuple): string =>
  `${isSix} ${[textOf(source), textOf(destination)].sort().join(' ')}`;

describe('FlowTable', () => {
  it('finds the stream of a five-tuple in either direction, and tells these apart', () => {
    fc.assert(
      fc.property(fc.array(tuple, { maxLength: 200 }), (tuples) => {
        const table = new FlowTable();
        const known = new Map<string, Stream>();
        for (const each of tuples) {
          const found = table.find(segmentOf(each));
          expect(found).toBe(known.get(nameOf(each)));
          if (found !== undefined) continue;
          const stream = new Stream(known.size, 0);
          table.put(stream, segmentOf(each));
          known.set(nameOf(each), stream);
          expect(table.find(segmentOf(each))).toBe(stream);
          const there = table.isFromLow;
          const back = { ...each, source: each.destination, destination: each.source };
          expect(table.find(segmentOf(back))).toBe(stream);
          if (textOf(each.source) !== textOf(each.destination)) expect(table.isFromLow).toBe(!there);
        }
        expect(table.count).toBe(known.size);
        expect(table.all()).toEqual([...known.values()]);
      }),
    );
  });

  it('holds thousands, and forgets those that it is not told to keep', () => {
    const table = new FlowTable();
    const segment = new Segment();
    const streams = Array.from({ length: 5000 }, (_, port) => {
      segment.sourcePort = 10_000 + port;
      segment.destinationPort = 80;
      expect(table.find(segment)).toBeUndefined();
      const stream = new Stream(port, 0);
      table.put(stream, segment);
      return stream;
    });
    table.rebuild(streams.filter((_, i) => i % 2 === 0));
    expect(table.count).toBe(2500);
    for (let port = 0; port < 5000; port++) {
      segment.sourcePort = 10_000 + port;
      expect(table.find(segment)).toBe(port % 2 === 0 ? streams[port] : undefined);
    }
  });

  it('lets a new stream take the place of the one that had its five-tuple', () => {
    const table = new FlowTable();
    const segment = new Segment();
    segment.sourcePort = 40_000;
    segment.destinationPort = 80;
    for (const stream of [new Stream(0, 0), new Stream(1, 0)]) {
      table.find(segment);
      table.put(stream, segment);
      expect(table.find(segment)).toBe(stream);
      expect(table.count).toBe(1);
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Observation } from '../observation.js';
import type { ConnectionReport } from '../report.js';
import { ConnectionSeries, SEPARATE_SUBFLOWS, ThinnedPoints, TimeBins } from './index.js';

describe('thinned points', () => {
  it('are all there while there are few', () => {
    const points = new ThinnedPoints(100);
    for (let i = 0; i < 99; i++) points.add(i, i * i, i * i + 1, i);
    expect(points.isThinned).toBe(false);
    expect(points.points).toHaveLength(99);
    expect(points.points[7]).toEqual({ x: 7, y: 49, top: 50, packet: 7 });
  });

  it('never exceed their limit, keep their order, and leave no place far from one that is kept', () => {
    const walk = fc.array(fc.integer({ min: -100, max: 130 }), { minLength: 1000, maxLength: 5000 });
    fc.assert(
      fc.property(walk, (steps) => {
        const points = new ThinnedPoints(1000);
        let y = 0;
        const all = steps.map((step, x) => ({ x, y: (y += step) }));
        for (const point of all) {
          points.add(point.x, point.y, point.y, point.x);
          expect(points.count).toBeLessThan(1000);
        }
        const { points: kept } = points;
        const { x, y: low, top, packet } = points.columns();
        const columns = kept.map((_, i) => ({ x: x[i], y: low[i], top: top[i], packet: packet[i] }));
        expect(columns).toEqual(kept);
        expect([x, low, top, packet].map(({ length }) => length)).toEqual(Array(4).fill(points.count));
        for (let i = 1; i < kept.length; i++) expect(kept[i]!.x).toBeGreaterThan(kept[i - 1]!.x);
        const ys = all.map((point) => point.y);
        const height = Math.max(...ys) - Math.min(...ys) + 1;
        for (const point of all.filter((_, index) => index % 97 === 0)) {
          const isNear = kept.some(
            (near) =>
              Math.abs(near.x - point.x) <= steps.length / 50 && Math.abs(near.y - point.y) <= height / 50,
          );
          expect(isNear).toBe(true);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('stay bounded however far the data goes, also when all of it is one value', () => {
    const line = new ThinnedPoints(500);
    const still = new ThinnedPoints(500);
    for (let i = 0; i < 200_000; i++) {
      line.add(i, i * 1400, (i + 1) * 1400, i);
      still.add(i, 3, 3, i);
    }
    expect(line.points.length).toBeLessThan(500);
    expect(line.points.length).toBeGreaterThan(100);
    expect(line.points.at(-1)!.x).toBeGreaterThan(198_000);
    expect(still.points.length).toBeLessThan(500);
    expect(still.points.length).toBeGreaterThan(100);
  });
});

describe('bins of time', () => {
  it('lose nothing when they widen, and are never more than asked for', () => {
    const events = fc.array(fc.tuple(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 1, max: 1500 })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(events, (drawn) => {
        const bins = new TimeBins(2, 8, 1000);
        const sorted = [...drawn].sort(([one], [other]) => one - other);
        for (const [atNs, value] of sorted) bins.add(atNs, 1, value);
        let sum = 0;
        for (let bin = 0; bin < bins.count; bin++) sum += bins.sum(1, bin);
        expect(sum).toBe(drawn.reduce((total, [, value]) => total + value, 0));
        expect(bins.count).toBeLessThanOrEqual(8);
        expect(bins.startOf(0)).toBe(sorted[0]![0]);
        expect(bins.startOf(bins.count)).toBeGreaterThan(sorted.at(-1)![0]);
      }),
    );
  });
});

describe('the series of a connection', () => {
  const connection = { protocol: 'mptcp', fallback: false } as ConnectionReport;

  function observe(fields: Partial<Observation>): Observation {
    return Object.assign(new Observation(), { connection: 0, subflow: 0, sender: 'server' }, fields);
  }

  it('have data by subflow, what was sent again apart, and the queue while there is one', () => {
    const series = new ConnectionSeries(connection, { sender: 'server' });
    const data = { payloadLength: 100, outOfOrderBytes: 0, inOrderOffset: 101 };
    series.take(observe({ ...data, packet: 1, dataOffset: 1 }));
    series.take(
      observe({ ...data, packet: 2, atNs: 1e6, subflow: 1, dataOffset: 201, outOfOrderBytes: 100 }),
    );
    series.take(observe({ ...data, packet: 3, atNs: 2e6, subflow: 7, dataOffset: 101, inOrderOffset: 301 }));
    series.take(
      observe({ ...data, packet: 4, atNs: 3e6, dataOffset: 201, reinjectedBytes: 100, reinjectedFrom: 1 }),
    );
    const packets = (points: readonly { readonly packet: number }[]) => points.map(({ packet }) => packet);
    expect(series.data.map(({ points }) => packets(points))).toEqual([[1], [2], [], [], [3]]);
    expect(series.data).toHaveLength(SEPARATE_SUBFLOWS + 1);
    expect(series.reinjected.points).toEqual([{ x: 0.003, y: 201, top: 301, packet: 4 }]);
    expect(series.queue.points).toEqual([
      { x: 0.001, y: 101, top: 301, packet: 2 },
      { x: 0.002, y: 301, top: 301, packet: 3 },
    ]);
    expect(series.fresh.sum(0, 0)).toBe(100);
    expect(series.fresh.count).toBe(3);
  });

  it("have the peer's ACKs: each advance of the DATA_ACK once, sizes, and round-trip times", () => {
    const series = new ConnectionSeries(connection, { sender: 'server' });
    const ack = observe({
      sender: 'client',
      packet: 5,
      atNs: 5e6,
      dataAck: 101,
      ackedBytes: 100,
      rttNs: 2e6,
    });
    series.take(ack);
    series.take(observe({ sender: 'client', packet: 6, atNs: 6e6, dataAck: 101 }));
    expect(series.acks.points).toEqual([{ x: 0.005, y: 101, top: 101, packet: 5 }]);
    expect(series.ackSizes[0]!.points).toEqual([{ x: 0.005, y: 100, top: 100, packet: 5 }]);
    expect(series.rtt[0]!.points).toEqual([{ x: 0.005, y: 0.002, top: 0.002, packet: 5 }]);
  });

  it('have nothing of another time, and of plain TCP the positions of its stream', () => {
    const plain = { ...connection, protocol: 'tcp' } as ConnectionReport;
    const series = new ConnectionSeries(plain, { sender: 'server', fromNs: 10, toNs: 20 });
    for (const atNs of [9, 10, 20, 21]) {
      series.take(observe({ atNs, packet: atNs, payloadLength: 10, relativeSeq: atNs }));
    }
    expect(series.data[0]!.points.map(({ y }) => y)).toEqual([10, 20]);
  });
});

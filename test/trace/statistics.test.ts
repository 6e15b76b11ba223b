/** Statistics of a span of time, and over time: what is counted adds up, and who a connection is does not depend on it. */
import { MILLISECOND, SECOND } from '../../src/base/index.js';
import { describe, expect, it } from 'vitest';
import { type CapturedPacket, PcapngWriter, readCapture } from '../../src/capture/index.js';
import {
  type ConnectionReport,
  type DataDirectionReport,
  type SubflowDirectionReport,
  TraceAnalyzer,
  type TraceOptions,
  type TraceReport,
} from '../../src/trace/index.js';
import { ScriptedConnection, TraceScript } from '../support/trace-script.js';
import { drawWorld } from '../simulation/draw.js';
import { runWorld } from '../simulation/world.js';

/** What the client's interfaces of a world saw. */
function clientPackets(seed: number): CapturedPacket[] {
  const writer = new PcapngWriter();
  runWorld(drawWorld(seed), { capture: writer });
  const { reader, packets } = readCapture(writer.take());
  return packets.filter(({ interfaceIndex }) => reader.interfaces[interfaceIndex]!.name.startsWith('client'));
}

function analyse(packets: readonly CapturedPacket[], options: TraceOptions = {}): TraceReport {
  const analyzer = new TraceAnalyzer(options);
  for (const packet of packets) analyzer.handle(packet);
  return analyzer.finish();
}

/** The numbers that add up from one span of time to the next. */
function sums(connection: ConnectionReport): number[] {
  const ofSubflow = (direction: SubflowDirectionReport): number[] => [
    ...[direction.packets, direction.bytes, direction.uniqueBytes, direction.retransmittedBytes],
    ...[direction.retransmittedPackets, direction.lateBytes, direction.reinjectedBytes, direction.resets],
    ...[direction.rtt?.count ?? 0, direction.ackBytes?.count ?? 0, direction.flightBytes?.count ?? 0],
    Math.round((direction.rtt?.count ?? 0) * (direction.rtt?.mean ?? 0)),
  ];
  const ofData = (data: DataDirectionReport): number[] => [
    ...[data.bytes, data.uniqueBytes, data.reinjectedBytes, data.mappings, data.windowBlockedNs],
    ...[data.goodChecksums, data.dataRtt?.count ?? 0, data.outOfOrderNs?.count ?? 0],
  ];
  const { packets, subflows, clientData, serverData, signals, handovers } = connection;
  return [
    ...[packets, signals.length, handovers.length],
    ...subflows.flatMap(({ clientToServer, serverToClient }) => [
      ...ofSubflow(clientToServer),
      ...ofSubflow(serverToClient),
    ]),
    ...ofData(clientData),
    ...ofData(serverData),
  ];
}

/** What a connection is, whenever it is looked at. */
function identity({ subflows, ...connection }: ConnectionReport): unknown {
  const { clientToken, serverToken, version, keysVerified, addresses, ending, startNs, durationNs } =
    connection;
  return {
    ...{ clientToken, serverToken, version, keysVerified, addresses, ending, startNs, durationNs },
    subflows: subflows.map(({ client, server, joined, hmacVerified, synRttNs, ending: end }) => ({
      ...{ client, server, joined, hmacVerified, synRttNs, end },
    })),
  };
}

describe('statistics of a span of time', () => {
  it.each([1, 2, 3, 6, 10])('of world %d: the parts add up to the whole, of the same connection', (seed) => {
    const packets = clientPackets(seed);
    const whole = analyse(packets);
    const [connection] = whole.connections;
    const third = Math.floor(whole.durationNs / 3);
    const parts = [
      analyse(packets, { toNs: third - 1 }),
      analyse(packets, { fromNs: third, toNs: 2 * third - 1 }),
      analyse(packets, { fromNs: 2 * third }),
    ].map(({ connections }) => connections[0]!);
    for (const part of parts) expect(identity(part)).toEqual(identity(connection!));
    const expected = sums(connection!);
    const added = expected.map((_, index) => parts.reduce((sum, part) => sum + sums(part)[index]!, 0));
    // Means come back from sums with rounding; time without room is counted to the last data of each part.
    for (const [index, sum] of added.entries()) {
      expect(Math.abs(sum - expected[index]!), `number ${index}`).toBeLessThanOrEqual(
        Math.max(4, expected[index]! * 1e-9) + (index === expected.length - 4 ? third : 0),
      );
    }
    expect(parts[1]!.packets).toBeGreaterThan(0);
    expect(parts[1]!.packets).toBeLessThan(connection!.packets);
  });

  it('are of nothing where the connection was silent, or had ended, or had not begun', () => {
    const script = new TraceScript({ fromNs: 10 * SECOND, toNs: 11 * SECOND });
    const connection = new ScriptedConnection(script).open();
    connection.transfer('server', 0, 5);
    script.wait(20 * SECOND);
    connection.join();
    connection.transfer('server', 1, 5);
    new ScriptedConnection(script, { port: 50_000 }).open();
    const { connections, range, packets } = script.report();
    expect(range).toEqual({ fromNs: 10 * SECOND, toNs: 11 * SECOND });
    expect(packets).toBe(30);
    expect(connections.map(({ subflows }) => subflows.length)).toEqual([2, 1]);
    for (const one of connections) {
      expect(sums(one).every((count) => count === 0)).toBe(true);
      expect(one.serverToken).not.toBeNull();
      expect(one.subflows.every(({ clientBytes, serverBytes }) => clientBytes + serverBytes === 0)).toBe(
        true,
      );
    }
  });

  it('count a window that was closed before, and one that opens later, for the time between', () => {
    const script = new TraceScript({ fromNs: SECOND, toNs: 3 * SECOND });
    const connection = new ScriptedConnection(script).open();
    connection.transfer('server', 0, 1);
    connection.ack('client', 0, 0);
    script.wait(2 * SECOND - script.now);
    connection.ack('server', 0);
    script.wait(5 * SECOND);
    connection.ack('client', 0);
    const { clientToServer } = script.report().connections[0]!.subflows[0]!;
    expect(clientToServer).toMatchObject({ zeroWindows: 1, zeroWindowNs: 2 * SECOND });
  });

  it('do not take the first packet behind a gap for one that is missing', () => {
    const script = new TraceScript({ fromNs: SECOND });
    const connection = new ScriptedConnection(script).open();
    connection.subflows[0]!.next.server += 1000;
    connection.sent.server += 1000;
    connection.transfer('server', 0, 3);
    script.wait(2 * SECOND);
    connection.transfer('server', 0, 3);
    const [report] = script.report().connections;
    expect(report!.subflows[0]!.serverToClient).toMatchObject({ missingBytes: 0, uniqueBytes: 3000 });
    expect(report!.subflows[0]!.serverToClient.missingFrames).toEqual([]);
    expect(report!.serverData.uniqueBytes).toBe(3000);
  });
});

describe('new data in intervals', () => {
  it.each([1, 2, 12])('of world %d adds up to all of it, by subflow too', (seed) => {
    const { connections, intervalNs } = analyse(clientPackets(seed), { intervalNs: 10 * MILLISECOND });
    expect(intervalNs).toBe(10 * MILLISECOND);
    const [{ clientData, serverData, subflows }] = connections as [ConnectionReport];
    for (const [data, direction] of [
      [clientData, 'clientToServer'],
      [serverData, 'serverToClient'],
    ] as const) {
      const intervals = data.intervals!;
      const sum = intervals.reduce((total, { bytes }) => total + bytes, 0);
      expect(sum).toBe(data.uniqueBytes);
      for (const { id, [direction]: sent } of subflows) {
        const carried = intervals
          .flatMap((interval) => interval.subflows)
          .reduce((total, { subflow, bytes }) => total + (subflow === id ? bytes : 0), 0);
        expect(carried).toBe(Math.round((sent.share ?? 0) * data.uniqueBytes));
      }
      for (const [index, { startNs, bytes, goodputBps }] of intervals.entries()) {
        expect(startNs % (10 * MILLISECOND)).toBe(0);
        expect(goodputBps).toBeCloseTo(bytes * 800);
        if (index > 0) expect(startNs).toBeGreaterThan(intervals[index - 1]!.startNs);
      }
    }
  });

  it('begin and end with the span of time that was asked for', () => {
    const script = new TraceScript({
      ...{ intervalNs: SECOND, fromNs: 2 * SECOND, toNs: 4 * SECOND - 1 },
    });
    const connection = new ScriptedConnection(script).open();
    for (let second = 0; second < 6; second++) {
      script.wait(second * SECOND + SECOND / 2 - script.now);
      connection.data('server', 0, 1000);
    }
    const { intervals } = script.report().connections[0]!.serverData;
    expect(intervals).toEqual(
      [2, 3].map((second) => ({
        ...{ startNs: second * SECOND, bytes: 1000, goodputBps: 8000 },
        subflows: [{ subflow: 0, bytes: 1000 }],
      })),
    );
  });

  it('are kept in order when the clock goes back, and are no more than the limit, which is said', () => {
    const script = new TraceScript({ intervalNs: SECOND, limits: { maxIntervals: 3 } });
    const connection = new ScriptedConnection(script).open();
    for (const second of [1, 3, 2, 7, 7, 9]) {
      script.wait(second * SECOND - script.now);
      connection.data('server', 0, 1000);
    }
    const { connections, limitsReached } = script.report();
    expect(connections[0]!.serverData.intervals!.map(({ startNs }) => startNs / SECOND)).toEqual([1, 2, 3]);
    expect(limitsReached).toEqual({ intervals: 2 });
  });

  it('are not there unless somebody asks', () => {
    const script = new TraceScript();
    new ScriptedConnection(script).open().transfer('server', 0, 2);
    const report = script.report();
    expect(report).toMatchObject({ intervalNs: null, range: null });
    expect(report.connections[0]!.serverData.intervals).toBeNull();
  });
});

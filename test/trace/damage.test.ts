/** What is damaged or hostile: no throw, bounded memory, and a report of what is wrong. */
import { describe, expect, it } from 'vitest';
import {
  CapturedPacket,
  CaptureReader,
  LinkType,
  PcapngWriter,
  readCapture,
} from '../../src/capture/index.js';
import { TraceAnalyzer, type TraceOptions, type TraceReport } from '../../src/trace/index.js';
import { SeededRandom, randomBelow } from '../../src/base/index.js';
import {
  emitTcp,
  IpProtocol,
  type MptcpOption,
  pseudoHeaderSumAt,
  type TcpPacket,
  tcpPacketLength,
} from '../../src/wire/index.js';
import { drawWorld } from '../simulation/draw.js';
import { runWorld } from '../simulation/world.js';

/** A capture of a whole small world. */
function smallCapture(seed: number): Uint8Array {
  const writer = new PcapngWriter();
  runWorld(drawWorld(seed), { capture: writer });
  return writer.take();
}

function analyse(bytes: Uint8Array, options: TraceOptions = {}): TraceReport {
  const reader = new CaptureReader();
  const analyzer = new TraceAnalyzer(options);
  reader.push(bytes);
  reader.end();
  for (let packet = reader.next(); packet !== undefined; packet = reader.next()) analyzer.handle(packet);
  return analyzer.finish();
}

/** Every frame was either followed or counted as ignored; nothing in the report is no number. */
function expectSense(report: TraceReport): void {
  const text = JSON.stringify(report, (_key, value: unknown) => {
    if (typeof value === 'number' && !Number.isFinite(value)) throw new Error('the report holds no number');
    return value;
  });
  expect(text.length).toBeGreaterThan(0);
  const ignored = Object.values(report.ignored).reduce((sum, count) => sum + count, 0);
  expect(ignored).toBeLessThanOrEqual(report.packets);
}

/** An IPv4 packet from 10.x to 10.0.0.2, made of whole cloth. */
function segment(source: number, tcp: Partial<TcpPacket>): CapturedPacket {
  const whole: TcpPacket = {
    ...{ sourcePort: 1024 + (source % 60_000), destinationPort: 443, seq: source >>> 0, ack: 0, flags: 2 },
    ...{ window: 1000, options: [], payload: new Uint8Array(0) },
    ...tcp,
  };
  const length = tcpPacketLength(whole);
  const bytes = new Uint8Array(20 + length);
  bytes.set([0x45, 0, (20 + length) >> 8, (20 + length) & 255, 0, 0, 0, 0, 64, 6, 0, 0]);
  bytes.set([10, (source >>> 16) & 255, (source >>> 8) & 255, source & 255, 10, 0, 0, 2], 12);
  emitTcp(whole, bytes, 20, pseudoHeaderSumAt(bytes, 12, 8, IpProtocol.TCP, length));
  const packet = new CapturedPacket();
  packet.linkType = LinkType.RAW;
  packet.setTime(source * 1000);
  packet.setBytes(bytes);
  return packet;
}

const mptcp = (option: MptcpOption): TcpPacket['options'][number] => ({ kind: 'mptcp', option });
const joinSyn = (token: number): TcpPacket['options'][number] =>
  mptcp({ subtype: 'MP_JOIN', phase: 'syn', backup: false, addressId: 1, token, nonce: 7 });

describe('the analyser, of damage', () => {
  it('takes every truncation of a capture', () => {
    const bytes = smallCapture(1);
    for (let length = 0; length < bytes.length; length++) expectSense(analyse(bytes.subarray(0, length)));
  });

  it('takes a capture in which bits were flipped', () => {
    const random = new SeededRandom(1);
    const original = smallCapture(12);
    for (let i = 0; i < 1500; i++) {
      const bytes = original.slice();
      for (let flips = 0; flips <= i % 20; flips++) {
        bytes[randomBelow(random, bytes.length)]! ^= 1 << randomBelow(random, 8);
      }
      expectSense(analyse(bytes));
    }
  });

  it('takes packets in any order, and each of them twice', () => {
    for (const seed of [3, 10, 12]) {
      const { packets } = readCapture(smallCapture(seed));
      const random = new SeededRandom(seed);
      const shuffled = [...packets, ...packets].sort(() => randomBelow(random, 3) - 1);
      const analyzer = new TraceAnalyzer({ includesPlain: true });
      for (const packet of shuffled) analyzer.handle(packet);
      expectSense(analyzer.finish());
    }
  });

  it('follows 10,000 joins that belong to nothing, and forgets the oldest beyond its limits', () => {
    const limits = { maxStreams: 4000, maxWaitingJoins: 1000 };
    const analyzer = new TraceAnalyzer({ limits });
    for (let i = 0; i < 10_000; i++) analyzer.handle(segment(i, { options: [joinSyn(i * 77)] }));
    const report = analyzer.finish();
    expect(report).toMatchObject({ packets: 10_000, connections: [], plainConnections: 0 });
    expect(report.options.MP_JOIN).toBe(10_000);
    expect(report.limitsReached['waitingJoins']).toBe(9000);
    expect(report.limitsReached['streams']).toBeGreaterThanOrEqual(6000);
  });

  it('reports a connection that it had to forget as it stood then', () => {
    const analyzer = new TraceAnalyzer({ limits: { maxStreams: 64 } });
    const { packets } = readCapture(smallCapture(1));
    for (const packet of packets) if (packet.interfaceIndex < 2) analyzer.handle(packet);
    for (let i = 0; i < 1000; i++) analyzer.handle(segment(i, {}));
    const { connections, plainConnections } = analyzer.finish();
    expect(connections).toHaveLength(1);
    expect(connections[0]).toMatchObject({ ending: 'closed', keysVerified: true, version: 1 });
    expect(plainConnections).toBe(1000);
  });

  it('counts SYNs beyond the most connections that it follows', () => {
    const analyzer = new TraceAnalyzer({ limits: { maxConnections: 10 } });
    const capable = mptcp({ subtype: 'MP_CAPABLE', version: 1, flags: 1 });
    for (let i = 0; i < 50; i++) analyzer.handle(segment(i, { options: [capable] }));
    const report = analyzer.finish();
    expect(report.connections).toHaveLength(10);
    expect(report.limitsReached).toEqual({ connections: 40 });
  });

  it('counts options of an impossible length, and goes on', () => {
    const bad = { kind: 'unknown', number: 30, body: Uint8Array.from([0x20, 0x04, 1, 2, 3]) } as const;
    const analyzer = new TraceAnalyzer();
    analyzer.handle(segment(1, { options: [bad] }));
    const capable = { kind: 'unknown', number: 30, body: Uint8Array.from([0x01, 0x81, 0]) } as const;
    analyzer.handle(segment(2, { options: [capable] }));
    expect(analyzer.finish()).toMatchObject({ malformedOptions: 2, connections: [] });
  });
});

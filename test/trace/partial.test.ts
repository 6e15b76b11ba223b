/** Captures that show a part only: without handshakes, in another order, with options that a box took away. */
import { describe, expect, it } from 'vitest';
import { type CapturedPacket, PcapngWriter, readCapture } from '../../src/capture/index.js';
import {
  type Observation,
  TraceAnalyzer,
  type TraceOptions,
  type TraceReport,
} from '../../src/trace/index.js';
import { fillTcpChecksum } from '../../src/network/index.js';
import { IpPacket, MptcpSubtype, parseIp, parseTcp, TcpFlag, TcpSegment } from '../../src/wire/index.js';
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

const ip = new IpPacket();
const tcp = new TcpSegment();

function read(packet: CapturedPacket): TcpSegment {
  expect(parseIp(packet.bytes, packet.offset, packet.length, ip)).toBeUndefined();
  expect(parseTcp(packet.bytes, ip.payloadOffset, ip.payloadLength, tcp)).toBeUndefined();
  return tcp;
}

const isSyn = (packet: CapturedPacket): boolean => (read(packet).flags & TcpFlag.SYN) !== 0;
const isSynAck = (packet: CapturedPacket): boolean => isSyn(packet) && (tcp.flags & TcpFlag.ACK) !== 0;
const has = (packet: CapturedPacket, subtype: number): boolean => {
  const { bytes, mptcpCount, mptcpOffsets } = read(packet);
  return [...mptcpOffsets.subarray(0, mptcpCount)].some((at) => bytes[at + 2]! >>> 4 === subtype);
};

/** The packets, their MPTCP options overwritten by padding where `mayStay` says no. */
function strip(
  packets: readonly CapturedPacket[],
  mayStay: (packet: CapturedPacket) => boolean,
): CapturedPacket[] {
  return packets.map((original) => {
    const packet = original.copy();
    if (mayStay(packet)) return packet;
    const { bytes, mptcpCount, mptcpOffsets, mptcpLengths } = read(packet);
    for (let i = 0; i < mptcpCount; i++) bytes.fill(1, mptcpOffsets[i]!, mptcpOffsets[i]! + mptcpLengths[i]!);
    fillTcpChecksum(bytes, ip);
    return packet;
  });
}

/** Bytes that crossed each stream, both directions together. */
const bytesOf = ({ connections }: TraceReport): number =>
  connections
    .flatMap(({ subflows }) => subflows)
    .reduce((sum, one) => sum + one.clientBytes + one.serverBytes, 0);

describe('a capture that starts in the middle', () => {
  const whole = clientPackets(2);
  const [connection] = analyse(whole).connections;

  it('groups subflows by their data sequence numbers, and says so', () => {
    const amid = whole.filter((packet) => !isSyn(packet) && !has(packet, MptcpSubtype.MP_CAPABLE));
    const report = analyse(amid.filter((packet) => !has(packet, MptcpSubtype.MP_JOIN)));
    expect(report.connections).toHaveLength(1);
    const [found] = report.connections;
    expect(found).toMatchObject({
      version: null,
      clientToken: null,
      keysVerified: null,
      isClientCertain: false,
    });
    expect(found).toMatchObject({
      client: connection!.client,
      fallback: false,
      checksum: connection!.checksum,
    });
    const carrying = found!.subflows.filter(({ clientBytes }) => clientBytes > 0);
    expect(carrying.length).toBeGreaterThan(1);
    expect(found!.subflows.slice(1).every(({ matchedBy }) => matchedBy === 'data-sequence')).toBe(true);
    expect(found!.subflows[1]).toMatchObject({ openedBy: null, joined: true, hmacVerified: null });
    expect(found!.subflows[0]!.clientToServer.initialSeq).toBeNull();
    expect(bytesOf(report)).toBeGreaterThan(0.8 * bytesOf(analyse(whole)));
  });

  it('knows tokens and initial numbers when it is given the keys', () => {
    const amid = whole.filter((packet) => !isSyn(packet) && !has(packet, MptcpSubtype.MP_CAPABLE));
    const keys = [connection!.clientKey!, connection!.serverKey!];
    const { connections } = analyse(amid, { keys });
    expect(connections).toHaveLength(1);
    expect(connections[0]).toMatchObject({
      version: 1,
      clientToken: connection!.clientToken,
      clientInitialDataSeq: connection!.clientInitialDataSeq,
      serverInitialDataSeq: connection!.serverInitialDataSeq,
    });
    expect(() => new TraceAnalyzer({ keys: ['12'] })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_KEY' }),
    );
  });

  it('keeps to 32-bit numbers too', () => {
    const report = analyse(whole.slice(Math.floor(whole.length / 2)));
    const sent = report.connections.map(({ clientData }) => clientData.uniqueBytes);
    expect(Math.max(...sent)).toBeGreaterThan(0);
    expect(Math.max(...sent)).toBeLessThanOrEqual(connection!.clientData.uniqueBytes);
  });
});

describe('a join', () => {
  it('that is seen before its connection waits for the token, and is found again', () => {
    const whole = clientPackets(12);
    const join = whole.find((packet) => isSyn(packet) && has(packet, MptcpSubtype.MP_JOIN))!;
    const analyzer = new TraceAnalyzer();
    const seen: Observation[] = [];
    for (const packet of [join, ...whole]) seen.push({ ...analyzer.handle(packet)! });
    expect(seen[0]).toMatchObject({ connection: -1, stream: 0 });
    const { connections, plainConnections } = analyzer.finish();
    expect(connections).toHaveLength(1);
    expect(connections[0]!.subflows[1]).toMatchObject({ stream: 0, matchedBy: 'token', openedBy: 'client' });
    expect(plainConnections).toBe(0);
  });

  it('with a proof that is wrong is told from one that is right', () => {
    const whole = clientPackets(2);
    const spoilt = whole.map((packet) => {
      const copy = packet.copy();
      if (isSynAck(copy) && has(copy, MptcpSubtype.MP_JOIN))
        copy.bytes[read(copy).mptcpOffsets[0]! + 5]! ^= 1;
      fillTcpChecksum(copy.bytes, ip);
      return copy;
    });
    const verdicts = (report: TraceReport): unknown =>
      report.connections[0]!.subflows.slice(1).map(({ hmacVerified }) => hmacVerified);
    expect(verdicts(analyse(whole))).toEqual([true, true, true]);
    expect(verdicts(analyse(spoilt))).toEqual([false, false, false]);
  });
});

/** The packets of the stream that the first one belongs to. */
function firstStream(packets: readonly CapturedPacket[]): CapturedPacket[] {
  const portsOf = (packet: CapturedPacket): string => {
    const { sourcePort, destinationPort } = read(packet);
    return `${Math.min(sourcePort, destinationPort)} ${Math.max(sourcePort, destinationPort)}`;
  };
  return packets.filter((packet) => portsOf(packet) === portsOf(packets[0]!));
}

/** Whether it is a third packet of the handshake that carries no data yet. */
const isPureThird = (packet: CapturedPacket): boolean =>
  !isSyn(packet) && has(packet, MptcpSubtype.MP_CAPABLE) && tcp.payloadLength === 0;

describe('a fall-back', () => {
  const first = [1, 2, 3, 6, 10, 12]
    .map((seed) => firstStream(clientPackets(seed)))
    .find((packets) => packets.some(isPureThird))!;

  it.each([
    ['no-mp-capable-in-syn-ack', (packet: CapturedPacket) => isSyn(packet) && !isSynAck(packet)],
    ['no-mp-capable-in-third-ack', (packet: CapturedPacket) => isSyn(packet)],
    ['no-dss', (packet: CapturedPacket) => isSyn(packet) || isPureThird(packet)],
  ])('shows its cause: %s', (fallbackCause, mayStay) => {
    const { connections } = analyse(strip(first, mayStay));
    expect(connections).toHaveLength(1);
    expect(connections[0]).toMatchObject({ fallback: true, fallbackCause });
    expect(connections[0]!.fallbackPacket).toBeGreaterThan(1);
    // The data of a fall-back is that of its subflow (RFC 8684 §3.7).
    expect(connections[0]!.clientData.uniqueBytes).toBe(
      connections[0]!.subflows[0]!.clientToServer.uniqueBytes,
    );
  });

  it('is none when every option is there, and plain TCP is counted apart', () => {
    expect(analyse(first).connections[0]).toMatchObject({ fallback: false, fallbackCause: null });
    const bare = strip(first, () => false);
    expect(analyse(bare)).toMatchObject({ plainConnections: 1, connections: [] });
    const { connections, plainConnections } = analyse(bare, { includesPlain: true });
    expect(plainConnections).toBe(1);
    expect(connections[0]).toMatchObject({ protocol: 'tcp', fallback: false, version: null });
    expect(connections[0]!.subflows[0]!.clientBytes).toBe(
      analyse(first).connections[0]!.subflows[0]!.clientBytes,
    );
  });
});

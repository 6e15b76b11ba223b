/**
 * Streams whose handshake was not captured: they are matched by data sequence numbers where these are certain, and nowhere
 * else. And five-tuples that are used again, numbered as tshark numbers them.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { uint64, uint64ToBigInt } from '../../src/base/index.js';
import { CapturedPacket, LinkType, PcapngWriter } from '../../src/capture/index.js';
import { TraceAnalyzer, type TraceReport } from '../../src/trace/index.js';
import { deriveKeyMaterial, TcpFlag } from '../../src/wire/index.js';
import { tcpPacket } from '../simulation/packets.js';
import { describeWith, hasTool } from '../support/with-rights.js';
import { mptcp, ScriptedConnection, type ScriptedSubflow, TraceScript } from '../support/trace-script.js';

const { SYN, ACK, FIN, RST } = TcpFlag;
/** Low halves of the initial data sequence numbers of the script's hosts. */
const low = (key: bigint): bigint =>
  uint64ToBigInt(deriveKeyMaterial(uint64(key), 1).initialDataSeq) & 0xffff_ffffn;
const clientLow = low(0x1111_2222_3333_4444n);
const serverLow = low(0x5555_6666_7777_8888n);

/** `count` segments of the client on a stream, with numbers of 32 bits so far from the initial ones. */
function send32(subflow: ScriptedSubflow, count: number, dataSeq: bigint, dataAck: bigint): void {
  for (let i = 0; i < count; i++) {
    const value = (clientLow + dataSeq + BigInt(100 * i)) & 0xffff_ffffn;
    const option = mptcp({
      subtype: 'DSS',
      dataFin: false,
      dataAck: { value: (serverLow + dataAck) & 0xffff_ffffn, bits: 32 },
      mapping: { dataSeq: { value, bits: 32 }, subflowSeq: 1 + 100 * i, dataLength: 100 },
    });
    subflow.send('client', { options: [option], payload: new Uint8Array(100) });
  }
}

/** Streams of each connection. */
const streamsOf = ({ connections }: TraceReport): number[][] =>
  connections.map(({ subflows }) => subflows.map(({ stream }) => stream));

/** A script with `count` connections of the same keys, so that their data sequences lie in one another. */
function connections(count: number): { script: TraceScript; all: ScriptedConnection[] } {
  const script = new TraceScript();
  const all = Array.from({ length: count }, (_, i) => {
    const connection = new ScriptedConnection(script, { port: 40_000 + 1000 * i }).open();
    connection.transfer('client', 0, 3, 1000);
    return connection;
  });
  return { script, all };
}

describe('a stream whose handshake was not captured', () => {
  it('belongs to the one connection that its numbers of 64 bits fit', () => {
    const { script, all } = connections(1);
    all[0]!.stream();
    all[0]!.data('client', 1, 100);
    const report = script.report();
    expect(streamsOf(report)).toEqual([[0, 1]]);
    expect(report.connections[0]!.subflows[1]!.matchedBy).toBe('data-sequence');
  });

  it('belongs to neither of two connections that its numbers of 64 bits fit', () => {
    const { script, all } = connections(2);
    all[0]!.stream();
    all[0]!.data('client', 1, 100);
    expect(streamsOf(script.report())).toEqual([[0], [1], [2]]);
  });

  it('belongs to the one connection that numbers of 32 bits fit again and again, both of them', () => {
    const { script, all } = connections(1);
    send32(all[0]!.stream(), 20, 3001n, 1n);
    expect(streamsOf(script.report())).toEqual([[0, 1]]);
  });

  it.each([
    ['two connections that both fit', 2, 3001n, 1n],
    ['a connection whose data lies elsewhere', 1, 3001n + (1n << 30n), 1n],
    ['a connection whose other direction lies elsewhere', 1, 3001n, 1n << 30n],
  ])('of numbers of 32 bits does not belong to %s', (_, count, dataSeq, dataAck) => {
    const { script, all } = connections(count);
    send32(all[0]!.stream(), 20, dataSeq, dataAck);
    const streams = streamsOf(script.report());
    expect(streams).toHaveLength(count + 1);
    expect(streams.at(-1)).toEqual([count]);
  });

  it('of numbers of 32 bits is not judged by a few of them', () => {
    const { script, all } = connections(1);
    send32(all[0]!.stream(), 10, 3001n, 1n);
    expect(streamsOf(script.report())).toEqual([[0]]);
  });
});

/** Packets between two ports: who, flags, seq, ack. */
const packets = (
  [
    ['client', SYN, 1000, 0],
    ['client', SYN, 1000, 0],
    ['server', SYN | ACK, 5000, 1001],
    ['server', SYN | ACK, 5000, 1001],
    ['client', ACK, 1001, 5001],
    ['client', FIN | ACK, 1001, 5001],
    ['server', FIN | ACK, 5001, 1002],
    ['client', ACK, 1002, 5002],
    // The same ports again, once after the close, once after a reset, once amid the life of the one before.
    ['client', SYN, 90_000, 0],
    ['server', SYN | ACK, 80_000, 90_001],
    ['client', RST, 90_001, 0],
    ['client', SYN, 200_000, 0],
    ['server', SYN | ACK, 300_000, 200_001],
    ['client', ACK, 200_001, 300_001],
    ['client', SYN, 700_000, 0],
    ['server', ACK, 300_001, 200_001],
  ] as const
).map(([from, flags, seq, ack]) => {
  const isClient = from === 'client';
  return tcpPacket({
    source: isClient ? '10.0.0.1' : '10.0.0.2',
    destination: isClient ? '10.0.0.2' : '10.0.0.1',
    sourcePort: isClient ? 40_000 : 80,
    destinationPort: isClient ? 80 : 40_000,
    ...{ seq, ack, flags },
  });
});

/** Numbers of the streams as the analyser gives them. */
function numbered(): number[] {
  const analyzer = new TraceAnalyzer();
  return packets.map((bytes, i) => {
    const packet = new CapturedPacket();
    packet.linkType = LinkType.RAW;
    packet.setBytes(bytes);
    packet.setTime(i * 1_000_000, 1_000_000);
    return analyzer.handle(packet)!.stream;
  });
}

describe('a five-tuple that is used again', () => {
  it('is a new stream from each SYN with a new number on, and not from a SYN that is sent again', () => {
    expect(numbered()).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3]);
  });
});

describeWith('a five-tuple that is used again', [hasTool('tshark')], () => {
  it('has the numbers that tshark gives it', { timeout: 60_000 }, () => {
    const directory = mkdtempSync(join(tmpdir(), 'subflow-'));
    const file = join(directory, 'again.pcapng');
    const writer = new PcapngWriter();
    const interfaceIndex = writer.addInterface({ linkType: LinkType.RAW, name: 'a' });
    packets.forEach((bytes, seconds) =>
      writer.write({
        ...{ interfaceIndex, seconds, nanoseconds: 0, bytes, offset: 0, length: bytes.length },
        ...{ originalLength: bytes.length, direction: 'unknown', comments: [] },
      }),
    );
    writeFileSync(file, writer.take());
    const args = ['-n', '-r', file, '-T', 'fields', '-e', 'tcp.stream'];
    const output = execFileSync('tshark', args, { encoding: 'utf8', stdio: 'pipe', timeout: 50_000 });
    rmSync(directory, { recursive: true });
    expect(output.trim().split('\n').map(Number)).toEqual(numbered());
  });
});

/**
 * What a simulated world knows of every byte that its hosts send: which subflow of which connection each packet belongs to,
 * and which part of the data stream each of its bytes is, from the records that the engine's data level hands to its
 * subflows. Nothing here reads a DSS or any other option; that is what the analyser is judged by.
 *
 * Counts are of what passes the sending host's own devices, where no box has changed anything yet.
 */
import { Subflow } from '../../src/mptcp/index.js';
import { type Packet, readIp, type Side } from '../../src/network/index.js';
import { IpPacket, IpProtocol, parseTcp, TcpFlag, TcpSegment } from '../../src/wire/index.js';
import type { Pair } from '../simulation/world.js';

type DataRecord = Parameters<Subflow['keepRecord']>[0];

/** One direction of one TCP connection, as its sender knows it. Offsets count from the SYN, which is 0. */
export class StreamTruth {
  readonly side: Side;
  readonly initialSeq: number;
  /** The engine's subflow and the connection it is of, by its place in the plan; undefined as long as the host has none. */
  subflow: Subflow | undefined = undefined;
  pair = -1;
  /** Payload bytes, each time they were sent, and different ones. */
  bytes = 0;
  uniqueBytes = 0;
  retransmittedBytes = 0;
  retransmittedPackets = 0;
  /** Data-level bytes that this subflow was the first to carry, and those that others had carried before, by whom. */
  firstCarriedBytes = 0;
  readonly reinjectedFrom = new Map<StreamTruth, number>();
  /** Whether the SYN that opened it passed a device: those of an attacker come from nowhere. */
  hasSeenSyn = false;
  /** Bytes without a place in the data stream, those of the SYN aside. */
  unplacedBytes = 0;
  /** Numbers that the analyser gave the stream. */
  readonly traceStreams = new Set<number>();
  /** End of what was sent, and of what was placed in the data stream. */
  private end = 1;
  private placedEnd = 0;
  readonly sourcePort: number;
  readonly destinationPort: number;

  constructor(side: Side, { seq, sourcePort, destinationPort }: TcpSegment) {
    this.side = side;
    this.initialSeq = seq;
    this.sourcePort = sourcePort;
    this.destinationPort = destinationPort;
  }

  /** Takes in payload [start, end); returns the part that the data level sees for the first time from this subflow. */
  carry(start: number, end: number, isSyn: boolean): readonly [start: number, end: number] {
    this.bytes += end - start;
    const repeated = Math.min(end, this.end) - start;
    if (repeated > 0) {
      this.retransmittedBytes += repeated;
      this.retransmittedPackets++;
    }
    const fresh = end - Math.max(start, this.end);
    if (fresh > 0) {
      this.uniqueBytes += fresh;
      this.end = end;
    }
    if (isSyn) return [end, end];
    // What the SYN delivered comes before the data stream; what it did not is sent again, with a place there.
    if (this.placedEnd === 0) this.placedEnd = 1 + (this.subflow?.synBytesSent ?? 0);
    const from = Math.max(start, this.placedEnd);
    if (end > this.placedEnd) this.placedEnd = end;
    return [from, Math.max(from, end)];
  }
}

/** What one host sent at the data level of one connection. */
class DataTruth {
  uniqueBytes = 0;
  reinjectedBytes = 0;
  /** Who carried each byte first: a place in `streams`, plus 1; 0 for nobody. */
  private carriers = new Uint16Array(1 << 16);
  private readonly streams: StreamTruth[] = [];

  /** The data [start, end) goes out on a subflow, not again within that. */
  carry(stream: StreamTruth, start: number, end: number): void {
    this.reserve(end);
    const { carriers } = this;
    for (let from = start, to = start; from < end; from = to) {
      const carrier = carriers[from]!;
      while (to < end && carriers[to] === carrier) to++;
      const bytes = to - from;
      if (carrier === 0) {
        carriers.fill(this.numberOf(stream), from, to);
        this.uniqueBytes += bytes;
        stream.firstCarriedBytes += bytes;
      } else {
        const first = this.streams[carrier - 1]!;
        this.reinjectedBytes += bytes;
        stream.reinjectedFrom.set(first, (stream.reinjectedFrom.get(first) ?? 0) + bytes);
      }
    }
  }

  private reserve(end: number): void {
    if (end <= this.carriers.length) return;
    const carriers = new Uint16Array(2 * end);
    carriers.set(this.carriers);
    this.carriers = carriers;
  }

  private numberOf(stream: StreamTruth): number {
    const place = this.streams.indexOf(stream);
    return place >= 0 ? place + 1 : this.streams.push(stream);
  }
}

/** The truth of one world. One at a time: it listens to the engine between `begin` and `end`. */
export class WorldTruth {
  readonly streams: StreamTruth[] = [];
  private pairs: readonly Pair[] = [];
  /** The newest stream of each host by its ports. */
  private readonly byPorts: Record<Side, Map<number, StreamTruth[]>> = {
    client: new Map<number, StreamTruth[]>(),
    server: new Map<number, StreamTruth[]>(),
  };
  private readonly synsReceived: Record<Side, Set<string>> = { client: new Set(), server: new Set() };
  private readonly records = new WeakMap<Subflow, DataRecord[]>();
  private readonly data: Record<Side, DataTruth[]> = { client: [], server: [] };
  private readonly ip = new IpPacket();
  private readonly tcp = new TcpSegment();
  private restore: () => void = () => undefined;

  begin(pairs: readonly Pair[]): void {
    this.pairs = pairs;
    for (const side of ['client', 'server'] as const) this.data[side] = pairs.map(() => new DataTruth());
    const { keepRecord } = Subflow.prototype;
    const { records } = this;
    Subflow.prototype.keepRecord = function (this: Subflow, record) {
      const known = records.get(this);
      if (known === undefined) records.set(this, [record]);
      else known.push(record);
      keepRecord.call(this, record);
    };
    this.restore = () => {
      Subflow.prototype.keepRecord = keepRecord;
    };
  }

  end(): void {
    this.restore();
  }

  dataOf(side: Side, pair: number): { readonly uniqueBytes: number; readonly reinjectedBytes: number } {
    return this.data[side][pair]!;
  }

  /** `side` receives a packet. */
  receive(side: Side, packet: Packet): void {
    const { ip, tcp } = this;
    if (!readIp(packet, ip) || ip.protocol !== IpProtocol.TCP) return;
    if (parseTcp(packet.bytes, ip.payloadOffset, ip.payloadLength, tcp) !== undefined) return;
    if ((tcp.flags & (TcpFlag.SYN | TcpFlag.ACK)) === TcpFlag.SYN)
      this.synsReceived[side].add(synName(tcp.destinationPort, tcp.sourcePort, tcp.seq));
  }

  /** `side` sends a packet, which the analyser takes for one of stream `traceStream`. */
  send(side: Side, packet: Packet, traceStream: number): void {
    const { ip, tcp } = this;
    if (!readIp(packet, ip) || ip.protocol !== IpProtocol.TCP) return;
    if (parseTcp(packet.bytes, ip.payloadOffset, ip.payloadLength, tcp) !== undefined) return;
    const stream = this.streamOf(side);
    if (stream === undefined) return;
    stream.traceStreams.add(traceStream);
    if (stream.subflow === undefined) this.resolve(stream);
    if (tcp.payloadLength === 0 || (tcp.flags & TcpFlag.RST) !== 0) return;
    const isSyn = (tcp.flags & TcpFlag.SYN) !== 0;
    const start = isSyn ? 1 : (tcp.seq - stream.initialSeq) >>> 0;
    const [from, end] = stream.carry(start, start + tcp.payloadLength, isSyn);
    this.place(stream, from, end);
  }

  /** The stream of the packet that was read last. */
  private streamOf(side: Side): StreamTruth | undefined {
    const { ip, tcp } = this;
    const key = tcp.sourcePort * 65_536 + tcp.destinationPort;
    const all = this.byPorts[side].get(key) ?? [];
    this.byPorts[side].set(key, all);
    const { source, destination } = ip;
    const known = all.findLast((stream) => {
      const { subflow } = stream;
      return (
        subflow === undefined ||
        (subflow.local.address.equals(source) && subflow.remote.address.equals(destination))
      );
    });
    const isSyn = (tcp.flags & TcpFlag.SYN) !== 0;
    if (!isSyn || known?.initialSeq === tcp.seq) return known;
    const stream = new StreamTruth(side, tcp);
    const isAnswer = (tcp.flags & TcpFlag.ACK) !== 0;
    const asked = synName(tcp.sourcePort, tcp.destinationPort, (tcp.ack - 1) >>> 0);
    stream.hasSeenSyn = !isAnswer || this.synsReceived[side].has(asked);
    all.push(stream);
    this.streams.push(stream);
    return stream;
  }

  /** Finds out whose subflow a stream is, once the host knows. */
  private resolve(stream: StreamTruth): void {
    const { source, destination } = this.ip;
    this.pairs.forEach((pair, index) => {
      for (const subflow of pair[stream.side].connection?.subflows ?? []) {
        const { local, remote } = subflow;
        if (local.port !== stream.sourcePort || remote.port !== stream.destinationPort) continue;
        if (!local.address.equals(source) || !remote.address.equals(destination)) continue;
        stream.subflow = subflow;
        stream.pair = index;
      }
    });
  }

  /** Payload [start, end) of a stream goes to where its records say. */
  private place(stream: StreamTruth, start: number, end: number): void {
    const records = (stream.subflow && this.records.get(stream.subflow)) ?? [];
    let from = start;
    for (let i = firstEndingAfter(records, start); from < end; i++) {
      const record = records[i];
      if (record === undefined || record.start > from || stream.pair < 0) {
        this.placePlain(stream, from, end);
        return;
      }
      const stop = Math.min(end, record.end);
      const at = record.dataStart + (from - record.start);
      this.data[stream.side][stream.pair]!.carry(stream, at, at + (stop - from));
      from = stop;
    }
  }

  /** In a fall-back there are no records: the data stream is that of the subflow, but for what lay before. */
  private placePlain(stream: StreamTruth, start: number, end: number): void {
    const connection = stream.pair < 0 ? undefined : this.pairs[stream.pair]![stream.side].connection;
    if (connection?.isFallback !== true) {
      stream.unplacedBytes += end - start;
      return;
    }
    const { sendShift } = connection['core'];
    this.data[stream.side][stream.pair]!.carry(stream, start + sendShift, end + sendShift);
  }
}

/** Index of the first record that ends behind `offset`: they are in order, and the newest are asked for. */
function firstEndingAfter(records: readonly DataRecord[], offset: number): number {
  let i = records.length;
  while (i > 0 && records[i - 1]!.end > offset) i--;
  return i;
}

function synName(from: number, to: number, seq: number): string {
  return `${from} ${to} ${seq}`;
}

/**
 * Sets the analyser before the hosts of a simulated world, each host a vantage of its own, and judges its report by what
 * the world knows (truth.ts). Every number of what a host sent, as seen before that host, must be exactly what it sent.
 */
import { SECOND } from '../../src/base/index.js';
import { CapturedPacket, LinkType } from '../../src/capture/index.js';
import type { Packet, PacketObserver, Side, Violation } from '../../src/network/index.js';
import {
  type ConnectionReport,
  type SubflowDirectionReport,
  type SubflowReport,
  TraceAnalyzer,
  type TraceOptions,
  type TraceReport,
} from '../../src/trace/index.js';
import type { Pair, Watch } from '../simulation/world.js';
import { type StreamTruth, WorldTruth } from './truth.js';

const sides = ['client', 'server'] as const;
/** Vantage of each host. */
export const vantageOf: Readonly<Record<Side, number>> = { client: 0, server: 1 };

/** How much was compared, so that nobody takes silence for agreement. */
export interface Compared extends Record<string, number> {
  /** Worlds. */
  traced: number;
  /** Subflows of which a host's own sending was compared, and those with each of these. */
  subflows: number;
  retransmitting: number;
  reinjecting: number;
  connections: number;
  fallbacks: number;
}

export class TraceJudge implements Watch {
  readonly truth = new WorldTruth();
  readonly compared: Compared = {
    ...{ traced: 0, subflows: 0, retransmitting: 0, reinjecting: 0, connections: 0, fallbacks: 0 },
  };
  report: TraceReport | undefined = undefined;
  readonly analyzer: TraceAnalyzer;
  private pairs: readonly Pair[] = [];
  private readonly packet = new CapturedPacket();
  private readonly found: Violation[] = [];

  constructor(options: TraceOptions = {}) {
    this.analyzer = new TraceAnalyzer({ includesPlain: true, ...options });
    this.packet.linkType = LinkType.RAW;
  }

  observer(side: Side): PacketObserver {
    return {
      observe: (now: number, packet: Packet, direction) => {
        const observation = this.analyzer.handle(this.captured(now, packet), vantageOf[side]);
        if (direction === 'outward') this.truth.send(side, packet, observation?.stream ?? -1);
        else this.truth.receive(side, packet);
      },
    };
  }

  begin(pairs: readonly Pair[]): void {
    this.pairs = pairs;
    this.truth.begin(pairs);
  }

  end(): readonly Violation[] {
    this.truth.end();
    this.compared.traced = 1;
    const report = (this.report = this.analyzer.finish());
    for (const side of sides) {
      const bySubflow = new Map<number, { connection: ConnectionReport; subflow: SubflowReport }>();
      for (const connection of report.connections) {
        if (connection.vantage !== vantageOf[side]) continue;
        for (const subflow of connection.subflows) bySubflow.set(subflow.stream, { connection, subflow });
      }
      this.pairs.forEach((_, index) => this.judge(side, index, bySubflow));
    }
    return this.found;
  }

  /** The packet as a frame of a capture. */
  private captured(now: number, { bytes }: Packet): CapturedPacket {
    const { packet } = this;
    packet.frame++;
    packet.seconds = Math.floor(now / SECOND);
    packet.nanoseconds = Math.floor(now - packet.seconds * SECOND);
    packet.bytes = bytes;
    packet.length = packet.originalLength = bytes.length;
    return packet;
  }

  private judge(
    side: Side,
    index: number,
    known: ReadonlyMap<number, { connection: ConnectionReport; subflow: SubflowReport }>,
  ): void {
    const where = `connection ${index}`;
    const streams = this.truth.streams.filter((stream) => stream.side === side && stream.pair === index);
    const places = new Map<StreamTruth, { connection: ConnectionReport; subflow: SubflowReport }>();
    for (const stream of streams) {
      const [number] = stream.traceStreams;
      const place = known.get(number!);
      const name = `${where}, subflow ${stream.subflow!.id}`;
      this.expect(side, `${name}: streams`, stream.traceStreams.size, 1);
      this.expect(side, `${name}: bytes without a place`, stream.unplacedBytes, 0);
      // Without its SYN, a join that carries nothing could be anybody's.
      if (place === undefined)
        this.expect(side, `${name}: known`, stream.hasSeenSyn || stream.bytes > 0, false);
      else places.set(stream, place);
    }
    const connections = new Set([...places.values()].map(({ connection }) => connection));
    if (places.size > 0) this.expect(side, `${where}: connections`, connections.size, 1);
    const [connection] = connections;
    if (connection === undefined || connections.size > 1) return;
    this.compared.connections++;
    if (connection.fallback) this.compared.fallbacks++;
    this.judgeConnection(
      side,
      index,
      connection,
      [...places.values()].map(({ subflow }) => subflow),
    );
    for (const [stream, { subflow }] of places) this.judgeSubflow(stream, subflow, where, places);
  }

  private judgeConnection(
    side: Side,
    index: number,
    connection: ConnectionReport,
    own: readonly SubflowReport[],
  ): void {
    const where = `connection ${index}`;
    const data = side === 'client' ? connection.clientData : connection.serverData;
    const truth = this.truth.dataOf(side, index);
    this.expect(side, `${where}: unique bytes`, data.uniqueBytes, truth.uniqueBytes);
    this.expect(side, `${where}: reinjected bytes`, data.reinjectedBytes, truth.reinjectedBytes);
    this.expect(side, `${where}: bytes`, data.bytes, truth.uniqueBytes + truth.reinjectedBytes);
    this.expect(side, `${where}: wrong checksums`, data.badChecksums, 0);
    if (!connection.fallback)
      this.expect(side, `${where}: keys wrong`, connection.keysVerified === false, false);
    // A subflow that the host knows nothing of is a join that came to nothing.
    for (const subflow of connection.subflows) {
      if (own.includes(subflow)) continue;
      const bytes = side === 'client' ? subflow.clientBytes : subflow.serverBytes;
      this.expect(side, `${where}: bytes of a foreign subflow`, bytes, 0);
    }
  }

  private judgeSubflow(
    stream: StreamTruth,
    subflow: SubflowReport,
    where: string,
    places: ReadonlyMap<StreamTruth, { subflow: SubflowReport }>,
  ): void {
    const { side } = stream;
    const report: SubflowDirectionReport =
      side === 'client' ? subflow.clientToServer : subflow.serverToClient;
    const name = `${where}, subflow ${stream.subflow!.id}`;
    this.compared.subflows++;
    if (stream.retransmittedBytes > 0) this.compared.retransmitting++;
    if (stream.reinjectedFrom.size > 0) this.compared.reinjecting++;
    for (const field of ['bytes', 'uniqueBytes', 'retransmittedBytes', 'retransmittedPackets'] as const) {
      this.expect(side, `${name}: ${field}`, report[field], stream[field]);
    }
    this.expect(side, `${name}: lateBytes`, report.lateBytes, 0);
    this.expect(side, `${name}: missingBytes`, report.missingBytes, 0);
    const expected = [...stream.reinjectedFrom]
      .map(([from, bytes]) => `${bytes} of ${places.get(from)?.subflow.id}`)
      .sort();
    const found = report.reinjectedFrom.map(({ subflow: from, bytes }) => `${bytes} of ${from}`).sort();
    this.expect(side, `${name}: reinjected`, found.join(), expected.join());
  }

  private expect<Value>(host: Side, what: string, found: Value, truth: Value): void {
    if (found === truth) return;
    this.found.push({
      at: 0,
      host,
      rule: 'trace',
      text: `${what}: ${String(found)}, in truth ${String(truth)}`,
    });
  }
}

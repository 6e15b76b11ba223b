/** Two TCP connections on a wire in virtual time: loss, delay, reordering and duplication, all by seed. */
import {
  NEVER,
  SECOND,
  SeededRandom,
  randomBelow,
  randomUnit,
  seq32,
  seqAt,
  TimerQueue,
} from '../../src/base/index.js';
import type { TcpEvent, TcpParameters } from '../../src/tcp/index.js';
import { OutgoingSegment, TcpConnection } from '../../src/tcp/index.js';
import type { TcpSegment } from '../../src/wire/index.js';
import { TcpFlag } from '../../src/wire/index.js';
import { arrive, payloadOf, streamByte, testRecord } from './tcp-peer.js';

/** What the wire does to segments on their way. */
export interface WireOptions {
  readonly seed: number;
  /** One way, ns. */
  readonly delayNs: number;
  /** Up to so much more, drawn per segment: more than the spacing of segments reorders them. */
  readonly jitterNs?: number;
  /** Chance that a segment is lost, 0 to 1. */
  readonly loss?: number;
  /** Chance that a segment arrives twice. */
  readonly duplication?: number;
  /** Super-segments are cut as an offloading device does; otherwise they arrive whole. */
  readonly isCutting?: boolean;
  /** Segments with more bytes behind the base headers vanish; 0: no limit. */
  readonly maxSegmentBytes?: number;
}

/** A segment on its way. */
interface Flight {
  timerAt: number;
  timerIndex: number;
  readonly to: End;
  readonly segment: TcpSegment;
}

/** One end with its application. */
export class End {
  readonly connection: TcpConnection;
  readonly events: TcpEvent[] = [];
  /** Bytes that the application still wants to send. */
  toSend = 0;
  /** Whether it shuts down once everything is sent. */
  closesAfterSending = false;
  /** Most bytes of one record. */
  recordBytes = 65_536;
  /** Bytes received and checked. */
  receivedBytes = 0;
  /** Whether a byte was wrong. */
  isCorrupt = false;
  /** Receive buffer: the window is what is left of it; may change at any time, 0 leaves the window alone. */
  bufferBytes = 0;
  /** Bytes in the buffer that the application has not read. */
  unreadBytes = 0;
  /** Whether the application reads. */
  isReading = true;
  constructor(connection: TcpConnection) {
    this.connection = connection;
  }

  /** Takes what the connection has, checks it, and pushes what it takes. */
  work(now: number): void {
    const { connection } = this;
    for (let event = connection.pollEvent(); event !== undefined; event = connection.pollEvent())
      this.events.push(event);
    for (let bytes = connection.pollReceive(); bytes !== undefined; bytes = connection.pollReceive()) {
      for (const byte of bytes) if (byte !== streamByte(++this.receivedBytes)) this.isCorrupt = true;
      this.unreadBytes += bytes.length;
    }
    this.read();
    while (this.toSend > 0) {
      const quota = connection.sendQuota(now, this.toSend);
      const length = Math.min(quota, this.toSend, this.recordBytes);
      if (length <= 0 || (length < quota && length < this.toSend && length < this.recordBytes)) break;
      if (!connection.mayPush(length)) break;
      connection.push(now, testRecord(connection.pushEnd, length));
      this.toSend -= length;
    }
    if (this.closesAfterSending && this.toSend === 0) connection.shutdown(now);
  }

  /** The application reads all there is, if it reads. */
  read(): void {
    if (this.isReading) this.unreadBytes = 0;
    if (this.bufferBytes > 0)
      this.connection.setReceiveWindow(Math.max(0, this.bufferBytes - this.unreadBytes));
  }
}

export class Pair {
  now = SECOND;
  readonly a: End;
  readonly b: End;
  readonly random: SeededRandom;
  /** Called for every segment that is put on the wire; false: it is dropped. */
  filter: (from: End, out: OutgoingSegment) => boolean = () => true;
  /** Segments put on the wire. */
  segments = 0;
  /** Grows with every segment on the wire, ns. */
  private launches = 0;
  private readonly wire: WireOptions;
  private readonly flights = new TimerQueue<Flight>();
  private readonly out = new OutgoingSegment();

  constructor(wire: WireOptions, a: End, b: End) {
    this.wire = wire;
    this.random = new SeededRandom(wire.seed);
    this.a = a;
    this.b = b;
  }

  /** `a` opened towards `b`, and `b` answered: the first segment is only delayed. */
  static open(wire: WireOptions, aParameters: TcpParameters, bParameters: TcpParameters): Pair {
    const out = new OutgoingSegment();
    const a = TcpConnection.connect(SECOND, aParameters);
    a.pollSegment(SECOND, out);
    const now = SECOND + wire.delayNs;
    const b = TcpConnection.accept(now, bParameters, arrive(out, payloadOf(out), 0));
    const pair = new Pair(wire, new End(a), new End(b));
    pair.now = now;
    pair.a.bufferBytes = aParameters.receiveWindowBytes;
    pair.b.bufferBytes = bParameters.receiveWindowBytes;
    return pair;
  }

  /** Runs until `isDone`, or nothing is left to happen, or `limitNs` of virtual time are over. Returns `isDone()`. */
  run(isDone: () => boolean, limitNs: number): boolean {
    const end = this.now + limitNs;
    this.settle();
    while (!isDone()) {
      const at = Math.min(
        this.flights.nextAt,
        this.a.connection.pollTimeout(),
        this.b.connection.pollTimeout(),
      );
      if (at === NEVER || at > end) break;
      this.now = Math.max(this.now, at);
      for (
        let flight = this.flights.popDue(this.now);
        flight !== undefined;
        flight = this.flights.popDue(this.now)
      ) {
        flight.to.connection.handleSegment(this.now, flight.segment);
        this.settle();
      }
      if (this.a.connection.pollTimeout() <= this.now) this.a.connection.handleTimeout(this.now);
      if (this.b.connection.pollTimeout() <= this.now) this.b.connection.handleTimeout(this.now);
      this.settle();
    }
    return isDone();
  }

  /** Both ends work and send until neither has anything to do now. */
  settle(): void {
    this.serve(this.a, this.b);
    this.serve(this.b, this.a);
  }

  private serve(from: End, to: End): void {
    from.work(this.now);
    while (from.connection.pollSegment(this.now, this.out)) {
      this.segments++;
      if (this.segments > 5_000_000) throw new Error('the connections never stop sending');
      if (this.filter(from, this.out)) this.put(to);
      from.work(this.now);
    }
  }

  /** Puts `out` on the wire. */
  private put(to: End): void {
    const { out, wire } = this;
    const payload = payloadOf(out);
    const size = out.segmentSize;
    if (size === 0 || wire.isCutting !== true) {
      this.launch(to, arrive(out, payload, size), size === 0 ? payload.length : size);
      return;
    }
    const { seq, flags } = out;
    for (let at = 0; at < payload.length; at += size) {
      const isLast = at + size >= payload.length;
      out.seq = seqAt(seq, at);
      out.flags = isLast ? flags : flags & ~(TcpFlag.FIN | TcpFlag.PSH);
      const part = payload.slice(at, at + size);
      this.launch(to, arrive(out, part, 0), part.length);
    }
  }

  private launch(to: End, segment: TcpSegment, payloadBytes: number): void {
    const { wire, random } = this;
    const limit = wire.maxSegmentBytes ?? 0;
    if (limit > 0 && segment.headerLength - 20 + payloadBytes > limit) return;
    if (randomUnit(random) < (wire.loss ?? 0)) return;
    const copies = randomUnit(random) < (wire.duplication ?? 0) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const jitter = wire.jitterNs === undefined ? 0 : randomBelow(random, wire.jitterNs + 1);
      // The wire keeps the order of what is equally late: each waits a trifle longer than the one before it.
      this.launches += 1e-4;
      this.flights.set(
        { timerAt: NEVER, timerIndex: -1, to, segment },
        this.now + wire.delayNs + jitter + this.launches,
      );
    }
  }
}

/** An initial sequence number for tests, close to the wrap for every other seed. */
export function testInitial(seed: number): ReturnType<typeof seq32> {
  return seq32(seed % 2 === 0 ? seed * 7919 : 0xffff_ffff - (seed % 5000));
}

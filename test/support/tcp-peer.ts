/**
 * For tests of src/tcp: two connections on a wire in virtual time, and one connection against a script. Segments cross
 * as bytes, through the codecs of src/wire.
 */
import { copyPieces, NEVER, SECOND, SeededRandom, seq32, seqAt } from '../../src/base/index.js';
import type { Seq32 } from '../../src/base/index.js';
import type { SendRecord, TcpEvent, TcpParameters, TcpSettings } from '../../src/tcp/index.js';
import { cubic, defaultTcpSettings, OutgoingSegment, TcpConnection } from '../../src/tcp/index.js';
import {
  parseTcp,
  tcpHeaderLength,
  TcpFlag,
  TcpSegment,
  viewOf,
  writeTcpHeader,
} from '../../src/wire/index.js';

/** Parameters for tests; `settings` are laid over the defaults. */
export function testParameters(
  overrides: Partial<Omit<TcpParameters, 'settings'>> & { readonly settings?: Partial<TcpSettings> } = {},
): TcpParameters {
  const { settings, ...rest } = overrides;
  return {
    initialSequence: seq32(1000),
    timestampOffset: 77,
    maxSegmentSize: 1460,
    pathMaxSegmentSize: 1460,
    headerBytes: 40,
    receiveWindowBytes: 1_000_000,
    maxOffloadBytes: 0,
    congestion: cubic,
    random: new SeededRandom(1),
    ...rest,
    settings: { ...defaultTcpSettings, ...settings },
  };
}

/** Byte number `offset` of every test stream. */
export function streamByte(offset: number): number {
  return (offset * 31 + (offset >>> 8) * 7) & 0xff;
}

/** A record of the test stream; `start` as a stream offset. */
export function testRecord(start: number, length: number): SendRecord {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = streamByte(start + i);
  return { start, length, pieces: [bytes] };
}

/** A segment as it would arrive. */
export interface SegmentFields {
  readonly seq?: number;
  readonly ack?: number;
  readonly flags: number;
  readonly window?: number;
  readonly payload?: Uint8Array;
  readonly mss?: number;
  readonly windowScale?: number;
  readonly sackPermitted?: boolean;
  readonly timestamps?: readonly [value: number, echo: number];
  readonly sack?: readonly (readonly [left: number, right: number])[];
  readonly segmentSize?: number;
}

/** Makes the segment that `fields` describe, by way of its bytes. */
export function makeSegment(fields: SegmentFields): TcpSegment {
  const out = new OutgoingSegment();
  out.seq = seq32(fields.seq ?? 0);
  out.ack = seq32(fields.ack ?? 0);
  out.flags = fields.flags;
  out.window = fields.window ?? 65_535;
  out.mss = fields.mss ?? 0;
  out.windowScale = fields.windowScale ?? -1;
  out.sackPermitted = fields.sackPermitted ?? false;
  out.hasTimestamps = fields.timestamps !== undefined;
  out.tsVal = fields.timestamps?.[0] ?? 0;
  out.tsEcr = fields.timestamps?.[1] ?? 0;
  for (const [left, right] of fields.sack ?? []) {
    out.sackEdges[out.sackCount * 2] = left;
    out.sackEdges[out.sackCount * 2 + 1] = right;
    out.sackCount++;
  }
  return arrive(out, fields.payload ?? new Uint8Array(0), fields.segmentSize ?? 0);
}

/** What arrives when `out` is sent with `payload`. */
export function arrive(out: OutgoingSegment, payload: Uint8Array, segmentSize: number): TcpSegment {
  const headerLength = tcpHeaderLength(out);
  const bytes = new Uint8Array(headerLength + payload.length);
  writeTcpHeader(viewOf(bytes), 0, 1, 2, out);
  bytes.set(payload, headerLength);
  const segment = new TcpSegment();
  const error = parseTcp(bytes, 0, bytes.length, segment);
  if (error !== undefined) throw new Error(error.message);
  segment.segmentSize = segmentSize;
  return segment;
}

/** The payload that `out` stands for. */
export function payloadOf(out: OutgoingSegment): Uint8Array {
  const payload = new Uint8Array(out.payloadLength);
  if (out.record !== undefined)
    copyPieces(out.record.pieces, out.recordOffset, out.payloadLength, payload, 0);
  return payload;
}

/** A segment as a script sees it: numbers relative to the initial ones. */
export interface SentView {
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly length: number;
  readonly window: number;
  readonly segmentSize: number;
  readonly isRetransmission: boolean;
  readonly sack: readonly (readonly [left: number, right: number])[];
  readonly mss: number;
  readonly windowScale: number;
  readonly sackPermitted: boolean;
  readonly hasTimestamps: boolean;
  readonly tsVal: number;
  readonly tsEcr: number;
}

/** One connection, with a test in the place of its peer. All numbers are relative to the two initial ones. */
export class Script {
  now: number;
  readonly connection: TcpConnection;
  readonly events: TcpEvent[] = [];
  readonly received: number[] = [];
  /** The peer's initial sequence number. */
  readonly peerInitial: Seq32 = seq32(5_000_000);
  /** Options that the peer's segments carry. */
  withTimestamps: boolean;
  /** The peer's timestamp clock; moves only when the test moves it. */
  peerClock = 100;
  private readonly parameters: TcpParameters;
  private readonly out = new OutgoingSegment();
  private lastTsVal = 0;

  private constructor(parameters: TcpParameters, isActive: boolean, now: number, syn?: SegmentFields) {
    this.parameters = parameters;
    this.now = now;
    this.withTimestamps = parameters.settings.timestamps;
    this.connection = isActive
      ? TcpConnection.connect(now, parameters)
      : TcpConnection.accept(now, parameters, this.arrived(syn!));
  }

  /** A connection that has not sent its SYN yet. */
  static connecting(parameters = testParameters(), now = SECOND): Script {
    return new Script(parameters, true, now);
  }

  /** A connection made for the peer's SYN. */
  static accepting(parameters = testParameters(), syn: Partial<SegmentFields> = {}, now = SECOND): Script {
    return new Script(parameters, false, now, { ...peerSyn, ...syn });
  }

  /** An open connection, opened by this end; the peer answers 10 ms later. */
  static open(parameters = testParameters(), syn: Partial<SegmentFields> = {}): Script {
    const script = Script.connecting(parameters);
    script.sent();
    script.advance(10_000_000);
    script.receive({ ...peerSyn, ack: 1, ...syn, flags: TcpFlag.SYN | TcpFlag.ACK });
    script.sent();
    script.events.length = 0;
    return script;
  }

  /** Moves the clock without letting timers fire. */
  advance(ns: number): void {
    this.now += ns;
  }

  /** Moves the clock to the next timer and lets it fire; returns how long that was, `NEVER` when none is armed. */
  fireTimer(): number {
    const at = this.connection.pollTimeout();
    if (at === NEVER) return NEVER;
    const waited = Math.max(0, at - this.now);
    this.now += waited;
    this.connection.handleTimeout(this.now);
    this.pull();
    return waited;
  }

  /** Lets time pass with every timer that falls into it; returns what was sent. */
  run(ns: number): SentView[] {
    const end = this.now + ns;
    const views: SentView[] = this.sent();
    while (this.connection.pollTimeout() <= end) {
      this.now = Math.max(this.now, this.connection.pollTimeout());
      this.connection.handleTimeout(this.now);
      views.push(...this.sent());
    }
    this.now = end;
    return views;
  }

  /** The peer's segment arrives; `seq` and `ack` count from the initial numbers. Returns the verdict. */
  receive(fields: SegmentFields): number {
    const verdict = this.connection.handleSegment(this.now, this.arrived(fields));
    this.pull();
    return verdict;
  }

  /** An acknowledgment up to `ack`, with SACK blocks. */
  ack(ack: number, fields: Partial<SegmentFields> & { readonly seq?: number } = {}): number {
    return this.receive({ seq: this.peerNext, flags: TcpFlag.ACK, ack, ...fields });
  }

  /** `length` bytes of the peer's stream from `seq` on, acknowledging all that was sent. */
  data(seq: number, length: number, fields: Partial<SegmentFields> = {}): number {
    return this.receive({
      seq,
      ack: this.connection.sndNxt,
      flags: TcpFlag.ACK,
      payload: testRecord(seq, length).pieces[0]!,
      ...fields,
    });
  }

  /** What the peer's next segment is numbered, as far as this end knows. */
  get peerNext(): number {
    return this.connection.rcvNxt;
  }

  /** Pushes `length` bytes, as far as the quota goes or all. */
  push(length: number): void {
    this.connection.push(this.now, testRecord(this.connection.pushEnd, length));
  }

  /** Everything that the connection sends now. */
  sent(): SentView[] {
    const views: SentView[] = [];
    while (this.connection.pollSegment(this.now, this.out)) {
      views.push(this.view(this.out));
      if (views.length > 100_000) throw new Error('the connection never stops sending');
    }
    this.pull();
    return views;
  }

  /** The one segment that the connection sends now; fails when it is none or more. */
  one(): SentView {
    const views = this.sent();
    if (views.length !== 1) throw new Error(`${views.length} segments sent where one was expected`);
    return views[0]!;
  }

  private pull(): void {
    for (let event = this.connection.pollEvent(); event !== undefined; event = this.connection.pollEvent()) {
      this.events.push(event);
    }
    for (
      let bytes = this.connection.pollReceive();
      bytes !== undefined;
      bytes = this.connection.pollReceive()
    ) {
      for (const byte of bytes) this.received.push(byte);
    }
  }

  private arrived(fields: SegmentFields): TcpSegment {
    const { initialSequence } = this.parameters;
    const isTimed = this.withTimestamps && (fields.flags & TcpFlag.RST) === 0;
    return makeSegment({
      ...fields,
      seq: seqAt(this.peerInitial, fields.seq ?? 0),
      ...(fields.ack !== undefined && { ack: seqAt(initialSequence, fields.ack) }),
      ...(fields.sack !== undefined && {
        sack: fields.sack.map(
          ([left, right]) => [seqAt(initialSequence, left), seqAt(initialSequence, right)] as const,
        ),
      }),
      ...(isTimed &&
        fields.timestamps === undefined && { timestamps: [this.peerClock, this.lastTsVal] as const }),
    });
  }

  private view(out: OutgoingSegment): SentView {
    if (out.hasTimestamps) this.lastTsVal = out.tsVal;
    const sack: [number, number][] = [];
    for (let i = 0; i < out.sackCount; i++) {
      sack.push([
        (out.sackEdges[i * 2]! - this.peerInitial) >>> 0,
        (out.sackEdges[i * 2 + 1]! - this.peerInitial) >>> 0,
      ]);
    }
    return {
      flags: out.flags,
      seq: (out.seq - this.parameters.initialSequence) | 0,
      ack: (out.flags & TcpFlag.ACK) === 0 ? 0 : (out.ack - this.peerInitial) | 0,
      length: out.payloadLength,
      window: out.window,
      segmentSize: out.segmentSize,
      isRetransmission: out.isRetransmission,
      sack,
      mss: out.mss,
      windowScale: out.windowScale,
      sackPermitted: out.sackPermitted,
      hasTimestamps: out.hasTimestamps,
      tsVal: out.tsVal,
      tsEcr: out.tsEcr,
    };
  }
}

/** A SYN with every option. */
const peerSyn: SegmentFields = {
  seq: 0,
  flags: TcpFlag.SYN,
  mss: 1460,
  windowScale: 7,
  sackPermitted: true,
  window: 65_535,
};

/**
 * The trace analyser: frames in, one after the other, and at the end a report. Owns the clock, the numbering of streams
 * and the order in which a segment is taken in; what segments mean is in the modules that it calls. Shares no code with the
 * engine, which it judges. Read first: RFC 9293 §3.4, RFC 8684 §3.
 *
 * Use: `handle` every packet of every file in the order of time, then `finish`. What `handle` gives is the same object
 * every time, good until the next call. A join whose connection becomes known later (the capture lost the packet with the
 * keys) has the connection -1 until then, and plain TCP has it throughout: its numbers are known at the end. `Attribution`
 * tells both in a second reading.
 */
import { asDouble } from './double.js';
import { SECOND } from '../base/index.js';
import type { CapturedPacket, CaptureTime } from '../capture/index.js';
import { adopt } from './adoption.js';
import { CaptureQuality } from './capture-quality.js';
import type { Connection } from './connection.js';
import { carryPayload, readDataAck, readMapping, verifyChecksum } from './data-level.js';
import { Decoder } from './decoder.js';
import { PacketMatcher } from './delays/matcher.js';
import { judgeFallback } from './fallback.js';
import type { FlowTable } from './flow-table.js';
import { DSS_PLACE, Handshakes } from './handshake.js';
import { keepHandshake } from './handshake-packet.js';
import { Observation } from './observation.js';
import { TraceReporter } from './reporter.js';
import type { FileReport, TraceReport } from './report.js';
import type { Segment } from './segment.js';
import { defaultTraceSettings, type TraceLimits, type TraceSettings } from './settings.js';
import { StatisticsRange } from './statistics-range.js';
import { Stream } from './stream.js';
import type { SubflowDirection } from './subflow-direction.js';
import { Vantage } from './vantage.js';

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

// What a module exports is read through a cell each time; this lets the compiler see a constant.
const nsPerSecond = SECOND;

/** Settings that are given in part. */
export interface TraceOptions extends Partial<Omit<TraceSettings, 'limits'>> {
  readonly limits?: Partial<TraceLimits>;
}

export class TraceAnalyzer {
  readonly settings: TraceSettings;
  private readonly decoder: Decoder;
  private readonly handshakes: Handshakes;
  private readonly range: StatisticsRange;
  private readonly reporter: TraceReporter;
  private readonly vantages: Vantage[] = [];
  private readonly observation = new Observation();
  private readonly quality = new CaptureQuality();
  /** Finds packets that two places saw; undefined unless delays are measured. */
  private readonly matcher: PacketMatcher | undefined;
  private packets = 0;
  /** The instant that times count from; undefined before the first frame that has a time. */
  private origin: CaptureTime | undefined = undefined;
  private originSeconds = 0;
  private originNanoseconds = 0;
  private lastNs = asDouble;
  private greatestNs = asDouble;
  private streams = 0;

  constructor(options: TraceOptions = {}) {
    this.lastNs = 0;
    this.greatestNs = 0;
    const limits = { ...defaultTraceSettings.limits, ...options.limits };
    this.settings = { ...defaultTraceSettings, ...options, limits };
    this.range = new StatisticsRange(this.settings);
    this.reporter = new TraceReporter(this.range);
    this.decoder = new Decoder(limits.maxTunnelDepth);
    this.handshakes = new Handshakes(this.settings);
    this.matcher = this.settings.measuresDelays ? new PacketMatcher(limits) : undefined;
  }

  /** Frames handled so far. */
  get packetCount(): number {
    return this.packets;
  }

  /**
   * Takes in a frame, seen at `vantage` (0 unless both ends of connections were captured, each with a number of its own
   * then). Says what it turned out to be; undefined when it is no TCP segment that can be followed, which the report
   * counts in `ignored`, or was damaged on its way (`quality`).
   */
  handle(packet: CapturedPacket, vantage = 0): Observation | undefined {
    this.packets++;
    this.setTime(packet);
    const { decoder } = this;
    if (!decoder.decode(packet)) return undefined;
    const { segment } = decoder;
    segment.packet = this.packets;
    segment.atNs = this.lastNs;
    const place = this.vantages[vantage] ?? this.addVantage(vantage);
    const { flows } = place;
    let stream = flows.find(segment);
    let isFromOpener = stream === undefined || isOpeners(stream, flows);
    if (place.damage.isDamaged(stream, segment, isFromOpener)) {
      this.quality.noteDamaged(this.packets);
      return undefined;
    }
    if (stream === undefined || ((segment.flags & SYN) !== 0 && isAnew(stream, segment, isFromOpener))) {
      stream = this.begin(place, segment);
      isFromOpener = isOpeners(stream, flows);
    }
    stream.note(segment, isFromOpener);
    this.quality.note(segment, stream.mss, vantage);
    const observation = this.observe(place, stream, segment, isFromOpener);
    if (this.matcher !== undefined && packet.hasTime) {
      this.matcher.noteFrame(vantage, segment.atNs);
      if (stream.connection !== undefined) this.matcher.note(stream, segment, isFromOpener);
    }
    return observation;
  }

  /** The report of all that was handled. `files` are the files as they were read. */
  finish(files: readonly FileReport[] = []): TraceReport {
    return this.reporter.finish({
      packets: this.packets,
      files,
      origin: this.origin,
      durationNs: this.greatestNs,
      ignored: this.decoder.ignored,
      kindCounts: this.decoder.segment.kindCounts,
      usualHeaders: this.decoder.segment.usualHeaders,
      quality: this.quality.report(),
      handshakes: this.handshakes,
      vantages: this.vantages,
      matcher: this.matcher,
    });
  }

  /** Sets the clock: nanoseconds since the first frame that has a time. One without takes the time of the frame before. */
  private setTime(packet: CapturedPacket): void {
    if (!packet.hasTime) return;
    if (this.origin === undefined) this.beginTime(packet);
    // What `elapsedNs` does, without a call.
    const seconds = packet.seconds - this.originSeconds;
    const atNs = seconds * nsPerSecond + (packet.nanoseconds - this.originNanoseconds);
    if (atNs < this.lastNs) this.quality.noteReversal(atNs, this.lastNs, this.packets);
    this.lastNs = atNs;
    if (atNs > this.greatestNs) this.greatestNs = atNs;
    if (atNs >= this.range.boundaryNs) this.range.cross(atNs, this.vantages);
  }

  private beginTime({ seconds, nanoseconds }: CapturedPacket): void {
    this.origin = { seconds, nanoseconds };
    this.originSeconds = seconds;
    this.originNanoseconds = nanoseconds;
  }

  private addVantage(index: number): Vantage {
    const vantage = new Vantage(index, this.handshakes, this.settings.limits);
    this.vantages[index] = vantage;
    return vantage;
  }

  /** A new stream for the segment that was looked up last. */
  private begin(place: Vantage, segment: Segment): Stream {
    if (this.streams >= this.settings.limits.maxStreams) this.evict(place, segment);
    const { flows } = place;
    const stream = new Stream(place.nextStream++, place.index);
    this.streams++;
    stream.firstPacket = this.packets;
    stream.startNs = segment.atNs;
    const kind = segment.flags & (SYN | ACK);
    stream.isOpenerCertain = (kind & SYN) !== 0;
    if (kind === SYN) stream.isOpenerLow = flows.isFromLow;
    else if (kind === (SYN | ACK)) stream.isOpenerLow = !flows.isFromLow;
    // Servers listen on the lower port as a rule; between equal ones, who is seen first may be the client.
    else stream.isOpenerLow = segment.sourcePort === segment.destinationPort && flows.isFromLow;
    flows.put(stream, segment);
    return stream;
  }

  private observe(place: Vantage, stream: Stream, segment: Segment, isFromOpener: boolean): Observation {
    const o = this.observation;
    o.packet = this.packets;
    o.atNs = segment.atNs;
    o.vantage = place.index;
    o.stream = stream.number;
    o.flags = segment.flags;
    o.payloadLength = segment.payloadLength;
    o.optionBits = segment.optionBits;
    if (segment.hasDss) this.handshakes.counts[DSS_PLACE]!++;
    if ((segment.flags & SYN) !== 0 || segment.mptcpCount > 0 || segment.malformedCount > 0) {
      if ((segment.flags & SYN) !== 0) noteSyn(stream, segment);
      this.handshakes.read(place, stream, segment, {
        packet: segment.packet,
        atNs: segment.atNs,
        isFromOpener,
      });
    }
    const connection = stream.connection ?? this.adopt(place, stream, segment, isFromOpener);
    clear(o);
    if (connection !== undefined) this.follow(place, connection, stream, segment, isFromOpener, o);
    else describePlain(stream, segment, isFromOpener, o);
    if (stream.isEarly) this.keep(stream, segment, isFromOpener, o);
    return o;
  }

  /** The connection of a stream that had none so far, if this segment shows it. */
  private adopt(
    place: Vantage,
    stream: Stream,
    segment: Segment,
    isFromOpener: boolean,
  ): Connection | undefined {
    if (segment.hasDss) return adopt(place, stream, segment, isFromOpener);
    if (!this.settings.includesPlain || stream.join !== undefined) return undefined;
    return this.handshakes.begin(place, stream, false);
  }

  /** Takes a segment of a followed connection in. */
  private follow(
    place: Vantage,
    connection: Connection,
    stream: Stream,
    segment: Segment,
    isFromOpener: boolean,
    o: Observation,
  ): void {
    const own = isFromOpener ? stream.fromOpener! : stream.fromOther!;
    const peer = isFromOpener ? stream.fromOther! : stream.fromOpener!;
    const isClient = isFromOpener ? stream.isOpenerClient : !stream.isOpenerClient;
    const data = isClient ? connection.clientData : connection.serverData;
    const peerData = isClient ? connection.serverData : connection.clientData;
    const host = isClient ? connection.client : connection.server;
    const { flags, payloadLength } = segment;
    // The one that showed whose stream it is was counted with those before it.
    if (stream.packets > stream.packetsBefore) connection.packets++;
    connection.lastPacket = o.packet;
    connection.endNs = segment.atNs;
    o.connection = connection.id < 0 ? -1 : connection.id;
    o.subflow = stream.subflow;
    o.sender = isClient ? 'client' : 'server';
    if (!own.isAnchored) anchor(own, stream, isFromOpener);
    if (stream.subflow === 0) {
      if (segment.hasDss && !connection.isMultipath) this.discover(connection, stream, o);
      firstSubflow(connection, stream, segment, isFromOpener, own);
    }
    if (stream.thirdNs < 0 && isFromOpener && stream.synAckNs >= 0 && (flags & SYN) === 0) {
      stream.thirdNs = segment.atNs;
    }
    const offset = own.send(segment);
    o.relativeSeq = offset;
    const window = (flags & SYN) !== 0 ? segment.window : segment.window << own.windowShift;
    o.windowBytes = window;
    if ((flags & (ACK | RST)) === ACK) {
      if (!peer.isAnchored) anchor(peer, stream, !isFromOpener);
      const acked = peer.acknowledge(segment);
      if ((flags & SYN) !== 0 && peer.synPayload > 0) peer.noteSynAnswer();
      o.relativeAck = peer.acked + ((segment.ack - peer.ackedSeq) | 0);
      o.ackedBytes = acked;
      o.rttNs = peer.rttSample;
      if (acked > 0) own.ackSizes.add(acked);
      if (window === 0 || own.zeroSince >= 0) own.noteWindow(window, segment);
    }
    if (segment.hasMapping) readMapping(place, connection, own, host, data, segment, o);
    if (segment.hasDataAck) {
      o.dataAck = readDataAck(place, connection, peerData, segment);
      o.dataRttNs = peerData.rttSample;
      if ((flags & SYN) === 0) peerData.noteWindow(window, segment);
    }
    if (payloadLength > 0) {
      const start = (flags & SYN) !== 0 ? offset + 1 : offset;
      if (own.verifier.isActive && connection.checksum === true && this.settings.verifiesChecksums) {
        verifyChecksum(own, data, segment, start, o.packet);
      }
      carryPayload(own, data, stream, segment, start, o);
      o.flightBytes = own.flightBytes;
      o.dataFlightBytes = data.flightBytes;
      o.outOfOrderBytes = data.outOfOrderBytes;
      o.inOrderOffset = data.contiguous;
    } else {
      o.flightBytes = peer.flightBytes;
      o.dataFlightBytes = peerData.flightBytes;
      o.outOfOrderBytes = peerData.outOfOrderBytes;
      o.inOrderOffset = peerData.contiguous;
    }
    if ((flags & (FIN | RST)) !== 0 && stream.isOver) endOf(connection, stream);
  }

  /** A DSS shows that what was taken for plain TCP is Multipath TCP, whose handshake is not in the capture. */
  private discover(connection: Connection, stream: Stream, o: Observation): void {
    this.handshakes.makeMultipath(connection);
    o.connection = connection.id;
    stream.fromOpener!.mappings.clear();
    stream.fromOther!.mappings.clear();
  }

  /** Keeps what belongs to the handshake of a connection. */
  private keep(stream: Stream, segment: Segment, isFromOpener: boolean, o: Observation): void {
    keepHandshake(stream, segment, isFromOpener, o, this.settings.limits.maxHandshakePackets);
  }

  /** Makes room for streams. */
  private evict(place: Vantage, segment: Segment): void {
    this.streams -= this.reporter.evict(this.vantages);
    // The place found for the segment is not valid any more.
    place.flows.find(segment);
  }
}

/** Whether the segment that was looked up last comes from the opener of its stream. To compare two booleans costs a call. */
function isOpeners(stream: Stream, flows: FlowTable): boolean {
  return flows.isFromLow ? stream.isOpenerLow : !stream.isOpenerLow;
}

/** Whether a SYN begins another stream than the one that its ports belonged to, by the rules of Wireshark. */
function isAnew(stream: Stream, segment: Segment, isFromOpener: boolean): boolean {
  if ((segment.flags & ACK) !== 0) return false;
  const isKnown = isFromOpener ? stream.hasOpenerInitial : stream.hasOtherInitial;
  const initial = isFromOpener ? stream.openerInitial : stream.otherInitial;
  return isKnown && initial !== segment.seq;
}

function noteSyn(stream: Stream, segment: Segment): void {
  const { atNs } = segment;
  if (segment.mss > 0) stream.mss = stream.mss === 0 ? segment.mss : Math.min(stream.mss, segment.mss);
  const shift = Math.min(segment.windowScale, 14);
  if ((segment.flags & ACK) === 0) {
    stream.hasSyn = true;
    if (stream.synNs < 0) stream.synNs = atNs;
    stream.openerShift = shift;
  } else {
    stream.hasSynAck = true;
    if (stream.synAckNs < 0) stream.synAckNs = atNs;
    stream.otherShift = shift;
  }
  // Both must offer it (RFC 7323 §2.2).
  if (stream.fromOpener !== undefined && stream.fromOther !== undefined) scaleWindows(stream);
}

function scaleWindows(stream: Stream): void {
  const isAgreed = stream.openerShift >= 0 && stream.otherShift >= 0;
  stream.fromOpener!.windowShift = isAgreed ? stream.openerShift : 0;
  stream.fromOther!.windowShift = isAgreed ? stream.otherShift : 0;
}

/** Offset 0 of a direction is what the stream took for the initial number. */
function anchor(direction: SubflowDirection, stream: Stream, isOpener: boolean): void {
  const hasInitial = isOpener ? stream.hasOpenerInitial : stream.hasOtherInitial;
  if (!hasInitial) return;
  // Who comes to be followed amid its life has sent bytes that are not missing.
  const isFromStart = stream.packetsBefore <= 4 && (isOpener ? stream.hasSyn : stream.hasSynAck);
  direction.anchor(isOpener ? stream.openerInitial : stream.otherInitial, isFromStart);
  direction.isSynSeen = isOpener ? stream.hasSyn : stream.hasSynAck;
  scaleWindows(stream);
}

/** What holds for the first subflow only: it may fall back, or speak plain TCP from the start. */
function firstSubflow(
  connection: Connection,
  stream: Stream,
  segment: Segment,
  isFromOpener: boolean,
  own: SubflowDirection,
): void {
  const isBare = segment.payloadLength > 0 && !segment.hasDss;
  const mayFallBack = !connection.isConfirmed || (isBare && !connection.isFallback);
  if (connection.isMultipath && mayFallBack) {
    judgeFallback(connection, stream, segment, isFromOpener, segment.packet);
  }
  const isPlain = connection.isFallback || !connection.isMultipath;
  if (isPlain && own.mappings.end !== Number.POSITIVE_INFINITY) mapAll(own);
}

/** In a fallback, the mapping in force goes on for ever; without one, the data is that of the subflow. */
function mapAll(direction: SubflowDirection): void {
  const { mappings } = direction;
  if (mappings.count === 0) mappings.set(1, Number.POSITIVE_INFINITY, 1);
  else mappings.end = Number.POSITIVE_INFINITY;
}

function endOf(connection: Connection, stream: Stream): void {
  connection.clientData.handovers.end(stream.subflow);
  connection.serverData.handovers.end(stream.subflow);
}

/** Resets what not every segment has. */
function clear(o: Observation): void {
  o.relativeAck = -1;
  o.dataOffset = -1;
  o.mappingOffset = -1;
  o.mappingLength = -1;
  o.dataAck = -1;
  o.dataFin = false;
  o.retransmittedBytes = 0;
  o.reinjectedBytes = 0;
  o.reinjectedFrom = -1;
  o.rttNs = -1;
  o.dataRttNs = -1;
  o.ackedBytes = 0;
}

/** A segment of a stream that is not followed. */
function describePlain(stream: Stream, segment: Segment, isFromOpener: boolean, o: Observation): void {
  o.connection = -1;
  o.subflow = -1;
  o.sender = isFromOpener ? 'client' : 'server';
  const own = isFromOpener ? stream.openerInitial : stream.otherInitial;
  const peer = isFromOpener ? stream.otherInitial : stream.openerInitial;
  o.relativeSeq = (segment.seq - own) >>> 0;
  if ((segment.flags & ACK) !== 0) o.relativeAck = (segment.ack - peer) >>> 0;
  o.windowBytes = segment.window;
  o.flightBytes = 0;
  o.dataFlightBytes = -1;
  o.outOfOrderBytes = -1;
  o.inOrderOffset = -1;
}

/**
 * What the wire shows of one TCP flow, as one host sees it, in offsets from the initial sequence numbers: the SYN is at
 * 0, the first byte at 1. Read first: RFC 9293 §3.4 and §3.8, RFC 7323 §2.
 */

import { offsetOf, type Seq32, seq32 } from '../../base/index.js';
import { DssFields, MptcpSubtype, parseDss, readU16, TcpFlag, type TcpSegment } from '../../wire/index.js';
import { type ConnectionModel, type ConnectionTable, HandshakeView } from './connection-model.js';
import { MappingList } from './mapping-list.js';
import type { Pattern } from './pattern.js';
import type { Report } from './violation.js';

/** Segments that may be sent before the first acknowledgment, a tail loss probe included (RFC 6928, RFC 8985 §7). */
const initialSegments = 11;

/** Bytes of MP_CAPABLE with two keys and the length of the data. */
const capableWithLengthBytes = 22;

/** Read anew for every segment. */
const dss = new DssFields();

/** One direction of a flow. */
class SequenceSpace {
  /** Number of the SYN; undefined until one was seen. */
  initial: Seq32 | undefined = undefined;
  /** One past the highest offset sent. */
  end = 0;
  /** Highest acknowledgment for it. */
  acked = 0;
  /** Offset of the FIN; -1 before there is one. */
  finAt = -1;
  /** Window scale offered in the SYN; -1 when none was. */
  scale = -1;
  /** Bytes that the peer took from the SYN (RFC 7413); relative subflow sequence numbers do not count them. */
  synBytes = 0;
  /** Maximum segment size announced in the SYN; 536 when none was (RFC 9293 §3.7.1). */
  mss = 536;
  readonly mappings = new MappingList();

  offset(sequence: number): number {
    return this.initial === undefined ? 0 : offsetOf(seq32(sequence), this.initial, this.end);
  }

  noteSyn(segment: TcpSegment): void {
    this.initial = seq32(segment.seq);
    this.scale = segment.windowScale;
    if (segment.mss > 0) this.mss = segment.mss;
    this.end = Math.max(this.end, 1);
  }
}

/** One flow. */
export class FlowModel {
  /** What the host sends. */
  private readonly sent = new SequenceSpace();
  /** What the host is sent. */
  private readonly received = new SequenceSpace();
  private readonly connections: ConnectionTable;
  private readonly pattern: Pattern | undefined;
  private readonly report: Report;
  private readonly handshake = new HandshakeView();
  private connection: ConnectionModel | undefined;
  /** Highest offset that the peer gave room for. */
  private rightEdge = 0;
  /** The window that came last, in bytes. */
  private lastWindowBytes = 0;
  /** Highest offset that the host gave room for. */
  private givenEdge = 0;
  /** One past the last byte that the host was seen to send; segments may have left while the interface was down. */
  private payloadEnd = 0;
  /** Whether anything beyond the SYN was acknowledged. */
  private isAcknowledged = false;
  private isReset = false;

  constructor(connections: ConnectionTable, pattern: Pattern | undefined, report: Report) {
    this.connections = connections;
    this.pattern = pattern;
    this.report = report;
  }

  /** Whether a SYN with this number begins another connection on the same addresses and ports. */
  isAnotherConnection(sequence: number): boolean {
    return this.sent.initial !== undefined && this.sent.initial !== sequence;
  }

  /** Takes a segment that came in undamaged. */
  noteReceived(segment: TcpSegment): void {
    const { received, sent } = this;
    if ((segment.flags & TcpFlag.RST) !== 0) return;
    if ((segment.flags & TcpFlag.SYN) !== 0) {
      // Once the host has acknowledged a SYN, another one is a ghost of a SYN that was sent twice.
      if (received.acked > 0 && received.initial !== segment.seq) return;
      received.noteSyn(segment);
      // The window of a SYN is one for data that leaves before the peer's first ACK (RFC 7413 §4.2).
      if ((segment.flags & TcpFlag.ACK) === 0) {
        this.lastWindowBytes = segment.window;
        this.rightEdge = Math.max(this.rightEdge, 1 + segment.window);
      }
    }
    this.readHandshake(segment, 'inward');
    if (received.initial === undefined) return;
    const start = received.offset(segment.seq) + synLength(segment);
    received.end = Math.max(received.end, start + segment.payloadLength + finLength(segment));
    if ((segment.flags & TcpFlag.ACK) !== 0 && sent.initial !== undefined) this.noteAck(segment);
    this.noteReceivedData(segment, start);
  }

  /** Judges a segment that the host sends. */
  judgeSent(segment: TcpSegment): void {
    const { sent } = this;
    const isReset = (segment.flags & TcpFlag.RST) !== 0;
    if (this.isReset && !isReset) this.report('after-reset', 'sends on a flow that it has reset');
    if ((segment.flags & TcpFlag.SYN) !== 0) sent.noteSyn(segment);
    this.readHandshake(segment, 'outward');
    if (sent.initial === undefined) return;
    const start = sent.offset(segment.seq) + synLength(segment);
    if (isReset) {
      // A reset in answer to a wrong acknowledgment takes its number from there and ends nothing.
      if (start >= sent.acked && start <= sent.end) this.isReset = true;
      return;
    }
    if ((segment.flags & TcpFlag.ACK) !== 0) this.judgeAck(segment);
    if (segment.payloadLength > 0) this.judgePayload(segment, start);
    if ((segment.flags & TcpFlag.FIN) !== 0) this.judgeFin(start + segment.payloadLength);
    sent.end = Math.max(sent.end, start + segment.payloadLength + finLength(segment));
    this.judgeData(segment, start);
  }

  private readHandshake(segment: TcpSegment, direction: 'inward' | 'outward'): void {
    if (segment.mptcpCount === 0 || (this.connection !== undefined && !this.mayMapByHandshake)) return;
    const found = this.connections.read(segment, direction, this.handshake);
    if (found === undefined || this.connection !== undefined) return;
    this.connection = found;
    found.sent.synBytes += this.sent.synBytes;
    found.noteWindow(this.lastWindowBytes);
  }

  /** The handshake is of interest until data was acknowledged: MP_CAPABLE may still come again. */
  private get mayMapByHandshake(): boolean {
    return !this.isAcknowledged;
  }

  private noteAck(segment: TcpSegment): void {
    const { sent } = this;
    const ack = sent.offset(segment.ack);
    const windowBytes = scaled(segment, this.received.scale, sent.scale);
    this.lastWindowBytes = windowBytes;
    if (ack > sent.end) return;
    if (synLength(segment) > 0 && ack > 1 && sent.synBytes === 0) {
      sent.synBytes = ack - 1;
      if (this.connection !== undefined) this.connection.sent.synBytes = ack - 1;
    }
    sent.acked = Math.max(sent.acked, ack);
    this.rightEdge = Math.max(this.rightEdge, ack + windowBytes);
    // An acknowledgment that comes again, of the SYN alone, says that data left the network (RFC 5681 §2).
    const isRepeated = sent.end > 1 && segment.payloadLength === 0;
    if (ack > 1 || segment.sackCount > 0 || isRepeated) this.isAcknowledged = true;
    sent.mappings.release(sent.acked);
  }

  private noteReceivedData(segment: TcpSegment, start: number): void {
    const { connection, received } = this;
    if (connection === undefined) return;
    if (readDss(segment, dss)) {
      if (dss.hasAck) connection.noteDataAck(connection.sent.offset(dss.ack64, dss.ackHi, dss.ackLo));
      if (dss.hasMapping) {
        const data = connection.received.offset(dss.seq64, dss.seqHi, dss.seqLo);
        if (dss.dataFin) connection.noteReceived(data + dss.dataLength);
        this.noteMapping(connection, dss.dataLength - (dss.dataFin ? 1 : 0), data);
      }
    }
    this.mapFirstData(segment, received);
    connection.noteWindow(this.lastWindowBytes);
    if (segment.payloadLength === 0) return;
    const data = received.mappings.find(start, segment.payloadLength);
    // Boxes that merge segments leave more than one mapping for what one brings.
    if (data < 0) connection.noteReceived(received.mappings.reach(start, segment.payloadLength));
    else connection.noteReceived(data + segment.payloadLength);
  }

  /** The mapping in `dss` came in; its bytes may have come before. */
  private noteMapping(connection: ConnectionModel, length: number, data: number): void {
    const { received } = this;
    const start = dss.subflowSeq + received.synBytes;
    received.mappings.add(start, length, data);
    const reach = Math.min(received.end - start, length);
    if (reach > 0) connection.noteReceived(data + reach);
  }

  private judgeAck(segment: TcpSegment): void {
    const { received } = this;
    if (received.initial === undefined) return;
    const ack = received.offset(segment.ack);
    if (ack > received.end) this.report('ack', `acknowledges up to ${ack}, was sent up to ${received.end}`);
    if (ack < received.acked)
      this.report('ack', `takes its acknowledgment back from ${received.acked} to ${ack}`);
    if (synLength(segment) > 0 && ack > 1) received.synBytes = ack - 1;
    received.acked = Math.max(received.acked, ack);
    received.mappings.release(received.acked);
    // A SYN that is sent again states its window without scale, which may be less than was given since.
    if (this.isMultipath || synLength(segment) > 0) return;
    const edge = ack + scaled(segment, this.sent.scale, received.scale);
    // A window is stated in units of its scale, so up to one unit may get lost in rounding.
    const unit = this.sent.scale > 0 ? 2 ** this.sent.scale : 1;
    if (edge + unit <= this.givenEdge)
      this.report('shrink', `gave room up to ${this.givenEdge}, takes back to ${edge}`);
    this.givenEdge = Math.max(this.givenEdge, edge);
  }

  private judgePayload(segment: TcpSegment, start: number): void {
    const { sent } = this;
    const end = start + segment.payloadLength;
    this.payloadEnd = Math.max(this.payloadEnd, end);
    // Data in a SYN leaves before any window or segment size is known (RFC 7413 §4.2).
    if (synLength(segment) > 0) return;
    if (end > this.rightEdge && segment.payloadLength > 1) {
      this.report('window', `sends up to ${end}, was given room up to ${this.rightEdge}`);
    }
    if (sent.finAt >= 0 && end > sent.finAt) {
      this.report('after-fin', `sends up to ${end} behind the FIN at ${sent.finAt}`);
    }
    const most = initialSegments * this.received.mss;
    if (!this.isAcknowledged && end - 1 > most) {
      this.report(
        'initial-flight',
        `has sent ${end - 1} bytes before the first acknowledgment, ${most} are allowed`,
      );
    }
  }

  private judgeFin(offset: number): void {
    const { sent } = this;
    if (sent.finAt >= 0 && sent.finAt !== offset) {
      this.report('after-fin', `moves its FIN from ${sent.finAt} to ${offset}`);
    }
    if (sent.finAt < 0 && offset < this.payloadEnd) {
      this.report('after-fin', `puts its FIN at ${offset}, before bytes up to ${this.payloadEnd}`);
    }
    sent.finAt = offset;
  }

  /** The data level, or the content alone where there is none. */
  private judgeData(segment: TcpSegment, start: number): void {
    const { connection, pattern, report, sent } = this;
    const payload = segment.bytes.subarray(
      segment.payloadOffset,
      segment.payloadOffset + segment.payloadLength,
    );
    if (!this.isMultipath) {
      if (payload.length === 0) return;
      const wrong = pattern?.mismatch(payload, start - 1) ?? -1;
      if (wrong >= 0) report('content', `sends a wrong byte at offset ${start + wrong}`);
      return;
    }
    if (connection === undefined) return;
    if (readDss(segment, dss)) this.judgeDss(connection);
    this.mapFirstData(segment, sent);
    if (payload.length === 0) return;
    const data = sent.mappings.find(start, payload.length);
    if (data >= 0) connection.judgePayload(data, payload, pattern, report);
  }

  private judgeDss(connection: ConnectionModel): void {
    const { report, sent } = this;
    if (dss.hasAck)
      connection.judgeDataAck(connection.received.offset(dss.ack64, dss.ackHi, dss.ackLo), report);
    if (!dss.hasMapping || dss.dataLength === 0) return;
    const data = connection.sent.offset(dss.seq64, dss.seqHi, dss.seqLo);
    if (dss.dataFin) connection.judgeDataFin(data + dss.dataLength - 1, report);
    const length = dss.dataLength - (dss.dataFin ? 1 : 0);
    if (length > 0) sent.mappings.add(dss.subflowSeq + sent.synBytes, length, data);
  }

  /** The first data of a connection may be mapped by MP_CAPABLE in place of a DSS (RFC 8684 §3.1). */
  private mapFirstData(segment: TcpSegment, space: SequenceSpace): void {
    if (segment.payloadLength === 0) return;
    for (let i = 0; i < segment.mptcpCount; i++) {
      const offset = segment.mptcpOffsets[i]!;
      const hasLength = segment.mptcpLengths[i]! >= capableWithLengthBytes;
      if (segment.bytes[offset + 2]! >>> 4 !== MptcpSubtype.MP_CAPABLE || !hasLength) continue;
      space.mappings.add(1 + space.synBytes, readU16(segment.bytes, offset + 20), 1);
    }
  }

  /** Whether both sides of the handshake spoke Multipath TCP, and the same version of it. */
  private get isMultipath(): boolean {
    return this.handshake.isAgreed;
  }
}

/** Sequence numbers that the SYN of a segment takes, before its payload. */
function synLength(segment: TcpSegment): number {
  return (segment.flags & TcpFlag.SYN) === 0 ? 0 : 1;
}

/** Sequence numbers that the FIN of a segment takes, behind its payload. */
function finLength(segment: TcpSegment): number {
  return (segment.flags & TcpFlag.FIN) === 0 ? 0 : 1;
}

/** The window of a segment in bytes: scaled when both sides offered to, and never in a SYN (RFC 7323 §2.2). */
function scaled(segment: TcpSegment, senderScale: number, otherScale: number): number {
  if ((segment.flags & TcpFlag.SYN) !== 0 || senderScale < 0 || otherScale < 0) return segment.window;
  return segment.window * 2 ** Math.min(senderScale, 14);
}

/** Reads the first DSS of a segment; false when it has none. */
function readDss(segment: TcpSegment, into: DssFields): boolean {
  for (let i = 0; i < segment.mptcpCount; i++) {
    const offset = segment.mptcpOffsets[i]!;
    if (segment.bytes[offset + 2]! >>> 4 !== MptcpSubtype.DSS) continue;
    return parseDss(segment.bytes, offset, segment.mptcpLengths[i]!, into) === undefined;
  }
  return false;
}

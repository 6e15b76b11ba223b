/**
 * A plain segment that was not written to bytes: what it says, kept as it is. Between two hosts of one process, the bytes
 * of most packets are written by the one only for the other to read them; a note spares both. Whoever wants the bytes can
 * have them at any time, and they are those that would have been written at once.
 *
 * Only plain segments have notes: no SYN and no RST, no options but timestamps and a DSS. A note never changes, and its
 * payload is the sender's own memory: it is not to be written to.
 */
import { copyPieces } from '../base/index.js';
import type { OutgoingSegment, SendRecord } from '../tcp/index.js';
import { type DssFields, dssLength, IpAddress, TcpFlag, type TcpSegment } from '../wire/index.js';

/** Bits of {@link SegmentNote.shape}: which options there are, and which parts the DSS has. */
const Shape = {
  TIMESTAMPS: 1,
  DSS: 2,
  DATA_FIN: 4,
  ACK: 8,
  ACK_64: 16,
  MAPPING: 32,
  SEQ_64: 64,
  CHECKSUM: 128,
} as const;

// Their parts are read with every packet: locals let the compiler see constants.
const shapes = Shape;
const nowhere = IpAddress.unspecified(4);
const noPayload: Uint8Array = new Uint8Array(0);
/** What stands in place of the bytes of a DSS, for those who only look which options there are. */
const dssStandIn = Uint8Array.of(30, 4, 0x20, 0);

/** Flags that only the last of several segments has. */
const lastFlags = TcpFlag.FIN | TcpFlag.PSH;
/** Flags that set a segment apart. */
const unplainFlags = TcpFlag.SYN | TcpFlag.RST | TcpFlag.URG;

/** Whether a note can stand for `segment`. */
export function isPlain(segment: OutgoingSegment): boolean {
  return (segment.flags & unplainFlags) === 0 && segment.extensionLength === 0 && segment.sackCount === 0;
}

/** The TCP header of a plain segment, options included, in bytes. */
function plainHeaderBytes(segment: OutgoingSegment): number {
  let bytes = segment.hasTimestamps ? 32 : 20;
  if (segment.hasDss) bytes += (dssLength(segment.dss) + 3) & ~3;
  return bytes;
}

/**
 * See the head of this file. Numbers of 32 bits are signed here, which V8 keeps without a box. Written by this module only,
 * before anybody else sees it.
 */
export class SegmentNote {
  source = nowhere;
  destination = nowhere;
  /** Source port in the upper half, destination port in the lower, as `packPorts` makes it. */
  ports = 0;
  /** Bytes of the TCP header. */
  headerBytes = 0;
  /** Identification of the IPv4 packet: 0, but for parts of what was one. */
  identification = 0;
  /** Time to live of the packet. */
  hopLimit = 0;
  /** Whether its checksum is left to the device. */
  leavesChecksum = false;
  /** The payload; empty when there is none. */
  payload = noPayload;
  /** Payload bytes of each segment that this one stands for; 0 when it is one. */
  segmentSize = 0;
  /** Bits of `TcpFlag`. */
  flags = 0;
  /** Sequence number on the wire. */
  seq = 0;
  /** Acknowledgment number on the wire. */
  ack = 0;
  /** Window as it stands on the wire. */
  window = 0;
  /** TSval of the timestamps option. */
  tsVal = 0;
  /** TSecr of the timestamps option. */
  tsEcr = 0;
  /** Sum of `Shape` bits. */
  private shape = 0;
  /** Halves of the DATA_ACK. */
  private ackHi = 0;
  private ackLo = 0;
  /** Halves of the mapping's data sequence number. */
  private seqHi = 0;
  private seqLo = 0;
  /** Subflow sequence number of the mapping. */
  private subflowSeq = 0;
  /** Bytes mapped. */
  private dataLength = 0;
  /** Checksum of the mapping. */
  private checksum = 0;

  /** Notes what `segment`, which must be plain, says. */
  static of(segment: OutgoingSegment): SegmentNote {
    const note = new SegmentNote();
    note.headerBytes = plainHeaderBytes(segment);
    note.payload = payloadOf(segment);
    note.segmentSize = segment.segmentSize;
    note.flags = segment.flags;
    note.seq = segment.seq | 0;
    note.ack = segment.ack | 0;
    note.window = segment.window;
    note.tsVal = segment.tsVal | 0;
    note.tsEcr = segment.tsEcr | 0;
    note.shape = segment.hasTimestamps ? shapes.TIMESTAMPS : 0;
    if (segment.hasDss) note.setDss(segment.dss);
    return note;
  }

  private setDss(dss: DssFields): void {
    let shape = this.shape | shapes.DSS;
    if (dss.dataFin) shape |= shapes.DATA_FIN;
    if (dss.hasAck) shape |= shapes.ACK;
    if (dss.ack64) shape |= shapes.ACK_64;
    this.ackHi = dss.ackHi | 0;
    this.ackLo = dss.ackLo | 0;
    if (dss.hasMapping) {
      shape |= shapes.MAPPING;
      if (dss.seq64) shape |= shapes.SEQ_64;
      if (dss.hasChecksum) shape |= shapes.CHECKSUM;
      this.seqHi = dss.seqHi | 0;
      this.seqLo = dss.seqLo | 0;
      this.subflowSeq = dss.subflowSeq | 0;
      this.dataLength = dss.dataLength;
      this.checksum = dss.hasChecksum ? dss.checksum : 0;
    }
    this.shape = shape;
  }

  /**
   * A note of part `index` of the segments that this one stands for, with the `length` bytes of payload at `payloadAt`: see
   * `cutParts`. It may stand for several segments itself.
   */
  part(index: number, payloadAt: number, length: number, isLast: boolean): SegmentNote {
    const { payload } = this;
    const note = this.clone();
    note.payload = new Uint8Array(payload.buffer, payload.byteOffset + payloadAt, length);
    note.segmentSize = length > this.segmentSize ? this.segmentSize : 0;
    note.seq = (this.seq + payloadAt) | 0;
    if (!isLast) note.flags &= ~lastFlags;
    if (index > 0) note.flags &= ~TcpFlag.CWR;
    note.identification = (this.identification + index) & 0xffff;
    return note;
  }

  /**
   * Whether `next` says the same as this one but for its payload, which follows after `payloadBytes` of this one's stream, and for FIN
   * and PSH.
   */
  isContinuedBy(next: SegmentNote, payloadBytes: number): boolean {
    return (
      next.seq === ((this.seq + payloadBytes) | 0) &&
      next.ports === this.ports &&
      ((next.flags ^ this.flags) & ~lastFlags) === 0 &&
      next.ack === this.ack &&
      next.window === this.window &&
      next.tsVal === this.tsVal &&
      next.tsEcr === this.tsEcr &&
      next.shape === this.shape &&
      next.hopLimit === this.hopLimit &&
      next.source.equals(this.source) &&
      next.destination.equals(this.destination) &&
      this.hasSameDss(next)
    );
  }

  private hasSameDss(other: SegmentNote): boolean {
    return (
      other.ackHi === this.ackHi &&
      other.ackLo === this.ackLo &&
      other.seqHi === this.seqHi &&
      other.seqLo === this.seqLo &&
      other.subflowSeq === this.subflowSeq &&
      other.dataLength === this.dataLength &&
      other.checksum === this.checksum
    );
  }

  /** One note for this one and those that continue it, with the payload of all. */
  merge(payload: Uint8Array, flags: number): SegmentNote {
    const note = this.clone();
    note.segmentSize = this.payload.length;
    note.payload = payload;
    note.flags = flags;
    note.leavesChecksum = true;
    return note;
  }

  private clone(): SegmentNote {
    const note = new SegmentNote();
    note.source = this.source;
    note.destination = this.destination;
    note.ports = this.ports;
    note.headerBytes = this.headerBytes;
    note.identification = this.identification;
    note.hopLimit = this.hopLimit;
    note.leavesChecksum = this.leavesChecksum;
    note.segmentSize = this.segmentSize;
    note.flags = this.flags;
    note.seq = this.seq;
    note.ack = this.ack;
    note.window = this.window;
    note.tsVal = this.tsVal;
    note.tsEcr = this.tsEcr;
    note.shape = this.shape;
    note.ackHi = this.ackHi;
    note.ackLo = this.ackLo;
    note.seqHi = this.seqHi;
    note.seqLo = this.seqLo;
    note.subflowSeq = this.subflowSeq;
    note.dataLength = this.dataLength;
    note.checksum = this.checksum;
    return note;
  }

  /** Fills `into`, which nothing else than notes fills, as if it had been read from bytes; its `dss` is kept in `dss`. */
  read(into: TcpSegment, dss: DssFields): void {
    const { payload, shape } = this;
    into.sourcePort = this.ports >>> 16;
    into.destinationPort = this.ports & 0xffff;
    into.seq = this.seq >>> 0;
    into.ack = this.ack >>> 0;
    into.flags = this.flags;
    into.window = this.window;
    into.content = payload;
    into.payloadLength = payload.length;
    into.payloadAvailable = payload.length;
    into.segmentSize = this.segmentSize;
    into.hasTimestamps = (shape & shapes.TIMESTAMPS) !== 0;
    into.tsVal = this.tsVal >>> 0;
    into.tsEcr = this.tsEcr >>> 0;
    if ((shape & shapes.DSS) === 0) {
      into.mptcpCount = 0;
      into.dss = undefined;
      return;
    }
    into.bytes = dssStandIn;
    into.mptcpCount = 1;
    into.mptcpLengths[0] = dssStandIn.length;
    into.dss = dss;
    this.readDss(dss);
  }

  private readDss(into: DssFields): void {
    const { shape } = this;
    into.dataFin = (shape & shapes.DATA_FIN) !== 0;
    into.hasAck = (shape & shapes.ACK) !== 0;
    into.ack64 = (shape & shapes.ACK_64) !== 0;
    into.ackHi = this.ackHi >>> 0;
    into.ackLo = this.ackLo >>> 0;
    into.hasMapping = (shape & shapes.MAPPING) !== 0;
    into.seq64 = (shape & shapes.SEQ_64) !== 0;
    into.seqHi = this.seqHi >>> 0;
    into.seqLo = this.seqLo >>> 0;
    into.subflowSeq = this.subflowSeq >>> 0;
    into.dataLength = this.dataLength;
    into.hasChecksum = (shape & shapes.CHECKSUM) !== 0;
    into.checksum = this.checksum;
  }

  /** Fills `out` as the connection did. */
  restore(out: OutgoingSegment): void {
    const { payload, shape } = this;
    out.clear();
    out.seq = (this.seq >>> 0) as OutgoingSegment['seq'];
    out.ack = (this.ack >>> 0) as OutgoingSegment['ack'];
    out.flags = this.flags;
    out.window = this.window;
    out.hasTimestamps = (shape & shapes.TIMESTAMPS) !== 0;
    out.tsVal = this.tsVal >>> 0;
    out.tsEcr = this.tsEcr >>> 0;
    if (payload.length > 0) out.record = { start: 0, length: payload.length, pieces: [payload] };
    out.payloadLength = payload.length;
    out.segmentSize = this.segmentSize;
    out.hasDss = (shape & shapes.DSS) !== 0;
    this.readDss(out.dss);
  }
}

/** The payload of `segment` in one piece: the record's own, where that has been cut as segments are. */
function payloadOf(segment: OutgoingSegment): Uint8Array {
  const { payloadLength, record } = segment;
  if (record === undefined || payloadLength === 0) return noPayload;
  const { pieces } = record;
  let skip = segment.recordOffset;
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i]!;
    const { length } = piece;
    if (skip >= length) skip -= length;
    else if (skip === 0 && length === payloadLength) return piece;
    else if (skip + payloadLength <= length) {
      return new Uint8Array(piece.buffer, piece.byteOffset + skip, payloadLength);
    } else return gathered(record, segment.recordOffset, payloadLength);
  }
  return noPayload;
}

/** A payload that lies in several pieces. */
function gathered(record: SendRecord, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  copyPieces(record.pieces, offset, length, bytes, 0);
  return bytes;
}

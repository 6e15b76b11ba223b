/**
 * What the wire shows of the data level of one Multipath TCP connection, as one host sees it: who owes what, counted
 * in offsets from the initial data sequence numbers. Read first: RFC 8684 §3.1 (keys), §3.3 (DSS).
 */

import { offsetOf, seq32, uint64, type Uint64, uint64Distance } from '../../base/index.js';
import {
  deriveKeyMaterial,
  type KeyMaterial,
  type MpCapable,
  MptcpSubtype,
  type MptcpVersion,
  parseMptcpOption,
  readU32,
  TcpFlag,
  type TcpSegment,
} from '../../wire/index.js';
import type { Direction } from '../middlebox.js';
import type { Pattern } from './pattern.js';
import type { Report } from './violation.js';

/** One direction of the data sequence space. */
class DataSpace {
  readonly initial: Uint64;
  /** One past the highest data offset sent, the DATA_FIN counted as one. The first byte is at 1. */
  end = 1;
  /** Highest DATA_ACK for it. */
  acked = 1;
  /** Offset of the DATA_FIN; -1 before there is one. */
  finAt = -1;
  /** Bytes of the stream that the SYN delivered; they come first and take no data sequence numbers (RFC 8684 §B.2). */
  synBytes = 0;

  constructor(initial: Uint64) {
    this.initial = initial;
  }

  /** The offset that a number of 64 or 32 bits means. */
  offset(is64: boolean, hi: number, lo: number): number {
    if (is64) return uint64Distance(hi, lo, this.initial);
    return offsetOf(seq32(lo), seq32(this.initial.lo), this.end);
  }
}

/** One connection. */
export class ConnectionModel {
  /** What the host sends. */
  readonly sent: DataSpace;
  /** What the host is sent. */
  readonly received: DataSpace;
  /** Highest data offset that the peer gave room for. */
  private rightEdge = 1;

  constructor(own: KeyMaterial, other: KeyMaterial) {
    this.sent = new DataSpace(own.initialDataSeq);
    this.received = new DataSpace(other.initialDataSeq);
  }

  /** A segment came in: with it a window, relative to the highest DATA_ACK so far or to its own. */
  noteWindow(windowBytes: number): void {
    this.rightEdge = Math.max(this.rightEdge, this.sent.acked + windowBytes);
  }

  /** A DATA_ACK came in. */
  noteDataAck(offset: number): void {
    this.sent.acked = Math.max(this.sent.acked, offset);
  }

  /** Payload or a DATA_FIN came in: it reaches up to `end`. */
  noteReceived(end: number): void {
    this.received.end = Math.max(this.received.end, end);
  }

  /** The host sends a DATA_ACK. */
  judgeDataAck(offset: number, report: Report): void {
    const { received } = this;
    if (offset > received.end) {
      report('data-ack', `acknowledges data up to ${offset}, was sent data up to ${received.end}`);
    }
    if (offset < received.acked)
      report('data-ack', `takes its DATA_ACK back from ${received.acked} to ${offset}`);
    received.acked = Math.max(received.acked, offset);
  }

  /** The host sends a DATA_FIN at `offset`. */
  judgeDataFin(offset: number, report: Report): void {
    const { sent } = this;
    if (sent.finAt >= 0 && sent.finAt !== offset) {
      report('after-data-fin', `moves its DATA_FIN from ${sent.finAt} to ${offset}`);
    }
    if (sent.finAt < 0 && offset + 1 < sent.end) {
      report('after-data-fin', `puts its DATA_FIN at ${offset}, before data up to ${sent.end}`);
    }
    sent.finAt = offset;
    sent.end = Math.max(sent.end, offset + 1);
  }

  /** The host sends `payload`, whose first byte is at the data offset `start`. */
  judgePayload(start: number, payload: Uint8Array, pattern: Pattern | undefined, report: Report): void {
    const { sent } = this;
    const end = start + payload.length;
    if (end > this.rightEdge && payload.length > 1) {
      report('data-window', `sends data up to ${end}, was given room up to ${this.rightEdge}`);
    }
    if (sent.finAt >= 0 && end > sent.finAt) {
      report('after-data-fin', `sends data up to ${end} behind the DATA_FIN at ${sent.finAt}`);
    }
    sent.end = Math.max(sent.end, end);
    const wrong = pattern?.mismatch(payload, sent.synBytes + start - 1) ?? -1;
    if (wrong >= 0) report('content', `sends a wrong byte at data offset ${start + wrong}`);
  }
}

/** What the handshake of a flow has shown so far of the keys. */
export class HandshakeView {
  own: KeyMaterial | undefined;
  other: KeyMaterial | undefined;
  /** Whether the initial SYN and its answer both carried MP_CAPABLE or MP_JOIN. */
  synSeen = false;
  synAckSeen = false;
  /** Version that MP_CAPABLE named last in the SYN and in its answer; -1 before, and for joins. */
  synVersion = -1;
  synAckVersion = -1;

  /** Whether both sides of the handshake spoke Multipath TCP, and the same version of it (RFC 8684 §3.1). */
  get isAgreed(): boolean {
    return this.synSeen && this.synAckSeen && this.synVersion === this.synAckVersion;
  }
}

/** The connections of one host, by token. */
export class ConnectionTable {
  private readonly byOwnToken = new Map<number, ConnectionModel>();
  private readonly byOtherToken = new Map<number, ConnectionModel>();

  /** Reads the handshake options of a segment; returns the connection once it is known. */
  read(segment: TcpSegment, direction: Direction, view: HandshakeView): ConnectionModel | undefined {
    let found: ConnectionModel | undefined;
    for (let i = 0; i < segment.mptcpCount; i++) {
      const offset = segment.mptcpOffsets[i]!;
      const subtype = segment.bytes[offset + 2]! >>> 4;
      if (subtype !== MptcpSubtype.MP_CAPABLE && subtype !== MptcpSubtype.MP_JOIN) continue;
      const version = subtype === MptcpSubtype.MP_CAPABLE ? segment.bytes[offset + 2]! & 0x0f : -1;
      noteSyn(segment, view, version);
      if (subtype === MptcpSubtype.MP_CAPABLE) {
        const option = parseMptcpOption(segment.bytes, offset, segment.mptcpLengths[i]!);
        if (option.ok) found = this.learnKeys(option.value as MpCapable, direction, view) ?? found;
      } else if ((segment.flags & (TcpFlag.SYN | TcpFlag.ACK)) === TcpFlag.SYN) {
        const token = readU32(segment.bytes, offset + 4);
        found = (direction === 'inward' ? this.byOwnToken : this.byOtherToken).get(token) ?? found;
      }
    }
    return found;
  }

  private learnKeys(
    option: MpCapable,
    direction: Direction,
    view: HandshakeView,
  ): ConnectionModel | undefined {
    if (option.version > 1) return undefined;
    const version = option.version as MptcpVersion;
    const [own, other] =
      direction === 'outward'
        ? [option.senderKey, option.receiverKey]
        : [option.receiverKey, option.senderKey];
    if (own !== undefined) view.own ??= deriveKeyMaterial(uint64(own), version);
    if (other !== undefined) view.other ??= deriveKeyMaterial(uint64(other), version);
    if (view.own === undefined || view.other === undefined) return undefined;
    const known = this.byOwnToken.get(view.own.token);
    if (known !== undefined) return known;
    const model = new ConnectionModel(view.own, view.other);
    this.byOwnToken.set(view.own.token, model);
    this.byOtherToken.set(view.other.token, model);
    return model;
  }
}

function noteSyn(segment: TcpSegment, view: HandshakeView, version: number): void {
  const flags = segment.flags & (TcpFlag.SYN | TcpFlag.ACK);
  if (flags === TcpFlag.SYN) {
    view.synSeen = true;
    view.synVersion = version;
  } else if (flags === (TcpFlag.SYN | TcpFlag.ACK)) {
    view.synAckSeen = true;
    view.synAckVersion = version;
  }
}

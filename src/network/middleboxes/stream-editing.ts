/**
 * Makes a stream longer or shorter at one place, and from there on moves sequence numbers and acknowledgements so that
 * both ends still agree: what application-level gateways do to FTP's addresses in text, and boxes that insert data of
 * their own into web pages (Honda et al., IMC 2011, §4.4; Hesmans et al. 2013, §4.4). MPTCP's mappings count bytes of
 * the subflow, so all of them are wrong behind such a place.
 */

import { seq32, seqDistance, SubflowError } from '../../base/index.js';
import { TcpFlag } from '../../wire/index.js';
import type { Packet } from '../device.js';
import { segmentPacket } from '../gso.js';
import { type Direction, type MiddleboxOutput, opposite } from '../middlebox.js';
import { PacketSlab } from '../packet-slab.js';
import { FlowTable } from './flow-table.js';
import { type OpenedSegment, ownSegment, rewritten } from './segment.js';
import { SegmentBox } from './segment-box.js';
import { movedSack } from './sequence-rewriting.js';

export interface StreamEditingOptions {
  /** Offset in the flow's stream of the place, 1 or more. Default 20,000. */
  readonly atByte?: number;
  /** Bytes inserted there; default none. */
  readonly insert?: Uint8Array;
  /** Bytes that are cut out there instead; default 0. */
  readonly removeBytes?: number;
  /** Whether what is inserted goes into the segment, or stands in one of its own without MPTCP options. Default: into. */
  readonly placement?: 'into-segment' | 'own-segment';
  /** Which direction is edited. Default: both. */
  readonly direction?: Direction;
  /** Largest IP packet that leaves the box, in bytes. Default 1500. */
  readonly mtu?: number;
}

/** One direction of a flow. */
interface Stream {
  /** Number of the first byte on the wire; undefined until the SYN was seen. */
  start: number | undefined;
  /** Whether everything that is cut out has come by: only then may an acknowledgement cover it. */
  hasPassed: boolean;
}

type Streams = Record<Direction, Stream>;

/** See the module. */
export class StreamEditing extends SegmentBox {
  /** Segments that were made longer or shorter. */
  edited = 0;
  private readonly atByte: number;
  private readonly insert: Uint8Array;
  private readonly removeBytes: number;
  private readonly hasOwnSegment: boolean;
  private readonly direction: Direction | undefined;
  private readonly mtu: number;
  private readonly flows = new FlowTable<Streams>();
  private readonly memory = new PacketSlab(64 * 1024);
  private readonly pieces: Packet[] = [];

  /** Throws ERR_SUBFLOW_ARGUMENT for options out of range. */
  constructor(options: StreamEditingOptions) {
    super('cut');
    this.atByte = options.atByte ?? 20_000;
    this.insert = options.insert ?? new Uint8Array(0);
    this.removeBytes = options.removeBytes ?? 0;
    this.hasOwnSegment = options.placement === 'own-segment';
    this.direction = options.direction;
    this.mtu = options.mtu ?? 1500;
    if (!(this.atByte >= 1 && this.removeBytes >= 0 && this.insert.length <= 1000)) {
      throw new SubflowError(
        'ERR_SUBFLOW_ARGUMENT',
        'a stream is edited from byte 1 on, by 1000 bytes at most',
      );
    }
    if (this.insert.length > 0 && this.removeBytes > 0) {
      throw new SubflowError('ERR_SUBFLOW_ARGUMENT', 'a place is made longer or shorter, not both');
    }
  }

  protected handleSegment(
    _now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    const streams = this.streamsOf(segment, direction);
    const own = streams?.[direction];
    const other = streams?.[opposite(direction)];
    if (own?.start === undefined || other === undefined || segment.has(TcpFlag.SYN)) {
      out.pass(segment.packet, direction);
      return;
    }
    const isEdited = this.direction === undefined || this.direction === direction;
    const ack = this.movedAck(segment, other, direction);
    const options = movedSack(segment.options, (edge) => this.oldNumber(edge, other, direction));
    const at = seqDistance(seq32(segment.tcp.seq), seq32(own.start));
    const end = at + segment.tcp.payloadLength;
    const isHit = isEdited && at < this.atByte + Math.max(this.removeBytes, 1) && end > this.atByte;
    if (isHit) {
      this.edited++;
      this.edit(segment, at, { own, ack, options }, direction, out);
      return;
    }
    const seq = isEdited ? (own.start + this.newOffset(at)) >>> 0 : segment.tcp.seq;
    out.pass(rewritten(segment, { seq, ack, options }), direction);
  }

  /** Lets out `segment`, whose first byte is at `at` and which covers the place. */
  private edit(
    segment: OpenedSegment,
    at: number,
    header: { readonly own: Stream; readonly ack: number; readonly options: Uint8Array },
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    const { ack, options, own } = header;
    const { payload } = segment;
    const cut = Math.max(0, this.atByte - at);
    const rest = this.atByte + this.removeBytes - at;
    if (this.removeBytes > 0 && rest <= payload.length) own.hasPassed = true;
    const before = payload.subarray(0, cut);
    const after = payload.subarray(Math.min(rest, payload.length));
    const seq = (own.start! + this.newOffset(at)) >>> 0;
    if (!this.hasOwnSegment) {
      const whole = joined(before, this.insert, after);
      this.passFitting(rewritten(segment, { seq, ack, options, payload: whole }), direction, out);
      return;
    }
    const flags = segment.tcp.flags & ~(TcpFlag.FIN | TcpFlag.PSH);
    if (before.length > 0)
      out.pass(rewritten(segment, { seq, ack, options, flags, payload: before }), direction);
    const insertAt = (own.start! + this.atByte) >>> 0;
    const { window } = segment.tcp;
    out.pass(
      ownSegment(segment, 'same', { seq: insertAt, ack, flags, window, payload: this.insert }),
      direction,
    );
    const afterAt = (insertAt + this.insert.length) >>> 0;
    out.pass(rewritten(segment, { seq: afterAt, ack, options, payload: after }), direction);
  }

  /** Lets out `packet`, in pieces where it became too long for the path. */
  private passFitting(packet: Packet, direction: Direction, out: MiddleboxOutput): void {
    const { pieces } = this;
    if (packet.bytes.length <= this.mtu) {
      out.pass(packet, direction);
      return;
    }
    segmentPacket(packet, this.memory, pieces, this.mtu - 120);
    for (const piece of pieces) out.pass(piece, direction);
    pieces.length = 0;
  }

  /** Where the byte at `offset` stands behind the box. */
  private newOffset(offset: number): number {
    if (offset <= this.atByte) return offset;
    return Math.max(this.atByte, offset + this.insert.length - this.removeBytes);
  }

  private movedAck(segment: OpenedSegment, other: Stream, direction: Direction): number {
    return segment.has(TcpFlag.ACK) ? this.oldNumber(segment.tcp.ack, other, direction) : segment.tcp.ack;
  }

  /** What `number`, an edge in the `stream` that flows against `direction`, is called by that stream's sender. */
  private oldNumber(number: number, stream: Stream, direction: Direction): number {
    if (stream.start === undefined || this.direction === direction) return number;
    const offset = seqDistance(seq32(number), seq32(stream.start));
    if (offset < this.atByte) return number;
    if (this.removeBytes > 0) return stream.hasPassed ? (number + this.removeBytes) >>> 0 : number;
    return (stream.start + Math.max(this.atByte, offset - this.insert.length)) >>> 0;
  }

  private streamsOf(segment: OpenedSegment, direction: Direction): Streams | undefined {
    let streams = this.flows.find(segment, direction);
    if (!segment.has(TcpFlag.SYN)) return streams;
    streams ??= this.flows.set(segment, direction, {
      outward: { start: undefined, hasPassed: false },
      inward: { start: undefined, hasPassed: false },
    });
    streams[direction].start = (segment.tcp.seq + 1) >>> 0;
    return streams;
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

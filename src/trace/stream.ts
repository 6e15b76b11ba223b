/**
 * One TCP connection between two ports: what Wireshark calls a stream. Small as long as it belongs to no connection that
 * is followed, since there may be hundreds of thousands; the statistics of its two directions come with the connection.
 */
import { asDouble } from './double.js';
import { type Endpoint, formatEndpoint, IpAddress } from '../wire/index.js';
import type { Connection } from './connection.js';
import type { HandshakePacket } from './handshake-packet.js';
import type { JoinHandshake } from './join-handshake.js';
import type { Segment } from './segment.js';
import type { SubflowDirection } from './subflow-direction.js';

/** How a subflow was found to belong to its connection. */
export type MatchedBy = 'handshake' | 'token' | 'data-sequence';

export class Stream {
  /** Number as Wireshark's `tcp.stream`, from 0, each vantage for itself. */
  readonly number: number;
  readonly vantage: number;
  /** Hash of the five-tuple, and the five-tuple itself, the end with the lower port (then address) first. */
  hash = 0;
  family: 4 | 6 = 4;
  lowA = 0;
  lowB = 0;
  lowC = 0;
  lowD = 0;
  lowPort = 0;
  highA = 0;
  highB = 0;
  highC = 0;
  highD = 0;
  highPort = 0;
  /** Whether the end that opened it, or is taken to have, is the one that stands first. */
  isOpenerLow = false;
  /** Whether a SYN or SYN+ACK showed who opened it; else the ports suggest it. */
  isOpenerCertain = false;
  /** Initial sequence numbers on the wire, signed, as far as they are known or taken to be. */
  openerInitial = 0;
  otherInitial = 0;
  hasOpenerInitial = false;
  hasOtherInitial = false;
  /** Whether one of these is not known yet. */
  private lacksInitial = true;
  /** Number of another SYN+ACK than the first, and whether there was one. */
  private otherAlternative = 0;
  private hasAlternative = false;
  /** Whether these come from a SYN and a SYN+ACK. */
  hasSyn = false;
  hasSynAck = false;
  /** Whether a FIN or RST was seen from either end, and from whom. */
  openerFin = false;
  otherFin = false;
  hasReset = false;
  packets = 0;
  firstPacket = 0;
  lastPacket = 0;
  startNs = asDouble;
  endNs = asDouble;
  /** First SYN, first SYN+ACK and first packet of the opener after that, in time; -1 before they were seen. */
  synNs = asDouble;
  synAckNs = asDouble;
  thirdNs = asDouble;
  /** Window scale that each SYN offered; -1 without. */
  openerShift = -1;
  otherShift = -1;
  /** Least of the maximum segment sizes that the SYNs stated; 0 without. */
  mss = 0;
  /** Connection that it is a subflow of, its number there, and how that was found. */
  connection: Connection | undefined = undefined;
  subflow = -1;
  /** Packets up to the one that made it a subflow. */
  packetsBefore = 0;
  matchedBy: MatchedBy = 'handshake';
  /** Whether the opener is the connection's client. */
  isOpenerClient = true;
  /** What the join has shown; undefined for a stream that did not join. */
  join: JoinHandshake | undefined = undefined;
  /** Backup flag as the opener, the other end, or the last MP_PRIO set it. */
  backup = false;
  /** DSS options seen while no connection was found that they fit. */
  unmatchedDss = 0;
  /** Packets of the handshake; undefined where none was kept. */
  handshake: HandshakePacket[] | undefined = undefined;
  /** Whether packets of the handshake may still come. */
  isEarly = true;
  /** What the opener sent and what the other end did; undefined while it is not followed. */
  fromOpener: SubflowDirection | undefined = undefined;
  fromOther: SubflowDirection | undefined = undefined;

  constructor(number: number, vantage: number) {
    this.startNs = 0;
    this.endNs = 0;
    this.synNs = -1;
    this.synAckNs = -1;
    this.thirdNs = -1;
    this.number = number;
    this.vantage = vantage;
  }

  get opener(): Endpoint {
    return this.isOpenerLow ? this.low() : this.high();
  }

  get other(): Endpoint {
    return this.isOpenerLow ? this.high() : this.low();
  }

  /** The client's end of it, as text. */
  get clientText(): string {
    return formatEndpoint(this.isOpenerClient ? this.opener : this.other);
  }

  get serverText(): string {
    return formatEndpoint(this.isOpenerClient ? this.other : this.opener);
  }

  /** Whether both ends closed it, or one reset it. */
  get isOver(): boolean {
    return this.hasReset || (this.openerFin && this.otherFin);
  }

  /** Notes what every segment has: initial numbers, ends, times. `isFromOpener` says who sent it. */
  note(segment: Segment, isFromOpener: boolean): void {
    this.packets++;
    this.lastPacket = segment.packet;
    this.endNs = segment.atNs;
    const { flags } = segment;
    if (this.lacksInitial) this.noteInitial(segment, isFromOpener);
    if (this.hasAlternative && isFromOpener && (flags & 18) === 16) this.chooseAnswer(segment.ack);
    if ((flags & 2) !== 0 && !isFromOpener && segment.seq !== this.otherInitial) {
      this.otherAlternative = segment.seq;
      this.hasAlternative = true;
    }
    if ((flags & 5) !== 0) this.noteEnd(flags, isFromOpener);
  }

  /** The first number of each direction tells its initial one, and so does what acknowledges it. */
  private noteInitial({ flags, seq, ack }: Segment, isFromOpener: boolean): void {
    const own = (flags & 2) !== 0 ? seq : (seq - 1) | 0;
    const peer = (ack - 1) | 0;
    const hasAck = (flags & 16) !== 0;
    if (!this.hasOpenerInitial && (isFromOpener || hasAck)) {
      this.hasOpenerInitial = true;
      this.openerInitial = isFromOpener ? own : peer;
    }
    if (!this.hasOtherInitial && (!isFromOpener || hasAck)) {
      this.hasOtherInitial = true;
      this.otherInitial = isFromOpener ? peer : own;
    }
    this.lacksInitial = !this.hasOpenerInitial || !this.hasOtherInitial;
  }

  private noteEnd(flags: number, isFromOpener: boolean): void {
    if ((flags & 4) !== 0) this.hasReset = true;
    if ((flags & 1) === 0) return;
    if (isFromOpener) this.openerFin = true;
    else this.otherFin = true;
  }

  /**
   * Of two SYN+ACKs with different numbers, as hosts without memory for them send, the one that the opener acknowledges
   * holds (RFC 4987 §3.6).
   */
  private chooseAnswer(ack: number): void {
    this.hasAlternative = false;
    if (ack !== ((this.otherAlternative + 1) | 0)) return;
    const { fromOther } = this;
    if (fromOther?.hasData === true) return;
    if (fromOther?.isAnchored === true) fromOther.anchor(this.otherAlternative, fromOther.hasSyn);
    this.otherInitial = this.otherAlternative;
  }

  private low(): Endpoint {
    return endpoint(this.family, this.lowA, this.lowB, this.lowC, this.lowD, this.lowPort);
  }

  private high(): Endpoint {
    return endpoint(this.family, this.highA, this.highB, this.highC, this.highD, this.highPort);
  }
}

function endpoint(family: 4 | 6, a: number, b: number, c: number, d: number, port: number): Endpoint {
  return { address: new IpAddress(family, a, b, c, d), port };
}

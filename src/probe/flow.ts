/**
 * One TCP flow of a probe: where it goes and where both sequences stand. A flow is led by a script and not by a state
 * machine, since scripts must be able to do what no TCP would.
 * Read first: RFC 9293 §3.3.1 and §3.4.
 */
import { seq32, seqDistance, type Seq32 } from '../base/index.js';
import { type Endpoint, TcpFlag, type TcpPacket } from '../wire/index.js';

export class Flow {
  /** What it is called in reports. */
  readonly name: string;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Own initial sequence number. */
  readonly initial: Seq32;
  /** Own next sequence number. */
  next: Seq32;
  /** End of the furthest segment sent, which may lie behind bytes that were left out. */
  private sentUpTo: Seq32;
  /** Highest acknowledgment of anything sent. */
  private acknowledged: Seq32;
  /** The peer's initial sequence number, from its SYN+ACK. */
  peerInitial: Seq32 = seq32(0);
  /** Next sequence number expected of the peer. */
  peerNext: Seq32 = seq32(0);
  /** Whether the peer's SYN+ACK came. */
  isOpen = false;
  /** Whether a RST came or went: nothing needs to be closed any more. */
  isReset = false;

  constructor(name: string, local: Endpoint, remote: Endpoint, initial: Seq32) {
    this.name = name;
    this.local = local;
    this.remote = remote;
    this.initial = initial;
    this.next = initial;
    this.sentUpTo = initial;
    this.acknowledged = initial;
  }

  /** Relative subflow sequence number of the next byte, as a mapping has it (RFC 8684 §3.3.1). */
  get subflowOffset(): number {
    return seqDistance(this.next, this.initial) >>> 0;
  }

  /**
   * Where the peer may be, one or two sequence numbers: after what it acknowledged and the script moved on by, and after all that was
   * sent, when data behind a hole has just joined what came before. A RST is believed at the right place only
   * (RFC 5961 §3.2).
   */
  get placesOfPeer(): readonly [Seq32, Seq32?] {
    const known = seqDistance(this.acknowledged, this.next) > 0 ? this.acknowledged : this.next;
    return seqDistance(this.sentUpTo, known) > 0 ? [known, this.sentUpTo] : [known];
  }

  /** A segment was sent that ends at `end`. */
  noteSent(end: Seq32): void {
    if (seqDistance(end, this.sentUpTo) > 0) this.sentUpTo = end;
  }

  /** Notes what `segment` acknowledges; what was never sent cannot be. */
  noteAcknowledgment(segment: TcpPacket): void {
    if ((segment.flags & TcpFlag.ACK) === 0) return;
    const ack = seq32(segment.ack);
    if (seqDistance(ack, this.acknowledged) > 0 && seqDistance(ack, this.sentUpTo) <= 0)
      this.acknowledged = ack;
  }

  /** Whether `segment` acknowledges everything sent. */
  isAcknowledgedBy(segment: TcpPacket): boolean {
    return (segment.flags & TcpFlag.ACK) !== 0 && seqDistance(seq32(segment.ack), this.next) === 0;
  }

  /** The peer's SYN+ACK: both sequences begin. */
  open(segment: TcpPacket): void {
    this.isOpen = true;
    this.peerInitial = seq32(segment.seq);
    this.peerNext = seq32(segment.seq + 1);
  }

  /** Takes in what the peer sent in order; returns whether that was something to acknowledge. */
  take(segment: TcpPacket): boolean {
    if ((segment.flags & TcpFlag.RST) !== 0) this.isReset = true;
    if (!this.isOpen || this.isReset || (segment.flags & TcpFlag.SYN) !== 0) return false;
    const length = segment.payload.length + ((segment.flags & TcpFlag.FIN) !== 0 ? 1 : 0);
    if (length === 0) return false;
    if (seqDistance(seq32(segment.seq), this.peerNext) === 0) this.peerNext = seq32(this.peerNext + length);
    return true;
  }
}

import type { Seq32 } from '../base/index.js';
import { NEVER, offsetOf } from '../base/index.js';
import type { TcpSegment } from '../wire/index.js';
import { TcpFlag } from '../wire/index.js';
import { AckThrottle } from './challenge.js';
import { Verdict } from './event.js';
import type { Header } from './header.js';
import type { Lifecycle } from './lifecycle.js';
import type { Receiver } from './receiver.js';
import type { SendRecord } from './segment.js';
import type { Sender } from './sender.js';
import { mayReceive } from './state.js';

/**
 * Judges what arrives, in the order of RFC 9293 §3.10.7: numbers, reset, SYN, acknowledgment, payload, FIN. What follows
 * from an acceptable segment it leaves to the receiver, the sender and the life cycle.
 *
 * Read first: RFC 9293 §3.10.7.3 and §3.10.7.4, RFC 7323 §5, RFC 5961.
 */
export class Arrival<R extends SendRecord> {
  /** Made when something doubtful first arrives. */
  private throttle: AckThrottle | undefined = undefined;
  private readonly challengesPerSecond: number;
  private readonly life: Lifecycle<R>;
  private readonly sender: Sender<R>;
  private readonly receiver: Receiver;
  private readonly header: Header<R>;

  constructor(
    challengesPerSecond: number,
    life: Lifecycle<R>,
    sender: Sender<R>,
    receiver: Receiver,
    header: Header<R>,
  ) {
    this.challengesPerSecond = challengesPerSecond;
    this.life = life;
    this.sender = sender;
    this.receiver = receiver;
    this.header = header;
  }

  /** Takes in `segment`; returns a sum of `Verdict` bits. */
  handle(now: number, segment: TcpSegment): number {
    const { life, receiver } = this;
    if (life.state === 'closed') return 0;
    if (life.state === 'syn-sent') return this.handleInSynSent(now, segment);
    let flags = segment.flags;
    let start = receiver.offset(segment.seq as Seq32);
    if (life.state === 'syn-received' && (flags & TcpFlag.SYN) !== 0 && start === 0) {
      if ((flags & TcpFlag.ACK) === 0) {
        // The peer's SYN again: our answer was lost, or is late.
        if (this.mayAnswerEmpty(now)) this.sender.recovery.repeatHead();
        return 0;
      }
      // Both ends opened at once, and this is the peer's answer to our SYN (RFC 9293 figure 8).
      flags &= ~TcpFlag.SYN;
      start = 1;
    }
    const hasFin = (flags & TcpFlag.FIN) !== 0;
    const end = start + segment.payloadLength + (hasFin ? 1 : 0);
    if (!this.isAcceptable(now, segment, start, end)) return this.reject(now, segment, start, end);
    if ((flags & TcpFlag.RST) !== 0) return this.handleReset(now, start);
    if ((flags & TcpFlag.SYN) !== 0) {
      // RFC 5961 §4.2: a SYN in an open connection is either forged or from a peer that restarted; it has to prove it.
      this.challenge(now);
      return 0;
    }
    if ((flags & TcpFlag.ACK) === 0) return 0;
    const verdict = this.handleAck(now, segment, start);
    if (verdict === 0 || (segment.payloadLength === 0 && !hasFin)) return verdict;
    return verdict | this.handlePayload(now, segment, start, hasFin);
  }

  /** Takes over what the peer's first `syn` says of itself. */
  adopt(now: number, syn: TcpSegment): void {
    this.life.heardAt = now;
    this.header.adopt(now, syn);
  }

  /** RFC 9293 §3.10.7.3: everything that can come while our SYN is on its way. */
  private handleInSynSent(now: number, segment: TcpSegment): number {
    const { life, sender } = this;
    const { board } = sender.recovery;
    const { flags } = segment;
    const hasAck = (flags & TcpFlag.ACK) !== 0;
    const hasReset = (flags & TcpFlag.RST) !== 0;
    if (hasAck) {
      const ackOffset = offsetOf(segment.ack as Seq32, sender.initial, 0);
      if (ackOffset < 1 || ackOffset > board.sndNxt) {
        if (!hasReset) life.resetBare(segment.ack);
        return 0;
      }
    }
    if (hasReset) {
      if (!hasAck) return 0;
      life.onReset();
      return Verdict.ACCEPTED | Verdict.RESET;
    }
    if ((flags & TcpFlag.SYN) === 0) return 0;
    this.adopt(now, segment);
    this.receiver.ackNow = true;
    if (!hasAck) {
      life.openBoth();
      // Our SYN goes out again, now with the ACK of theirs.
      sender.recovery.repeatHead();
      return Verdict.ACCEPTED | Verdict.SYN;
    }
    const verdict = Verdict.SYN | this.handleAck(now, segment, 0);
    const hasFin = (flags & TcpFlag.FIN) !== 0;
    if (segment.payloadLength === 0 && !hasFin) return verdict;
    return verdict | this.handlePayload(now, segment, 1, hasFin);
  }

  /**
   * Sequence and PAWS tests. A segment without timestamps is not held against a peer that agreed to them: some senders
   * drop the option where a larger one needs the room, and RFC 7323 §3.2 makes the rejection a SHOULD only.
   */
  private isAcceptable(now: number, segment: TcpSegment, start: number, end: number): boolean {
    const { timestamps } = this.header;
    // RFC 7323 §5.3 R1: a reset is exempt, for the peer may have lost its clock with its state.
    const isTimed = timestamps.enabled && segment.hasTimestamps && (segment.flags & TcpFlag.RST) === 0;
    if (isTimed && timestamps.isOld(segment.tsVal, now)) return false;
    if (!this.receiver.isAcceptable(start, end)) return false;
    this.noteTimestamp(now, segment, start);
    return true;
  }

  /**
   * Takes over the timestamp to be echoed (RFC 7323 §4.3). That of a retransmission counts though its original had
   * arrived: echoing the original would tell the peer of a round trip as long as its acknowledgments were lost.
   */
  private noteTimestamp(now: number, segment: TcpSegment, start: number): void {
    const { timestamps } = this.header;
    if (!timestamps.enabled || !segment.hasTimestamps || start > this.receiver.lastAckSent) return;
    if (!timestamps.isOld(segment.tsVal, now)) timestamps.note(segment.tsVal, now);
  }

  /** Answers a segment that is not acceptable with an acknowledgment (RFC 9293 §3.10.7.4), a reset with nothing. */
  private reject(now: number, segment: TcpSegment, start: number, end: number): number {
    if ((segment.flags & TcpFlag.RST) !== 0) return 0;
    const { receiver } = this;
    const isOld = segment.payloadLength > 0 && end <= receiver.rcvNxt;
    if (isOld && receiver.isRecent(start)) {
      receiver.noteDuplicate(start, start + segment.payloadLength);
      this.noteTimestamp(now, segment, start);
    }
    if (end > start || this.mayAnswerEmpty(now)) receiver.ackNow = true;
    return isOld ? Verdict.DUPLICATE : 0;
  }

  /** RFC 5961 §3.2: only a reset at exactly the next number counts; one elsewhere in the window has to prove itself. */
  private handleReset(now: number, start: number): number {
    if (start !== this.receiver.rcvNxt) {
      this.challenge(now);
      return 0;
    }
    this.life.onReset();
    return Verdict.ACCEPTED | Verdict.RESET;
  }

  private mayAnswerEmpty(now: number): boolean {
    this.throttle ??= new AckThrottle();
    return this.throttle.mayAnswerEmpty(now);
  }

  private challenge(now: number): void {
    this.throttle ??= new AckThrottle();
    if (!this.throttle.mayChallenge(now, this.challengesPerSecond)) return;
    this.header.counters.challengeAcks++;
    this.receiver.ackNow = true;
  }

  /** The acknowledgment field (RFC 9293 §3.10.7.4, fifth step). Returns verdict bits, 0 when the segment must be dropped. */
  private handleAck(now: number, segment: TcpSegment, start: number): number {
    const { life, sender } = this;
    const { recovery } = sender;
    const { board } = recovery;
    const { timestamps } = this.header;
    const before = board.sndUna;
    const ackOffset = offsetOf(segment.ack as Seq32, sender.initial, before);
    if (life.state === 'syn-received' && (ackOffset <= 0 || ackOffset > board.sndNxt)) {
      life.resetBare(segment.ack);
      return 0;
    }
    // RFC 5961 §5.2: acknowledgments of the future, or from longer ago than a window, are not the peer's.
    if (ackOffset > board.sndNxt || ackOffset < before - sender.maxWindow) {
      this.challenge(now);
      return 0;
    }
    life.heardAt = now;
    life.hasSoftError = false;
    if (before === 0 && ackOffset > 0) sender.takeBackSynData(ackOffset);
    let verdict: number = Verdict.ACCEPTED;
    if (board.flightSize > 0 || segment.sackCount > 0) {
      const isEcho = timestamps.enabled && segment.hasTimestamps;
      const echoedAt = isEcho ? timestamps.echoedAt(segment.tsEcr, now) : NEVER;
      recovery.onAck(now, segment, ackOffset, echoedAt, sender.isWindowClosed);
    }
    if (sender.updateWindow(now, segment, start, ackOffset)) verdict |= Verdict.WINDOW;
    if (board.sndUna > before) {
      verdict |= Verdict.ACKED;
      sender.onProgress();
      if (before === 0) life.establish(now);
      if (sender.isFinAcked) life.onFinAcked(now);
    } else if (segment.sackCount > 0 || recovery.isRecovering) verdict |= Verdict.ROOM;
    return verdict;
  }

  /** Payload and FIN (RFC 9293 §3.10.7.4, seventh and eighth step). */
  private handlePayload(now: number, segment: TcpSegment, start: number, hasFin: boolean): number {
    const { life, receiver } = this;
    if (!mayReceive(life.state)) {
      // Nothing can follow the peer's FIN but that FIN again.
      receiver.ackNow = true;
      if (hasFin) life.onFinAgain(now);
      return segment.payloadLength > 0 ? Verdict.DUPLICATE : 0;
    }
    const verdict = receiver.receive(now, segment, start, hasFin);
    if ((verdict & Verdict.FIN) !== 0) life.onFin(now);
    return verdict;
  }
}

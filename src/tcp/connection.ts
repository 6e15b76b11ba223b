import type { Seq32 } from '../base/index.js';
import { NEVER, offsetOf, seq32, SubflowError } from '../base/index.js';
import type { TcpSegment } from '../wire/index.js';
import { TcpFlag } from '../wire/index.js';
import { AckThrottle } from './challenge.js';
import type { CloseReason, TcpEvent } from './event.js';
import { Verdict } from './event.js';
import { Header } from './header.js';
import { KeepAlive } from './keep-alive.js';
import { Receiver } from './receiver.js';
import type { OutgoingSegment, SendRecord } from './segment.js';
import { Sender } from './sender.js';
import type { TcpParameters, TcpSettings } from './settings.js';
import type { TcpState, TcpTransition } from './state.js';
import { isSynchronized, mayReceive, maySend, mustReset, nextState } from './state.js';
import type { RttView, TcpStatistics } from './statistics.js';

/** Which RST is waiting to be sent. */
const PendingReset = {
  NONE: 0,
  /** The peer acknowledged what was never sent: its own number is the only one it will believe. */
  BARE: 1,
  /** This end gave up. */
  ABORT: 2,
} as const;

/**
 * One TCP connection, without I/O. Input goes in through `handle…`; after each the owner polls until there is no more:
 * `pollEvent`, `pollReceive`, `pollSegment`, and last `pollTimeout`, which says when to call `handleTimeout` at the
 * latest. Any call to `push`, `shutdown`, `abort`, `setReceiveWindow` or `requestAck` also asks for a poll.
 *
 * Positions are stream offsets: 0 is the SYN, 1 the first byte, and the FIN takes one.
 *
 * This class owns the order in which a segment is judged (RFC 9293 §3.10.7) and the state; what follows from an
 * acceptable segment it leaves to the receiver, the sender, and its recovery.
 */
export class TcpConnection<R extends SendRecord = SendRecord> {
  /** Whether Nagle's rule holds small records back; may change at any time. */
  nagle: boolean;

  private currentState: TcpState;
  private readonly parameters: TcpParameters;
  private readonly sender: Sender<R>;
  private readonly receiver: Receiver;
  private readonly header: Header<R>;
  private readonly throttle = new AckThrottle();
  /** Only where keep-alive is asked for, and while the connection is open. */
  private keepAlive: KeepAlive | undefined = undefined;
  /** What keep-alive goes by: the settings of the connection until {@link setKeepAlive}. */
  private keepAliveSettings: TcpSettings;
  /** Events not yet polled. */
  private events: TcpEvent[] | undefined = undefined;
  /** Whether this end sent the first SYN. */
  private readonly isActive: boolean;
  /** Whether `shutdown` was called: before the connection is open the FIN has to wait. */
  private isShutdown = false;
  /** Whether a keep-alive probe must leave at the next poll. */
  private isProbeOwed = false;
  /** One of `PendingReset`. */
  private pendingReset: number = PendingReset.NONE;
  /** Sequence number of a bare RST. */
  private resetSeq: Seq32 = seq32(0);
  /** When TIME-WAIT ends; `NEVER` in all other states. */
  private timeWaitAt = NEVER;
  /** When the last acceptable segment came. */
  private heardAt: number;
  /** Whether the network reported the peer unreachable since it was last heard. */
  private hasSoftError = false;

  private constructor(now: number, parameters: TcpParameters, isActive: boolean) {
    this.parameters = parameters;
    this.nagle = parameters.settings.nagle;
    this.keepAliveSettings = parameters.settings;
    this.isActive = isActive;
    this.currentState = isActive ? 'syn-sent' : 'syn-received';
    this.sender = new Sender<R>(parameters);
    this.receiver = new Receiver(parameters);
    this.header = new Header<R>(parameters, this.receiver, this.sender);
    this.heardAt = now;
  }

  /** Opens towards a peer: the first poll gives the SYN. */
  static connect<R extends SendRecord = SendRecord>(
    now: number,
    parameters: TcpParameters,
  ): TcpConnection<R> {
    return new TcpConnection<R>(now, parameters, true);
  }

  /** Answers a peer's `syn`: the first poll gives the SYN with ACK. */
  static accept<R extends SendRecord = SendRecord>(
    now: number,
    parameters: TcpParameters,
    syn: TcpSegment,
  ): TcpConnection<R> {
    const connection = new TcpConnection<R>(now, parameters, false);
    connection.learn(now, syn);
    return connection;
  }

  /** State of RFC 9293 §3.3.2. `shutdown` moves it at once, though the FIN may have to wait behind data. */
  get state(): TcpState {
    return this.currentState;
  }

  // Input

  /** Takes in a segment of this connection, its checksum verified. Returns a sum of `Verdict` bits. */
  handleSegment(now: number, segment: TcpSegment): number {
    this.header.counters.segmentsReceived++;
    if (this.currentState === 'closed') return 0;
    if (this.currentState === 'syn-sent') return this.handleInSynSent(now, segment);
    const { receiver } = this;
    let flags = segment.flags;
    let start = receiver.offset(segment.seq as Seq32);
    if (this.currentState === 'syn-received' && (flags & TcpFlag.SYN) !== 0 && start === 0) {
      if ((flags & TcpFlag.ACK) === 0) {
        // The peer's SYN again: our answer was lost, or is late.
        if (this.throttle.mayAnswerEmpty(now)) this.sender.recovery.repeatHead();
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

  /** Does what is due at `now`; harmless when nothing is. */
  handleTimeout(now: number): void {
    const { receiver, sender } = this;
    if (now >= receiver.ackAt) receiver.ackNow = true;
    if (now >= sender.recovery.timerAt) this.handleLossTimer(now);
    if (this.keepAlive !== undefined && now >= this.keepAlive.at) this.handleKeepAlive(now, this.keepAlive);
    if (now >= this.timeWaitAt) this.finish('expired', 'normal');
  }

  /**
   * Takes in "packet too big" for a packet that began at `quotedSeq`. `pathMtuBytes` counts from the IP header on; 0
   * from routers older than RFC 1191. Ignored unless `quotedSeq` is in flight (RFC 5927 §4.1).
   */
  handlePathMtu(_now: number, pathMtuBytes: number, quotedSeq: Seq32): void {
    if (this.parameters.settings.pathMtuDiscovery && this.isInFlight(quotedSeq))
      this.sender.onTooBig(pathMtuBytes);
  }

  /**
   * Takes in "destination unreachable" for a packet that began at `quotedSeq`. A hard error ends a connection that is
   * not yet open, no other (RFC 5461 §4.1, RFC 5927 §6.1).
   */
  handleUnreachable(_now: number, hard: boolean, quotedSeq: Seq32): void {
    if (!this.isInFlight(quotedSeq)) return;
    if (hard && !isSynchronized(this.currentState)) this.finish('fail', 'unreachable');
    else this.hasSoftError = true;
  }

  // Output

  /**
   * Fills `out` with the next segment to send and returns true, or returns false when there is none now. After it the
   * owner may append options to `out.extension`: as many as `out.extensionRoom` allows, and on segments with payload
   * no more than `dataOptionBytes`.
   */
  pollSegment(now: number, out: OutgoingSegment<R>): boolean {
    if (this.pendingReset !== PendingReset.NONE) return this.fillReset(now, out);
    const { receiver, sender } = this;
    if (this.currentState === 'closed') return false;
    if (sender.recovery.board.sndNxt === 0) sender.fillSyn(now, out);
    else {
      // Blocks go alone, so that data segments always have the same room; and at once, for the peer waits for them.
      const isUrgent = receiver.ackNow && receiver.sackBlockCount > 0;
      if (isUrgent || this.isProbeOwed || !sender.fill(now, out)) return this.fillAck(now, out);
    }
    this.complete(now, out, sender.filledStart);
    return true;
  }

  /** When `handleTimeout` is due, an instant in ns; `NEVER` when no timer runs. */
  pollTimeout(): number {
    let at = this.receiver.ackAt;
    const lossAt = this.sender.recovery.timerAt;
    if (lossAt < at) at = lossAt;
    if (this.timeWaitAt < at) at = this.timeWaitAt;
    if (this.keepAlive !== undefined && this.keepAlive.at < at) at = this.keepAlive.at;
    return at;
  }

  /** The next event, oldest first. */
  pollEvent(): TcpEvent | undefined {
    if (this.events === undefined) return undefined;
    const event = this.events.shift();
    if (this.events.length === 0) this.events = undefined;
    return event;
  }

  // Bytes out

  /**
   * How many bytes the congestion window, PRR and the peer's window let the owner push now, beyond what it pushed
   * before; 0 before the connection is open and after `shutdown`. `wantedBytes` is what the owner has: with more than
   * that allowed there is nothing to wait for, and otherwise the quota is kept back until it is worth a super-segment
   * (only while an acknowledgment is due that will raise it). While the peer's window is closed and nothing is
   * outstanding, the quota is one segment: the owner pushes it, and the connection probes the window with it.
   */
  sendQuota(now: number, wantedBytes = Number.POSITIVE_INFINITY): number {
    return maySend(this.currentState) ? this.sender.quota(now, wantedBytes) : 0;
  }

  /** Nagle's rule as Minshall has it: whether a record of `bytes` may be pushed now rather than wait for more. */
  mayPush(bytes: number): boolean {
    return !this.nagle || this.sender.mayPush(bytes);
  }

  /** Stream offset that the next record must start at. */
  get pushEnd(): number {
    return this.sender.pushEnd;
  }

  /** Hands over a record; it must start at `pushEnd`. Throws `ERR_SUBFLOW_STATE` when the connection may not send. */
  push(_now: number, record: R): void {
    if (!maySend(this.currentState)) {
      throw new SubflowError('ERR_SUBFLOW_STATE', `no data can be sent in state ${this.currentState}`);
    }
    this.sender.push(record);
  }

  /** Bytes pushed and never sent so far. */
  get unsentBytes(): number {
    return this.sender.unsentBytes;
  }

  /** Offset of the first byte (or SYN, or FIN) that the peer has not acknowledged. */
  get sndUna(): number {
    return this.sender.recovery.board.sndUna;
  }

  /** Offset of the first byte (or SYN, or FIN) never sent so far. */
  get sndNxt(): number {
    return this.sender.recovery.board.sndNxt;
  }

  /** Number of records not yet acknowledged in full. */
  get recordCount(): number {
    return this.sender.recordCount;
  }

  /** The `index`-th record not yet acknowledged in full, lowest offset first. */
  recordAt(index: number): R | undefined {
    return this.sender.recordAt(index);
  }

  /** Sends a FIN after what was pushed; before the connection is open, once it is. Does nothing the second time. */
  shutdown(_now: number): void {
    if (this.isShutdown) return;
    this.isShutdown = true;
    if (maySend(this.currentState)) this.queueFin();
  }

  /** Gives up: one RST is left to poll (the owner adds its options to it) and the state is closed. */
  abort(_now: number): void {
    if (this.currentState === 'closed') return;
    if (mustReset(this.currentState)) this.pendingReset = PendingReset.ABORT;
    this.finish('fail', 'aborted');
  }

  /** Has an acknowledgment sent at the next poll, alone if no data is there to carry it. */
  requestAck(_now: number): void {
    if (this.currentState !== 'syn-sent') this.receiver.ackNow = true;
  }

  // Bytes in

  /** The next run of bytes in order, a view of the packet that brought them; `rcvDelivered` moves past it. */
  pollReceive(): Uint8Array | undefined {
    return this.receiver.poll();
  }

  /** Offset of the byte that `pollReceive` gives next. */
  get rcvDelivered(): number {
    return this.receiver.delivered;
  }

  /** Offset of the byte (or FIN) that is expected next from the peer. */
  get rcvNxt(): number {
    return this.receiver.rcvNxt;
  }

  /** Whether the peer's FIN came in order. */
  get isPeerFinished(): boolean {
    return this.receiver.isFinished;
  }

  /**
   * Sets what may be advertised: `bytes` beyond `rcvNxt`. The right edge so given stands until the next call, while
   * bytes that arrive move `rcvNxt` towards it. Opening it enough has a window update sent; it may also shrink.
   */
  setReceiveWindow(bytes: number): void {
    this.receiver.setWindow(bytes, this.currentState !== 'syn-sent' && !this.receiver.isFinished);
  }

  // For schedulers and statistics

  /** Bytes of a data segment's header to leave free for the owner's options; a multiple of 4. May change at any time. */
  get dataOptionBytes(): number {
    return this.header.dataOptionBytes;
  }

  set dataOptionBytes(bytes: number) {
    this.header.dataOptionBytes = bytes;
  }

  /** The same for segments without payload: there SACK blocks get what is left. */
  get ackOptionBytes(): number {
    return this.header.ackOptionBytes;
  }

  set ackOptionBytes(bytes: number) {
    this.header.ackOptionBytes = bytes;
  }

  /** Round-trip times: a view that stays current. */
  get rtt(): RttView {
    return this.sender.recovery.rtt;
  }

  /** Congestion window in bytes; 0 before the connection is open. */
  get cwndBytes(): number {
    return this.sender.recovery.cwndBytes;
  }

  /** Slow-start threshold in bytes; `Infinity` before the first congestion. */
  get ssthreshBytes(): number {
    return this.sender.recovery.ssthreshBytes;
  }

  /** Bytes believed to be in the network. */
  get bytesInFlight(): number {
    return this.sender.recovery.board.bytesInFlight;
  }

  /** Payload of a full segment now, the owner's `dataOptionBytes` already taken off; 0 before the peer's SYN came. */
  get mss(): number {
    return this.sender.mss;
  }

  /** MTU that the path is believed to have, in bytes from the IP header on. */
  get pathMtu(): number {
    return this.sender.path.mtu;
  }

  /** Bytes of room that an acceptable `segment` of the peer's offers, beyond what it acknowledges (RFC 7323 §2.2). */
  windowOf(segment: TcpSegment): number {
    return segment.window * this.sender.peerWindowUnit;
  }

  /** Offset up to which the peer's window lets this end send. */
  get peerWindowEdge(): number {
    return this.sender.windowEdge;
  }

  /** A retransmission timeout has fired and nothing was acknowledged since: the path may be dead. */
  get isStale(): boolean {
    return this.sender.recovery.timeoutCount > 0;
  }

  /** When the last segment that passed the acceptability tests came. */
  get lastReceivedAt(): number {
    return this.heardAt;
  }

  /** Counters as of now. */
  get statistics(): TcpStatistics {
    const { header, receiver, sender } = this;
    const { counters } = header;
    return {
      segmentsSent: counters.segmentsSent,
      segmentsReceived: counters.segmentsReceived,
      bytesSent: counters.bytesSent,
      bytesAcked: Math.max(0, Math.min(sender.recovery.board.sndUna, sender.pushEnd) - 1),
      bytesReceived: receiver.bytesReceived,
      retransmittedBytes: counters.retransmittedBytes,
      retransmittedSegments: counters.retransmittedSegments,
      timeouts: sender.recovery.timeouts,
      challengeAcks: counters.challengeAcks,
    };
  }

  /**
   * Whether a `syn` for the same ports may end this connection's TIME-WAIT and begin a new one: by its timestamp or,
   * without timestamps, its sequence number it is newer than all that was received (RFC 6191 §2).
   */
  mayReopen(syn: TcpSegment): boolean {
    if (this.currentState !== 'time-wait') return false;
    const isLater = this.receiver.offset(syn.seq as Seq32) >= this.receiver.rcvNxt;
    if (!syn.hasTimestamps || !this.header.timestamps.enabled) return isLater;
    const age = (syn.tsVal - this.header.timestamps.recent) | 0;
    return age > 0 || (age === 0 && isLater);
  }

  // Judging segments

  /** RFC 9293 §3.10.7.3: everything that can come while our SYN is on its way. */
  private handleInSynSent(now: number, segment: TcpSegment): number {
    const { flags } = segment;
    const hasAck = (flags & TcpFlag.ACK) !== 0;
    const hasReset = (flags & TcpFlag.RST) !== 0;
    const { board } = this.sender.recovery;
    if (hasAck && (offsetOf(segment.ack as Seq32, this.sender.initial, 0) !== 1 || board.sndNxt === 0)) {
      if (!hasReset) this.resetBare(segment.ack);
      return 0;
    }
    if (hasReset) {
      if (!hasAck) return 0;
      this.finish('fail', 'refused');
      return Verdict.ACCEPTED | Verdict.RESET;
    }
    if ((flags & TcpFlag.SYN) === 0) return 0;
    this.heardAt = now;
    this.learn(now, segment);
    if (!hasAck) {
      this.move('syn');
      // Our SYN goes out again, now with the ACK of theirs.
      this.sender.recovery.repeatHead();
      return Verdict.ACCEPTED | Verdict.SYN;
    }
    const verdict = Verdict.SYN | this.handleAck(now, segment, 0);
    if (segment.payloadLength === 0 && (flags & TcpFlag.FIN) === 0) return verdict;
    return verdict | this.handlePayload(now, segment, 1, (flags & TcpFlag.FIN) !== 0);
  }

  /** Takes over what the peer's SYN says of itself. */
  private learn(now: number, syn: TcpSegment): void {
    this.header.adopt(now, syn);
    if (this.isActive) this.receiver.ackNow = true;
  }

  /** Sequence and PAWS tests. A segment without timestamps is not held against a peer that agreed to them: some senders
   * drop the option where a larger one needs the room, and RFC 7323 §3.2 makes the rejection a SHOULD only. */
  private isAcceptable(now: number, segment: TcpSegment, start: number, end: number): boolean {
    const { receiver } = this;
    const { timestamps } = this.header;
    // RFC 7323 §5.3 R1: a reset is exempt, for the peer may have lost its clock with its state.
    const isTimed = timestamps.enabled && segment.hasTimestamps && (segment.flags & TcpFlag.RST) === 0;
    if (isTimed && timestamps.isOld(segment.tsVal, now)) return false;
    if (!receiver.isAcceptable(start, end)) return false;
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
    if (end > start || this.throttle.mayAnswerEmpty(now)) receiver.ackNow = true;
    if (this.currentState === 'time-wait' && end === receiver.rcvNxt) this.startTimeWait(now);
    return isOld ? Verdict.DUPLICATE : 0;
  }

  /** RFC 5961 §3.2: only a reset at exactly the next number counts; one elsewhere in the window has to prove itself. */
  private handleReset(now: number, start: number): number {
    if (start !== this.receiver.rcvNxt) {
      this.challenge(now);
      return 0;
    }
    const state = this.currentState;
    const isLate = state === 'time-wait' || state === 'closing' || state === 'last-ack';
    const hasUnacked = this.sender.recovery.board.sndUna < this.sender.pushEnd;
    if (state === 'syn-received' && this.isActive) this.finish('fail', 'refused');
    else this.finish('fail', isLate && !hasUnacked ? 'normal' : 'reset');
    return Verdict.ACCEPTED | Verdict.RESET;
  }

  private challenge(now: number): void {
    if (!this.throttle.mayChallenge(now, this.parameters.settings.challengeAcksPerSecond)) return;
    this.header.counters.challengeAcks++;
    this.receiver.ackNow = true;
  }

  /** The acknowledgment field (RFC 9293 §3.10.7.4, fifth step). Returns verdict bits, 0 when the segment must be dropped. */
  private handleAck(now: number, segment: TcpSegment, start: number): number {
    const { sender } = this;
    const { recovery } = sender;
    const { board } = recovery;
    const before = board.sndUna;
    const ackOffset = offsetOf(segment.ack as Seq32, sender.initial, before);
    if (this.currentState === 'syn-received' && (ackOffset <= 0 || ackOffset > board.sndNxt)) {
      this.resetBare(segment.ack);
      return 0;
    }
    // RFC 5961 §5.2: acknowledgments of the future, or from longer ago than a window, are not the peer's.
    if (ackOffset > board.sndNxt || ackOffset < before - sender.maxWindow) {
      this.challenge(now);
      return 0;
    }
    this.heardAt = now;
    this.hasSoftError = false;
    let verdict: number = Verdict.ACCEPTED;
    if (board.flightSize > 0 || segment.sackCount > 0) {
      const echoedAt =
        this.header.timestamps.enabled && segment.hasTimestamps
          ? this.header.timestamps.echoedAt(segment.tsEcr, now)
          : NEVER;
      recovery.onAck(now, segment, ackOffset, echoedAt, sender.isWindowClosed);
    }
    if (sender.updateWindow(now, segment, start, ackOffset)) verdict |= Verdict.WINDOW;
    if (board.sndUna > before) {
      verdict |= Verdict.ACKED;
      sender.onProgress();
      if (before === 0) this.establish(now);
      if (sender.isFinAcked) this.handleFinAcked(now);
    }
    return verdict;
  }

  private establish(now: number): void {
    const { initialWindowSegments } = this.parameters.settings;
    this.move(this.currentState === 'syn-sent' ? 'syn-ack' : 'syn-acked');
    this.sender.recovery.open(this.sender.mss, initialWindowSegments);
    this.startKeepAlive(now);
    this.emit({ type: 'established' });
    if (this.isShutdown) this.queueFin();
  }

  private queueFin(): void {
    this.sender.isFinQueued = true;
    this.move('shutdown');
  }

  private handleFinAcked(now: number): void {
    const before = this.currentState;
    if (before === 'last-ack') return this.finish('fin-acked', 'normal');
    this.move('fin-acked');
    if (before === 'closing') this.startTimeWait(now);
  }

  /** Payload and FIN (RFC 9293 §3.10.7.4, seventh and eighth step). */
  private handlePayload(now: number, segment: TcpSegment, start: number, hasFin: boolean): number {
    if (!mayReceive(this.currentState)) {
      // Nothing can follow the peer's FIN but that FIN again.
      this.receiver.ackNow = true;
      if (this.currentState === 'time-wait') this.startTimeWait(now);
      return segment.payloadLength > 0 ? Verdict.DUPLICATE : 0;
    }
    const verdict = this.receiver.receive(now, segment, start, hasFin);
    if ((verdict & Verdict.FIN) === 0) return verdict;
    this.move('fin');
    this.emit({ type: 'peer-fin' });
    if (this.state === 'time-wait') this.startTimeWait(now);
    return verdict;
  }

  /** Whether a packet that began at `seq` is one that the network can still have something to say about. */
  private isInFlight(seq: Seq32): boolean {
    const { board } = this.sender.recovery;
    const offset = offsetOf(seq, this.sender.initial, board.sndUna);
    return offset >= board.sndUna && offset < board.sndNxt;
  }

  // Timers

  private handleLossTimer(now: number): void {
    const { sender } = this;
    const { settings } = this.parameters;
    const count = sender.onTimer(now, settings.pathMtuDiscovery ? settings.blackHoleTimeouts : NEVER);
    if (count === 0) return;
    const limit = isSynchronized(this.currentState) ? settings.dataRetries : settings.synRetries;
    if (count > limit || now - sender.recovery.progressAt >= settings.userTimeoutNs) {
      this.finish('fail', this.hasSoftError ? 'unreachable' : 'timeout');
    } else this.emit({ type: 'timeout', count });
  }

  /** Probes the peer after `idleNs` of silence from now on; {@link NEVER}: not at all (RFC 9293 §3.8.4). */
  setKeepAlive(now: number, idleNs: number): void {
    this.keepAliveSettings = { ...this.keepAliveSettings, keepAliveIdleNs: idleNs };
    this.keepAlive = undefined;
    if (isSynchronized(this.currentState) && this.currentState !== 'time-wait') this.startKeepAlive(now);
  }

  private startKeepAlive(now: number): void {
    const settings = this.keepAliveSettings;
    if (settings.keepAliveIdleNs !== NEVER) this.keepAlive = new KeepAlive(now, settings);
  }

  private handleKeepAlive(now: number, keepAlive: KeepAlive): void {
    const action = keepAlive.onTimer(now, this.heardAt, this.sender.recovery.board.flightSize > 0);
    if (action === 'probe') this.isProbeOwed = true;
    if (action !== 'give-up') return;
    this.pendingReset = PendingReset.ABORT;
    this.finish('fail', this.hasSoftError ? 'unreachable' : 'timeout');
  }

  // Filling segments

  /** A segment without payload, if one is owed. */
  private fillAck(now: number, out: OutgoingSegment<R>): boolean {
    const { sender, receiver } = this;
    const isProbe = this.isProbeOwed;
    if ((!receiver.ackNow && !isProbe) || this.currentState === 'syn-sent') return false;
    this.isProbeOwed = false;
    out.clear();
    out.flags = TcpFlag.ACK;
    // RFC 9293 §3.8.4: a keep-alive probe is one below the next number, which the peer must answer.
    this.complete(now, out, isProbe ? sender.recovery.board.sndNxt - 1 : sender.acceptableOffset);
    return true;
  }

  private fillReset(now: number, out: OutgoingSegment<R>): boolean {
    out.clear();
    out.flags = TcpFlag.RST;
    if (this.pendingReset === PendingReset.BARE) {
      out.seq = this.resetSeq;
      this.header.counters.count(out);
    } else {
      out.flags |= TcpFlag.ACK;
      this.complete(now, out, this.sender.acceptableOffset);
    }
    this.pendingReset = PendingReset.NONE;
    return true;
  }

  /** Has a RST sent that takes its number from the segment that provoked it (RFC 9293 §3.10.7.3). */
  private resetBare(ack: number): void {
    this.pendingReset = PendingReset.BARE;
    this.resetSeq = seq32(ack);
  }

  /** Fills in what every segment has; its payload, if any, starts at `start`. */
  private complete(now: number, out: OutgoingSegment<R>, start: number): void {
    this.header.complete(now, out, start, this.currentState === 'syn-sent');
  }

  // State

  private move(transition: TcpTransition): void {
    this.currentState = nextState(this.currentState, transition);
  }

  /** Moves to closed and lets go of everything that is still to be sent. */
  private finish(transition: TcpTransition, reason: CloseReason): void {
    this.move(transition);
    this.emit({ type: 'closed', reason });
    this.sender.recovery.stop();
    this.keepAlive = undefined;
    this.timeWaitAt = NEVER;
    this.receiver.ackNow = false;
    this.receiver.ackAt = NEVER;
  }

  /** Begins TIME-WAIT, or begins it again because the peer's FIN came again (RFC 9293 §3.10.7.4). */
  private startTimeWait(now: number): void {
    if (this.timeWaitAt === NEVER) {
      this.emit({ type: 'time-wait' });
      this.sender.recovery.stop();
      this.keepAlive = undefined;
    }
    this.timeWaitAt = now + this.parameters.settings.timeWaitNs;
  }

  private emit(event: TcpEvent): void {
    if (this.events === undefined) this.events = [event];
    else this.events.push(event);
  }
}

import type { Seq32 } from '../base/index.js';
import { NEVER, offsetOf, SubflowError } from '../base/index.js';
import type { TcpSegment } from '../wire/index.js';
import { TcpFlag } from '../wire/index.js';
import { Arrival } from './arrival.js';
import type { TcpEvent } from './event.js';
import type { FastOpenAnswer, FastOpenOffer } from './fast-open.js';
import { Header } from './header.js';
import { Lifecycle, PendingReset } from './lifecycle.js';
import { Receiver } from './receiver.js';
import type { OutgoingSegment, SendRecord } from './segment.js';
import { Sender } from './sender.js';
import type { TcpParameters } from './settings.js';
import type { TcpState } from './state.js';
import { isSynchronized } from './state.js';
import type { RttView, TcpStatistics } from './statistics.js';

/**
 * One TCP connection, without I/O. Input goes in through `handle…`; after each the owner polls until there is no more:
 * `pollEvent`, `pollReceive`, `pollSegment`, and last `pollTimeout`, which says when to call `handleTimeout` at the
 * latest. Any call to `push`, `shutdown`, `abort`, `setReceiveWindow` or `requestAck` also asks for a poll.
 *
 * Positions are stream offsets: 0 is the SYN, 1 the first byte, and the FIN takes one.
 *
 * This class is the face of its parts: arrival.ts judges segments, sender.ts and recovery.ts send, receiver.ts puts in
 * order what came, header.ts completes what leaves, lifecycle.ts knows the state.
 */
export class TcpConnection<R extends SendRecord = SendRecord> {
  /** Whether Nagle's rule holds small records back; may change at any time. */
  nagle: boolean;

  private readonly parameters: TcpParameters;
  private readonly sender: Sender<R>;
  private readonly receiver: Receiver;
  private readonly header: Header<R>;
  private readonly life: Lifecycle<R>;
  private readonly arrival: Arrival<R>;
  /** What the SYN offers; undefined without Fast Open, and for a connection that a peer opened. */
  private offer: FastOpenOffer | undefined = undefined;

  private constructor(now: number, parameters: TcpParameters, isActive: boolean) {
    this.parameters = parameters;
    this.nagle = parameters.settings.nagle;
    this.sender = new Sender<R>(parameters);
    this.receiver = new Receiver(parameters);
    this.header = new Header<R>(parameters, this.receiver, this.sender);
    this.life = new Lifecycle<R>(now, parameters, isActive, this.sender, this.receiver);
    const { challengeAcksPerSecond } = parameters.settings;
    this.arrival = new Arrival<R>(challengeAcksPerSecond, this.life, this.sender, this.receiver, this.header);
  }

  /** Opens towards a peer: the first poll gives the SYN. With an `offer` a record may be pushed first, to go along. */
  static connect<R extends SendRecord = SendRecord>(
    now: number,
    parameters: TcpParameters,
    offer?: FastOpenOffer,
  ): TcpConnection<R> {
    const connection = new TcpConnection<R>(now, parameters, true);
    if (offer === undefined) return connection;
    connection.offer = offer;
    connection.header.fastOpenCookie = offer.cookie;
    connection.header.isFastOpenExperimental = offer.experimental;
    return connection;
  }

  /**
   * Answers a peer's `syn`: the first poll gives the SYN with ACK. Its payload counts if the `answer` says so; otherwise
   * it is ignored, and the peer sends it again.
   */
  static accept<R extends SendRecord = SendRecord>(
    now: number,
    parameters: TcpParameters,
    syn: TcpSegment,
    answer?: FastOpenAnswer,
  ): TcpConnection<R> {
    const connection = new TcpConnection<R>(now, parameters, false);
    connection.arrival.adopt(now, syn);
    if (answer === undefined) return connection;
    connection.header.fastOpenCookie = answer.cookie;
    connection.header.isFastOpenExperimental = answer.experimental;
    if (!answer.isAccepted) return connection;
    connection.life.openEarly();
    if (syn.payloadLength > 0) connection.receiver.receiveSyn(now, syn);
    return connection;
  }

  /** State of RFC 9293 §3.3.2. `shutdown` moves it at once, though the FIN may have to wait behind data. */
  get state(): TcpState {
    return this.life.state;
  }

  // Input

  /** Takes in a segment of this connection, its checksum verified. Returns a sum of `Verdict` bits. */
  handleSegment(now: number, segment: TcpSegment): number {
    this.header.counters.segmentsReceived++;
    return this.arrival.handle(now, segment);
  }

  /** Does what is due at `now`; harmless when nothing is. */
  handleTimeout(now: number): void {
    const { receiver, sender, life } = this;
    if (now >= receiver.ackAt) receiver.ackNow = true;
    if (now >= sender.recovery.timerAt) this.handleLossTimer(now);
    sender.recovery.pacer?.onTime(now);
    if (now >= life.timerAt) life.onTimer(now);
  }

  private handleLossTimer(now: number): void {
    const { sender, life } = this;
    const { settings } = this.parameters;
    const count = sender.onTimer(now, settings.pathMtuDiscovery ? settings.blackHoleTimeouts : NEVER);
    if (count === 0) return;
    const limit = isSynchronized(life.state) ? settings.dataRetries : settings.synRetries;
    const isTooLong = now - sender.recovery.progressAt >= settings.userTimeoutNs;
    if (count > limit || isTooLong) life.failSilent();
    else life.onTimeout(count);
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
    if (hard && !isSynchronized(this.life.state)) this.life.fail('unreachable');
    else this.life.hasSoftError = true;
  }

  /** Whether a packet that began at `seq` is one that the network can still have something to say about. */
  private isInFlight(seq: Seq32): boolean {
    const { board } = this.sender.recovery;
    const offset = offsetOf(seq, this.sender.initial, board.sndUna);
    return offset >= board.sndUna && offset < board.sndNxt;
  }

  // Output

  /**
   * Fills `out` with the next segment to send and returns true, or returns false when there is none now. After it the
   * owner may append options to `out.extension`: as many as `out.extensionRoom` allows, and on segments with payload
   * no more than `dataOptionBytes`.
   */
  pollSegment(now: number, out: OutgoingSegment<R>): boolean {
    const { life, receiver, sender } = this;
    if (life.pendingReset !== PendingReset.NONE) return this.fillReset(now, out);
    if (life.state === 'closed') return false;
    if (sender.recovery.board.sndNxt === 0) sender.fillSyn(now, out, this.offer !== undefined);
    else {
      // Blocks go alone, so that data segments always have the same room; and at once, for the peer waits for them.
      const isUrgent = receiver.ackNow && receiver.sackBlockCount > 0;
      if (isUrgent || life.isProbeOwed || !sender.fill(now, out)) return this.fillAck(now, out);
    }
    this.complete(now, out, sender.filledStart);
    return true;
  }

  /** A segment without payload, if one is owed. */
  private fillAck(now: number, out: OutgoingSegment<R>): boolean {
    const { life, sender, receiver } = this;
    if ((!receiver.ackNow && !life.isProbeOwed) || !life.mayAck) return false;
    // The peer drops a probe, and with it what it acknowledges and its options (RFC 9293 §3.10.7.4): they go ahead of it.
    const isProbe = !receiver.ackNow;
    if (isProbe) life.isProbeOwed = false;
    out.clear();
    out.flags = TcpFlag.ACK;
    // RFC 9293 §3.8.4: a keep-alive probe is one below the next number, which the peer must answer.
    this.complete(now, out, isProbe ? sender.recovery.board.sndNxt - 1 : sender.acceptableOffset);
    return true;
  }

  private fillReset(now: number, out: OutgoingSegment<R>): boolean {
    const { life } = this;
    out.clear();
    out.flags = TcpFlag.RST;
    if (life.pendingReset === PendingReset.BARE) {
      out.seq = life.resetSeq;
      this.header.counters.count(out);
    } else {
      out.flags |= TcpFlag.ACK;
      this.complete(now, out, this.sender.acceptableOffset);
    }
    life.pendingReset = PendingReset.NONE;
    return true;
  }

  /** Fills in what every segment has; its payload, if any, starts at `start`. */
  private complete(now: number, out: OutgoingSegment<R>, start: number): void {
    this.header.complete(now, out, start, this.life.state === 'syn-sent');
  }

  /** When `handleTimeout` is due, an instant in ns; `NEVER` when no timer runs. */
  pollTimeout(): number {
    let at = this.receiver.ackAt;
    const lossAt = this.sender.recovery.timerAt;
    if (lossAt < at) at = lossAt;
    if (this.paceAt < at) at = this.paceAt;
    const lifeAt = this.life.timerAt;
    return lifeAt < at ? lifeAt : at;
  }

  /** The next event, oldest first. */
  pollEvent(): TcpEvent | undefined {
    return this.life.pollEvent();
  }

  // Bytes out

  /** When the rate of congestion control lets out what it held back, an instant in ns; `NEVER` while it holds nothing back. */
  get paceAt(): number {
    const { pacer } = this.sender.recovery;
    return pacer === undefined ? NEVER : pacer.wakeAt;
  }

  /**
   * How many bytes the congestion window, PRR and the peer's window let the owner push now, beyond what it pushed
   * before; 0 before the connection is open and after `shutdown`. `wantedBytes` is what the owner has: with more than
   * that allowed there is nothing to wait for, and otherwise the quota is kept back until it is worth a super-segment
   * (only while an acknowledgment is due that will raise it). While the peer's window is closed and nothing is
   * outstanding, the quota is one segment: the owner pushes it, and the connection probes the window with it.
   */
  sendQuota(now: number, wantedBytes = Number.POSITIVE_INFINITY): number {
    return this.life.mayPush ? this.sender.quota(now, wantedBytes) : 0;
  }

  /** Nagle's rule as Minshall has it: whether a record of `bytes` may be pushed now rather than wait for more. */
  mayPush(bytes: number): boolean {
    return !this.nagle || this.sender.mayPush(bytes);
  }

  /** Stream offset that the next record must start at. */
  get pushEnd(): number {
    return this.sender.pushEnd;
  }

  /**
   * Bytes that the SYN, which has not left yet, can take along: one record of at most so many may be pushed now. 0
   * without Fast Open, without a cookie, and when the cookie does not fit beside the owner's `synOptionBytes`.
   */
  get synDataRoom(): number {
    const { offer, sender } = this;
    if (offer === undefined || sender.recovery.board.sndNxt > 0 || sender.pushEnd > 1) return 0;
    if (offer.cookie !== undefined && (offer.cookie.length === 0 || !this.header.hasFastOpenRoom)) return 0;
    return this.life.state === 'syn-sent' ? offer.maxDataBytes : 0;
  }

  /** Bytes that our SYN carried; what the peer left of them is no longer part of what was pushed. */
  get synDataBytes(): number {
    return this.sender.synDataBytes;
  }

  /** Hands over a record; it must start at `pushEnd`. Throws `ERR_SUBFLOW_STATE` when the connection may not send. */
  push(_now: number, record: R): void {
    if (!this.life.mayPush && record.length > this.synDataRoom) {
      throw new SubflowError('ERR_SUBFLOW_STATE', `no data can be sent in state ${this.life.state}`);
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
    this.life.shutdown();
  }

  /** Gives up: one RST is left to poll (the owner adds its options to it) and the state is closed. */
  abort(_now: number): void {
    this.life.abort();
  }

  /** Has an acknowledgment sent at the next poll, alone if no data is there to carry it. */
  requestAck(_now: number): void {
    if (this.life.state !== 'syn-sent') this.receiver.ackNow = true;
  }

  /** Has a keep-alive probe sent at the next poll: a segment that the peer must answer (RFC 9293 §3.8.4). */
  probe(_now: number): void {
    if (isSynchronized(this.life.state)) this.life.isProbeOwed = true;
  }

  /**
   * Halves the congestion window because this subflow keeps the others of its connection waiting. Returns whether it did:
   * not while losses are repaired, which has lowered it already, nor with a congestion control that cannot.
   */
  penalise(now: number): boolean {
    return this.sender.recovery.penalise(now);
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

  /** Separate runs of bytes held out of order; `maxReassemblyRuns` bounds them. */
  get reassemblyRuns(): number {
    return this.receiver.runCount;
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
    this.receiver.setWindow(bytes, this.life.state !== 'syn-sent' && !this.receiver.isFinished);
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

  /** Bytes of the header of a SYN, or of the answer to one, to leave free for the owner's options. */
  set synOptionBytes(bytes: number) {
    this.header.synOptionBytes = bytes;
  }

  /** Round-trip times: a view that stays current. */
  get rtt(): RttView {
    return this.sender.recovery.rtt;
  }

  /** Congestion window in bytes; 0 before the connection is open. */
  get cwndBytes(): number {
    return this.sender.recovery.cwndBytes;
  }

  /** Name of the congestion control; undefined before the connection is open. */
  get congestionName(): string | undefined {
    return this.sender.recovery.congestionName;
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
    return this.life.heardAt;
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
    if (this.life.state !== 'time-wait') return false;
    const isLater = this.receiver.offset(syn.seq as Seq32) >= this.receiver.rcvNxt;
    if (!syn.hasTimestamps || !this.header.timestamps.enabled) return isLater;
    const age = (syn.tsVal - this.header.timestamps.recent) | 0;
    return age > 0 || (age === 0 && isLater);
  }

  /** Probes the peer after `idleNs` of silence from now on; {@link NEVER}: not at all (RFC 9293 §3.8.4). */
  setKeepAlive(now: number, idleNs: number): void {
    this.life.setKeepAlive(now, idleNs);
  }
}

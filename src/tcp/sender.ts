import type { Seq32 } from '../base/index.js';
import { Deque, SubflowError } from '../base/index.js';
import type { TcpSegment } from '../wire/index.js';
import { TcpFlag } from '../wire/index.js';
import { PathMtu } from './path-mtu.js';
import { Recovery } from './recovery.js';
import type { OutgoingSegment, SendRecord } from './segment.js';
import type { SentSegment } from './sent-segment.js';
import type { TcpParameters } from './settings.js';

/**
 * The sending half: holds the records that the owner pushed, cuts segments from them as the peer's window and the
 * congestion window allow, and lets go of them as they are acknowledged. What is lost and when, `recovery.ts` decides.
 *
 * Read first: RFC 9293 §3.7.4 (Nagle), §3.8.6 (window, probes, silly window syndrome); RFC 5681 §4.1 (restart after
 * idleness).
 */

/** Payload that a segment carries at the least, however many options there are. */
const MIN_PAYLOAD_BYTES = 8;
/** Time that a super-segment may take to send at the current rate, as a part of the smoothed round-trip time's second. */
const BURST_NS = 1_000_000;

export class Sender<R extends SendRecord> {
  /** Sequence number of our SYN. */
  readonly initial: Seq32;
  readonly recovery: Recovery<R>;
  readonly path: PathMtu;
  /** Offset that the next record must start at. */
  pushEnd = 1;
  /** Bytes that our SYN carried. */
  synDataBytes = 0;
  /** Whether the owner will push no more: a FIN follows at `pushEnd`. */
  isFinQueued = false;
  /** Payload of a full segment: MSS less the options of a data segment. */
  mss = 0;
  /** What the peer's window field counts in: 2 to the shift that it announced. */
  peerWindowUnit = 1;
  /** Right edge of the peer's window, as an offset. */
  windowEdge = 0;
  /** Offset of the last byte that was sent into a closed window to probe it; -1: there was none. */
  private probedOffset = -1;
  /** The largest window that the peer ever offered: what it takes for a worthwhile segment (RFC 9293 §3.8.6.2.1). */
  maxWindow = 0;
  /** Offset at which the segment starts that `fill` has just described. */
  filledStart = 0;
  /** Bytes of options that every data segment carries. */
  private optionBytes = 0;
  /** Largest segment that the peer takes. */
  private peerMss = 0;
  /** Peer's offset of the segment that last set the window (RFC 9293: SND.WL1), and its acknowledgment (SND.WL2). */
  private windowSeq = -1;
  private windowAck = -1;
  /** Records from the first not wholly acknowledged on. */
  private readonly records = new Deque<R>();
  /** Place in `records` of the first that is not wholly sent. */
  private cursor = 0;
  /** End of the last record pushed that does not fill its last segment (Minshall's variable). */
  private smallEnd = 0;
  /** When data was last sent, for the restart after idleness. */
  private lastSentAt = 0;
  private readonly maxOffloadBytes: number;

  constructor(parameters: TcpParameters) {
    this.initial = parameters.initialSequence;
    this.path = new PathMtu(parameters.pathMaxSegmentSize, parameters.headerBytes);
    this.recovery = new Recovery<R>(parameters);
    this.maxOffloadBytes = parameters.maxOffloadBytes;
  }

  /** The peer's SYN says that it takes segments of `peerMss`. */
  setPeerMss(peerMss: number): void {
    this.peerMss = peerMss;
    this.updateMss();
  }

  /** The options of data segments take `optionBytes` from now on. */
  setOptionBytes(optionBytes: number): void {
    this.optionBytes = optionBytes;
    this.updateMss();
  }

  private updateMss(): void {
    if (this.peerMss === 0) return;
    const mss = Math.max(
      MIN_PAYLOAD_BYTES,
      Math.min(this.peerMss, this.path.segmentBytes) - this.optionBytes,
    );
    if (mss === this.mss) return;
    this.mss = mss;
    this.recovery.setMss(mss);
  }

  /** Bytes pushed and never sent. */
  get unsentBytes(): number {
    return Math.max(0, this.pushEnd - Math.max(1, this.recovery.board.sndNxt));
  }

  get recordCount(): number {
    return this.records.length;
  }

  recordAt(index: number): R | undefined {
    return this.records.at(index);
  }

  /** Whether our FIN was sent and acknowledged. */
  get isFinAcked(): boolean {
    return this.isFinQueued && this.recovery.board.sndUna > this.pushEnd;
  }

  // Pushing

  push(record: R): void {
    if (record.start !== this.pushEnd || record.length < 1) {
      throw new SubflowError('ERR_SUBFLOW_RECORD', `a record must start at ${this.pushEnd} and hold a byte`);
    }
    this.records.push(record);
    this.pushEnd += record.length;
    if (record.length % this.mss !== 0) this.smallEnd = this.pushEnd;
  }

  mayPush(bytes: number): boolean {
    return bytes >= this.mss || this.smallEnd <= this.recovery.board.sndUna;
  }

  /** See `TcpConnection.sendQuota`. */
  quota(now: number, wantedBytes: number): number {
    const { board } = this.recovery;
    if (this.isFinQueued || board.isFull) return 0;
    const unit = Math.min(this.mss, wantedBytes);
    const window = this.windowEdge - this.pushEnd;
    if (window < unit && (window <= 0 || window < this.maxWindow / 2)) {
      // Something must be pushed for a window probe to have a byte to carry.
      return this.pushEnd === board.sndUna ? unit : 0;
    }
    if (board.flightSize === 0) this.restartAfterIdle(now);
    const room = this.recovery.room - board.lostBytes - this.unsentBytes;
    if (room < unit) return 0;
    const quota = Math.min(window, room);
    if (quota >= wantedBytes || quota < this.mss) return this.paced(now, quota);
    if (quota < this.worthwhileBytes()) return 0;
    return this.paced(now, quota - (quota % this.mss));
  }

  /** What of `bytes` may leave at once: whole segments, where it is not all. */
  private paced(now: number, bytes: number): number {
    const { pacer } = this.recovery;
    if (pacer === undefined) return bytes;
    const room = pacer.roomBytes(now);
    if (room <= 0) return 0;
    return Math.min(bytes, Math.max(room - (room % this.mss), this.mss));
  }

  /**
   * The least that is worth a super-segment: what is sent in a millisecond, up to a third of the window. Waiting for it
   * cannot last: it is less than what is in flight, and each acknowledgment of that adds to the quota.
   */
  private worthwhileBytes(): number {
    const { board, cwndBytes, rtt, isRecovering } = this.recovery;
    if (this.maxOffloadBytes <= this.mss || board.bytesInFlight === 0 || isRecovering) return 0;
    const perBurst = rtt.srttNs > 0 ? (cwndBytes * BURST_NS) / rtt.srttNs : 0;
    return Math.min(this.maxOffloadBytes - this.mss, Math.max(2 * this.mss, perBurst), cwndBytes / 3);
  }

  private restartAfterIdle(now: number): void {
    const idleNs = now - this.lastSentAt;
    if (idleNs <= this.recovery.rtt.rtoNs) return;
    this.recovery.onIdle(now, idleNs);
    this.lastSentAt = now;
  }

  // Acknowledgments

  /**
   * Takes the window that `segment` offers (RFC 9293 §3.10.7.4: only if it is not older than the one known). Returns
   * whether the right edge moved.
   */
  updateWindow(now: number, segment: TcpSegment, segmentStart: number, ackOffset: number): boolean {
    if (segmentStart < this.windowSeq || (segmentStart === this.windowSeq && ackOffset < this.windowAck))
      return false;
    if (ackOffset < this.recovery.board.sndUna) return false;
    this.windowSeq = segmentStart;
    this.windowAck = ackOffset;
    const isSyn = (segment.flags & TcpFlag.SYN) !== 0;
    // RFC 7323 §2.2: the window of a SYN is never scaled.
    const window = isSyn ? segment.window : segment.window * this.peerWindowUnit;
    if (window > this.maxWindow) this.maxWindow = window;
    const edge = ackOffset + window;
    if (edge === this.windowEdge) return false;
    const wasPersisting = this.isPersisting;
    this.windowEdge = edge;
    if (wasPersisting && !this.isWindowClosed) {
      this.probedOffset = -1;
      this.recovery.onWindowOpen(now);
    }
    return true;
  }

  /** Whether the peer lets nothing be sent beyond what is acknowledged: its window is zero, or shrank to it. */
  get isWindowClosed(): boolean {
    return this.windowEdge <= this.recovery.board.sndUna;
  }

  /**
   * Whether what stands at `sndUna` is a probe of a closed window. What was sent into an open window that shrank since is
   * sent again like anything else: with Multipath TCP the edge of a subflow's window moves back and forth as others use
   * the shared buffer, and the peer still takes what it once allowed.
   */
  private get isPersisting(): boolean {
    const { board } = this.recovery;
    return board.sndUna === this.probedOffset && board.flightSize > 0;
  }

  /** `sndUna` moved: lets go of the records that are acknowledged to their end. */
  onProgress(): void {
    const { sndUna } = this.recovery.board;
    if (this.path.onProgress(sndUna)) this.updateMss();
    for (let record = this.records.at(0); record !== undefined; record = this.records.at(0)) {
      if (record.start + record.length > sndUna) return;
      this.records.shift();
      this.cursor--;
    }
  }

  /** The connection's timer for what was sent is due. Returns what `Recovery.onTimer` does. */
  onTimer(now: number, blackHoleTimeouts: number): number {
    const { recovery, path } = this;
    const { head } = recovery.board;
    const payload = head === undefined ? 0 : Math.min(head.payloadLength, head.segmentSize);
    const isPersisting = this.isPersisting;
    const count = recovery.onTimer(now, isPersisting);
    if (count > 0 && !isPersisting && path.onTimeout(now, payload + this.optionBytes, blackHoleTimeouts))
      this.updateMss();
    return count;
  }

  /** A router said that the path carries `mtu` bytes. */
  onTooBig(mtu: number): void {
    // Before the peer's MSS is known nothing is in flight but a SYN: what makes it smaller is to leave its data out.
    if (!this.path.onTooBig(mtu)) return;
    if (this.peerMss === 0) {
      if (this.synDataBytes > 0) this.recovery.repeatHead();
      return;
    }
    this.updateMss();
    this.recovery.markOversized();
  }

  /**
   * Offset for a segment that takes no sequence space: `sndNxt`, or less where the peer's window has shrunk below it,
   * for beyond its window the peer would not look at it.
   */
  get acceptableOffset(): number {
    const { sndUna, sndNxt } = this.recovery.board;
    return this.windowEdge >= sndNxt ? sndNxt : Math.max(sndUna, this.windowEdge);
  }

  // Filling segments

  /**
   * Describes the next segment that takes sequence space in `out`, notes it as sent, and returns true; false when
   * nothing may be sent now.
   */
  fill(now: number, out: OutgoingSegment<R>): boolean {
    const { recovery } = this;
    const { board } = recovery;
    if (recovery.headDueBytes > 0 && this.fillHead(now, out)) return true;
    if (recovery.isProbeDue && this.fillProbe(now, out)) return true;
    const lost = board.nextLost;
    if (lost !== undefined) return this.fillLost(now, out, lost);
    if (board.sndNxt < this.pushEnd) return this.fillNew(now, out);
    if (this.isFinQueued && board.sndNxt === this.pushEnd) {
      // A FIN needs no room at the peer, and no congestion window: it may close the connection where data cannot.
      this.send(now, out, undefined, 0, this.mss);
      return true;
    }
    if (board.rate.isKnownLimited(board.bytesInFlight)) return false;
    const spare = Math.min(recovery.room, this.windowEdge - this.pushEnd);
    // Data that the rate holds back has not been pushed yet.
    const isHeldBack = recovery.pacer?.isClosed(now) === true;
    if (spare >= this.mss && spare >= this.worthwhileBytes() && !isHeldBack)
      board.rate.onAppLimited(board.bytesInFlight);
    return false;
  }

  /** The SYN, or the SYN with ACK: everything but its options. `mayCarry`: data pushed so far goes along. */
  fillSyn(now: number, out: OutgoingSegment<R>, mayCarry: boolean): void {
    out.clear();
    this.filledStart = 0;
    this.lastSentAt = now;
    out.flags = TcpFlag.SYN;
    this.recovery.board.recordTransmission(now, 1, 1, TcpFlag.SYN, undefined);
    this.recovery.onSent(now, 1, false, true);
    const record = mayCarry ? this.records.at(0) : undefined;
    if (record === undefined) return;
    out.record = record;
    out.payloadLength = record.length;
    this.synDataBytes = record.length;
    this.cursor = 1;
    // A range of its own: when the SYN has to be sent again it goes without (RFC 7413 §4.1.3.1).
    this.recovery.board.recordTransmission(now, this.pushEnd, record.length, TcpFlag.ACK, record);
  }

  /**
   * The peer acknowledged our SYN up to `offset`. What it left of the SYN's data is as if never sent: the owner hands it
   * over again, cut as it then likes.
   */
  takeBackSynData(offset: number): void {
    if (this.synDataBytes === 0 || offset >= this.pushEnd) return;
    this.recovery.board.retract(offset);
    this.records.clear();
    this.cursor = 0;
    this.pushEnd = offset;
    this.smallEnd = 0;
  }

  /** What stands at `sndUna`, without regard to the congestion window. */
  private fillHead(now: number, out: OutgoingSegment<R>): boolean {
    const { recovery } = this;
    const { head } = recovery.board;
    // The timeout that asked for it may have made segments smaller.
    const length = Math.min(recovery.headDueBytes, Math.max(1, this.mss));
    recovery.headDueBytes = 0;
    if (head === undefined || recovery.board.isReneging) return false;
    this.retransmit(now, out, head, Math.min(length, head.length));
    return true;
  }

  /** A probe for a window too small, or for a lost tail: new data if there is any, else the last segment again. */
  private fillProbe(now: number, out: OutgoingSegment<R>): boolean {
    const { recovery, mss } = this;
    const { board } = recovery;
    recovery.isProbeDue = false;
    const unsent = this.unsentBytes;
    const window = this.windowEdge - board.sndNxt;
    if (board.flightSize === 0) {
      // RFC 9293 §3.8.6.1: at least one byte, and what the window takes of a segment (§3.8.6.2.1: the override timeout).
      if (unsent === 0) return false;
      if (window <= 0) this.probedOffset = board.sndNxt;
      this.sendFromRecord(now, out, Math.min(mss, Math.max(1, window)));
      recovery.onPersistProbeSent(now);
      return true;
    }
    if (unsent > 0 && window >= Math.min(unsent, mss)) {
      this.sendFromRecord(now, out, mss);
      recovery.onProbeSent(now, false);
      return true;
    }
    const range = board.probeRange(mss);
    if (range === undefined) return false;
    this.retransmit(now, out, range, range.length);
    recovery.onProbeSent(now, true);
    return true;
  }

  private fillLost(now: number, out: OutgoingSegment<R>, range: SentSegment<R>): boolean {
    const { room } = this.recovery;
    if (room < Math.min(range.length, this.mss) || this.paced(now, room) === 0) return false;
    this.retransmit(now, out, range, Math.min(range.length, this.wholeSegments(room)));
    return true;
  }

  /** New data, as far as both windows allow. */
  private fillNew(now: number, out: OutgoingSegment<R>): boolean {
    const { recovery, mss } = this;
    const { board, room } = recovery;
    const record = this.records.at(this.cursor)!;
    const window = this.windowEdge - board.sndNxt;
    const unit = Math.min(record.start + record.length - board.sndNxt, mss);
    if (window < unit && (window <= 0 || window < this.maxWindow / 2)) {
      // Sending into a small window would make the silly window syndrome last (RFC 9293 §3.8.6.2.1).
      if (board.flightSize === 0) recovery.armPersist(now);
      return false;
    }
    const limit = Math.min(window, room);
    if (limit < Math.min(window, unit) || board.isFull || this.paced(now, limit) === 0) return false;
    const tried = Math.min(this.path.sizeToTry(now), this.peerMss) - this.optionBytes;
    if (tried > mss && tried <= limit && board.sndNxt + tried < record.start + record.length) {
      this.path.onTried(board.sndNxt, board.sndNxt + tried);
      this.send(now, out, record, tried, tried);
    } else this.sendFromRecord(now, out, this.wholeSegments(limit));
    return true;
  }

  /** Sends up to `limit` bytes of the record that is next. */
  private sendFromRecord(now: number, out: OutgoingSegment<R>, limit: number): void {
    const { sndNxt } = this.recovery.board;
    const record = this.records.at(this.cursor)!;
    const remaining = record.start + record.length - sndNxt;
    if (limit >= remaining) this.cursor++;
    this.send(now, out, record, Math.min(limit, remaining), this.mss);
  }

  /** Sends `length` new bytes of `record` as segments of `segmentBytes`, and the FIN if it is next. */
  private send(
    now: number,
    out: OutgoingSegment<R>,
    record: R | undefined,
    length: number,
    segmentBytes: number,
  ): void {
    const { recovery } = this;
    const { board } = recovery;
    const start = board.sndNxt;
    const end = start + length;
    const isLast = end === this.pushEnd;
    let flags: number = TcpFlag.ACK;
    if (isLast && length > 0) flags |= TcpFlag.PSH;
    if (isLast && this.isFinQueued) flags |= TcpFlag.FIN;
    const takes = length + (isLast && this.isFinQueued ? 1 : 0);
    board.recordTransmission(now, start + takes, segmentBytes, flags, record);
    out.clear();
    this.filledStart = start;
    out.flags = flags;
    out.record = record;
    if (record !== undefined) out.recordOffset = start - record.start;
    out.payloadLength = length;
    if (length > segmentBytes) out.segmentSize = segmentBytes;
    this.lastSentAt = now;
    recovery.onSent(now, takes, false, start === board.sndUna);
  }

  /** Sends the first `length` offsets of `range` again. */
  private retransmit(now: number, out: OutgoingSegment<R>, range: SentSegment<R>, length: number): void {
    const { board } = this.recovery;
    this.path.onRetransmission(now, range.start);
    board.recordRetransmission(now, range, length, this.mss);
    out.clear();
    this.filledStart = range.start;
    if (range.hasSyn) out.flags = TcpFlag.SYN;
    else out.flags = range.hasFin ? TcpFlag.ACK | TcpFlag.FIN : TcpFlag.ACK;
    out.record = range.record;
    if (range.record !== undefined) out.recordOffset = range.payloadStart - range.record.start;
    out.payloadLength = range.payloadLength;
    if (out.payloadLength > this.mss) out.segmentSize = this.mss;
    out.isRetransmission = true;
    this.lastSentAt = now;
    this.recovery.onSent(now, length, true, range.start === board.sndUna);
  }

  /** The most bytes for one segment within `limit`: whole segments of a super-segment, or what there is of one. */
  private wholeSegments(limit: number): number {
    const { mss } = this;
    if (limit <= mss) return limit;
    const most = Math.min(limit, Math.max(mss, this.maxOffloadBytes));
    return most - (most % mss);
  }
}

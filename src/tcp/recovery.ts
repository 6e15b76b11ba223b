import { NEVER, offsetOf } from '../base/index.js';
import type { Seq32 } from '../base/index.js';
import type { TcpSegment } from '../wire/index.js';
import { MptcpSubtype } from '../wire/index.js';
import { AckInfo } from './ack-info.js';
import type { CongestionControl } from './congestion/index.js';
import { Pacer } from './pacer.js';
import { Prr } from './prr.js';
import { Rack } from './rack.js';
import { RttEstimator } from './rtt.js';
import { Scoreboard } from './scoreboard.js';
import type { TcpParameters } from './settings.js';
import { SpuriousRecovery } from './spurious-recovery.js';
import { TailLossProbe } from './tail-loss-probe.js';

/**
 * What acknowledgments and their absence mean for the sender: decides what is lost, when recovery begins and ends, how
 * much may be in flight, and owns the one timer that watches what was sent. It does not know records or options.
 *
 * Read first: RFC 5681 §3, RFC 6298 §5, RFC 8985 §8 (one timer for three purposes), RFC 6582 for peers without SACK.
 */

/** How things stand. */
const Phase = {
  /** Nothing is known to be lost. */
  OPEN: 0,
  /** Acknowledgments showed a loss: PRR paces until everything sent before it is acknowledged. */
  FAST_RECOVERY: 1,
  /** The retransmission timer fired: slow start until everything sent before it is acknowledged. */
  TIMEOUT_RECOVERY: 2,
} as const;

/** What the timer is armed for. */
const TimerKind = {
  /** Retransmission (RFC 6298). */
  RETRANSMISSION: 0,
  /** Tail loss probe (RFC 8985 §7). */
  PROBE: 1,
  /** The reordering window of a range ends (RFC 8985 §6.2). */
  REORDERING: 2,
  /** A window too small to send into is probed (RFC 9293 §3.8.6.1). */
  PERSIST: 3,
} as const;

/** Duplicate acknowledgments that show a loss to a sender without SACK (RFC 5681 §3.2). */
const DUPLICATE_THRESHOLD = 3;

/** Used for one acknowledgment after the other, of all connections. */
const info = new AckInfo();
/** SACK edges of the acknowledgment at hand, as offsets. */
const edges = new Float64Array(8);

/**
 * Whether an acknowledgment brings an option of Multipath TCP other than a DSS: it repeats itself for the sake of that
 * option and says nothing about losses (RFC 8684 §4).
 */
function bearsSignal(segment: TcpSegment): boolean {
  for (let i = 0; i < segment.mptcpCount; i++) {
    if (segment.bytes[segment.mptcpOffsets[i]! + 2]! >>> 4 !== MptcpSubtype.DSS) return true;
  }
  return false;
}

export class Recovery<R> {
  readonly board = new Scoreboard<R>(0);
  readonly rtt: RttEstimator;
  /** When the timer fires; `NEVER` while nothing is outstanding and no window has to be probed. */
  timerAt = NEVER;
  /** Whether the peer reports what it has selectively. */
  hasSack = false;
  /** A probe must leave at the next poll, whatever the congestion window says. */
  isProbeDue = false;
  /** So many offsets at `sndUna` must be sent again at the next poll, whatever the congestion window says. */
  headDueBytes = 0;
  /** Timeouts since something was last acknowledged; a window probe counts until it is answered. */
  timeoutCount = 0;
  /** Timeouts in all. */
  timeouts = 0;
  /** When something was last acknowledged, or first sent after a pause. */
  progressAt = 0;

  /** Holds back what leaves; undefined for a congestion control without a rate, and before the connection is open. */
  pacer: Pacer | undefined = undefined;

  private congestion: CongestionControl | undefined = undefined;
  private readonly rack: Rack;
  private readonly prr = new Prr();
  private readonly probe = new TailLossProbe();
  private readonly spurious = new SpuriousRecovery();
  /** One of `Phase`. */
  private phase: number = Phase.OPEN;
  /** Recovery ends when everything before this offset is acknowledged. */
  private recoveryEnd = 0;
  /** One of `TimerKind`; says something while `timerAt` is not `NEVER`. */
  private timerKind: number = TimerKind.RETRANSMISSION;
  /** When the retransmission timer is due, though another may stand before it. */
  private rtoAt = NEVER;
  /** Duplicate acknowledgments in a row; counted for a peer without SACK only. */
  private duplicates = 0;
  /** Window field of the last acknowledgment: one that differs is no duplicate. */
  private lastWindow = -1;
  /** Payload of a full segment. */
  private mss = 0;
  private readonly parameters: TcpParameters;

  constructor(parameters: TcpParameters) {
    this.parameters = parameters;
    this.rtt = new RttEstimator(parameters.settings);
    this.rack = new Rack(this.rtt);
  }

  /** The connection is open: congestion control begins. */
  open(mss: number, initialWindowSegments: number): void {
    const isSynLost = this.timeouts > 0;
    if (isSynLost) this.rtt.restartAfterSynTimeout();
    this.mss = mss;
    this.congestion = this.parameters.congestion({
      mssBytes: mss,
      // RFC 5681 §3.1: one segment if the SYN, or the answer to it, had to be sent again.
      initialWindowSegments: isSynLost ? 1 : initialWindowSegments,
      maxOffloadBytes: this.parameters.maxOffloadBytes,
      random: this.parameters.random,
    });
    const { pacing } = this.congestion;
    this.pacer = pacing === undefined ? undefined : new Pacer(pacing);
  }

  setMss(mss: number): void {
    this.mss = mss;
    this.congestion?.setMss(mss);
  }

  get congestionName(): string | undefined {
    return this.congestion?.name;
  }

  get cwndBytes(): number {
    return this.congestion === undefined ? 0 : this.congestion.cwndBytes;
  }

  get ssthreshBytes(): number {
    return this.congestion === undefined ? Number.POSITIVE_INFINITY : this.congestion.ssthreshBytes;
  }

  /** Whether losses are being repaired. */
  get isRecovering(): boolean {
    return this.phase !== Phase.OPEN;
  }

  /** Bytes that congestion control lets leave now, new or again. */
  get room(): number {
    if (this.phase === Phase.FAST_RECOVERY && this.pacer === undefined) return this.prr.quotaBytes;
    return this.congestion === undefined ? 0 : this.congestion.cwndBytes - this.board.bytesInFlight;
  }

  // Sending

  /** Nothing was sent for `idleNs`, longer than the retransmission timeout, and now something will be. */
  onIdle(now: number, idleNs: number): void {
    this.congestion?.onIdle(now, idleNs, this.rtt.rtoNs);
  }

  /**
   * `bytes` were sent at `now`, after the scoreboard has noted them. `isHead`: they begin at `sndUna`.
   */
  onSent(now: number, bytes: number, isRetransmission: boolean, isHead: boolean): void {
    this.pacer?.onSent(now, bytes);
    if (this.phase !== Phase.OPEN) {
      if (this.phase === Phase.FAST_RECOVERY) this.prr.onSent(bytes);
      const sent = this.board.newest;
      if (isRetransmission && sent !== undefined) this.spurious.onRetransmission(now, sent.start, sent.end);
    }
    if (this.rtoAt === NEVER) {
      this.progressAt = now;
      this.armRetransmission(now);
    }
    if (!isRetransmission) this.armProbe(now);
    // Lost again, what stands at `sndUna` would be waited for with the rest of an old timeout.
    else if (isHead) this.armRetransmission(now);
  }

  /** A tail loss probe left. */
  onProbeSent(now: number, isRetransmission: boolean): void {
    this.probe.onProbeSent(this.board.sndNxt, isRetransmission);
    // RFC 8985 §7.3: whatever was sent, the next to fire is the retransmission timer.
    this.armRetransmission(now);
  }

  /** A probe of a window too small left: what comes back tells of the window, not of the path. */
  onPersistProbeSent(now: number): void {
    this.armRetransmission(now);
  }

  /** Has what stands at `sndUna` sent again at once: a SYN that may be lost. */
  repeatHead(): void {
    if (this.board.flightSize > 0) this.headDueBytes = 1;
  }

  /** Data waits for a window too small to send it into, and nothing is outstanding that would bring news of it. */
  armPersist(now: number): void {
    if (this.timerAt !== NEVER) return;
    this.timerAt = now + this.rtt.rtoNs;
    this.timerKind = TimerKind.PERSIST;
  }

  /** The peer's window was closed and is open. The probe that was sent into it has been thrown away there. */
  onWindowOpen(now: number): void {
    this.rtt.resetBackOff();
    this.timeoutCount = 0;
    this.headDueBytes = this.mss;
    this.armRetransmission(now);
  }

  // Acknowledgments

  /**
   * Goes through the acknowledgment up to `ackOffset` with the SACK blocks of `segment`. `echoedAt`: see `AckInfo`.
   * `isWindowClosed`: the peer's window lets nothing be sent so far: then every answer is a sign of life.
   */
  onAck(
    now: number,
    segment: TcpSegment,
    ackOffset: number,
    echoedAt: number,
    isWindowClosed: boolean,
  ): void {
    const { board, rtt } = this;
    const before = board.sndUna;
    const blocks = this.hasSack ? this.readBlocks(segment) : 0;
    info.begin(now, echoedAt, rtt);
    board.acknowledge(ackOffset, edges, blocks, info);
    rtt.onAck(info, board.flightSize / (2 * this.mss));
    if (isWindowClosed) this.timeoutCount = 0;
    if (info.ackedBytes > 0) {
      this.timeoutCount = 0;
      this.progressAt = now;
      this.headDueBytes = 0;
      // Without timestamps the back-off has to last until a sample (Karn): the path may be slower than the timeout.
      if (echoedAt !== NEVER) rtt.resetBackOff();
    }
    const isDuplicate =
      ackOffset === before &&
      segment.payloadLength === 0 &&
      segment.sackCount === 0 &&
      segment.window === this.lastWindow &&
      !bearsSignal(segment);
    this.lastWindow = segment.window;
    if (this.congestion !== undefined) this.respond(now, this.congestion, isDuplicate);
    this.rearm(now);
  }

  /** Steps 4 to 7 of the life of an acknowledgment (see `AckInfo`). */
  private respond(now: number, congestion: CongestionControl, isDuplicate: boolean): void {
    const { board, rack } = this;
    if (this.spurious.onAck(info)) this.undo(now, congestion);
    if (this.probe.onAck(info, isDuplicate) && this.phase === Phase.OPEN) {
      congestion.onCongestion(now, board.flightSize);
    }
    let lostBytes = 0;
    if (this.hasSack) {
      rack.onAck(info);
      lostBytes = rack.detectLosses(now, board, this.phase !== Phase.OPEN);
    } else this.countDuplicates(isDuplicate);
    if (this.phase !== Phase.OPEN && board.sndUna >= this.recoveryEnd) this.endRecovery();
    const isLossShown = lostBytes > 0 || this.duplicates === DUPLICATE_THRESHOLD;
    if (isLossShown && this.phase === Phase.OPEN) this.beginFastRecovery(now, congestion, info);
    info.newlyLostBytes = lostBytes;
    if (this.phase === Phase.FAST_RECOVERY && this.pacer === undefined) {
      // Without SACK each duplicate stands for one segment that has left the network (RFC 5681 §3.2 step 4).
      const deliveredBytes = info.deliveredBytes + (isDuplicate && !this.hasSack ? this.mss : 0);
      this.prr.onAck(deliveredBytes, board.bytesInFlight, this.mss, info.ackedBytes > 0 && lostBytes === 0);
    } else if (info.deliveredBytes > 0) congestion.onAck(now, info);
  }

  private readBlocks(segment: TcpSegment): number {
    const { initialSequence } = this.parameters;
    const near = this.board.sndUna;
    const count = segment.sackCount;
    for (let i = 0; i < count * 2; i++) {
      edges[i] = offsetOf(segment.sackEdges[i] as Seq32, initialSequence, near);
    }
    return count;
  }

  /** Loss detection for a peer without SACK (RFC 5681 §3.2, RFC 6582 §3.2). */
  private countDuplicates(isDuplicate: boolean): void {
    if (info.ackedBytes > 0) {
      this.duplicates = 0;
      // A partial acknowledgment: the next hole is at `sndUna`.
      if (this.phase === Phase.FAST_RECOVERY && this.board.sndUna < this.recoveryEnd)
        this.headDueBytes = this.mss;
    } else if (isDuplicate && this.board.flightSize > 0) {
      this.duplicates++;
      // RFC 6582 §4: not again for duplicates that our own retransmissions after a timeout provoke.
      const isNew = this.phase === Phase.OPEN && this.board.sndUna >= this.recoveryEnd;
      if (this.duplicates === DUPLICATE_THRESHOLD && isNew) this.headDueBytes = this.mss;
    }
  }

  private beginFastRecovery(now: number, congestion: CongestionControl, cause: AckInfo | undefined): void {
    const { board } = this;
    this.phase = Phase.FAST_RECOVERY;
    this.recoveryEnd = board.sndNxt;
    this.probe.reset();
    this.spurious.begin(board.sndNxt, false);
    congestion.onCongestion(now, board.flightSize);
    this.prr.begin(board, cause, congestion.ssthreshBytes);
    if (this.timerKind === TimerKind.PROBE) this.restoreRetransmission();
  }

  private endRecovery(): void {
    this.phase = Phase.OPEN;
    this.duplicates = 0;
    this.rack.onRecoveryEnd();
    this.congestion?.onRecoveryEnd?.();
  }

  /** The last reduction of the window was a mistake. */
  private undo(now: number, congestion: CongestionControl): void {
    congestion.onSpurious(now);
    if (this.phase === Phase.OPEN) return;
    if (this.phase === Phase.TIMEOUT_RECOVERY) this.board.unmarkLost();
    this.endRecovery();
  }

  /** Segments became smaller than some that are in flight: those will not arrive (RFC 1191 §6.4). No sign of congestion. */
  markOversized(): void {
    const { board } = this;
    for (let i = 0; i < board.rangeCount; i++) {
      const range = board.rangeAt(i)!;
      if (range.isInFlight && Math.min(range.length, range.segmentSize) > this.mss) board.markLost(range);
    }
  }

  /** See `TcpConnection.penalise`. */
  penalise(now: number): boolean {
    if (this.phase !== Phase.OPEN || this.congestion?.onPenalty === undefined) return false;
    this.congestion.onPenalty(now);
    return true;
  }

  // The timer

  /**
   * The timer is due. Returns how often in a row it has fired for retransmission, 0 when this was for something else.
   * `isPersisting`: all that is outstanding is a probe of a closed window.
   */
  onTimer(now: number, isPersisting: boolean): number {
    switch (this.timerKind) {
      case TimerKind.PROBE:
        // Into a closed window nothing can be lost: it is for the retransmission timer to probe that.
        this.isProbeDue = !isPersisting;
        // RFC 8985 §7.3: whether or not a probe can be sent, the next to fire is the retransmission timer.
        this.armRetransmission(now);
        return 0;
      case TimerKind.REORDERING:
        this.onReorderingTimer(now);
        return 0;
      case TimerKind.PERSIST:
        this.disarm();
        this.isProbeDue = true;
        return 0;
      default:
        return this.onRetransmissionTimer(now, isPersisting);
    }
  }

  private onReorderingTimer(now: number): void {
    const { board, congestion } = this;
    const lostBytes = this.rack.detectLosses(now, board, this.phase !== Phase.OPEN);
    if (lostBytes > 0 && this.phase === Phase.OPEN && congestion !== undefined) {
      this.beginFastRecovery(now, congestion, undefined);
    }
    if (this.phase === Phase.FAST_RECOVERY) this.prr.onAck(0, board.bytesInFlight, this.mss, false);
    this.restoreRetransmission();
  }

  private onRetransmissionTimer(now: number, isPersisting: boolean): number {
    const { board } = this;
    if (board.isReneging) board.forgetSacks();
    const isAnswered = this.timeoutCount === 0;
    this.timeoutCount++;
    if (isPersisting) {
      // RFC 9293 §3.8.6.1: a closed window is probed for as long as the peer answers; nothing is lost by it.
      this.headDueBytes = 1;
    } else {
      this.timeouts++;
      this.headDueBytes = Math.max(1, this.mss);
      if (this.congestion !== undefined) this.enterTimeoutRecovery(now, this.congestion, isAnswered);
    }
    this.rtt.backOff();
    this.armRetransmission(now);
    return isPersisting && isAnswered ? 0 : this.timeoutCount;
  }

  private enterTimeoutRecovery(now: number, congestion: CongestionControl, isFirst: boolean): void {
    const { board } = this;
    if (isFirst) this.spurious.begin(board.sndNxt, true);
    congestion.onTimeout(now, board.flightSize, isFirst);
    if (this.hasSack) this.rack.onTimeout(now, board);
    else board.markAllLost();
    this.phase = Phase.TIMEOUT_RECOVERY;
    this.recoveryEnd = board.sndNxt;
    this.duplicates = 0;
    this.probe.reset();
    this.isProbeDue = false;
  }

  /** Sets the timer after an acknowledgment. */
  private rearm(now: number): void {
    if (this.board.flightSize === 0) {
      this.disarm();
      return;
    }
    if (info.ackedBytes > 0) {
      this.armRetransmission(now);
      this.armProbe(now);
    } else if (this.timerKind === TimerKind.REORDERING || this.rack.deadlineNs !== NEVER)
      this.restoreRetransmission();
  }

  private disarm(): void {
    this.timerAt = NEVER;
    this.rtoAt = NEVER;
    this.timerKind = TimerKind.RETRANSMISSION;
    this.isProbeDue = false;
    this.headDueBytes = 0;
  }

  /** RFC 6298 §5.1, §5.3, §5.6. */
  private armRetransmission(now: number): void {
    const { userTimeoutNs } = this.parameters.settings;
    this.rtoAt = Math.min(now + this.rtt.rtoNs, Math.max(now, this.progressAt + userTimeoutNs));
    this.restoreRetransmission();
  }

  /** Leaves the retransmission timer where it is, and puts the reordering timer before it if a range waits. */
  private restoreRetransmission(): void {
    const reorderingAt = this.rack.deadlineNs;
    const isReordering = reorderingAt < this.rtoAt;
    this.timerAt = isReordering ? reorderingAt : this.rtoAt;
    this.timerKind = isReordering ? TimerKind.REORDERING : TimerKind.RETRANSMISSION;
  }

  /** Puts the probe timer before the retransmission timer, if a probe may be sent (RFC 8985 §7.2). */
  private armProbe(now: number): void {
    if (!this.hasSack || this.congestion === undefined || this.timerKind === TimerKind.REORDERING) return;
    const { board, probe } = this;
    if (!probe.mayArm(board, this.phase !== Phase.OPEN) || !probe.mayProbe()) return;
    const at = now + probe.timeoutNs(this.rtt, board.bytesInFlight <= this.mss);
    this.timerAt = at < this.rtoAt ? at : this.rtoAt;
    this.timerKind = TimerKind.PROBE;
  }

  /** The connection is over: nothing more will be sent, whatever is outstanding. */
  stop(): void {
    this.disarm();
    this.pacer = undefined;
    this.congestion?.release?.();
  }
}

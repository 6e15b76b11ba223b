import type { Seq32 } from '../base/index.js';
import { NEVER, seq32 } from '../base/index.js';
import type { CloseReason, TcpEvent } from './event.js';
import { KeepAlive } from './keep-alive.js';
import type { Receiver } from './receiver.js';
import type { SendRecord } from './segment.js';
import type { Sender } from './sender.js';
import type { TcpParameters, TcpSettings } from './settings.js';
import type { TcpState, TcpTransition } from './state.js';
import { isSynchronized, maySend, mustReset, nextState } from './state.js';

/**
 * From the first SYN to the end: the state, what the owner is told of it, and what a move from one state to another sets
 * in motion, TIME-WAIT, keep-alive and the last RST among it. It does not look at segments.
 *
 * Read first: RFC 9293 §3.3.2, §3.6, §3.8.3, §3.8.4.
 */

/** Which RST is waiting to be sent. */
export const PendingReset = {
  NONE: 0,
  /** The peer acknowledged what was never sent: its own number is the only one it will believe. */
  BARE: 1,
  /** This end gave up. */
  ABORT: 2,
} as const;

export class Lifecycle<R extends SendRecord> {
  state: TcpState;
  /** Whether this end sent the first SYN. */
  readonly isActive: boolean;
  /** When the last acceptable segment came. */
  heardAt: number;
  /** Whether the network reported the peer unreachable since it was last heard. */
  hasSoftError = false;
  /** Whether a keep-alive probe must leave at the next poll. */
  isProbeOwed = false;
  /** One of `PendingReset`. */
  pendingReset: number = PendingReset.NONE;
  /** Sequence number of a bare RST. */
  resetSeq: Seq32 = seq32(0);

  /** Whether the peer proved itself with its SYN, so that data may leave before its ACK comes (RFC 7413 §4.2). */
  private isEarly = false;
  /** Whether `shutdown` was called: before the connection is open the FIN has to wait. */
  private isShutdown = false;
  /** When TIME-WAIT ends; `NEVER` in all other states. */
  private timeWaitAt = NEVER;
  /** Only where keep-alive is asked for, and while the connection is open. */
  private keepAlive: KeepAlive | undefined = undefined;
  /** What keep-alive goes by: the settings of the connection until {@link setKeepAlive}. */
  private keepAliveSettings: TcpSettings;
  /** Events not yet polled. */
  private events: TcpEvent[] | undefined = undefined;
  private readonly parameters: TcpParameters;
  private readonly sender: Sender<R>;
  private readonly receiver: Receiver;

  constructor(
    now: number,
    parameters: TcpParameters,
    isActive: boolean,
    sender: Sender<R>,
    receiver: Receiver,
  ) {
    this.parameters = parameters;
    this.isActive = isActive;
    this.state = isActive ? 'syn-sent' : 'syn-received';
    this.heardAt = now;
    this.keepAliveSettings = parameters.settings;
    this.sender = sender;
    this.receiver = receiver;
  }

  pollEvent(): TcpEvent | undefined {
    if (this.events === undefined) return undefined;
    const event = this.events.shift();
    if (this.events.length === 0) this.events = undefined;
    return event;
  }

  // Moves

  /** Both ends opened at once. */
  openBoth(): void {
    this.move('syn');
  }

  /** Our SYN is acknowledged, and theirs came. */
  establish(now: number): void {
    this.move(this.state === 'syn-sent' ? 'syn-ack' : 'syn-acked');
    if (!this.isEarly) this.openCongestion();
    this.startKeepAlive(now);
    this.emit({ type: 'established' });
    if (this.isShutdown) this.queueFin();
  }

  /** The peer proved itself with its SYN: data may leave from now on. */
  openEarly(): void {
    this.isEarly = true;
    this.openCongestion();
  }

  private openCongestion(): void {
    this.sender.recovery.open(this.sender.mss, this.parameters.settings.initialWindowSegments);
  }

  /** Whether the owner may push bytes. */
  get mayPush(): boolean {
    return maySend(this.state) || (this.isEarly && this.state === 'syn-received');
  }

  /** Whether a segment with nothing but an acknowledgment may leave: before the peer's ACK our SYN says it all. */
  get mayAck(): boolean {
    return this.state !== 'syn-sent' && !(this.isEarly && this.state === 'syn-received');
  }

  /** The owner will push no more. */
  shutdown(): void {
    if (this.isShutdown) return;
    this.isShutdown = true;
    if (maySend(this.state)) this.queueFin();
  }

  private queueFin(): void {
    this.sender.isFinQueued = true;
    this.move('shutdown');
  }

  /** The peer's FIN is in order. */
  onFin(now: number): void {
    this.move('fin');
    this.emit({ type: 'peer-fin' });
    if (this.state === 'time-wait') this.startTimeWait(now);
  }

  /** Our FIN is acknowledged. */
  onFinAcked(now: number): void {
    const before = this.state;
    if (before === 'last-ack') {
      this.finish('fin-acked', 'normal');
      return;
    }
    this.move('fin-acked');
    if (before === 'closing') this.startTimeWait(now);
  }

  /** The peer's FIN came again: TIME-WAIT starts over (RFC 9293 §3.10.7.4). */
  onFinAgain(now: number): void {
    if (this.state === 'time-wait') this.startTimeWait(now);
  }

  /** An acceptable reset came. */
  onReset(): void {
    const { state } = this;
    if (!isSynchronized(state)) {
      this.fail(this.isActive ? 'refused' : 'reset');
      return;
    }
    const isLate = state === 'time-wait' || state === 'closing' || state === 'last-ack';
    const hasUnacked = this.sender.recovery.board.sndUna < this.sender.pushEnd;
    this.fail(isLate && !hasUnacked ? 'normal' : 'reset');
  }

  /** This end gives up, and tells the peer where that must be told. */
  abort(): void {
    if (this.state === 'closed') return;
    if (mustReset(this.state)) this.pendingReset = PendingReset.ABORT;
    this.fail('aborted');
  }

  /** The connection is over for `reason`. */
  fail(reason: CloseReason): void {
    this.finish('fail', reason);
  }

  /** Nobody answers, and now it has been too long. */
  failSilent(): void {
    this.fail(this.hasSoftError ? 'unreachable' : 'timeout');
  }

  /** The retransmission timer fired for the `count`-th time. */
  onTimeout(count: number): void {
    this.emit({ type: 'timeout', count });
  }

  /** Has a RST sent that takes its number from the segment that provoked it (RFC 9293 §3.10.7.3). */
  resetBare(ack: number): void {
    this.pendingReset = PendingReset.BARE;
    this.resetSeq = seq32(ack);
  }

  private move(transition: TcpTransition): void {
    this.state = nextState(this.state, transition);
  }

  private finish(transition: TcpTransition, reason: CloseReason): void {
    this.move(transition);
    this.emit({ type: 'closed', reason });
    this.sender.recovery.stop();
    this.receiver.stop();
    this.keepAlive = undefined;
    this.timeWaitAt = NEVER;
  }

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

  // Timers

  /** When TIME-WAIT ends, or silence must be looked into; `NEVER` for neither. */
  get timerAt(): number {
    return this.keepAlive === undefined ? this.timeWaitAt : this.keepAlive.at;
  }

  /** Does what is due at `now`. */
  onTimer(now: number): void {
    if (now >= this.timeWaitAt) this.finish('expired', 'normal');
    else if (this.keepAlive !== undefined && now >= this.keepAlive.at) this.checkSilence(now, this.keepAlive);
  }

  /** Probes the peer after `idleNs` of silence from now on; `NEVER`: not at all. */
  setKeepAlive(now: number, idleNs: number): void {
    this.keepAliveSettings = { ...this.keepAliveSettings, keepAliveIdleNs: idleNs };
    this.keepAlive = undefined;
    if (isSynchronized(this.state) && this.state !== 'time-wait') this.startKeepAlive(now);
  }

  private startKeepAlive(now: number): void {
    const settings = this.keepAliveSettings;
    if (settings.keepAliveIdleNs !== NEVER) this.keepAlive = new KeepAlive(now, settings);
  }

  private checkSilence(now: number, keepAlive: KeepAlive): void {
    const action = keepAlive.onTimer(now, this.heardAt, this.sender.recovery.board.flightSize > 0);
    if (action === 'probe') this.isProbeOwed = true;
    if (action !== 'give-up') return;
    this.pendingReset = PendingReset.ABORT;
    this.failSilent();
  }
}

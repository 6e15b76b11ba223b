/** One end of a trial on our stack: what it sends, what it expects, what it saw. */

import { NEVER } from '../../base/index.js';
import type { Socket, StackEvent } from '../../stack/index.js';
import type { Pattern } from '../checkers/pattern.js';
import type { Application } from '../host.js';
import type { EndObservation } from './reaction.js';

/** What an end sends and expects. */
export interface TrialEndPlan {
  readonly own: Pattern;
  readonly peer: Pattern;
  readonly bytes: number;
  /** Where it stops for a while in what it sends, in order; each is passed once. */
  readonly pauses: readonly TrialPause[];
}

/** A pause in what an end sends. */
export interface TrialPause {
  /** Bytes written before it. */
  readonly atByte: number;
  readonly ns: number;
}

/** One end: sends its bytes, judges those of the peer, closes after them. */
export class TrialEnd implements Application {
  private readonly plan: TrialEndPlan;
  private socket: Socket | undefined;
  private written = 0;
  private received = 0;
  private isWrong = false;
  private isChanged = false;
  private subflows = 0;
  private lostSubflows = 0;
  private isPeerFinished = false;
  private isFallback = false;
  private hasFailed = false;
  private resumesAt = NEVER;
  /** Pauses that are behind it, or begun. */
  private pausesTaken = 0;
  isOver = false;

  constructor(plan: TrialEndPlan) {
    this.plan = plan;
  }

  get hasBegun(): boolean {
    return this.socket !== undefined;
  }

  /** Whether nothing more will happen here. */
  get isDone(): boolean {
    return this.isOver;
  }

  /** Bytes that came so far. */
  get receivedBytes(): number {
    return this.received;
  }

  /** Gives it the socket that it opened. */
  begin(socket: Socket): void {
    this.socket = socket;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') {
      const accepted = event.listener.accept();
      // A second one is the ghost of a handshake that was answered twice.
      if (this.socket !== undefined) accepted?.abort(now);
      else if (accepted !== undefined) this.begin(accepted);
      if (this.socket?.state === 'open') this.write(now);
      return;
    }
    if (event.socket !== this.socket) return;
    const { connection } = event.socket;
    if (connection.isFallback) this.isFallback = true;
    if (event.type === 'established' || event.type === 'writable') this.write(now);
    else if (event.type === 'path') {
      const { notice } = event;
      if (notice.type === 'subflow-closed' && notice.reason !== 'normal') this.lostSubflows++;
      const active = connection.subflows.filter(({ state }) => state === 'active').length;
      this.subflows = Math.max(this.subflows, active);
    } else {
      this.read(now);
      if (event.type === 'peer-closed') this.isPeerFinished = true;
      if (event.type === 'closed') {
        this.isOver = true;
        this.hasFailed = event.error !== undefined;
        this.resumesAt = NEVER;
      }
    }
  }

  pollTimeout(): number {
    return this.resumesAt;
  }

  handleTimeout(now: number): void {
    this.resumesAt = NEVER;
    this.write(now);
  }

  observation(): EndObservation {
    const { bytes } = this.plan;
    const isWhole = this.isChanged || this.received === bytes;
    const isComplete = this.isOver && !this.hasFailed && this.isPeerFinished && this.written === bytes;
    return {
      isComplete,
      isFallback: this.isFallback,
      subflows: this.subflows,
      lostSubflows: this.lostSubflows,
      // A stream that ends in order and too early is as wrong as one with other bytes.
      corruption: this.isWrong ? 'wrong byte' : isComplete && !isWhole ? 'cut short' : 'none',
      isChangedAsPlainTcp: this.isChanged,
    };
  }

  /** Writes what there is to write up to the next pause, and ends the stream after the last. */
  private write(now: number): void {
    const { socket } = this;
    const { bytes, own, pauses } = this.plan;
    if (socket === undefined || this.isOver || this.resumesAt !== NEVER) return;
    const pause = pauses[this.pausesTaken];
    const until = pause?.atByte ?? bytes;
    while (this.written < until) {
      const length = Math.min(16_384, until - this.written);
      const chunk = own.fill(new Uint8Array(length), this.written);
      this.written += length;
      if (!socket.write(now, chunk)) return;
    }
    if (pause === undefined) {
      socket.shutdown(now);
      return;
    }
    this.pausesTaken++;
    this.resumesAt = now + pause.ns;
  }

  private read(now: number): void {
    const { socket } = this;
    if (socket === undefined) return;
    const { bytes, peer } = this.plan;
    for (let chunk = socket.read(now); chunk !== undefined; chunk = socket.read(now)) {
      const isRight = peer.mismatch(chunk, this.received) < 0 && this.received + chunk.length <= bytes;
      this.received += chunk.length;
      if (isRight || this.isChanged) continue;
      if (socket.connection.isFallback) this.isChanged = true;
      else this.isWrong = true;
    }
  }
}

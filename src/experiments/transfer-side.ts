/**
 * The application at one end of a transfer: writes what it has to, reads what comes as soon as it comes, judges every
 * byte, and notes when bytes arrived and over which path.
 */

import { MILLISECOND, NEVER, SECOND } from '../base/index.js';
import type { FallbackCause, Subflow, SubflowCloseReason } from '../mptcp/index.js';
import { type Application, type Pattern, StreamChecker } from '../network/index.js';
import type { Listener, PathNotice, Socket, StackEvent } from '../stack/index.js';

/** Bytes written at a time. */
const chunkBytes = 64 * 1024;

/** Bytes that reached the application. */
export interface Arrival {
  /** When, in ns. */
  readonly atNs: number;
  /** Bytes delivered by then, these included. */
  readonly totalBytes: number;
  /**
   * Bytes that each path has brought by then, whether or not those before them were there already; empty where it cannot
   * be told.
   */
  readonly pathBytes: readonly number[];
}

/** Something that happened to a subflow. */
export interface SubflowNote {
  readonly atNs: number;
  readonly what: 'opened' | 'closed' | 'priority';
  /** Index of its path. */
  readonly path: number;
  /** Why it was closed; undefined while it is not. */
  readonly reason: SubflowCloseReason | undefined;
}

/** How a transfer went for one of its ends. */
export interface SideOutcome {
  /** When the connection was open for data, in ns; undefined when it never was. */
  readonly establishedAtNs: number | undefined;
  readonly bytesDelivered: number;
  /** Whether all that was delivered was what the peer wrote, in its order. */
  readonly isIntact: boolean;
  /** Whether all that the peer wrote was delivered, intact. */
  readonly isComplete: boolean;
  /** When the last byte of a complete stream was delivered, in ns. */
  readonly completedAtNs: number | undefined;
  /** Code of the error that ended the connection; empty when there was none. */
  readonly errorCode: string;
  /** Whether the connection was Multipath TCP when it was looked at last; false when it never was open. */
  readonly isMultipath: boolean;
  /** Why it fell back to plain TCP, if it did; undefined too where a kernel keeps that to itself. */
  readonly fallback: FallbackCause | undefined;
  readonly arrivals: readonly Arrival[];
  readonly subflows: readonly SubflowNote[];
}

/** What a side does. */
export interface SidePlan {
  readonly writes: Pattern;
  readonly writeBytes: number;
  /** Rate in bit/s at which bytes to write come up, piece by piece; as many as there is room for when left out. */
  readonly writeBps?: number | undefined;
  readonly reads: Pattern;
  readonly readBytes: number;
  /** Index of the path that a subflow runs over; -1 where none has it. */
  readonly pathOf: (subflow: Subflow) => number;
}

/** Time between two pieces of what comes up at a rate, in ns. */
export const writeIntervalNs = 10 * MILLISECOND;

/** Bytes of a plan that have come up `sinceNs` after the connection was there, in whole pieces. */
export function bytesUpBy(
  { writeBytes, writeBps }: Pick<SidePlan, 'writeBytes' | 'writeBps'>,
  sinceNs: number,
): number {
  if (writeBps === undefined) return writeBytes;
  const pieces = Math.floor(sinceNs / writeIntervalNs) + 1;
  return Math.min(writeBytes, Math.floor((pieces * writeBps * writeIntervalNs) / (8 * SECOND)));
}

/** One end of a transfer. */
export class TransferSide implements Application {
  /** Its socket, once there is one. */
  socket: Socket | undefined = undefined;
  private readonly plan: SidePlan;
  private readonly checker: StreamChecker;
  private readonly arrivals: Arrival[] = [];
  private readonly subflows: SubflowNote[] = [];
  private readonly pathBytes: number[] = [];
  private readonly receivedBySubflow = new Map<Subflow, number>();
  private written = 0;
  private nextWriteAtNs = NEVER;
  private hasShutDown = false;
  private establishedAtNs: number | undefined = undefined;
  private completedAtNs: number | undefined = undefined;
  private errorCode = '';
  private fallback: FallbackCause | undefined = undefined;

  constructor(plan: SidePlan) {
    this.plan = plan;
    this.checker = new StreamChecker(plan.reads, plan.readBytes);
  }

  /** Whether nothing more will happen: everything was read, or the connection is over. */
  get isDone(): boolean {
    return this.socket?.state === 'closed' || (this.checker.isComplete && this.hasShutDown);
  }

  get bytesDelivered(): number {
    return this.checker.bytesDelivered;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') this.accept(now, event.listener);
    else if (event.socket === this.socket) this.handleSocketEvent(now, event, event.socket);
  }

  pollTimeout(): number {
    const { writeBps, writeBytes } = this.plan;
    if (writeBps === undefined || this.establishedAtNs === undefined || this.written === writeBytes)
      return NEVER;
    return this.nextWriteAtNs;
  }

  handleTimeout(now: number): void {
    this.nextWriteAtNs = now + writeIntervalNs;
    if (this.socket !== undefined) this.write(now, this.socket);
  }

  outcome(): SideOutcome {
    const { checker } = this;
    return {
      ...{ establishedAtNs: this.establishedAtNs, bytesDelivered: checker.bytesDelivered },
      ...{ isIntact: checker.wrongAt < 0, isComplete: checker.isComplete, completedAtNs: this.completedAtNs },
      isMultipath: this.establishedAtNs !== undefined && this.socket?.connection.isFallback === false,
      ...{ errorCode: this.errorCode, fallback: this.fallback },
      ...{ arrivals: this.arrivals, subflows: this.subflows },
    };
  }

  /** The first connection is the one; what comes besides is a stranger's and is let be. */
  private accept(now: number, listener: Listener): void {
    for (let socket = listener.accept(); socket !== undefined; socket = listener.accept()) {
      if (this.socket !== undefined) continue;
      this.socket = socket;
      this.start(now, socket);
    }
  }

  private handleSocketEvent(
    now: number,
    event: Exclude<StackEvent, { type: 'acceptable' }>,
    socket: Socket,
  ): void {
    if (event.type === 'established') this.start(now, socket);
    else if (event.type === 'writable') this.write(now, socket);
    else if (event.type === 'path') this.note(now, event.notice);
    else if (event.type === 'closed') this.errorCode = event.error?.code ?? '';
    this.read(now, socket);
    if (event.type === 'peer-closed' && this.hasShutDown) socket.close(now);
  }

  private start(now: number, socket: Socket): void {
    this.establishedAtNs ??= now;
    this.nextWriteAtNs = now + writeIntervalNs;
    this.write(now, socket);
  }

  private write(now: number, socket: Socket): void {
    if (this.hasShutDown || socket.state === 'closed') return;
    const { writeBytes, writes } = this.plan;
    const up = bytesUpBy(this.plan, now - (this.establishedAtNs ?? now));
    let hasRoom = true;
    while (hasRoom && this.written < up) {
      const length = Math.min(chunkBytes, up - this.written);
      const chunk = writes.fill(new Uint8Array(length), this.written);
      this.written += length;
      hasRoom = socket.write(now, chunk);
    }
    if (this.written < writeBytes) return;
    this.hasShutDown = true;
    socket.shutdown(now);
  }

  private read(now: number, socket: Socket): void {
    const before = this.checker.bytesDelivered;
    for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now))
      this.checker.accept(bytes);
    const totalBytes = this.checker.bytesDelivered;
    if (totalBytes === before) return;
    this.countPaths(socket);
    this.arrivals.push({ atNs: now, totalBytes, pathBytes: [...this.pathBytes] });
    if (this.checker.isComplete) this.completedAtNs ??= now;
  }

  /** Adds what each subflow has received since this was asked last to its path. */
  private countPaths(socket: Socket): void {
    for (const subflow of socket.connection.subflows) {
      const path = this.plan.pathOf(subflow);
      const grown = subflow.bytesReceived - (this.receivedBySubflow.get(subflow) ?? 0);
      this.receivedBySubflow.set(subflow, subflow.bytesReceived);
      while (this.pathBytes.length <= path) this.pathBytes.push(0);
      if (path >= 0) this.pathBytes[path] = this.pathBytes[path]! + grown;
    }
  }

  private note(now: number, notice: PathNotice): void {
    if (notice.type === 'fallback') this.fallback = notice.cause;
    if (!('subflow' in notice) || notice.type === 'experiment') return;
    const path = this.plan.pathOf(notice.subflow);
    const reason = notice.type === 'subflow-closed' ? notice.reason : undefined;
    const what = {
      'subflow-opened': 'opened',
      'subflow-closed': 'closed',
      'subflow-priority': 'priority',
    } as const;
    this.subflows.push({ atNs: now, what: what[notice.type], path, reason });
  }
}

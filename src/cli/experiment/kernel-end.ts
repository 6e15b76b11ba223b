/** The end of a transfer that runs on a socket of the kernel's: the same job as `TransferSide`, the same outcome. */

import type { Socket } from 'node:net';
import {
  type Arrival,
  bytesUpBy,
  type SideOutcome,
  type SidePlan,
  writeIntervalNs,
} from '../../experiments/index.js';
import { descriptorOf, isMultipath } from '../../linux/index.js';
import { StreamChecker } from '../../network/index.js';

/** Bytes written at a time. */
const chunkBytes = 64 * 1024;

/** What an end does; which subflow brought something the kernel does not say. */
export interface KernelEndPlan extends Omit<SidePlan, 'pathOf'> {
  /** Whether it ends its stream only when the peer's has come to its end. */
  readonly closesLast: boolean;
}

export class KernelEnd {
  private readonly plan: KernelEndPlan;
  private readonly now: () => number;
  private readonly changed: () => void;
  private readonly checker: StreamChecker;
  private readonly arrivals: Arrival[] = [];
  private socket: Socket | undefined = undefined;
  private written = 0;
  /** Writes what has come up; undefined before there is something to write, and where all comes up at once. */
  private timer: NodeJS.Timeout | undefined = undefined;
  private isOver = false;
  private wasMultipath = false;
  private establishedAtNs: number | undefined = undefined;
  private completedAtNs: number | undefined = undefined;
  private errorCode = '';

  /** `changed` is called whenever {@link isDone} may have become true. */
  constructor(plan: KernelEndPlan, now: () => number, changed: () => void) {
    this.plan = plan;
    this.now = now;
    this.changed = changed;
    this.checker = new StreamChecker(plan.reads, plan.readBytes);
  }

  /** Whether everything was read, or the connection is over. */
  get isDone(): boolean {
    return this.isOver || (this.checker.isComplete && this.written === this.plan.writeBytes);
  }

  /** Gives it its socket, connected or about to be. */
  attach(socket: Socket): void {
    this.socket = socket;
    socket.on('data', (bytes) => this.take(bytes));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.errorCode = error.code ?? error.message));
    socket.on('close', () => {
      this.isOver = true;
      this.changed();
    });
    socket.on('drain', () => this.write());
    if (socket.connecting) socket.once('connect', () => this.begin());
    else this.begin();
  }

  /** Lets go of the socket, whatever state it is in. */
  close(): void {
    clearInterval(this.timer);
    this.socket?.destroy();
  }

  outcome(): SideOutcome {
    const { checker } = this;
    return {
      ...{ establishedAtNs: this.establishedAtNs, bytesDelivered: checker.bytesDelivered },
      ...{ isIntact: checker.wrongAt < 0, isComplete: checker.isComplete, completedAtNs: this.completedAtNs },
      ...{ errorCode: this.errorCode, isMultipath: this.wasMultipath, fallback: undefined },
      ...{ arrivals: this.arrivals, subflows: [] },
    };
  }

  private begin(): void {
    this.establishedAtNs = this.now();
    this.look();
    this.write();
    if (this.plan.writeBps !== undefined) this.timer = setInterval(() => this.write(), writeIntervalNs / 1e6);
  }

  /** Asks the kernel what the socket speaks, as long as there is one. */
  private look(): void {
    if (this.socket === undefined || this.socket.destroyed) return;
    this.wasMultipath = isMultipath(descriptorOf(this.socket));
  }

  private write(): void {
    const { plan, socket } = this;
    if (socket === undefined || socket.destroyed || socket.writableEnded) return;
    const up = bytesUpBy(plan, this.now() - (this.establishedAtNs ?? this.now()));
    let hasRoom = !socket.writableNeedDrain;
    while (hasRoom && this.written < up) {
      const length = Math.min(chunkBytes, up - this.written);
      const chunk = plan.writes.fill(new Uint8Array(length), this.written);
      this.written += length;
      hasRoom = socket.write(chunk);
    }
    this.endIfDue();
    this.changed();
  }

  /** The kernel joins no paths to a connection that is half closed, so a client closes its half last. */
  private endIfDue(): void {
    if (this.written < this.plan.writeBytes) return;
    if (this.plan.closesLast && !this.checker.isComplete) return;
    if (this.socket?.writableEnded === false) this.socket.end();
  }

  private take(bytes: Uint8Array): void {
    this.checker.accept(bytes);
    this.arrivals.push({ atNs: this.now(), totalBytes: this.checker.bytesDelivered, pathBytes: [] });
    this.look();
    if (this.checker.isComplete) this.completedAtNs ??= this.now();
    this.endIfDue();
    this.changed();
  }
}

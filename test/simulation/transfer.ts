/** Applications of a world: what each side of a connection writes, reads and how it ends, as its plan says. */

import { NEVER, SubflowError } from '../../src/base/index.js';
import type { Pattern } from '../../src/network/index.js';
import { type Application, StreamChecker } from '../../src/network/index.js';
import type { Socket, StackEvent } from '../../src/stack/index.js';
import type { SidePlan } from './draw.js';

/** One side of one connection. */
export class Transfer {
  readonly plan: SidePlan;
  /** What it read, judged. */
  readonly checker: StreamChecker;
  written = 0;
  isEstablished = false;
  hasShutDown = false;
  /** Whether it ended the connection before its time. */
  hasLeftEarly = false;
  peerClosed = false;
  /** Whether the connection was plain TCP when it delivered the first wrong byte. */
  wasPlainTcp = false;
  /** When it was over, in ns; -1 before. */
  closedAt = -1;
  errorCode = '';
  private readonly pattern: Pattern;
  private socket: Socket | undefined;
  private mayWrite = false;
  private startAt = NEVER;
  private readAt = NEVER;
  private isReadable = false;

  /** It writes `own`, and reads `peerBytes` bytes of `other`. */
  constructor(plan: SidePlan, own: Pattern, other: Pattern, peerBytes: number) {
    this.plan = plan;
    this.pattern = own;
    this.checker = new StreamChecker(other, peerBytes);
  }

  get isClosed(): boolean {
    return this.closedAt >= 0;
  }

  /** Gives it its socket. */
  attach(socket: Socket): void {
    this.socket = socket;
    socket.data = this;
  }

  get connection(): Socket['connection'] | undefined {
    return this.socket?.connection;
  }

  handleEvent(now: number, event: Exclude<StackEvent, { type: 'acceptable' }>): void {
    switch (event.type) {
      case 'established':
        this.start(now);
        break;
      case 'readable':
        this.isReadable = true;
        this.readSome(now);
        break;
      case 'writable':
        this.mayWrite = true;
        this.writeSome(now);
        break;
      case 'peer-closed':
        this.peerClosed = true;
        this.readSome(now);
        break;
      case 'closed':
        this.finish(now, event.error?.code ?? '');
        break;
      case 'path':
        break;
    }
  }

  /** The connection is open. */
  start(now: number): void {
    this.isEstablished = true;
    this.startAt = now + this.plan.pauseNs;
    if (this.plan.pauseNs === 0) this.handleTimeout(now);
  }

  /** Writes what may go with the SYN, before the connection is open. */
  writeEarly(now: number): void {
    this.mayWrite = true;
    this.writeSome(now);
  }

  pollTimeout(): number {
    return Math.min(this.startAt, this.readAt);
  }

  handleTimeout(now: number): void {
    if (this.startAt <= now) {
      this.startAt = NEVER;
      this.mayWrite = true;
      this.writeSome(now);
    }
    if (this.readAt <= now) {
      this.readAt = NEVER;
      this.readSome(now);
    }
  }

  private writeSome(now: number): void {
    const { plan, socket } = this;
    if (socket === undefined || this.isClosed || this.hasLeftEarly || this.hasShutDown) return;
    while (this.mayWrite && this.written < plan.writeBytes) {
      const length = Math.min(plan.chunkBytes, plan.writeBytes - this.written);
      const chunk = this.pattern.fill(new Uint8Array(length), this.written);
      this.written += length;
      this.mayWrite = socket.write(now, chunk);
    }
    if (this.written < plan.writeBytes) return;
    this.hasShutDown = true;
    socket.shutdown(now);
  }

  /** Reads as fast as the plan allows, and ends the connection where the plan says so. */
  private readSome(now: number): void {
    const { plan, socket } = this;
    if (socket === undefined || this.isClosed || this.hasLeftEarly || this.readAt !== NEVER) return;
    let left = plan.readBytes;
    while (left > 0 && this.isReadable) {
      const bytes = socket.read(now, Number.isFinite(left) ? left : undefined);
      if (bytes === undefined) {
        this.isReadable = false;
        break;
      }
      left -= bytes.length;
      this.take(socket, bytes);
    }
    const isEarly = plan.ending !== 'half-close' && this.checker.bytesDelivered >= plan.endAfterBytes;
    if (isEarly) this.leave(now, socket);
    else if (this.isReadable) this.readAt = now + plan.readIntervalNs;
  }

  private take(socket: Socket, bytes: Uint8Array): void {
    const wasRight = this.checker.wrongAt < 0;
    if (!this.checker.accept(bytes) && wasRight) this.wasPlainTcp = socket.connection.isFallback;
  }

  private leave(now: number, socket: Socket): void {
    this.hasLeftEarly = true;
    if (this.plan.ending === 'abort') socket.abort(now);
    else socket.close(now);
  }

  /** What came before the end can still be read. */
  private finish(now: number, errorCode: string): void {
    const { socket } = this;
    this.errorCode = errorCode;
    if (socket !== undefined && !this.hasLeftEarly) {
      for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now))
        this.take(socket, bytes);
    }
    this.closedAt = now;
    this.startAt = NEVER;
    this.readAt = NEVER;
  }
}

/** The applications of one host: a transfer for each of its sockets. */
export class TransferApplication implements Application {
  private readonly transfers: Transfer[];
  /** Called for a listener that has something to accept. */
  private readonly accept: (now: number, event: Extract<StackEvent, { type: 'acceptable' }>) => void;

  /** Called for every event, before it is acted on. */
  private readonly note: (now: number, event: StackEvent) => void;

  constructor(
    transfers: Transfer[],
    note: (now: number, event: StackEvent) => void,
    accept: (now: number, event: Extract<StackEvent, { type: 'acceptable' }>) => void = () => undefined,
  ) {
    this.transfers = transfers;
    this.note = note;
    this.accept = accept;
  }

  handleEvent(now: number, event: StackEvent): void {
    this.note(now, event);
    if (event.type === 'acceptable') {
      this.accept(now, event);
      return;
    }
    const transfer = event.socket.data;
    if (!(transfer instanceof Transfer)) {
      throw new SubflowError('ERR_SUBFLOW_STATE', `an event '${event.type}' of a socket that nobody owns`);
    }
    transfer.handleEvent(now, event);
  }

  pollTimeout(): number {
    let next = NEVER;
    for (const transfer of this.transfers) next = Math.min(next, transfer.pollTimeout());
    return next;
  }

  handleTimeout(now: number): void {
    for (const transfer of this.transfers) if (transfer.pollTimeout() <= now) transfer.handleTimeout(now);
  }
}

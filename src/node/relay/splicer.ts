/**
 * Directions of relays whose bytes go past this process: splice(2) moves them from one socket to a pipe and on to the other
 * socket, when each is ready. Owns who is ready and whose turn it is; a direction ends here when there is nothing more to move
 * that `net` would not see better: the end of the stream, or no pipe. What was taken from one socket is with the other before that.
 *
 * ```
 *            begin                     end of stream, no pipe
 *   `net` ----------> moving <-> waiting -------------------> `net` (the source is read from again)
 *                        |         |
 *                        +---------+-- error of either, reset, close --> over (what the pipe has is lost)
 * ```
 */
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { type Pipe, PipePool, ReadinessSet, type ReadinessListener, spliceBytes } from '../../linux/index.js';
import { netError } from '../net-error.js';
import { MAX_HELD_BYTES } from './relay-end.js';

const { EAGAIN } = constants.errno;

/** One side of a direction. */
export interface SpliceEnd {
  /** The descriptor; undefined when it is closed. */
  readonly fd: number | undefined;
  /** Ends the connection, which failed. */
  fail(error: NodeJS.ErrnoException): void;
  /** The source is for `net` to read again. */
  takeOver(): void;
}

/** Calls of a direction's turn, and of all of them before the event loop gets its own. */
const CALLS_PER_TURN = 32;
const CALLS_PER_ROUND = 512;

/** A descriptor in the set, for as long as a direction begins or ends there. */
class Watched implements ReadinessListener {
  readonly fd: number;
  /** The direction that it is the source of, and the one that it is the sink of. */
  from: SpliceFlow | undefined = undefined;
  to: SpliceFlow | undefined = undefined;

  constructor(fd: number) {
    this.fd = fd;
  }

  onReady(mayRead: boolean, mayWrite: boolean): void {
    if (mayRead) this.from?.mayGoOn('read');
    if (mayWrite) this.to?.mayGoOn('write');
  }
}

/** One direction that is moved. */
export class SpliceFlow {
  /** Bytes in the pipe. */
  heldBytes = 0;
  /** Whether it waits for its turn. */
  isQueued = false;
  isOver = false;
  readonly source: SpliceEnd;
  readonly sink: SpliceEnd;
  private readonly splicer: Splicer;
  private readonly onBytes: (count: number) => void;
  private pipe: Pipe | undefined = undefined;
  /** What is known of the two: false after a call that said so, until the kernel tells otherwise. */
  private mayRead = true;
  private mayWrite = true;

  /** `onBytes` is told how many bytes were taken from `source`. */
  constructor(splicer: Splicer, source: SpliceEnd, sink: SpliceEnd, onBytes: (count: number) => void) {
    this.splicer = splicer;
    this.source = source;
    this.sink = sink;
    this.onBytes = onBytes;
  }

  mayGoOn(way: 'read' | 'write'): void {
    if (way === 'read') this.mayRead = true;
    else this.mayWrite = true;
    this.splicer.queue(this);
  }

  /** Moves what there is, for a turn; gives how many calls that took, and is queued again if there may be more. */
  move(): number {
    for (let calls = 1; calls <= CALLS_PER_TURN; calls++) {
      const goesOn = this.heldBytes > 0 ? this.mayWrite && this.push() : this.mayRead && this.pull();
      if (!goesOn) {
        this.releasePipe();
        return calls;
      }
    }
    this.splicer.queue(this);
    return CALLS_PER_TURN;
  }

  /** Ends it; what is in the pipe is lost. */
  stop(): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.pipe !== undefined) this.splicer.pipes.takeBack(this.pipe, this.heldBytes === 0);
    this.pipe = undefined;
    this.heldBytes = 0;
    this.splicer.forget(this);
  }

  /** From the source to the pipe, which is empty; false: not now. */
  private pull(): boolean {
    const { fd } = this.source;
    this.pipe ??= this.splicer.pipes.lend();
    if (fd === undefined || this.pipe === undefined) return this.giveBack();
    const moved = spliceBytes(fd, this.pipe.writeFd, MAX_HELD_BYTES);
    if (moved > 0) {
      this.heldBytes = moved;
      this.onBytes(moved);
      return true;
    }
    if (moved === -EAGAIN) {
      this.mayRead = false;
      return false;
    }
    // The end is still there for `net` to find. An error is not: the kernel tells it once.
    return moved === 0 ? this.giveBack() : this.failed(this.source, 'read', moved);
  }

  /** From the pipe to the sink; false: not now. */
  private push(): boolean {
    const { fd } = this.sink;
    if (fd === undefined) {
      this.stop();
      return false;
    }
    const moved = spliceBytes(this.pipe!.readFd, fd, this.heldBytes);
    if (moved > 0) {
      this.heldBytes -= moved;
      return true;
    }
    if (moved === -EAGAIN) {
      this.mayWrite = false;
      return false;
    }
    return this.failed(this.sink, 'write', moved);
  }

  private releasePipe(): void {
    if (this.heldBytes > 0 || this.pipe === undefined) return;
    this.splicer.pipes.takeBack(this.pipe, true);
    this.pipe = undefined;
  }

  private giveBack(): false {
    this.stop();
    this.source.takeOver();
    return false;
  }

  private failed(end: SpliceEnd, syscall: string, errno: number): false {
    this.stop();
    end.fail(netError(getSystemErrorName(errno), syscall));
    return false;
  }
}

/** See the module. */
export class Splicer {
  readonly pipes: PipePool;
  private readonly ready: ReadinessSet;
  private readonly watched = new Map<SpliceEnd, Watched>();
  /** Those that may go on, in the order of their turns. */
  private waiting: SpliceFlow[] = [];
  private next: SpliceFlow[] = [];
  private isRunning = false;
  private scheduled: NodeJS.Immediate | undefined = undefined;

  /** `maxPipes`: directions that may have bytes on the way at a time. */
  constructor(maxPipes?: number) {
    this.pipes = new PipePool(maxPipes);
    this.ready = new ReadinessSet(() => this.round());
  }

  /** Directions at present. */
  get flows(): number {
    let count = 0;
    for (const { from } of this.watched.values()) if (from !== undefined) count++;
    return count;
  }

  /** Moves what comes from `source`, which nobody reads from any more, to `sink`; undefined where that cannot be. */
  begin(source: SpliceEnd, sink: SpliceEnd, onBytes: (count: number) => void): SpliceFlow | undefined {
    const from = this.watch(source);
    const to = from === undefined ? undefined : this.watch(sink);
    if (from === undefined || to === undefined) {
      if (from !== undefined) this.unwatch(source);
      return undefined;
    }
    const flow = new SpliceFlow(this, source, sink, onBytes);
    from.from = flow;
    to.to = flow;
    this.queue(flow);
    return flow;
  }

  /** Gives `flow` a turn. */
  queue(flow: SpliceFlow): void {
    if (flow.isQueued || flow.isOver) return;
    flow.isQueued = true;
    this.waiting.push(flow);
    if (!this.isRunning) this.schedule();
  }

  forget({ source, sink }: SpliceFlow): void {
    const [from, to] = [this.watched.get(source), this.watched.get(sink)];
    if (from !== undefined) from.from = undefined;
    if (to !== undefined) to.to = undefined;
    this.unwatch(source);
    this.unwatch(sink);
  }

  private watch(end: SpliceEnd): Watched | undefined {
    const { fd } = end;
    if (fd === undefined) return undefined;
    const already = this.watched.get(end);
    if (already !== undefined) return already;
    const watched = new Watched(fd);
    if (!this.ready.add(fd, watched)) return undefined;
    this.watched.set(end, watched);
    return watched;
  }

  private unwatch(end: SpliceEnd): void {
    const watched = this.watched.get(end);
    if (watched === undefined || watched.from !== undefined || watched.to !== undefined) return;
    this.watched.delete(end);
    this.ready.remove(watched.fd, watched);
  }

  private schedule(): void {
    this.scheduled ??= setImmediate(() => {
      this.scheduled = undefined;
      this.round();
    });
  }

  /** Turns until nobody may go on, or it is the event loop's turn. */
  private round(): void {
    this.isRunning = true;
    let calls = 0;
    do {
      this.ready.take();
      const { waiting } = this;
      this.waiting = this.next;
      this.next = waiting;
      for (const flow of waiting) {
        flow.isQueued = false;
        if (!flow.isOver) calls += flow.move();
      }
      waiting.length = 0;
    } while (this.waiting.length > 0 && calls < CALLS_PER_ROUND);
    this.isRunning = false;
    if (this.waiting.length > 0) this.schedule();
  }
}

let shared: Splicer | undefined;

/** That of this thread; undefined where the kernel has no descriptor left for it. Only where the C library can be called. */
export function sharedSplicer(): Splicer | undefined {
  try {
    shared ??= new Splicer();
  } catch {
    // Another connection will try again.
  }
  return shared;
}

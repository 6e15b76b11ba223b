/**
 * Turns of all relayed sockets of this thread: who is ready, and who goes on next. Each does a bounded number of calls a turn, and
 * after a round of them the event loop has its own.
 */
import {
  PipePool,
  type ReadableWatch,
  Readiness,
  type ReadinessListener,
  ReadinessSet,
  SystemError,
} from '../../linux/index.js';

/** Whoever has turns. */
export interface LoopMember extends ReadinessListener {
  /** Whether it waits for its turn; kept by the loop. */
  isQueued: boolean;
  /**
   * Does what can be done now, within {@link CALLS_PER_TURN}; gives how many calls that took, large ones counted as several. It is queued
   * again if there may be more.
   */
  turn(): number;
}

/** Calls of a member's turn, and of all of them before the event loop gets its own. */
export const CALLS_PER_TURN = 32;
const CALLS_PER_ROUND = 512;

/** Takes what comes to a listener, when it is its turn. */
class Arrivals implements LoopMember {
  isQueued = false;
  isOver = false;
  private readonly loop: RelayLoop;
  private readonly accept: () => boolean;

  constructor(loop: RelayLoop, accept: () => boolean) {
    this.loop = loop;
    this.accept = accept;
  }

  onReady(what: number): void {
    if ((what & Readiness.READ) !== 0) this.loop.queue(this);
  }

  turn(): number {
    if (this.isOver) return 0;
    if (this.accept()) this.loop.queue(this);
    return CALLS_PER_TURN;
  }
}

/** See the module. */
export class RelayLoop {
  readonly pipes: PipePool;
  private readonly ready: ReadinessSet;
  /** Those that have their turns now, in order, how many of them had theirs, and those after them. */
  private current: LoopMember[] = [];
  private done = 0;
  private waiting: LoopMember[] = [];
  private isRunning = false;
  private scheduled: NodeJS.Immediate | undefined = undefined;

  /** `maxPipes`: directions that may have bytes in a pipe at a time; default: as many as descriptors allow. @throws SystemError where no descriptor is left. */
  constructor(maxPipes?: () => number) {
    this.pipes = new PipePool(maxPipes);
    this.ready = new ReadinessSet(() => this.round());
  }

  /** Descriptors that are waited for. */
  get size(): number {
    return this.ready.size;
  }

  /** Tells `member` of `fd` from now on; 0, or the negative errno where the kernel refuses. */
  add(fd: number, member: LoopMember): number {
    return this.ready.add(fd, member);
  }

  /** Ends {@link add}, right before `fd` is closed. */
  forget(fd: number): void {
    this.ready.forget(fd);
  }

  /**
   * Has `accept` called in turns when there may be something at `fd`, which listens, as long as it says that there may be more; until it is
   * closed. @throws SystemError where the kernel refuses.
   */
  watch(fd: number, accept: () => boolean): ReadableWatch {
    const arrivals = new Arrivals(this, accept);
    const result = this.ready.add(fd, arrivals);
    if (result < 0) throw new SystemError('epoll_ctl', -result);
    return {
      close: () => {
        if (arrivals.isOver) return;
        arrivals.isOver = true;
        this.ready.remove(fd);
      },
    };
  }

  /** Gives `member` a turn. */
  queue(member: LoopMember): void {
    if (member.isQueued) return;
    member.isQueued = true;
    this.waiting.push(member);
    if (!this.isRunning) this.schedule();
  }

  private schedule(): void {
    this.scheduled ??= setImmediate(() => {
      this.scheduled = undefined;
      this.round();
    });
  }

  private get isIdle(): boolean {
    return this.done === this.current.length && this.waiting.length === 0;
  }

  /** Turns until nobody may go on, or it is the event loop's turn. */
  private round(): void {
    this.isRunning = true;
    let calls = 0;
    try {
      do {
        this.ready.take();
        calls += this.turns(CALLS_PER_ROUND - calls);
      } while (!this.isIdle && calls < CALLS_PER_ROUND);
    } finally {
      this.isRunning = false;
      if (!this.isIdle) this.schedule();
    }
  }

  /** Turns within about `limit` calls; those that are left, also by one whose listener throws, have theirs next time. */
  private turns(limit: number): number {
    if (this.done === this.current.length) {
      const { current } = this;
      current.length = 0;
      this.current = this.waiting;
      this.waiting = current;
      this.done = 0;
    }
    let calls = 0;
    while (this.done < this.current.length && calls < limit) {
      const member = this.current[this.done++]!;
      member.isQueued = false;
      calls += member.turn();
    }
    return calls;
  }
}

let shared: RelayLoop | undefined;

/** That of this thread. @throws SystemError where no descriptor is left for it: another connection will try again. */
export function sharedLoop(): RelayLoop {
  return (shared ??= new RelayLoop());
}

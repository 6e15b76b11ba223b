/**
 * Readiness of descriptors that are nobody else's to wait for: an epoll set of our own, edge-triggered, which the event loop watches
 * as one descriptor. So a descriptor is entered once, a change costs no further call, and a turn of the loop brings all that has changed.
 *
 * Read first: epoll(7), on edges and on descriptors that are closed.
 */
import { closeSync } from 'node:fs';
import { SOCK_CLOEXEC } from './constants.js';
import { foreignFunction, lastErrno, NativeBuffer, watchReadable, type HeldWatch } from './libc.js';
import { SystemError } from './system-error.js';

interface Calls {
  create(flags: number): number;
  control(set: number, operation: number, fd: number, event: number): number;
  wait(set: number, events: number, count: number, timeoutMs: number): number;
}

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 0x1;
const EPOLLPRI = 0x2;
const EPOLLOUT = 0x4;
const EPOLLERR = 0x8;
const EPOLLHUP = 0x10;
const EPOLLRDHUP = 0x2000;
const EPOLLET = 0x80000000;
/** What has become possible, as bits; one may turn out not to be. */
export const Readiness = {
  /** Something is there to be read, be it the end or an error. */
  READ: 1,
  /** There is room, or no use in waiting for it any more. */
  WRITE: 2,
  /** What comes has an urgent byte in it (tcp(7)). */
  URGENT: 4,
  /** An error waits to be asked for. */
  BROKEN: 8,
} as const;

/** Taken from the kernel by one call. */
const EVENTS = 256;
/** `struct epoll_event` has no gap between its two fields on x86-64 alone. */
const EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
const DATA_OFFSET = EVENT_BYTES - 8;

/** Told what has become possible: bits of {@link Readiness}. */
export interface ReadinessListener {
  onReady(what: number): void;
}

/** Who has a descriptor. */
interface Entry {
  readonly listener: ReadinessListener;
  /** Told from those that had the same descriptor before, of whom the kernel may have told in the same call. */
  readonly generation: number;
}

/** See the module. */
export class ReadinessSet {
  private readonly calls: Calls;
  private readonly fd: number;
  private readonly onAny: () => void;
  /** The loop's look at it all, since there was anything to look at. */
  private watch: HeldWatch | undefined = undefined;
  private readonly entries: (Entry | undefined)[] = [];
  private generation = 0;
  private count = 0;
  private readonly events = new NativeBuffer(EVENTS * EVENT_BYTES);
  private readonly view = viewOf(this.events);
  private readonly cell = new NativeBuffer(EVENT_BYTES);
  private readonly cellView = viewOf(this.cell);

  /**
   * `onAny` is called from the event loop when there is something to {@link take}. Holds the process alive while it has descriptors.
   * @throws SystemError `EMFILE`, `ENFILE`, `ENOMEM`.
   */
  constructor(onAny: () => void) {
    this.calls = {
      create: foreignFunction('int epoll_create1(int flags)'),
      control: foreignFunction('int epoll_ctl(int set, int operation, int fd, uintptr_t event)'),
      wait: foreignFunction('int epoll_wait(int set, uintptr_t events, int count, int timeoutMs)'),
    };
    this.fd = this.calls.create(SOCK_CLOEXEC);
    if (this.fd < 0) throw new SystemError('epoll_create1', lastErrno());
    this.onAny = onAny;
    this.cellView.setUint32(0, EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET, true);
  }

  /** Descriptors in the set. */
  get size(): number {
    return this.count;
  }

  /** Tells `listener` of `fd` from now on, first of what is possible already. 0, or the negative errno where the kernel refuses. */
  add(fd: number, listener: ReadinessListener): number {
    const generation = ++this.generation >>> 0;
    this.cellView.setUint32(DATA_OFFSET, fd, true);
    this.cellView.setUint32(DATA_OFFSET + 4, generation, true);
    if (this.calls.control(this.fd, EPOLL_CTL_ADD, fd, this.cell.address) < 0) return -lastErrno();
    this.entries[fd] = { listener, generation };
    if (this.count++ === 0) this.hold();
    return 0;
  }

  /** Ends {@link add} for a descriptor that stays open. */
  remove(fd: number): void {
    if (this.entries[fd] === undefined) return;
    this.calls.control(this.fd, EPOLL_CTL_DEL, fd, 0);
    this.forget(fd);
  }

  /** Ends {@link add}, right before `fd` is closed: it is that which takes it out of the kernel's set. */
  forget(fd: number): void {
    if (this.entries[fd] === undefined) return;
    this.entries[fd] = undefined;
    if (--this.count === 0) this.watch?.hold(false);
  }

  /** Tells what has become possible; gives of how many descriptors. */
  take(): number {
    const count = this.calls.wait(this.fd, this.events.address, EVENTS, 0);
    for (let at = 0; at < count * EVENT_BYTES; at += EVENT_BYTES) {
      const entry = this.entries[this.view.getUint32(at + DATA_OFFSET, true)];
      // Closed by another that was told before.
      if (entry?.generation !== this.view.getUint32(at + DATA_OFFSET + 4, true)) continue;
      entry.listener.onReady(readinessOf(this.view.getUint32(at, true)));
    }
    return count;
  }

  /** Ends it. */
  close(): void {
    this.watch?.close();
    this.entries.length = 0;
    closeSync(this.fd);
  }

  private hold(): void {
    if (this.watch === undefined) this.watch = watchReadable(this.fd, this.onAny);
    else this.watch.hold(true);
  }
}

function readinessOf(flags: number): number {
  const isBroken = (flags & EPOLLERR) !== 0;
  const isOver = isBroken || (flags & EPOLLHUP) !== 0;
  return (
    (isOver || (flags & (EPOLLIN | EPOLLRDHUP)) !== 0 ? Readiness.READ : 0) |
    (isOver || (flags & EPOLLOUT) !== 0 ? Readiness.WRITE : 0) |
    ((flags & EPOLLPRI) === 0 ? 0 : Readiness.URGENT) |
    (isBroken ? Readiness.BROKEN : 0)
  );
}

function viewOf({ bytes }: NativeBuffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

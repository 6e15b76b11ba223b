/**
 * Readiness of descriptors that libuv has, too, and must not read from: an epoll set of our own, edge-triggered, which the
 * event loop watches as one descriptor. So a descriptor is entered once, and a change costs no further call.
 *
 * Read first: epoll(7), on edges and on descriptors that are closed.
 */
import { closeSync } from 'node:fs';
import { SOCK_CLOEXEC } from './constants.js';
import { foreignFunction, lastErrno, NativeBuffer, watchReadable, type ReadableWatch } from './libc.js';
import { SystemError } from './system-error.js';

interface Calls {
  create(flags: number): number;
  control(set: number, operation: number, fd: number, event: Uint8Array): number;
  wait(set: number, events: number, count: number, timeoutMs: number): number;
}

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 0x1;
const EPOLLOUT = 0x4;
const EPOLLERR = 0x8;
const EPOLLHUP = 0x10;
const EPOLLRDHUP = 0x2000;
const EPOLLET = 0x80000000;
/** Taken from the kernel by one call. */
const EVENTS = 64;
/** `struct epoll_event` has no gap between its two fields on x86-64 alone. */
const EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
const DATA_OFFSET = EVENT_BYTES - 8;

/** Told what has become possible; one may turn out not to be. */
export interface ReadinessListener {
  onReady(mayRead: boolean, mayWrite: boolean): void;
}

/** See the module. */
export class ReadinessSet {
  private readonly calls: Calls;
  private readonly fd: number;
  private readonly onAny: () => void;
  /** The loop's look at it all, for as long as there is anything to look at. */
  private watch: ReadableWatch | undefined = undefined;
  private readonly listeners = new Map<number, ReadinessListener>();
  private readonly events = new NativeBuffer(EVENTS * EVENT_BYTES);
  private readonly view = new DataView(this.events.bytes.buffer, this.events.bytes.byteOffset);
  private readonly cell = new Uint8Array(EVENT_BYTES);

  /** `onAny` is called from the event loop when there is something to {@link take}. Holds the process alive while it has descriptors. */
  constructor(onAny: () => void) {
    this.calls = {
      create: foreignFunction('int epoll_create1(int flags)'),
      control: foreignFunction('int epoll_ctl(int set, int operation, int fd, void *event)'),
      wait: foreignFunction('int epoll_wait(int set, uintptr_t events, int count, int timeoutMs)'),
    };
    this.fd = this.calls.create(SOCK_CLOEXEC);
    if (this.fd < 0) throw new SystemError('epoll_create1', lastErrno());
    this.onAny = onAny;
  }

  /** Descriptors in the set. */
  get size(): number {
    return this.listeners.size;
  }

  /** Tells `listener` of `fd` from now on, first of what is possible already. False where the kernel refuses. */
  add(fd: number, listener: ReadinessListener): boolean {
    const view = new DataView(this.cell.buffer);
    view.setUint32(0, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, true);
    view.setInt32(DATA_OFFSET, fd, true);
    // A number that was closed and came again is no longer in the set, but may still have its listener here.
    if (this.calls.control(this.fd, EPOLL_CTL_ADD, fd, this.cell) < 0) return false;
    this.listeners.set(fd, listener);
    this.watch ??= watchReadable(this.fd, this.onAny);
    return true;
  }

  /** Ends {@link add}, whether or not `fd` was closed since, and another got its number. */
  remove(fd: number, listener: ReadinessListener): void {
    if (this.listeners.get(fd) !== listener) return;
    this.listeners.delete(fd);
    this.calls.control(this.fd, EPOLL_CTL_DEL, fd, this.cell);
    if (this.listeners.size === 0) this.stopWatching();
  }

  /** Tells what has become possible; whether there was as much as one call can bring. */
  take(): boolean {
    const count = this.calls.wait(this.fd, this.events.address, EVENTS, 0);
    for (let i = 0; i < count; i++) {
      const at = i * EVENT_BYTES;
      const flags = this.view.getUint32(at, true);
      const broken = (flags & (EPOLLERR | EPOLLHUP)) !== 0;
      const listener = this.listeners.get(this.view.getInt32(at + DATA_OFFSET, true));
      listener?.onReady(broken || (flags & (EPOLLIN | EPOLLRDHUP)) !== 0, broken || (flags & EPOLLOUT) !== 0);
    }
    return count === EVENTS;
  }

  /** Ends it. */
  close(): void {
    this.stopWatching();
    this.listeners.clear();
    closeSync(this.fd);
  }

  private stopWatching(): void {
    this.watch?.close();
    this.watch = undefined;
  }
}

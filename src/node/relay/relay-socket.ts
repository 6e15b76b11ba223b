/**
 * A relay's side: a connection of the kernel's, plain or Multipath TCP, as a descriptor that nobody else has. All of a thread read into one
 * buffer, and what comes is written from there to the other side at once: only what the kernel does not take is copied and kept, and
 * nothing more is read until that is gone. So an idle connection holds no memory here, and a busy one at most `MAX_HELD_BYTES` a
 * direction (docs/decisions/0024-what-a-relay-holds.md). What comes in large pieces for another such socket is moved there by the
 * kernel (0027-bytes-that-go-past.md). Why not sockets of `net`: 0035-relays-wait-by-themselves.md.
 *
 * ```
 *  connecting --settled--> open --both sides have ended--> over
 *      |                    |
 *      +---- failed --------+---- error, reset ----------> over
 * ```
 */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import {
  maySplice,
  NativeBuffer,
  Readiness,
  readInto,
  resetOnClose,
  setNoDelay,
  shutdownWrite,
  takeSocketError,
  writeFrom,
} from '../../linux/index.js';
import { netError, type NetErrorPlace } from '../net-error.js';
import { Pour } from './pour.js';
import { MAX_HELD_BYTES, type RelayEndListener } from './relay-end.js';
import { CALLS_PER_TURN, type LoopMember, type RelayLoop, sharedLoop } from './relay-loop.js';

const { EAGAIN, EINPROGRESS } = constants.errno;

/** What all sockets of this thread read into, and what is written from where it is no part of that. */
interface Buffers {
  readonly incoming: NativeBuffer;
  readonly outgoing: NativeBuffer;
}

let shared: Buffers | undefined;

function buffers(): Buffers {
  return (shared ??= {
    incoming: new NativeBuffer(MAX_HELD_BYTES),
    outgoing: new NativeBuffer(MAX_HELD_BYTES),
  });
}

/** Where bytes are poured to. */
interface Outflow {
  readonly pour: Pour;
  readonly sink: RelaySocket;
  /** What is less is read and written again. */
  readonly least: number;
}

/** See the module. */
export class RelaySocket implements LoopMember {
  isQueued = false;
  private readonly loop: RelayLoop;
  private descriptor: number | undefined;
  private listener: RelayEndListener | undefined = undefined;
  /** Told once that the connection is there, or why it is not; undefined from then on. */
  private settled: ((error?: Error) => void) | undefined;
  private readonly place: NetErrorPlace;
  /** What the kernel said last: until a call finds otherwise there is something to read, or room. */
  private mayRead = false;
  private mayWrite: boolean;
  private wantsBytes = false;
  /** Bytes that the kernel has not taken. */
  private held: Uint8Array[] = [];
  private heldLength = 0;
  private outflow: Outflow | undefined = undefined;
  private source: RelaySocket | undefined = undefined;
  /** Whether the kernel may move what comes, and what goes out; asked when it is wanted. */
  private isSpliceable: boolean | undefined = undefined;
  /** Whether the peer sends no more, whether this side is to, and whether that is said. */
  private hasEnded = false;
  /** Whether whoever listens has yet to hear of the first. */
  private owesEnd = false;
  private isEnding = false;
  private hasShut = false;
  private isReset = false;
  private error: NodeJS.ErrnoException | undefined = undefined;
  /** Whether it was told that it is over. */
  private isOver = false;
  private afterClose: (() => void) | undefined = undefined;

  private constructor(loop: RelayLoop, fd: number, place: NetErrorPlace, settled?: (error?: Error) => void) {
    this.loop = loop;
    this.descriptor = fd;
    this.place = place;
    this.settled = settled;
    this.mayWrite = settled === undefined;
    setNoDelay(fd);
    const result = this.loop.add(fd, this);
    if (result < 0) this.fail(result, 'epoll_ctl');
  }

  /** A connection that was accepted, of which nothing was read; `fd` is its own from now on. `place`: where it comes from. */
  static accepted(fd: number, place: NetErrorPlace = {}, loop = sharedLoop()): RelaySocket {
    return new RelaySocket(loop, fd, place);
  }

  /**
   * One that is connecting to `place`. `settled` is told, later, that it is there or why it is not; nothing where it is reset
   * before.
   */
  static connecting(
    fd: number,
    place: NetErrorPlace,
    settled: (error?: Error) => void,
    loop = sharedLoop(),
  ): RelaySocket {
    return new RelaySocket(loop, fd, place, settled);
  }

  /** The descriptor, to ask the kernel about it; undefined when it is closed. */
  get fd(): number | undefined {
    return this.descriptor;
  }

  /** The peer's port; 0 where it is not known. */
  get remotePort(): number {
    return this.place.port ?? 0;
  }

  /** Bytes on their way to the peer that the kernel has not taken. */
  get heldBytes(): number {
    return this.heldLength + (this.source?.outflow?.pour.heldBytes ?? 0);
  }

  /** Whether what comes is being moved out of sight. */
  get isPouring(): boolean {
    return this.outflow !== undefined;
  }

  /** Who is told from now on; before there is anybody, nothing is read. */
  listen(listener: RelayEndListener): void {
    this.listener = listener;
    const { hasEnded, isOver } = this;
    this.owesEnd = hasEnded;
    if (!hasEnded && !isOver) return;
    // It was told to whoever listened before.
    process.nextTick(() => {
      if (this.listener !== listener) return;
      this.tellEnd();
      if (isOver) this.tellListener();
    });
  }

  /** Who else is to know that it is over, beside whoever listens by then. */
  onceClosed(action: () => void): void {
    const { afterClose } = this;
    this.afterClose =
      afterClose === undefined
        ? action
        : () => {
            afterClose();
            action();
          };
  }

  /** Takes bytes, which may change after the call; false: some are held, and no more should come before `onRoom`. */
  write(bytes: Uint8Array): boolean {
    if (this.descriptor === undefined || this.isEnding) return true;
    const isFree = this.heldLength === 0 && this.mayWrite && this.settled === undefined;
    const taken = isFree ? this.send(bytes) : 0;
    if (taken === bytes.length) return true;
    this.held.push(bytes.slice(taken));
    this.heldLength += bytes.length - taken;
    return false;
  }

  /** Reads on. */
  resume(): void {
    if (this.hasEnded) return;
    this.wantsBytes = true;
    if (this.mayRead) this.loop.queue(this);
  }

  /** Sends no more after what was written. */
  end(): void {
    if (this.isEnding) return;
    this.isEnding = true;
    if (this.heldLength === 0 && this.settled === undefined) this.shut();
  }

  /** Ends the connection at once, with a reset. */
  reset(): void {
    if (this.descriptor === undefined) return;
    this.isReset = true;
    resetOnClose(this.descriptor);
    this.close();
  }

  /**
   * Has what comes go straight to `other`, out of sight: only how many bytes they are is told, until the end, a failure, or a piece of less than
   * `least` bytes. False where that cannot be: Multipath TCP copies all the same.
   */
  pourInto(other: RelaySocket, onPoured: (bytes: number) => void, least: number): boolean {
    if (this.outflow !== undefined) return true;
    if (other.heldLength > 0 || other.isEnding || !this.maySplice() || !other.maySplice()) return false;
    this.outflow = { pour: new Pour(this.loop.pipes, onPoured), sink: other, least };
    other.source = this;
    return true;
  }

  onReady(what: number): void {
    // What is behind an urgent byte cannot be spliced.
    if ((what & Readiness.URGENT) !== 0) this.isSpliceable = false;
    if ((what & Readiness.READ) !== 0) this.mayRead = true;
    if ((what & Readiness.WRITE) !== 0) {
      this.mayWrite = true;
      if (this.source !== undefined) this.loop.queue(this.source);
    }
    if (this.mayGoOn() || this.heldLength > 0 || this.settled !== undefined) this.loop.queue(this);
    // Nothing is about to find it: what was not read yet goes with the connection.
    else if ((what & Readiness.BROKEN) !== 0) this.breakOff();
  }

  turn(): number {
    let calls = 0;
    // Another whose turn came before has reset it.
    if (this.descriptor === undefined) return calls;
    if (this.settled !== undefined && this.mayWrite) {
      this.settle();
      calls++;
    }
    if (this.heldLength > 0 && this.mayWrite) calls += this.flush();
    while (this.mayGoOn()) {
      if (calls >= CALLS_PER_TURN) {
        this.loop.queue(this);
        return calls;
      }
      calls++;
      if (this.outflow === undefined) this.read(this.descriptor);
      else calls += this.move(this.descriptor, this.outflow) >> 16;
    }
    if (this.outflow?.pour.heldBytes === 0) this.outflow.pour.release();
    return calls;
  }

  /** Whether another call may bring something. */
  private mayGoOn(): boolean {
    if (this.descriptor === undefined) return false;
    const { outflow } = this;
    if (outflow !== undefined && outflow.pour.heldBytes > 0) return outflow.sink.mayWrite;
    return this.wantsBytes && this.mayRead;
  }

  private read(fd: number): void {
    const { bytes, address } = buffers().incoming;
    const count = readInto(fd, address, MAX_HELD_BYTES);
    if (count <= 0) {
      this.found(count, 'read');
      return;
    }
    // Whoever is told may say himself that it is to go on.
    this.wantsBytes = false;
    // Nobody listens: it was reset, and what comes is of no interest.
    if (this.listener?.onBytes(bytes.subarray(0, count)) === true) this.wantsBytes = true;
  }

  /** One piece from here to the pipe, or on from there; gives how many bytes were taken. */
  private move(fd: number, { pour, sink, least }: Outflow): number {
    if (pour.heldBytes > 0) {
      this.push(pour, sink);
      return 0;
    }
    const moved = this.isSpliceable !== false && pour.ready() ? pour.pull(fd) : 0;
    // No pipe, an urgent byte, or the end: read(2) tells.
    if (moved === 0) this.stopPouring();
    else if (moved < 0) this.found(moved, 'read');
    else if (moved < least) {
      this.push(pour, sink);
      if (pour.heldBytes === 0) this.stopPouring();
    }
    return Math.max(0, moved);
  }

  private push(pour: Pour, sink: RelaySocket): void {
    const moved = pour.push(sink.descriptor!);
    if (moved === -EAGAIN) sink.mayWrite = false;
    else if (moved < 0) sink.fail(moved, 'write');
  }

  /** What a call found that brought nothing: that there is nothing yet, the end, or an error. */
  private found(result: number, syscall: string): void {
    this.mayRead = false;
    if (result === -EAGAIN) return;
    if (result < 0) {
      this.fail(result, syscall);
      return;
    }
    this.wantsBytes = false;
    this.hasEnded = true;
    this.owesEnd = true;
    this.tellEnd();
    if (this.hasShut) this.close();
  }

  /** Writes as much as the kernel takes; all, where it turns out that nobody is there any more. */
  private send(bytes: Uint8Array): number {
    const { incoming, outgoing } = buffers();
    const isIncoming = bytes.buffer === incoming.bytes.buffer;
    let sent = 0;
    while (sent < bytes.length) {
      const length = Math.min(bytes.length - sent, MAX_HELD_BYTES);
      if (!isIncoming) outgoing.bytes.set(bytes.subarray(sent, sent + length));
      const at = isIncoming
        ? incoming.address + bytes.byteOffset - incoming.bytes.byteOffset + sent
        : outgoing.address;
      const taken = writeFrom(this.descriptor!, at, length);
      if (taken > 0) sent += taken;
      if (taken === length) continue;
      this.mayWrite = false;
      // Fast Open: the SYN is on its way, without data.
      if (taken >= 0 || taken === -EAGAIN || taken === -EINPROGRESS) return sent;
      this.fail(taken, 'write');
      return bytes.length;
    }
    return sent;
  }

  /** Writes what is held, as far as there is room; gives how many calls that took. */
  private flush(): number {
    const { held } = this;
    let calls = 0;
    while (held.length > 0 && this.mayWrite && this.descriptor !== undefined) {
      const [bytes] = held;
      calls++;
      const sent = this.send(bytes!);
      // It turned out to be over, and holds nothing any more.
      if (this.heldLength === 0) return calls;
      this.heldLength -= sent;
      if (sent === bytes!.length) held.shift();
      else held[0] = bytes!.subarray(sent);
    }
    if (this.heldLength > 0) return calls;
    if (this.isEnding) this.shut();
    this.listener?.onRoom();
    return calls;
  }

  private settle(): void {
    const { settled, place } = this;
    const code = takeSocketError(this.descriptor!);
    if (code !== undefined) {
      this.error = netError(code, 'connect', place);
      this.close();
      return;
    }
    this.settled = undefined;
    settled!();
    if (this.isEnding && this.heldLength === 0) this.shut();
  }

  private shut(): void {
    if (this.descriptor === undefined) return;
    this.hasShut = true;
    // Closing says so as well.
    if (this.hasEnded) {
      this.close();
      return;
    }
    try {
      shutdownWrite(this.descriptor);
    } catch {
      // The peer is gone: that is for the next read to find.
    }
  }

  private maySplice(): boolean {
    if (this.descriptor === undefined) return false;
    return (this.isSpliceable ??= maySplice(this.descriptor));
  }

  private stopPouring(): void {
    const { outflow } = this;
    if (outflow === undefined) return;
    this.outflow = undefined;
    outflow.sink.source = undefined;
    outflow.pour.release();
  }

  private breakOff(): void {
    const code = this.descriptor === undefined ? undefined : takeSocketError(this.descriptor);
    if (code === undefined) return;
    this.error = netError(code, 'read');
    this.close();
  }

  private fail(result: number, syscall: string): void {
    this.error = netError(getSystemErrorName(result), syscall);
    this.close();
  }

  private close(): void {
    const { descriptor } = this;
    if (descriptor === undefined) return;
    this.stopPouring();
    this.source?.stopPouring();
    this.descriptor = undefined;
    this.held = [];
    this.heldLength = 0;
    this.loop.forget(descriptor);
    closeSync(descriptor);
    process.nextTick(() => this.tellOver());
  }

  private tellOver(): void {
    const { settled } = this;
    this.settled = undefined;
    this.isOver = true;
    if (!this.isReset) settled?.(this.error);
    this.afterClose?.();
    this.tellListener();
  }

  private tellEnd(): void {
    if (!this.owesEnd) return;
    this.owesEnd = false;
    this.listener?.onEnd();
  }

  private tellListener(): void {
    this.tellEnd();
    this.listener?.onClose(this.isReset ? undefined : this.error);
  }
}

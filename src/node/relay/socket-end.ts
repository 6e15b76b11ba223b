/**
 * A relay's side that is a socket of `net`, plain or Multipath TCP. Sockets read into one buffer that all of them share, and
 * what comes is written from there to the other side at once: only what the kernel does not take is copied and kept, and
 * nothing more is read until that is gone. So an idle connection holds no memory here, and a busy one at most
 * `MAX_HELD_BYTES` a direction (docs/decisions/0024-what-a-relay-holds.md). What comes in bulk for another such socket is moved
 * there by the kernel (splicer.ts).
 */
import { Socket as NetSocket } from 'node:net';
import { maySplice, NativeBuffer, unsupportedReason, writeFrom } from '../../linux/index.js';
import { pushEarlyAnswers } from '../fast-open.js';
import { connectKernelSocket } from '../kernel-socket.js';
import type { ConnectOptions } from '../options.js';
import { MAX_HELD_BYTES, type RelayEnd, type RelayEndListener } from './relay-end.js';
import { sharedSplicer, type SpliceEnd, type SpliceFlow } from './splicer.js';

/** What `net.Socket` takes as `onread`. */
export interface OnRead {
  readonly buffer: Uint8Array;
  readonly callback: (length: number, buffer: Uint8Array) => boolean;
}

/** The part of `net`'s handle that is used here. */
interface Handle {
  readonly fd: number;
}

/** The buffer that all sockets of this thread read into; what is in it is dealt with before anything else is read. */
let shared: { readonly bytes: Uint8Array; readonly address: number } | undefined;

function sharedBuffer(): { readonly bytes: Uint8Array; readonly address: number } {
  // Where the C library cannot be called, everything that cannot be written by `net` at once is copied.
  shared ??=
    unsupportedReason() === undefined
      ? new NativeBuffer(MAX_HELD_BYTES)
      : { bytes: new Uint8Array(MAX_HELD_BYTES), address: 0 };
  return shared;
}

/** See the module. */
export class SocketEnd implements RelayEnd, SpliceEnd {
  readonly socket: NetSocket;
  private listener: RelayEndListener | undefined = undefined;
  /** Bytes that `net` keeps for the kernel. */
  private held = 0;
  /** Where what comes is moved from here, or to here, out of sight. */
  private outflow: SpliceFlow | undefined = undefined;
  private inflow: SpliceFlow | undefined = undefined;
  /** Why it is over, where it did not end in good order. */
  private error: NodeJS.ErrnoException | undefined = undefined;
  /** Whether it was this side that ended it at once. */
  private isReset = false;
  /** What whoever listens was told, or nobody heard: that the peer ended, and that it is over. */
  private hasEnded = false;
  private isOver = false;

  /** `make` makes the socket, which is to read as it is told. */
  constructor(make: (onread: OnRead) => NetSocket) {
    const callback = (length: number): boolean => {
      // Nobody listens: it was reset, and what comes is of no interest.
      return this.listener?.onBytes(sharedBuffer().bytes.subarray(0, length)) ?? false;
    };
    this.socket = make({ buffer: sharedBuffer().bytes, callback });
    this.socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error));
    this.socket.once('close', () => {
      this.stopFlows();
      this.isOver = true;
      this.tellOver();
    });
    this.socket.once('end', () => {
      this.hasEnded = true;
      this.listener?.onEnd();
    });
  }

  /** A connection that was accepted, of which nothing was read. */
  static accepted(fd: number): SocketEnd {
    // Or it would read at once, and nobody listens yet.
    const options = { fd, allowHalfOpen: true, manualStart: true };
    const end = new SocketEnd((onread) => new NetSocket({ ...options, onread } as never));
    pushEarlyAnswers(() => end.fd);
    return end;
  }

  /** Connects through the kernel: over Multipath TCP, or over plain TCP where `isPlain`. 'connect' or 'error' of its socket follows. */
  static connecting(options: ConnectOptions, isPlain: boolean): SocketEnd {
    const wanted = { ...options, allowHalfOpen: true };
    if (!isPlain)
      return new SocketEnd((onread) => connectKernelSocket(wanted, { onread }) as unknown as NetSocket);
    return new SocketEnd((onread) =>
      new NetSocket({ allowHalfOpen: true, onread } as never).connect(wanted as never),
    );
  }

  get heldBytes(): number {
    return this.held + (this.inflow?.heldBytes ?? 0);
  }

  /** Whether what comes is being moved out of sight. */
  get isPouring(): boolean {
    return this.outflow !== undefined;
  }

  /** The descriptor; undefined when it is closed. */
  get fd(): number | undefined {
    const { fd = -1 } = (this.socket as unknown as { _handle?: Handle | null })._handle ?? {};
    return fd < 0 ? undefined : fd;
  }

  listen(listener: RelayEndListener): void {
    this.listener = listener;
    const { hasEnded, isOver } = this;
    if (!hasEnded && !isOver) return;
    // It was told to whoever listened before.
    process.nextTick(() => {
      if (this.listener !== listener) return;
      if (hasEnded) listener.onEnd();
      if (isOver) this.tellOver();
    });
  }

  private tellOver(): void {
    this.listener?.onClose(this.isReset ? undefined : this.error);
  }

  write(bytes: Uint8Array): boolean {
    const { fd, socket } = this;
    if (fd === undefined || socket.writableEnded) return true;
    const { bytes: buffer, address } = sharedBuffer();
    let taken = 0;
    if (this.held === 0 && address !== 0 && bytes.buffer === buffer.buffer) {
      // An error is found again, and told, by the write of what is left.
      taken = Math.max(0, writeFrom(fd, address + bytes.byteOffset - buffer.byteOffset, bytes.length));
      if (taken === bytes.length) return true;
    }
    const rest = bytes.slice(taken);
    this.held += rest.length;
    socket.write(rest, () => this.release(rest.length));
    return false;
  }

  private release(bytes: number): void {
    this.held -= bytes;
    if (this.held === 0 && !this.socket.destroyed) this.listener?.onRoom();
  }

  resume(): void {
    if (this.outflow === undefined) this.socket.resume();
  }

  pourInto(other: RelayEnd, onPoured: (bytes: number) => void): boolean {
    if (!(other instanceof SocketEnd) || sharedBuffer().address === 0 || other.held > 0) return false;
    const [from, to] = [this.fd, other.fd];
    if (from === undefined || to === undefined || other.socket.writableEnded) return false;
    if (!maySplice(from) || !maySplice(to)) return false;
    const flow = sharedSplicer()?.begin(this, other, onPoured);
    this.outflow = flow;
    other.inflow = flow;
    return flow !== undefined;
  }

  /** Nothing is moved any more: `net` reads on, and finds the end if that is what there is. */
  takeOver(): void {
    this.outflow = undefined;
    this.resume();
  }

  fail(error: NodeJS.ErrnoException): void {
    this.socket.destroy(error);
  }

  private stopFlows(): void {
    this.outflow?.stop();
    this.inflow?.stop();
  }

  end(): void {
    this.socket.end();
  }

  reset(): void {
    this.isReset = true;
    this.stopFlows();
    if (this.fd === undefined || this.socket.connecting) this.socket.destroy();
    else this.socket.resetAndDestroy();
    // Bytes that wait to be written would keep it: a reset does not wait.
    if (!this.socket.destroyed) this.socket.destroy();
  }
}

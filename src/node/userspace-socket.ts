/**
 * Sockets of the userspace transport: a Duplex over a connection of the engine that behaves as `net.Socket` does.
 * Nothing is buffered here beyond the stream's own marks: what the reader does not take stays in the engine, whose
 * window closes; what the engine has no room for stays in the stream, whose `write` returns false.
 */
import { addAbortSignal, Duplex } from 'node:stream';
import { MILLISECOND, NEVER } from '../base/index.js';
import { codeOf, netError } from './net-error.js';
import type { PathNotice, Socket as StackSocket } from '../stack/index.js';
import type {
  ExperimentContent,
  FastOpenInfo,
  Multipath,
  MultipathInfo,
  OpenSubflowOptions,
  SocketAddressInfo,
  SubflowEvent,
  SubflowInfo,
} from './socket.js';
import type { SocketEvents } from './userspace-events.js';
import { MAX_TIMER_MS, type UserspaceHost } from './userspace-host.js';
import { SubflowControl } from './userspace-subflow-control.js';
import {
  addressEvent,
  describeSubflow,
  experimentEvent,
  isFallback,
  subflowEvent,
} from './userspace-subflow.js';

/** How the stream behaves. */
export interface UserspaceSocketOptions {
  readonly allowHalfOpen?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a written chunk may be: `decodeStrings` is off. */
type Chunk = Uint8Array | string;
type Done = (error?: Error | null) => void;

/** The write that was made before there was a connection. */
interface EarlyWrite {
  readonly chunk: Chunk;
  readonly encoding: BufferEncoding;
  /** The attempt that it was handed to; undefined for none. */
  inner: StackSocket | undefined;
  /** Whether the engine has room for more after it. */
  hasRoom: boolean;
}

export class UserspaceSocket extends Duplex implements Multipath, SocketEvents {
  /** Addresses tried so far, as `address:port`. */
  autoSelectFamilyAttemptedAddresses: string[] = [];
  /** Whether it looks for its peer. */
  connecting = false;
  /** As set by {@link setTimeout}, in ms; undefined when never set. */
  timeout: number | undefined = undefined;
  /** Bytes given to the reader's side of the stream. */
  bytesRead = 0;
  /** Gives up looking for the peer; set while that goes on. */
  cancelConnect: (() => void) | undefined = undefined;
  private readonly host: UserspaceHost;
  private inner: StackSocket | undefined = undefined;
  private readonly control: SubflowControl;
  /** Bytes that the engine took. */
  private bytesTaken = 0;
  /** Whether the stream wants more bytes. */
  private isReading = false;
  /** Whether {@link pull} is at work further up the call stack. */
  private isPulling = false;
  private isPeerClosed = false;
  private hasEnded = false;
  /** A write that waits for the connection; with Fast Open it may leave with the SYN. */
  private early: EarlyWrite | undefined = undefined;
  /** Calls the engine's room is waited for with. */
  private whenWritable: (() => void) | undefined = undefined;
  private idleTimer: NodeJS.Timeout | undefined = undefined;
  /** Bytes on their way to the peer when the idle timer was set. */
  private idleBuffered = 0;
  private isReferenced = true;
  /** As asked for with {@link setNoDelay} and {@link setKeepAlive}, perhaps before there was a connection. */
  private isNoDelay: boolean | undefined = undefined;
  private keepAliveIdleNs: number | undefined = undefined;

  constructor(host: UserspaceHost, options: UserspaceSocketOptions) {
    super({ allowHalfOpen: options.allowHalfOpen ?? false, emitClose: false, decodeStrings: false });
    this.host = host;
    this.control = new SubflowControl(host);
    if (options.signal !== undefined) addAbortSignal(options.signal, this);
  }

  get transport(): 'userspace' {
    return 'userspace';
  }

  // The connection

  /** The socket is looking for its peer until {@link attach} or `destroy`. */
  beginConnect(cancel: () => void): void {
    this.connecting = true;
    this.cancelConnect = cancel;
    this.host.hold(this, this.isReferenced);
  }

  /** Takes over an established connection. */
  attach(inner: StackSocket): void {
    this.inner = inner;
    inner.data = this;
    this.connecting = false;
    this.cancelConnect = undefined;
    this.host.hold(this, this.isReferenced);
    if (this.isNoDelay !== undefined || this.keepAliveIdleNs !== undefined) this.applyOptions();
    this.control.attach(inner);
  }

  handleEstablished(): void {
    this.touchIdle();
    this.emit('connect');
    this.emit('ready');
    this.pull();
  }

  handleReadable(): void {
    this.pull();
  }

  handleWritable(): void {
    this.touchIdle();
    const resume = this.whenWritable;
    this.whenWritable = undefined;
    resume?.();
  }

  handlePeerClosed(): void {
    this.isPeerClosed = true;
    this.pull();
  }

  handlePath(notice: PathNotice): void {
    this.control.handleNotice(notice);
    const event = subflowEvent(notice);
    const address = addressEvent(notice, this.inner?.remote.port ?? 0);
    if (event !== undefined) this.emit('subflow', event satisfies SubflowEvent);
    else if (address !== undefined) this.emit('address', address);
    else if (notice.type === 'experiment') this.emit('experiment', experimentEvent(notice));
    else if (isFallback(notice)) this.emit('fallback', notice.cause);
  }

  handleClosed(error: StackSocket['error']): void {
    this.host.hold(this, false);
    this.control.end();
    if (error !== undefined) {
      // What came in before the end is the reader's if it asks for it in time, as with the kernel.
      this.pull();
      this.destroy(netError(error.code, 'read'));
    } else if (!this.hasEnded) {
      this.isPeerClosed = true;
      this.pull();
    }
  }

  handleHostClosed(): void {
    this.destroy();
  }

  get isMultipath(): boolean {
    const { inner } = this;
    return inner?.state === 'open' && !inner.connection.isFallback;
  }

  get subflows(): SubflowInfo[] {
    const all = this.inner?.connection.subflows ?? [];
    // Those that only wait for old duplicates to die out are of no interest here.
    return all.filter((subflow) => subflow.state !== 'closed').map(describeSubflow);
  }

  get multipath(): MultipathInfo {
    return this.control.describe();
  }

  openSubflow(options: OpenSubflowOptions = {}): Promise<SubflowInfo> {
    return this.control.open(options, this.connecting);
  }

  closeSubflow(id: number): void {
    this.control.close(id);
  }

  setBackup(id: number, backup: boolean): void {
    this.control.setBackup(id, backup);
  }

  announceAddress(id: number, address: string, port = 0): boolean {
    return this.control.announceAddress(id, address, port);
  }

  withdrawAddress(id: number): void {
    this.control.withdrawAddress(id);
  }

  watchSubflows(): void {
    // It tells of them anyway.
  }

  sendExperiment(id: number, content: ExperimentContent): boolean {
    return this.control.sendExperiment(id, content);
  }

  // Reading

  override _read(): void {
    this.isReading = true;
    this.pull();
  }

  /** Moves bytes from the engine to the stream for as long as the stream wants them. */
  private pull(): void {
    const { inner } = this;
    if (inner === undefined || this.isPulling || this.destroyed) return;
    this.isPulling = true;
    const now = this.host.now();
    let taken = 0;
    while (this.isReading) {
      const bytes = inner.read(now);
      if (bytes === undefined) break;
      taken += bytes.length;
      this.isReading = this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
    this.isPulling = false;
    if (taken > 0) {
      this.bytesRead += taken;
      this.touchIdle();
      this.host.wake();
    }
    if (this.isPeerClosed && !this.hasEnded && inner.connection.readableBytes === 0) {
      this.hasEnded = true;
      this.push(null);
      // As net does: where nothing is left to be read the end comes without anybody reading.
      this.read(0);
    }
  }

  // Writing

  override _write(chunk: Chunk, encoding: BufferEncoding, done: Done): void {
    if (this.connecting) this.early = { chunk, encoding, inner: undefined, hasRoom: true };
    this.whenConnected(done, () => {
      const { early, inner } = this;
      this.early = undefined;
      const isGiven = early !== undefined && early.inner === inner;
      this.finishWrite(isGiven ? early.hasRoom : this.give(chunk, encoding), done);
    });
  }

  /** Hands what was written by now to `inner`, an attempt that has not sent its SYN. */
  writeEarly(inner: StackSocket): void {
    const { early } = this;
    if (early === undefined) return;
    const bytes = bytesOf(early.chunk, early.encoding);
    early.inner = inner;
    early.hasRoom = inner.write(this.host.now(), bytes);
    this.bytesTaken += bytes.length;
  }

  get fastOpen(): FastOpenInfo | undefined {
    const status = this.inner?.connection.fastOpen;
    if (status === undefined) return undefined;
    const { sentBytes, acceptedBytes, isSettled } = status;
    if (!isSettled && acceptedBytes === 0) return undefined;
    return { isAccepted: acceptedBytes > 0, sentBytes, acceptedBytes };
  }

  override _writev(chunks: { chunk: Chunk; encoding: BufferEncoding }[], done: Done): void {
    this.whenConnected(done, () => {
      let outcome: boolean | Error = true;
      for (const { chunk, encoding } of chunks) {
        outcome = this.give(chunk, encoding);
        if (outcome instanceof Error) break;
      }
      this.finishWrite(outcome, done);
    });
  }

  override _final(done: Done): void {
    this.whenConnected(done, () => {
      this.inner?.shutdown(this.host.now());
      this.host.wake();
      done();
    });
  }

  /** Runs `action` once there is a connection; `done` gets the error when there never is. */
  private whenConnected(done: Done, action: () => void): void {
    if (!this.connecting) {
      if (this.inner === undefined) done(netError('EPIPE', 'write', {}, 'this socket has no connection'));
      else action();
      return;
    }
    const settled = (): void => {
      this.off('connect', settled);
      this.off('close', settled);
      if (this.destroyed)
        done(netError('ECANCELED', 'write', {}, 'the socket was closed before it connected'));
      else action();
    };
    this.once('connect', settled);
    this.once('close', settled);
  }

  /** Hands bytes to the engine; gives whether it has room for more, or why it did not take them. */
  private give(chunk: Chunk, encoding: BufferEncoding): boolean | Error {
    const bytes = bytesOf(chunk, encoding);
    this.bytesTaken += bytes.length;
    try {
      return this.inner!.write(this.host.now(), bytes);
    } catch (error) {
      return codeOf(error) === 'ERR_SUBFLOW_STATE' ? netError('EPIPE', 'write') : (error as Error);
    }
  }

  private finishWrite(outcome: boolean | Error, done: Done): void {
    this.touchIdle();
    this.host.wake();
    if (outcome instanceof Error) done(outcome);
    else if (outcome) done();
    else this.whenWritable = done;
  }

  // The end

  override _destroy(error: Error | null, done: Done): void {
    const { inner } = this;
    clearTimeout(this.idleTimer);
    this.control.end();
    this.cancelConnect?.();
    this.cancelConnect = undefined;
    this.connecting = false;
    const waiting = this.whenWritable as Done | undefined;
    this.whenWritable = undefined;
    if (inner === undefined || inner.state === 'closed') this.host.hold(this, false);
    if (inner !== undefined && inner.state !== 'closed') inner.close(this.host.now());
    this.host.wake();
    waiting?.(error ?? netError('ECANCELED', 'write'));
    done(error);
    process.nextTick(() => this.emit('close', error !== null));
  }

  /** Ends this side and destroys the socket when all that was written has been given to the engine. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /** Ends the connection with a reset, MP_FASTCLOSE with Multipath TCP. */
  resetAndDestroy(): this {
    if (this.inner !== undefined && this.inner.state !== 'closed') {
      this.inner.abort(this.host.now());
      this.host.wake();
      return this.destroy();
    }
    return this.destroy(this.connecting ? undefined : netError('ERR_SOCKET_CLOSED', 'reset'));
  }

  // What net.Socket has besides

  get pending(): boolean {
    return this.inner === undefined || this.connecting;
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening';
    if (this.readable && this.writable) return 'open';
    if (this.readable) return 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  get bytesWritten(): number {
    return this.bytesTaken + this.writableLength;
  }

  get localAddress(): string | undefined {
    return this.inner?.local.address.toString();
  }

  get localPort(): number | undefined {
    return this.inner?.local.port;
  }

  get localFamily(): string | undefined {
    return this.inner && `IPv${this.inner.local.address.family}`;
  }

  get remoteAddress(): string | undefined {
    return this.inner?.remote.address.toString();
  }

  get remotePort(): number | undefined {
    return this.inner?.remote.port;
  }

  get remoteFamily(): string | undefined {
    return this.inner && `IPv${this.inner.remote.address.family}`;
  }

  address(): SocketAddressInfo {
    const { inner } = this;
    if (inner === undefined) return {};
    const { address, port } = inner.local;
    return { address: address.toString(), family: `IPv${address.family}`, port };
  }

  /** 'timeout' is emitted after `ms` without bytes in either direction; 0 switches it off. */
  setTimeout(ms: number, listener?: () => void): this {
    if (!(Number.isFinite(ms) && ms >= 0)) throw new RangeError(`a timeout of ${ms} ms cannot be`);
    this.timeout = ms;
    clearTimeout(this.idleTimer);
    this.idleTimer = undefined;
    if (ms > 0) {
      this.idleTimer = setTimeout(() => this.handleIdle(), Math.min(ms, MAX_TIMER_MS)).unref();
      if (listener !== undefined) this.once('timeout', listener);
    } else if (listener !== undefined) {
      this.off('timeout', listener);
    }
    return this;
  }

  private handleIdle(): void {
    const buffered = this.inner?.connection.bufferedSendBytes ?? 0;
    // A write that is still going out is not idle, as long as it moves.
    const isMoving = buffered !== this.idleBuffered;
    this.idleBuffered = buffered;
    if (isMoving) this.idleTimer?.refresh();
    else this.emit('timeout');
  }

  private touchIdle(): void {
    if (!this.destroyed) this.idleTimer?.refresh();
  }

  /** Sends small writes at once, or holds them back while others are not acknowledged. */
  setNoDelay(noDelay = true): this {
    this.isNoDelay = noDelay;
    this.applyOptions();
    return this;
  }

  /** Probes the peer after `initialDelay` ms of silence; two hours when it is 0. */
  setKeepAlive(enable = false, initialDelay = 0): this {
    // Two hours are what RFC 9293 §3.8.4 asks for.
    this.keepAliveIdleNs = enable ? (initialDelay > 0 ? initialDelay : 7_200_000) * MILLISECOND : NEVER;
    this.applyOptions();
    return this;
  }

  private applyOptions(): void {
    const { inner } = this;
    if (inner === undefined || inner.state === 'closed') return;
    const now = this.host.now();
    if (this.isNoDelay !== undefined) inner.setNagle(now, !this.isNoDelay);
    if (this.keepAliveIdleNs !== undefined) inner.setKeepAlive(now, this.keepAliveIdleNs);
    this.host.wake();
  }

  ref(): this {
    return this.setReferenced(true);
  }

  unref(): this {
    return this.setReferenced(false);
  }

  private setReferenced(isReferenced: boolean): this {
    this.isReferenced = isReferenced;
    const isAlive = this.connecting || (this.inner !== undefined && this.inner.state !== 'closed');
    if (isAlive) this.host.hold(this, isReferenced);
    return this;
  }
}

/**
 * The engine keeps what it is given until it is acknowledged, and whoever wrote a buffer may use it again when the write
 * is done: hence the copy, but for strings, whose bytes are made here.
 */
function bytesOf(chunk: Chunk, encoding: BufferEncoding): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Uint8Array.prototype.slice.call(chunk);
}

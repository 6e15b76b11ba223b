/** A relay's side that is any stream, as a socket of the userspace transport. What the stream has no room for waits in it. */
import type { Duplex } from 'node:stream';
import { MAX_HELD_BYTES, type RelayEnd, type RelayEndListener } from './relay-end.js';

/** A stream that may end at once; one that cannot is destroyed. */
export type ResettableStream = Duplex & { resetAndDestroy?(): unknown };

/** See the module. */
export class StreamEnd implements RelayEnd {
  readonly stream: ResettableStream;
  private listener: RelayEndListener | undefined = undefined;
  private error: NodeJS.ErrnoException | undefined = undefined;
  private isReset = false;
  /** Bytes that came and that the other side did not want yet. */
  private waiting: Uint8Array | undefined = undefined;

  /** `stream` was not read from, and is paused. */
  constructor(stream: ResettableStream) {
    this.stream = stream;
    stream.on('error', (error) => (this.error = error));
    stream.once('close', () => this.listener?.onClose(this.isReset ? undefined : this.error));
    stream.once('end', () => this.listener?.onEnd());
    stream.on('drain', () => this.listener?.onRoom());
    stream.pause();
    stream.on('data', (chunk: Uint8Array) => this.pass(chunk));
  }

  get heldBytes(): number {
    return this.stream.writableLength;
  }

  listen(listener: RelayEndListener): void {
    const isFirst = this.listener === undefined;
    this.listener = listener;
    if (isFirst && this.stream.destroyed) process.nextTick(() => listener.onClose(this.error));
  }

  write(bytes: Uint8Array): boolean {
    if (this.stream.destroyed || this.stream.writableEnded) return true;
    return this.stream.write(bytes.slice());
  }

  resume(): void {
    const { waiting } = this;
    this.waiting = undefined;
    if (waiting === undefined || this.pass(waiting)) this.stream.resume();
  }

  end(): void {
    this.stream.end();
  }

  reset(): void {
    this.isReset = true;
    if (this.stream.resetAndDestroy === undefined) this.stream.destroy();
    else this.stream.resetAndDestroy();
    if (!this.stream.destroyed) this.stream.destroy();
  }

  /** Hands on in pieces that a side may hold; false: the other side has enough, and this one waits. */
  private pass(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.length; at += MAX_HELD_BYTES) {
      const end = Math.min(chunk.length, at + MAX_HELD_BYTES);
      if (this.listener?.onBytes(chunk.subarray(at, end)) === true) continue;
      if (end < chunk.length) this.waiting = chunk.subarray(end);
      this.stream.pause();
      return false;
    }
    return true;
  }
}

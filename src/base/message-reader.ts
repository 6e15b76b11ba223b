/**
 * Messages at the beginning of a byte stream that may be cut anywhere: bytes are gathered until a message is whole, never
 * more of them than the message may have. Knows no protocol: what a message is, a scanner says.
 */
import { parseError, type ParseError } from './error.js';

/** What a scanner makes of the bytes so far. */
export type Scan<T> =
  /** Not whole; nothing changes before there are `atLeast` bytes, which is more than there are. */
  | { readonly state: 'more'; readonly atLeast: number }
  /** The first `length` bytes are a message. */
  | { readonly state: 'done'; readonly value: T; readonly length: number }
  | { readonly state: 'invalid'; readonly error: ParseError };

/** What a reader made of a chunk. */
export type MessageRead<T> =
  | { readonly state: 'more' }
  /** `received`: the message's bytes; `rest`: what follows it in the chunk. Both are views, good until the chunk changes. */
  | {
      readonly state: 'message';
      readonly value: T;
      readonly received: Uint8Array;
      readonly rest: Uint8Array;
    }
  /** `received`: all bytes that were taken, the chunk's included; the reader is of no more use. */
  | { readonly state: 'invalid'; readonly error: ParseError; readonly received: Uint8Array };

const nothing = new Uint8Array(0);
/** First room for a message that comes in pieces, in bytes. */
const FIRST_ROOM_BYTES = 64;

/** Gathers one message after the other. Holds at most `maxBytes`, and nothing between two messages. */
export class MessageReader<T> {
  private readonly scan: (bytes: Uint8Array) => Scan<T>;
  /** Longest message, in bytes. */
  private readonly maxBytes: number;
  /** The first `length` bytes are those of an unfinished message. */
  private held = nothing;
  private length = 0;
  /** Bytes that there must be before it is worth to look again. */
  private wanted = 1;

  /** `scan` looks at the bytes from the beginning of a message on; it keeps no view of them. */
  constructor(scan: (bytes: Uint8Array) => Scan<T>, maxBytes: number) {
    this.scan = scan;
    this.maxBytes = maxBytes;
  }

  /** Bytes of an unfinished message. */
  get heldBytes(): number {
    return this.length;
  }

  /** Takes the next bytes of the stream. `chunk` is not kept. */
  read(chunk: Uint8Array): MessageRead<T> {
    const before = this.length;
    if (before === 0) return this.judge(chunk, chunk, 0);
    // Beyond the longest message there is only what follows it.
    const take = Math.min(chunk.length, this.maxBytes - before);
    this.hold(chunk.subarray(0, take));
    if (this.length < this.wanted) return { state: 'more' };
    return this.judge(this.held.subarray(0, this.length), chunk, before);
  }

  /** Looks at `bytes`, whose end `chunk` is but for its first `before` bytes. */
  private judge(bytes: Uint8Array, chunk: Uint8Array, before: number): MessageRead<T> {
    const scan = this.scan(bytes);
    if (scan.state === 'done') {
      this.forget();
      const received = bytes.subarray(0, scan.length);
      return { state: 'message', value: scan.value, received, rest: chunk.subarray(scan.length - before) };
    }
    if (scan.state === 'invalid') {
      const received = bytes.slice(0, this.maxBytes);
      this.forget();
      return { state: 'invalid', error: scan.error, received };
    }
    if (scan.atLeast > this.maxBytes) {
      const error = parseError('too-long', 0, `the message is longer than ${this.maxBytes} bytes`);
      return { state: 'invalid', error, received: bytes.slice(0, this.maxBytes) };
    }
    this.wanted = scan.atLeast;
    if (before === 0) this.hold(chunk);
    return { state: 'more' };
  }

  private hold(chunk: Uint8Array): void {
    const length = this.length + chunk.length;
    if (length > this.held.length) {
      const room = Math.min(this.maxBytes, Math.max(length, this.held.length * 2, FIRST_ROOM_BYTES));
      const grown = new Uint8Array(room);
      grown.set(this.held.subarray(0, this.length));
      this.held = grown;
    }
    this.held.set(chunk, this.length);
    this.length = length;
  }

  private forget(): void {
    this.held = nothing;
    this.length = 0;
    this.wanted = 1;
  }
}

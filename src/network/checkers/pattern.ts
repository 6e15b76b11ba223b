/**
 * Content for transfers that follows from the offset alone: whoever receives bytes can tell whether they are the right
 * ones at the right place without anybody having kept what was sent.
 */

/** A stream of bytes that can be judged. */
export interface StreamContent {
  /** The first place in `bytes` that differs from the stream from `offset` on; -1 when there is none. */
  mismatch(bytes: Uint8Array, offset: number): number;
}

/** An endless stream of bytes, the same for the same seed. */
export class Pattern implements StreamContent {
  private readonly seed: number;

  /** `seed`: any integer; streams of different seeds have nothing to do with each other. */
  constructor(seed: number) {
    this.seed = Math.imul(seed, 0x9e3779b1) | 0;
  }

  /** Writes the bytes of the stream from `offset` on to all of `target`. */
  fill(target: Uint8Array, offset: number): Uint8Array {
    const { length } = target;
    let at = 0;
    while (at < length && ((offset + at) & 3) !== 0) {
      target[at] = this.byteAt(offset + at);
      at++;
    }
    for (; at + 4 <= length; at += 4) {
      const word = this.word((offset + at) / 4);
      target[at] = word;
      target[at + 1] = word >>> 8;
      target[at + 2] = word >>> 16;
      target[at + 3] = word >>> 24;
    }
    for (; at < length; at++) target[at] = this.byteAt(offset + at);
    return target;
  }

  /** The first place in `bytes` that differs from the stream from `offset` on; -1 when there is none. */
  mismatch(bytes: Uint8Array, offset: number): number {
    const { length } = bytes;
    let at = 0;
    for (; at < length && ((offset + at) & 3) !== 0; at++) {
      if (bytes[at] !== this.byteAt(offset + at)) return at;
    }
    for (; at + 4 <= length; at += 4) {
      const word = this.word((offset + at) / 4);
      const found = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      if (found !== word) break;
    }
    for (; at < length; at++) {
      if (bytes[at] !== this.byteAt(offset + at)) return at;
    }
    return -1;
  }

  private byteAt(offset: number): number {
    return (this.word(Math.floor(offset / 4)) >>> ((offset & 3) * 8)) & 0xff;
  }

  /** Four bytes at four times `index`, mixed so that no shift of the stream looks like another part of it. */
  private word(index: number): number {
    let x = Math.imul((index ^ this.seed) | 0, 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 15), 0xc2b2ae35);
    return x ^ (x >>> 13);
  }
}

/** Judges a stream of bytes as it is delivered: each once, in order, none but the right ones. */
export class StreamChecker {
  /** Bytes delivered so far. */
  bytesDelivered = 0;
  /** Offset of the first wrong byte; -1 while all were right. */
  wrongAt = -1;
  private readonly content: StreamContent;
  private readonly length: number;

  /** `length`: how many bytes the stream has; Infinity when that is open. */
  constructor(content: StreamContent, length = Number.POSITIVE_INFINITY) {
    this.content = content;
    this.length = length;
  }

  /** Takes the next bytes delivered; false when one is wrong or there are too many. */
  accept(bytes: Uint8Array): boolean {
    const start = this.bytesDelivered;
    this.bytesDelivered += bytes.length;
    if (this.wrongAt >= 0) return false;
    const place = this.content.mismatch(bytes, start);
    if (place >= 0) this.wrongAt = start + place;
    else if (this.bytesDelivered > this.length) this.wrongAt = this.length;
    return this.wrongAt < 0;
  }

  /** Whether every byte was delivered, and rightly. */
  get isComplete(): boolean {
    return this.wrongAt < 0 && this.bytesDelivered === this.length;
  }
}

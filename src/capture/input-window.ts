/**
 * The bytes of a stream that a parser looks at: contiguous, moving forward, made of chunks of any size. A record
 * that lies within a chunk is seen in place; only one that a chunk boundary cuts is put together in a buffer of the
 * window's own, which is used again and again.
 *
 * Memory: the chunk at hand and the largest record asked for. Who pushes a second chunk before the first is spent
 * makes the window keep what is left of both.
 */
const FIRST_CARRY_BYTES = 4096;

export class InputWindow {
  /** The buffer that is looked at; between `start` and `end` are the bytes at hand. */
  bytes: Uint8Array = new Uint8Array(0);
  /** The same buffer for reading numbers. */
  view: DataView = new DataView(this.bytes.buffer);
  start = 0;
  end = 0;
  /** Offset of the byte at `start` in the whole stream. */
  position = 0;
  /** The chunk that follows the bytes at hand, from `tailStart` on. */
  private tail: Uint8Array | undefined = undefined;
  private tailStart = 0;
  /** Whether `bytes` is the window's own buffer and may be written to. */
  private carries = false;
  private carry: Uint8Array = new Uint8Array(0);

  /** Bytes pushed and not yet consumed. */
  get available(): number {
    return this.end - this.start + (this.tail === undefined ? 0 : this.tail.length - this.tailStart);
  }

  /** Adds `chunk` at the end. It is kept by reference until it is consumed. */
  push(chunk: Uint8Array): void {
    if (this.tail !== undefined) this.pull(this.tail.length - this.tailStart);
    if (this.start === this.end) this.adopt(chunk, 0);
    else {
      this.tail = chunk;
      this.tailStart = 0;
    }
  }

  /** Makes `count` bytes stand contiguously at `bytes[start]`; false when that many have not come yet. */
  ensure(count: number): boolean {
    const missing = count - (this.end - this.start);
    if (missing <= 0) return true;
    if (this.tail === undefined) return false;
    const there = this.tail.length - this.tailStart;
    this.pull(Math.min(missing, there));
    return there >= missing;
  }

  /** Moves past `count` bytes that are at hand. */
  consume(count: number): void {
    this.start += count;
    this.position += count;
    if (this.start === this.end && this.tail !== undefined) this.adoptTail();
  }

  /** Moves past up to `count` bytes, as many as have come; returns how many. */
  skip(count: number): number {
    let skipped = 0;
    while (skipped < count && this.start < this.end) {
      const step = Math.min(count - skipped, this.end - this.start);
      this.consume(step);
      skipped += step;
    }
    return skipped;
  }

  private adopt(chunk: Uint8Array, from: number): void {
    this.bytes = chunk;
    this.view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    this.start = from;
    this.end = chunk.length;
    this.carries = false;
  }

  private adoptTail(): void {
    const tail = this.tail!;
    this.tail = undefined;
    this.adopt(tail, this.tailStart);
  }

  /** Moves `count` bytes of the tail behind those at hand, in the window's own buffer. */
  private pull(count: number): void {
    const held = this.end - this.start;
    const base = this.carries ? this.start : 0;
    if (!this.carries || base + held + count > this.carry.length) this.makeRoom(held, count);
    const tail = this.tail!;
    this.carry.set(tail.subarray(this.tailStart, this.tailStart + count), this.end);
    this.end += count;
    this.tailStart += count;
    if (this.tailStart === tail.length) this.tail = undefined;
  }

  /** Puts the bytes at hand at the front of an own buffer with room for `count` more. */
  private makeRoom(held: number, count: number): void {
    let buffer = this.carry;
    if (held + count > buffer.length) {
      buffer = new Uint8Array(Math.max(FIRST_CARRY_BYTES, 2 * buffer.length, held + count));
    }
    if (this.bytes === buffer) buffer.copyWithin(0, this.start, this.end);
    else buffer.set(this.bytes.subarray(this.start, this.end), 0);
    this.carry = buffer;
    this.adopt(buffer, 0);
    this.end = held;
    this.carries = true;
  }
}

import { assert } from './error.js';

/** Chunks up to this many bytes are gathered: keeping a view, and all that it keeps alive, would cost more. */
const TINY_BYTES = 256;
/** Bytes of a buffer that tiny chunks are gathered in. */
const GATHER_BYTES = 4096;

/** Most places for which an emptied queue keeps its arrays: one that is drained often needs them again. */
const SMALL_COUNT = 4;

const noMemory = new ArrayBuffer(0);

/**
 * A queue of bytes that keeps the chunks it was given and does not copy on the way in, but for tiny ones that follow each
 * other: those are gathered, so that what is held costs memory by the byte, however small the pieces that it came in. Bytes
 * have absolute offsets in the stream: the first ever appended is `origin`. The chunks belong to the queue from then on:
 * who appends one must not write to it again.
 */
export class ByteQueue {
  /** Chunks from `first` to before `last` are held; the places around them are free, and filled again. */
  private chunks: (Uint8Array | undefined)[] = [];
  private starts: number[] = [];
  private first = 0;
  private last = 0;
  private headOffset: number;
  private tailOffset: number;
  /** What the newest chunk is a view of, if tiny chunks are being gathered there; the bytes behind it are free. */
  private gathering: Uint8Array | undefined = undefined;
  /** The chunk of the last view, and its memory: to ask a chunk for it takes longer than to make the view. */
  private viewed: Uint8Array | undefined = undefined;
  private viewedBuffer: ArrayBufferLike = noMemory;
  /** Where in that memory the chunk starts. */
  private viewedAt = 0;

  constructor(origin = 0) {
    this.headOffset = origin;
    this.tailOffset = origin;
  }

  /** Offset of the oldest byte held. */
  get head(): number {
    return this.headOffset;
  }

  /** Offset one past the newest byte held. */
  get tail(): number {
    return this.tailOffset;
  }

  /** Bytes held. */
  get length(): number {
    return this.tailOffset - this.headOffset;
  }

  /** Adds `chunk` at the tail. */
  append(chunk: Uint8Array): void {
    if (chunk.length === 0 || (chunk.length <= TINY_BYTES && this.gather(chunk))) return;
    this.gathering = undefined;
    if (this.chunks.length === 0) {
      this.chunks = [chunk, undefined, undefined, undefined];
      this.starts = [this.tailOffset, 0, 0, 0];
    } else if (this.last === this.chunks.length) {
      this.chunks.push(chunk);
      this.starts.push(this.tailOffset);
    } else {
      this.chunks[this.last] = chunk;
      this.starts[this.last] = this.tailOffset;
    }
    this.last++;
    this.tailOffset += chunk.length;
  }

  /** Adds a tiny chunk to the newest one, if that is tiny or gathered too; false when it has to stand by itself. */
  private gather(chunk: Uint8Array): boolean {
    if (this.first === this.last) return false;
    const index = this.last - 1;
    const newest = this.chunks[index]!;
    const end = newest.length + chunk.length;
    if (this.gathering === undefined) {
      if (newest.length > TINY_BYTES) return false;
      this.gathering = new Uint8Array(GATHER_BYTES);
      this.gathering.set(newest);
    } else if (end > GATHER_BYTES) return false;
    // Views that were handed out keep their bytes: only free ones are written to.
    this.gathering.set(chunk, newest.length);
    this.chunks[index] = this.gathering.subarray(0, end);
    this.tailOffset += chunk.length;
    return true;
  }

  /** Lets go of every byte before `offset`; offsets at or before the head do nothing. */
  release(offset: number): void {
    if (offset <= this.headOffset) return;
    assert(offset <= this.tailOffset, 'released bytes that the queue does not hold');
    this.headOffset = offset;
    while (this.first < this.last && this.chunkEnd(this.first) <= offset)
      this.chunks[this.first++] = undefined;
    if (this.first === this.last) {
      this.gathering = undefined;
      if (this.chunks.length > SMALL_COUNT) {
        this.chunks = [];
        this.starts = [];
      }
      this.first = 0;
      this.last = 0;
      if (this.viewed !== undefined) {
        this.viewed = undefined;
        this.viewedBuffer = noMemory;
      }
    } else if (this.first > 32 && this.first * 2 > this.last) {
      this.chunks.splice(0, this.first);
      this.starts.splice(0, this.first);
      this.last -= this.first;
      this.first = 0;
    }
  }

  /**
   * Views of the `length` bytes from `offset` on, in order; the range must be held. No view reaches over a multiple of
   * `unitBytes` from `offset` on: bytes that will be copied in such units are best viewed in them.
   */
  views(offset: number, length: number, unitBytes = length): Uint8Array[] {
    assert(
      offset >= this.headOffset && offset + length <= this.tailOffset,
      'viewed bytes that the queue does not hold',
    );
    let remaining = length;
    let at = offset;
    let unitLeft = unitBytes;
    let index = this.indexOf(offset);
    const first = this.chunks[index];
    // The usual case is one piece of a chunk: an array made full needs not grow.
    if (first !== undefined && length > 0 && length <= unitBytes) {
      const from = offset - this.starts[index]!;
      const isPart = length < first.length && from + length <= first.length;
      if (isPart) return [this.view(first, from, length)];
    }
    const pieces: Uint8Array[] = [];
    for (; remaining > 0; index++) {
      const chunk = this.chunks[index]!;
      let from = at - this.starts[index]!;
      while (from < chunk.length && remaining > 0) {
        const take = Math.min(remaining, unitLeft, chunk.length - from);
        pieces.push(take === chunk.length ? chunk : this.view(chunk, from, take));
        from += take;
        at += take;
        remaining -= take;
        unitLeft = take === unitLeft ? unitBytes : unitLeft - take;
      }
    }
    return pieces;
  }

  private view(chunk: Uint8Array, from: number, length: number): Uint8Array {
    if (chunk !== this.viewed) {
      this.viewed = chunk;
      this.viewedBuffer = chunk.buffer;
      this.viewedAt = chunk.byteOffset;
    }
    return new Uint8Array(this.viewedBuffer, this.viewedAt + from, length);
  }

  /** Takes up to `limit` bytes from the head without a copy: the rest of one chunk at most. Undefined when empty. */
  shift(limit = Number.POSITIVE_INFINITY): Uint8Array | undefined {
    if (this.headOffset === this.tailOffset || limit <= 0) return undefined;
    const chunk = this.chunks[this.first]!;
    const from = this.headOffset - this.starts[this.first]!;
    const take = Math.min(limit, chunk.length - from);
    const piece = from === 0 && take === chunk.length ? chunk : chunk.subarray(from, from + take);
    this.release(this.headOffset + take);
    return piece;
  }

  private chunkEnd(index: number): number {
    return this.starts[index]! + this.chunks[index]!.length;
  }

  /** Index of the chunk that holds `offset`. */
  private indexOf(offset: number): number {
    let low = this.first;
    let high = this.last - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Copies `length` bytes from `offset` on, counted over `pieces` laid end to end, to `target` at `at`. */
export function copyPieces(
  pieces: readonly Uint8Array[],
  offset: number,
  length: number,
  target: Uint8Array,
  at: number,
): void {
  let skip = offset;
  let remaining = length;
  let to = at;
  for (let i = 0; remaining > 0; i++) {
    const piece = pieces[i];
    assert(piece !== undefined, 'copied past the last piece');
    if (skip >= piece.length) {
      skip -= piece.length;
      continue;
    }
    const take = Math.min(remaining, piece.length - skip);
    target.set(skip === 0 && take === piece.length ? piece : piece.subarray(skip, skip + take), to);
    to += take;
    remaining -= take;
    skip = 0;
  }
}

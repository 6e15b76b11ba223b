/**
 * Where received packets live. A packet is read into a slab and handed on as a view, because the stack keeps views of
 * what it was given; so a slab is never used twice, and lives as long as the last view of it. What a packet can keep
 * alive is bounded:
 *
 * | packet          | stays in                      | keeps alive, at most             |
 * |-----------------|-------------------------------|----------------------------------|
 * | up to 2 KiB     | a chunk shared with others    | 8 KiB                            |
 * | up to 16 KiB    | an allocation of its own      | its own length                   |
 * | above           | the slab it was read into     | 1 MiB (64 times its own length)  |
 *
 * Copying the small ones costs less than their headers do; copying the large ones would cost as much as the read.
 */
import { NativeBuffer } from './libc.js';

const SLAB_BYTES = 1 << 20;
const CHUNK_BYTES = 8 << 10;
const CHUNKED_BYTES = 2 << 10;
const COPIED_BYTES = 16 << 10;

export class SlabAllocator {
  private slab: NativeBuffer;
  /** First free byte of the slab. */
  private at = 0;
  private chunk = new Uint8Array(CHUNK_BYTES);
  /** First free byte of the chunk. */
  private chunkAt = 0;
  private readonly readBytes: number;

  /** `readBytes`: the most that one read may bring. */
  constructor(readBytes: number) {
    this.readBytes = readBytes;
    this.slab = new NativeBuffer(SLAB_BYTES);
  }

  /** The slab that the next read goes to. */
  get bytes(): Uint8Array {
    return this.slab.bytes;
  }

  /** Where in `bytes` the next read goes; there is room for one read of the full size. */
  get offset(): number {
    return this.at;
  }

  /** The same place as an address for the kernel. */
  get address(): number {
    return this.slab.address + this.at;
  }

  /**
   * Keeps `length` bytes of what was just read, from `skip` bytes into it on: a view that nobody will write to again.
   */
  keep(skip: number, length: number): Uint8Array {
    const start = this.at + skip;
    if (length <= CHUNKED_BYTES) return this.copyToChunk(start, length);
    if (length <= COPIED_BYTES) return this.slab.bytes.slice(start, start + length);
    const view = this.slab.bytes.subarray(start, start + length);
    // Reads start on a cache line.
    this.at = (start + length + 63) & ~63;
    if (this.at + this.readBytes > SLAB_BYTES) {
      this.slab = new NativeBuffer(SLAB_BYTES);
      this.at = 0;
    }
    return view;
  }

  private copyToChunk(start: number, length: number): Uint8Array {
    if (this.chunkAt + length > CHUNK_BYTES) {
      this.chunk = new Uint8Array(CHUNK_BYTES);
      this.chunkAt = 0;
    }
    const from = this.chunkAt;
    const to = from + length;
    this.chunkAt = (to + 7) & ~7;
    const source = this.slab.bytes;
    const target = this.chunk;
    // A handful of bytes is copied faster here than by a call with a view.
    if (length <= 96) for (let i = 0; i < length; i++) target[from + i] = source[start + i]!;
    else target.set(source.subarray(start, start + length), from);
    return target.subarray(from, to);
  }
}

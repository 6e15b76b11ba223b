/** Frames that are in none of the kernel's rings: a stack of their offsets, so that the one used last, which is in the caches, is next. */
import { assert } from '../../base/index.js';

export class FramePool {
  private readonly offsets: Int32Array;
  private readonly frameMask: number;
  private count = 0;

  /** `capacity`: all frames there are. `frameBytes`: a power of two. */
  constructor(capacity: number, frameBytes: number) {
    this.offsets = new Int32Array(capacity);
    this.frameMask = -frameBytes;
  }

  /** Frames in it. */
  get size(): number {
    return this.count;
  }

  /** Puts the frame back that `offset` lies in. */
  put(offset: number): void {
    assert(this.count < this.offsets.length, 'a frame came back twice');
    this.offsets[this.count++] = offset & this.frameMask;
  }

  /** Takes a frame; there has to be one. */
  take(): number {
    return this.offsets[--this.count]!;
  }
}

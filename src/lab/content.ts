/**
 * What the server of a scenario answers with: one block of bytes over and over, made once, so that neither to write nor to
 * judge a simulated second of it costs a real one. A byte at a wrong place shows all the same: the length of the block is
 * prime, and so no multiple of anything that bytes are cut into.
 */
import { Pattern, type StreamContent } from '../network/index.js';

/** After how many bytes the content begins anew. */
const PERIOD_BYTES = 65_537;
/** Most bytes of one piece; no more than the period. */
export const PIECE_BYTES = 64 * 1024;

export class Content implements StreamContent {
  /** The period, and of the next one as much as a piece may reach over. Nobody writes to it. */
  private readonly block = new Uint8Array(PERIOD_BYTES + PIECE_BYTES);

  /** `seed`: any integer; contents of different seeds have nothing to do with each other. */
  constructor(seed: number) {
    const { block } = this;
    new Pattern(seed).fill(block, 0);
    block.copyWithin(PERIOD_BYTES, 0, PIECE_BYTES);
  }

  /** The bytes from `offset` on, {@link PIECE_BYTES} at most: memory of all its readers, and not to be written to. */
  piece(offset: number, length: number): Uint8Array {
    const from = offset % PERIOD_BYTES;
    return this.block.subarray(from, from + length);
  }

  /** The first place in `bytes` that differs from the content from `offset` on; -1 when there is none. */
  mismatch(bytes: Uint8Array, offset: number): number {
    const { block } = this;
    // What went from host to host without being written is still this memory.
    if (bytes.buffer === block.buffer && (bytes.byteOffset - offset) % PERIOD_BYTES === 0) return -1;
    for (let at = 0; at < bytes.length; at++) {
      if (bytes[at] !== block[(offset + at) % PERIOD_BYTES]) return at;
    }
    return -1;
  }
}

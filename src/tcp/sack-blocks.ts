/**
 * The SACK blocks of an ACK as such: which make sense, which report a duplicate, and which ones the ACK before brought
 * already. Knows nothing of what was sent.
 * Read first: RFC 2018 §3 and §4, RFC 2883 §4.
 */

/** Most SACK blocks that one ACK carries (RFC 2018 §3). */
const MAX_SACK_BLOCKS = 4;

/** RFC 2018 §3: a block lies beyond the acknowledgment it comes with. An old ACK may tell what is known by now. */
export function isBlock(left: number, right: number, ackOffset: number, sndNxt: number): boolean {
  return left < right && left >= ackOffset && right <= sndNxt;
}

/** RFC 2883 §4: the first block reports a duplicate if it lies before the acknowledgment, or inside the second block. */
export function isDsack(ackOffset: number, edges: ArrayLike<number>, blockCount: number): boolean {
  if (edges[0]! < ackOffset) return edges[1]! <= ackOffset;
  return blockCount > 1 && edges[0]! >= edges[2]! && edges[1]! <= edges[3]!;
}

/** The blocks of one ACK, kept for the next one to compare with. */
export class SackBlocks {
  /** Stream offsets: left, right, left, right. */
  private readonly edges = new Float64Array(2 * MAX_SACK_BLOCKS);
  /** Number of blocks in `edges`. */
  private count = 0;

  /** Where the block ends that holds `left`; `left` if there is none. */
  endOf(left: number): number {
    const { edges } = this;
    for (let i = 0; i < 2 * this.count; i += 2)
      if (edges[i]! <= left && left < edges[i + 1]!) return edges[i + 1]!;
    return left;
  }

  /** Keeps of the `blockCount` blocks in `edges` those from the `first` on that make sense. */
  keep(edges: ArrayLike<number>, first: number, blockCount: number, ackOffset: number, sndNxt: number): void {
    this.count = 0;
    for (let i = first; i < blockCount && this.count < MAX_SACK_BLOCKS; i++) {
      const left = edges[2 * i]!;
      const right = edges[2 * i + 1]!;
      if (!isBlock(left, right, ackOffset, sndNxt)) continue;
      this.edges[2 * this.count] = left;
      this.edges[2 * this.count + 1] = right;
      this.count++;
    }
  }
}

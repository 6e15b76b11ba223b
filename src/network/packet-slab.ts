/**
 * Memory for packets, handed out front to back from large blocks: one block serves many packets, and the collector
 * frees it when the last view of it is gone. Nothing is ever handed out twice, so packets never overlap.
 */
export class PacketSlab {
  /** The block that packets are cut from at present. */
  private block: Uint8Array;
  /** Its memory. Kept beside it, for to ask a view what it is a view of costs more than to make one. */
  private memory: ArrayBuffer;
  /** First byte of `block` not handed out yet. */
  private used = 0;
  /** Size of every block, in bytes. */
  private readonly blockBytes: number;

  /** `blockBytes`: the size of a block, at least that of the largest packet asked for. */
  constructor(blockBytes: number) {
    this.blockBytes = blockBytes;
    this.memory = new ArrayBuffer(0);
    this.block = new Uint8Array(this.memory);
  }

  /** Makes sure that the next `length` bytes of the block are free, and returns the block; see {@link offset}. */
  reserve(length: number): Uint8Array {
    if (this.used + length > this.block.length) {
      this.memory = new ArrayBuffer(Math.max(this.blockBytes, length));
      this.block = new Uint8Array(this.memory);
      this.used = 0;
    }
    return this.block;
  }

  /** The memory of the reserved block, and of what is taken from it. */
  get buffer(): ArrayBuffer {
    return this.memory;
  }

  /** Where in the reserved block the free bytes start. */
  get offset(): number {
    return this.used;
  }

  /** Hands out the first `length` of the reserved bytes. */
  take(length: number): Uint8Array {
    const bytes = new Uint8Array(this.memory, this.used, length);
    // Eight-byte steps keep the headers of every packet aligned alike.
    this.used = (this.used + length + 7) & ~7;
    return bytes;
  }

  /** Hands out `length` bytes, all zero. */
  allocate(length: number): Uint8Array {
    this.reserve(length);
    return this.take(length);
  }
}

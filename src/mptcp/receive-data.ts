/**
 * The data level's receiver: puts what the subflows deliver in order, holds it for the reader, and says what may be
 * acknowledged and how much room there is. Knows data offsets only: no mappings, no subflows.
 * Read first: RFC 8684 §3.3.2 to §3.3.4.
 */
import { ByteQueue, ReassemblyQueue } from '../base/index.js';

/** What becomes of a run of bytes handed to {@link DataReceiver.deliver}. */
export interface Delivery {
  /** Bytes that were not there before. */
  fresh: number;
  /** Bytes dropped because they lie beyond the window advertised, the DATA_FIN or a limit. */
  dropped: number;
}

/** Pieces held out of order, as a multiple of the most runs: a full window of ordinary segments has fewer. */
const PIECES_PER_RUN = 2;

/** Reused: pieces that come in order with one delivery. */
const ready: Uint8Array[] = [];

export class DataReceiver {
  /** Data offset of the peer's DATA_FIN (or FIN, in plain TCP); Infinity while unknown. */
  finAt = Number.POSITIVE_INFINITY;
  /** Whether the reader is gone: what comes in order is acknowledged and thrown away. */
  isDiscarding = false;
  /** Result of the last {@link DataReceiver.deliver}. */
  readonly delivery: Delivery = { fresh: 0, dropped: 0 };
  /** Size of the buffer in bytes, in order and out of order together. */
  private readonly bufferBytes: number;
  /**
   * Bytes accepted beyond it: TCP rounds a window up to a unit that its scaled field can express (RFC 7323 §2.3), and
   * what the peer was allowed to send must not be dropped once TCP has acknowledged it.
   */
  private readonly slackBytes: number;
  /** Most runs held out of order. */
  private readonly maxRuns: number;
  /** Bytes in order that the reader has not taken. */
  private readonly queue = new ByteQueue(1);
  /** Bytes out of order. */
  private readonly reassembly = new ReassemblyQueue(1);

  constructor(bufferBytes: number, maxRuns: number) {
    this.bufferBytes = bufferBytes;
    // The scale is the smallest for which 65,535 units hold the buffer, so a unit is below twice the share of one.
    this.slackBytes = Math.ceil((2 * bufferBytes) / 65_535);
    this.maxRuns = maxRuns;
  }

  /** Data offset of the next byte expected, the DATA_FIN not counted. */
  get next(): number {
    return this.reassembly.next;
  }

  /** Data offset to acknowledge: `next`, and one more once the DATA_FIN is in order. */
  get ackOffset(): number {
    return this.isFinished ? this.reassembly.next + 1 : this.reassembly.next;
  }

  /** Whether everything up to the peer's DATA_FIN has come. */
  get isFinished(): boolean {
    return this.reassembly.next === this.finAt;
  }

  /** Whether bytes wait behind a gap. */
  get hasGap(): boolean {
    return this.reassembly.runCount > 0;
  }

  /** Bytes in order that wait for the reader. */
  get readableBytes(): number {
    return this.queue.length;
  }

  /**
   * The window to advertise, in bytes beyond `next`: what the buffer can still take. Its right edge moves only when
   * the reader takes bytes, so it never moves back, whichever subflow delivers.
   */
  get windowBytes(): number {
    return Math.max(0, this.bufferBytes - this.queue.length);
  }

  /** Whether nothing more can be held out of order, in runs or in pieces: a peer may send a byte at a time. */
  private get isFull(): boolean {
    return (
      this.reassembly.runCount >= this.maxRuns || this.reassembly.pieceCount >= PIECES_PER_RUN * this.maxRuns
    );
  }

  /** Takes `bytes` at data offset `at`; the outcome is in {@link DataReceiver.delivery}. */
  deliver(at: number, bytes: Uint8Array): void {
    const delivery = this.delivery;
    delivery.dropped = 0;
    const end = Math.min(this.queue.head + this.bufferBytes + this.slackBytes, this.finAt);
    let piece = bytes;
    if (at + bytes.length > end) {
      const kept = Math.max(0, end - at);
      delivery.dropped = bytes.length - kept;
      piece = bytes.subarray(0, kept);
    }
    if (at > this.reassembly.next && this.isFull) {
      delivery.dropped = bytes.length;
      piece = bytes.subarray(0, 0);
    }
    if (this.reassembly.advance(at, piece.length)) {
      delivery.fresh = piece.length;
      this.queue.append(piece);
    } else {
      delivery.fresh = this.reassembly.insert(at, piece, ready);
      if (ready.length > 0) this.takeReady();
    }
    if (this.isDiscarding) this.queue.release(this.queue.tail);
  }

  /** Queues the pieces that a gap, now filled, had held back. */
  private takeReady(): void {
    for (let i = 0; i < ready.length; i++) this.queue.append(ready[i]!);
    // To set the length of an array is a call of the runtime.
    while (ready.length > 0) ready.pop();
  }

  /** Takes up to `maxBytes` from the head of what is in order. */
  read(maxBytes: number): Uint8Array | undefined {
    return this.queue.shift(maxBytes);
  }

  /** Throws away what is readable now and from now on. */
  discard(): void {
    this.isDiscarding = true;
    this.queue.release(this.queue.tail);
  }

  /**
   * Notes the peer's DATA_FIN at data offset `at`. False when it contradicts what is known: bytes beyond it have come,
   * or it was said to be elsewhere.
   */
  noteFin(at: number): boolean {
    if (this.finAt === at) return true;
    if (this.finAt !== Number.POSITIVE_INFINITY || at < this.reassembly.highest) return false;
    this.finAt = at;
    return true;
  }

  /** Throws away what came out of order: plain TCP has no such thing at this level. */
  dropGaps(): void {
    this.reassembly.discard();
  }
}

/**
 * The rings that the kernel and this program share: one side puts entries in and moves the producer's index, the other takes them out and
 * moves the consumer's. Owns the order of what is read and written when; knows nothing of sockets or packets. Indices are 32 bits and
 * wrap; a ring has a power of two of places. Either side of a ring belongs to one thread at a time.
 *
 * Read first: Linux Documentation/networking/af_xdp.rst, "Rings".
 */
import { viewMemory } from '../libc.js';

/** A ring in mapped memory, as one thread tells another of it. */
export interface MappedRing {
  /** Where the mapping starts in memory, and its bytes. */
  readonly address: number;
  readonly bytes: number;
  /** Where the indices and the entries are in it. */
  readonly producerAt: number;
  readonly consumerAt: number;
  readonly entriesAt: number;
  /** Places: a power of two. */
  readonly size: number;
}

/** Words of an entry of 64 bits, and of a descriptor of a packet: where it is (64 bits), its bytes, options. */
const addressWords = 2;
const descriptorWords = 4;

/** What all kinds have in common: the indices. */
class Ring {
  readonly size: number;
  protected readonly mask: number;
  private readonly producer: Int32Array;
  private readonly consumer: Int32Array;
  /** Words of the entries; all of them lie below 2^31. */
  protected readonly entries: Int32Array;
  /** Indices as this side last saw or set them. */
  protected produced: number;
  protected consumed: number;

  constructor(ring: MappedRing, words: number) {
    const memory = viewMemory(ring.address, ring.bytes);
    this.size = ring.size;
    this.mask = ring.size - 1;
    this.producer = new Int32Array(memory, ring.producerAt, 1);
    this.consumer = new Int32Array(memory, ring.consumerAt, 1);
    this.entries = new Int32Array(memory, ring.entriesAt, ring.size * words);
    this.produced = Atomics.load(this.producer, 0);
    this.consumed = Atomics.load(this.consumer, 0);
  }

  protected loadProducer(): void {
    this.produced = Atomics.load(this.producer, 0);
  }

  protected loadConsumer(): void {
    this.consumed = Atomics.load(this.consumer, 0);
  }

  /** Shows the kernel what was put in. An atomic store: what it is about is written before it. */
  protected storeProducer(): void {
    Atomics.store(this.producer, 0, this.produced);
  }

  protected storeConsumer(): void {
    Atomics.store(this.consumer, 0, this.consumed);
  }
}

/** Packets that the kernel received. */
export class ReceiveRing extends Ring {
  constructor(ring: MappedRing) {
    super(ring, descriptorWords);
  }

  /** How many packets are there, `most` at most. */
  available(most: number): number {
    let count = (this.produced - this.consumed) | 0;
    if (count < most) {
      this.loadProducer();
      count = (this.produced - this.consumed) | 0;
    }
    return count < most ? count : most;
  }

  /** Where the `index`-th of them is, counted from the start of the frames' memory. */
  offset(index: number): number {
    return this.entries[((this.consumed + index) & this.mask) * descriptorWords]!;
  }

  /** Its bytes. */
  length(index: number): number {
    return this.entries[((this.consumed + index) & this.mask) * descriptorWords + 2]!;
  }

  /** Gives the places of the first `count` back; whoever took the packets owns their frames. */
  release(count: number): void {
    this.consumed = (this.consumed + count) | 0;
    this.storeConsumer();
  }
}

/** Packets that the kernel is to send. */
export class SendRing extends Ring {
  /** Packets put in and not yet shown. */
  private unshown = 0;

  constructor(ring: MappedRing) {
    super(ring, descriptorWords);
  }

  /** Puts a packet in; false when there is no place. */
  push(offset: number, length: number): boolean {
    if (((this.produced - this.consumed) | 0) >= this.size) {
      this.loadConsumer();
      if (((this.produced - this.consumed) | 0) >= this.size) return false;
    }
    const at = (this.produced & this.mask) * descriptorWords;
    const { entries } = this;
    entries[at] = offset;
    entries[at + 1] = 0;
    entries[at + 2] = length;
    entries[at + 3] = 0;
    this.produced = (this.produced + 1) | 0;
    this.unshown++;
    return true;
  }

  /** Shows the kernel what was put in. */
  show(): void {
    if (this.unshown === 0) return;
    this.unshown = 0;
    this.storeProducer();
  }

  /** Packets that the kernel has not taken yet. */
  get waiting(): number {
    this.loadConsumer();
    return (this.produced - this.consumed) | 0;
  }
}

/** Frames that the kernel may receive to. Several threads may share one, if one at a time uses it. */
export class FillRing extends Ring {
  constructor(ring: MappedRing) {
    super(ring, addressWords);
  }

  /** Looks anew at what others have put in, and gives the places that are free. */
  room(): number {
    this.loadProducer();
    this.loadConsumer();
    return this.size - ((this.produced - this.consumed) | 0);
  }

  /** Puts a frame in; there has to be {@link room}. */
  push(offset: number): void {
    const at = (this.produced & this.mask) * addressWords;
    this.entries[at] = offset;
    this.entries[at + 1] = 0;
    this.produced = (this.produced + 1) | 0;
  }

  /** Shows the kernel what was put in. */
  show(): void {
    this.storeProducer();
  }
}

/** Frames whose packets were sent. Several threads may share one, if one at a time uses it. */
export class CompletionRing extends Ring {
  constructor(ring: MappedRing) {
    super(ring, addressWords);
  }

  /** Looks anew at what others have taken, and gives the number of frames that are there. */
  available(): number {
    this.loadProducer();
    this.loadConsumer();
    return (this.produced - this.consumed) | 0;
  }

  /** Takes a frame; there has to be one {@link available}. Gives where its packet was. */
  take(): number {
    const offset = this.entries[(this.consumed & this.mask) * addressWords]!;
    this.consumed = (this.consumed + 1) | 0;
    return offset;
  }

  /** Gives the places of what was taken back. */
  release(): void {
    this.storeConsumer();
  }
}

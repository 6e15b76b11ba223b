/**
 * The mappings of one direction of a subflow from its bytes to data sequence numbers: the one in force and the few before
 * it, for segments that come late. Everything in offsets: of the subflow as in subflow-direction.ts, of the data as in
 * data-direction.ts. Read first: RFC 8684 §3.3.1.
 */
import { asDouble } from './double.js';

const REMEMBERED = 16;
const noNumbers = new Float64Array(0);

export class MappingRecord {
  /** Different mappings seen. */
  count = 0;
  /** Subflow offsets of the mapping in force, and what to add to get the data offset. An infinite one ends nowhere. */
  start = asDouble;
  end = asDouble;
  delta = asDouble;
  /**
   * What to add to the subflow sequence number in a mapping to get a subflow offset: where the SYN was captured,
   * the payload that it delivered; else the least difference seen between the two, since a mapping starts at its segment
   * or before it.
   */
  shift = 0;
  hasShift = false;
  private starts: Float64Array = noNumbers;
  private ends: Float64Array = noNumbers;
  private deltas: Float64Array = noNumbers;
  private next = 0;

  constructor() {
    this.start = 0;
    this.end = 0;
    this.delta = 0;
  }

  /** Puts a mapping in force; false when it is the one that is, or comes again with a segment sent again. */
  set(start: number, length: number, dataOffset: number): boolean {
    const delta = dataOffset - start;
    if (start === this.start && delta === this.delta && start + length === this.end) return false;
    if (start < this.start && this.isRemembered(start, delta)) return false;
    if (this.end > this.start) this.remember();
    this.count++;
    this.start = start;
    this.end = start + length;
    this.delta = delta;
    return true;
  }

  /** The data offset of the byte at a subflow offset; -1 when no mapping that is remembered says it. */
  dataOffset(offset: number): number {
    if (offset >= this.start && offset < this.end) return offset + this.delta;
    for (let i = 0; i < this.starts.length; i++) {
      if (offset >= this.starts[i]! && offset < this.ends[i]!) return offset + this.deltas[i]!;
    }
    return -1;
  }

  /** Forgets all mappings. */
  clear(): void {
    this.count = 0;
    this.start = 0;
    this.end = 0;
    this.starts = noNumbers;
    this.ends = noNumbers;
    this.deltas = noNumbers;
    this.next = 0;
  }

  private isRemembered(start: number, delta: number): boolean {
    for (let i = 0; i < this.starts.length; i++) {
      if (this.starts[i] === start && this.deltas[i] === delta) return true;
    }
    return false;
  }

  private remember(): void {
    if (this.starts.length === 0) {
      this.starts = new Float64Array(REMEMBERED);
      this.ends = new Float64Array(REMEMBERED);
      this.deltas = new Float64Array(REMEMBERED);
    }
    this.starts[this.next] = this.start;
    this.ends[this.next] = this.end;
    this.deltas[this.next] = this.delta;
    this.next = (this.next + 1) & (REMEMBERED - 1);
  }
}

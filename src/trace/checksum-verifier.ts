/**
 * Checks the DSS checksums of one direction of a subflow, one mapping at a time and without keeping payload: the sum grows
 * with each segment that follows the one before. A mapping of which something is missing, cut or out of order is not
 * judged. Read first: RFC 8684 §3.3.1.
 */
import { dssHeaderSum, foldSum, onesComplementSum } from '../wire/index.js';
import type { Segment } from './segment.js';

/** Length of a mapping whose bytes are not being summed. */
const IDLE = -1;

export class ChecksumVerifier {
  good = 0;
  bad = 0;
  /** Subflow offsets of the next byte and of the mapping's end. */
  private next = IDLE;
  private end = IDLE;
  private sum = 0;
  private isOdd = false;

  /** Whether there is a mapping whose bytes are being summed. */
  get isActive(): boolean {
    return this.next !== IDLE;
  }

  /**
   * A mapping with a checksum begins at subflow offset `start`: `length` bytes of payload, of `dataLength` data sequence
   * numbers (one more with a DATA_FIN).
   */
  begin(
    start: number,
    length: number,
    hi: number,
    lo: number,
    subflowSeq: number,
    dataLength: number,
    checksum: number,
  ): void {
    this.next = start;
    this.end = start + length;
    this.isOdd = false;
    this.sum = foldSum(dssHeaderSum(hi >>> 0, lo >>> 0, subflowSeq >>> 0, dataLength) + checksum);
  }

  /** Takes in the payload at subflow offset `start`; gives whether the mapping was right once it is whole. */
  take(segment: Segment, start: number): boolean | undefined {
    const { next, end } = this;
    if (next === IDLE || start + segment.payloadLength <= next) return undefined;
    if (start !== next || segment.payloadAvailable < segment.payloadLength) {
      this.next = IDLE;
      return undefined;
    }
    const length = Math.min(segment.payloadLength, end - start);
    const part = onesComplementSum(segment.bytes, segment.payloadOffset, length);
    // What starts on an odd byte has every byte in the other half of its word (RFC 1071 §2 B).
    this.sum = foldSum(this.sum + (this.isOdd ? ((part & 0xff) << 8) | (part >>> 8) : part));
    this.isOdd = this.isOdd !== ((length & 1) !== 0);
    this.next = start + length;
    if (this.next < end) return undefined;
    this.next = IDLE;
    const isGood = this.sum === 0xffff;
    if (isGood) this.good++;
    else this.bad++;
    return isGood;
  }
}

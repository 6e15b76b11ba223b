/**
 * What the data level hands to a subflow: a run of data with the one mapping it will carry for life. A record is cut
 * into segments by TCP but never merged or mapped anew, because a receiver may reset a subflow whose mapping changes
 * (RFC 8684 §3.3.1: a mapping is fixed once declared).
 */
import { SEQ32_SPACE } from '../base/index.js';
import type { Uint64 } from '../base/index.js';
import type { SendRecord } from '../tcp/index.js';

export class DataRecord implements SendRecord {
  /** Offset of the first byte in the subflow's stream; also the relative subflow sequence number of the mapping. */
  readonly start: number;
  /** Payload bytes. */
  readonly length: number;
  /** The payload: views of the send queue's chunks. */
  readonly pieces: readonly Uint8Array[];
  /** Data offset of the first byte. */
  readonly dataStart: number;
  /** High half of the data sequence number of the first byte. */
  readonly seqHi: number;
  /** Low half of the data sequence number of the first byte. */
  readonly seqLo: number;
  /** Whether the DATA_FIN follows the last byte; it takes one more of the mapping (RFC 8684 §3.3.3). */
  readonly dataFin: boolean;
  /** DSS checksum of the mapping, 0 to 65,535; -1 when none was negotiated. */
  checksum = -1;
  /** Whether the bytes were queued for other subflows since this record was pushed. */
  reinjected = false;

  constructor(
    start: number,
    dataStart: number,
    pieces: readonly Uint8Array[],
    length: number,
    initial: Uint64,
    dataFin: boolean,
  ) {
    const low = initial.lo + (dataStart >>> 0);
    this.start = start;
    this.length = length;
    this.pieces = pieces;
    this.dataStart = dataStart;
    this.seqHi = (initial.hi + Math.floor(dataStart / SEQ32_SPACE) + (low >= SEQ32_SPACE ? 1 : 0)) >>> 0;
    this.seqLo = low >>> 0;
    this.dataFin = dataFin;
  }

  /** Data offset one past the last byte, the DATA_FIN not counted. */
  get dataEnd(): number {
    return this.dataStart + this.length;
  }

  /** Offset in the subflow's stream one past the last byte. */
  get end(): number {
    return this.start + this.length;
  }

  /** The data-level length of the mapping: the payload, and one for the DATA_FIN. */
  get mappingLength(): number {
    return this.dataFin ? this.length + 1 : this.length;
  }
}

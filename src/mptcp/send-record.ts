/**
 * What the data level hands to a subflow: a run of data with the one mapping it will carry for life. A record is cut
 * into segments by TCP but never merged or mapped anew, because a receiver may reset a subflow whose mapping changes
 * (RFC 8684 §3.3.1: a mapping is fixed once declared).
 */
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
  /** Whether the DATA_FIN follows the last byte; it takes one more of the mapping. */
  readonly dataFin: boolean;
  /** DSS checksum of the mapping, 0 to 65,535; -1 when none was negotiated. */
  readonly checksum: number;
  /** Whether other subflows have been asked to carry these bytes as well. */
  reinjected = false;

  constructor(
    start: number,
    dataStart: number,
    length: number,
    pieces: readonly Uint8Array[],
    dataFin: boolean,
    checksum: number,
  ) {
    this.start = start;
    this.length = length;
    this.pieces = pieces;
    this.dataStart = dataStart;
    this.dataFin = dataFin;
    this.checksum = checksum;
  }

  /** Data offset one past the last byte, the DATA_FIN not counted. */
  get dataEnd(): number {
    return this.dataStart + this.length;
  }

  /** Offset in the subflow's stream one past the last byte. */
  get end(): number {
    return this.start + this.length;
  }

  /** The data-level length of the mapping: the payload, and one for the DATA_FIN (RFC 8684 §3.3.3). */
  get mappingLength(): number {
    return this.dataFin ? this.length + 1 : this.length;
  }
}

/**
 * What one TCP segment turned out to be, as the analyser saw it: one struct, filled anew for each segment, which every
 * consumer of packets reads (time series, rows, filters). Numbers that do not apply are -1. Times and sizes are doubles
 * in nanoseconds and bytes.
 */
import { asDouble } from './double.js';

/** Which host sent a segment, within its connection. */
export type Sender = 'client' | 'server';

export class Observation {
  /** Frame number, from 1 over all files. */
  packet = 0;
  /** Nanoseconds since the first frame of the capture. */
  atNs = asDouble;
  /** Index of the file or interface group it was seen at: 0 unless both ends were captured. */
  vantage = 0;
  /** `id` of the connection report; it holds until the end, except for joins matched later (see `TraceAnalyzer`). */
  connection = -1;
  /** `id` of the subflow report within the connection. */
  subflow = -1;
  /** `stream` of the subflow report. */
  stream = -1;
  sender: Sender = 'client';
  /** Bits of the TCP flags byte. */
  flags = 0;
  /** Sequence number in bytes from the sender's SYN (which is 0), or from the first number seen. */
  relativeSeq = asDouble;
  /** Acknowledgement in bytes from the peer's SYN; -1 without ACK. */
  relativeAck = asDouble;
  /** Payload as the IP header states it; what the capture cut counts. */
  payloadLength = 0;
  /** Window in bytes, scaled. */
  windowBytes = 0;
  /** Data-level position of the first byte of this segment, from the sender's initial data sequence number; -1 unknown. */
  dataOffset = asDouble;
  /** Start and length of the mapping in this segment's DSS; -1 without one. */
  mappingOffset = asDouble;
  mappingLength = -1;
  /** DATA_ACK in bytes from the peer's initial data sequence number; -1 without one. */
  dataAck = asDouble;
  dataFin = false;
  /** MPTCP options in the segment, a bit for each subtype number 0 to 15. */
  optionBits = 0;
  /** Payload bytes that this subflow had carried before. */
  retransmittedBytes = 0;
  /** Data-level bytes that another subflow had carried before, and which one (`id`). */
  reinjectedBytes = 0;
  reinjectedFrom = -1;
  /** Round-trip sample that this ACK completed, at TCP's level and at the data level; -1 for none. */
  rttNs = asDouble;
  dataRttNs = asDouble;
  /** Bytes that this ACK newly acknowledges on the subflow. */
  ackedBytes = 0;
  /** Bytes in flight on this subflow in the sender's direction after this segment; for an ACK, of the peer's. */
  flightBytes = 0;
  /** The same at the data level, over all subflows; -1 unknown. */
  dataFlightBytes = -1;
  /** Bytes above the first hole in the sender's data sequence after this segment; -1 unknown. */
  outOfOrderBytes = -1;
  /** First data-level byte that has not been seen, of the same sender as `outOfOrderBytes`; -1 unknown. */
  inOrderOffset = asDouble;

  constructor() {
    this.atNs = 0;
    this.relativeSeq = 0;
    this.relativeAck = -1;
    this.dataOffset = -1;
    this.mappingOffset = -1;
    this.dataAck = -1;
    this.rttNs = -1;
    this.dataRttNs = -1;
    this.inOrderOffset = -1;
  }
}

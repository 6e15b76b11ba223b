import type { OutgoingSegment } from './segment.js';

/** Counters and measurements of one connection, as its owner may read them. */

/** Counters since the connection began. Bytes are payload bytes. */
export interface TcpStatistics {
  /** Segments sent, super-segments counted as one. */
  readonly segmentsSent: number;
  /** Segments taken in, super-segments counted as one, accepted or not. */
  readonly segmentsReceived: number;
  /** Bytes sent, each counted as often as it was sent. */
  readonly bytesSent: number;
  /** Bytes that the peer acknowledged. */
  readonly bytesAcked: number;
  /** Bytes received in order. */
  readonly bytesReceived: number;
  /** Bytes sent again. */
  readonly retransmittedBytes: number;
  /** Segments sent again. */
  readonly retransmittedSegments: number;
  /** How often the retransmission timer fired. */
  readonly timeouts: number;
  /** Challenge acknowledgments sent (RFC 5961). */
  readonly challengeAcks: number;
}

/** Round-trip time as measured so far, in ns. */
export interface RttView {
  /** Smoothed; 0 before the first measurement. */
  readonly srttNs: number;
  /** Smoothed mean deviation; 0 before the first measurement. */
  readonly rttvarNs: number;
  /** Least of the last minutes; `NEVER` before the first measurement. */
  readonly minRttNs: number;
  /** The newest; 0 before the first. */
  readonly latestNs: number;
  /** The retransmission timeout, backed off. */
  readonly rtoNs: number;
}

/** The counters that the connection itself keeps. */
export class Counters {
  segmentsSent = 0;
  segmentsReceived = 0;
  bytesSent = 0;
  retransmittedBytes = 0;
  retransmittedSegments = 0;
  challengeAcks = 0;

  /** `segment` is about to leave. */
  count(segment: OutgoingSegment): void {
    this.segmentsSent++;
    this.bytesSent += segment.payloadLength;
    if (!segment.isRetransmission) return;
    this.retransmittedSegments++;
    this.retransmittedBytes += segment.payloadLength;
  }
}

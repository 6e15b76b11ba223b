/**
 * What one path (a subflow) shows of its link: a handful of numbers that every TCP has, ours and the kernel's (TCP_INFO).
 * They are read now and then, never with every packet.
 */

/** One look at a path. Counts are since it began and never go down. */
export interface PathSample {
  /** Smoothed round-trip time in ns; 0 before the first measurement. */
  readonly srttNs: number;
  /** Retransmission timeout as it stands, back-off included, in ns. */
  readonly rtoNs: number;
  /** Retransmission timeouts in a row with nothing acknowledged since (TCP_INFO: tcpi_backoff). */
  readonly timeouts: number;
  /** Payload bytes sent, each as often as it was (TCP_INFO: tcpi_bytes_sent). */
  readonly bytesSent: number;
  /** Of these, bytes that were sent again (TCP_INFO: tcpi_bytes_retrans). */
  readonly bytesRetransmitted: number;
  /**
   * Whether it owes a sign of life: data or a probe is out, and nothing came for longer than a living path takes
   * (a few round-trip times). False where that is not known.
   */
  readonly isSilent: boolean;
}

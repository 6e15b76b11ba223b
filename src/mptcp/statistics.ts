/** Counters of one connection. */

/** All of them only grow. Bytes are bytes of the stream, unless they say otherwise. */
export interface ConnectionStatistics {
  /** Handed to subflows for the first time. */
  readonly bytesSent: number;
  /** Acknowledged at the data level. */
  readonly bytesAcked: number;
  /** Received, each byte counted once. */
  readonly bytesReceived: number;
  /** Handed to a subflow again because another, or the same one, had failed them. */
  readonly reinjectedBytes: number;
  /** Of `reinjectedBytes`: because a subflow timed out, fell silent or ended. */
  readonly failureReinjectedBytes: number;
  /** Of `reinjectedBytes`: because the data-level retransmission timer fired. */
  readonly timerReinjectedBytes: number;
  /** Of `reinjectedBytes`: because they kept the peer's window closed (`MptcpSettings.opportunisticRetransmission`). */
  readonly windowReinjectedBytes: number;
  /** Handed to one more subflow because the scheduler sends everything on several; no part of `reinjectedBytes`. */
  readonly copiedBytes: number;
  /** How often the window of a subflow was halved because its data kept others waiting (`MptcpSettings.penalisation`). */
  readonly penalties: number;
  /** Received that were there already. */
  readonly duplicateBytes: number;
  /** Received and dropped because they lay outside the window advertised or beyond a limit. */
  readonly droppedBytes: number;
  /** Mappings whose checksum did not match. */
  readonly checksumFailures: number;
  /** Joins and announcements whose HMAC was wrong. */
  readonly hmacFailures: number;
  /** Expiries of the data-level retransmission timer. */
  readonly dataTimeouts: number;
}

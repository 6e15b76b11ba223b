/** What a connection tells its owner: the verdict on each segment at once, and events to be polled for. */

/** Bits of the number that `TcpConnection.handleSegment` returns. */
export const Verdict = {
  /**
   * The segment passed every acceptability test (sequence, PAWS, RST, SYN, ACK): it is from the peer as far as TCP can
   * tell. Only then may its options be believed.
   */
  ACCEPTED: 1,
  /** It brought bytes inside the window that were not there before; some may be out of order. */
  PAYLOAD: 2,
  /** It acknowledged something new: `sndUna` moved. */
  ACKED: 4,
  /** It had payload and all of it was there before. */
  DUPLICATE: 8,
  /** The peer's FIN is now in order: no byte follows. */
  FIN: 16,
  /** It moved the right edge that the peer's window allows. */
  WINDOW: 32,
  /** It is the SYN, or the SYN with ACK, that this end was waiting for: its handshake options count. */
  SYN: 64,
  /** It is a reset, and it closed the connection. */
  RESET: 128,
  /**
   * `sndUna` did not move, yet it may have shown that something left the network: it has SACK blocks, or it came while
   * losses are being repaired. More may leave (RFC 9937 §6.2, RFC 3042).
   */
  ROOM: 256,
} as const;

/** Why a connection is closed. */
export type CloseReason =
  /** Both directions ended with a FIN, and TIME-WAIT is over where it applies. */
  | 'normal'
  /** The peer reset an open connection. */
  | 'reset'
  /** The peer reset the connection before it was open. */
  | 'refused'
  /** Nothing was acknowledged for too long, or keep-alive probes went unanswered. */
  | 'timeout'
  /** The network said for good that the peer cannot be reached. */
  | 'unreachable'
  /** This end aborted. */
  | 'aborted';

/** An event of one connection, from `TcpConnection.pollEvent`. */
export type TcpEvent =
  /** The handshake is done. */
  | { readonly type: 'established' }
  /** The peer's FIN came in order: after the bytes received so far no more follow. */
  | { readonly type: 'peer-fin' }
  /** The retransmission timer fired, for the `count`-th time since anything was acknowledged. */
  | { readonly type: 'timeout'; readonly count: number }
  /** Both directions ended; what remains is to outlive old duplicates. `closed` follows later. */
  | { readonly type: 'time-wait' }
  /** The connection is over; nothing comes after this event. A last RST may still have to be polled. */
  | { readonly type: 'closed'; readonly reason: CloseReason };

import type { Seq32 } from '../base/index.js';
import { NEVER } from '../base/index.js';
import type { TcpSegment } from '../wire/index.js';
import type { TcpEvent } from './event.js';
import type { OutgoingSegment, SendRecord } from './segment.js';
import type { TcpParameters } from './settings.js';
import type { TcpState } from './state.js';

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
}

/** Round-trip time as measured so far, in ns; all 0 before the first measurement but `rtoNs`. */
export interface RttView {
  readonly srttNs: number;
  readonly rttvarNs: number;
  readonly minRttNs: number;
  readonly latestNs: number;
  /** The retransmission timeout without back-off. */
  readonly rtoNs: number;
}

/**
 * One TCP connection, without I/O. Input goes in through `handle…`; after each the owner polls until there is no more:
 * `pollEvent`, `pollReceive`, `pollSegment`, and last `pollTimeout`, which says when to call `handleTimeout` at the
 * latest. Any call to `push`, `shutdown`, `abort`, `setReceiveWindow` or `requestAck` also asks for a poll.
 *
 * Positions are stream offsets: 0 is the SYN, 1 the first byte, and the FIN takes one.
 */
export class TcpConnection<R extends SendRecord = SendRecord> {
  /** Bytes of a data segment's header to leave free for the owner's options; a multiple of 4. May change at any time. */
  dataOptionBytes = 0;
  /** The same for segments without payload: there SACK blocks get what is left. */
  ackOptionBytes = 0;

  private constructor(_now: number, _parameters: TcpParameters) {}

  /** Opens towards a peer: the first poll gives the SYN. */
  static connect<R extends SendRecord = SendRecord>(
    now: number,
    parameters: TcpParameters,
  ): TcpConnection<R> {
    return new TcpConnection<R>(now, parameters);
  }

  /** Answers a peer's `syn`: the first poll gives the SYN with ACK. */
  static accept<R extends SendRecord = SendRecord>(
    now: number,
    parameters: TcpParameters,
    _syn: TcpSegment,
  ): TcpConnection<R> {
    return new TcpConnection<R>(now, parameters);
  }

  /** State of RFC 9293 §3.3.2. `shutdown` moves it at once, though the FIN may have to wait behind data. */
  get state(): TcpState {
    return 'closed';
  }

  // Input

  /** Takes in a segment of this connection, its checksum verified. Returns a sum of `Verdict` bits. */
  handleSegment(_now: number, _segment: TcpSegment): number {
    return 0;
  }

  /** Does what is due at `now`; harmless when nothing is. */
  handleTimeout(_now: number): void {}

  /**
   * Takes in "packet too big" for a packet that began at `quotedSeq`. `pathMtuBytes` counts from the IP header on; 0
   * from routers older than RFC 1191. Ignored unless `quotedSeq` is in flight (RFC 5927 §4.1).
   */
  handlePathMtu(_now: number, _pathMtuBytes: number, _quotedSeq: Seq32): void {}

  /**
   * Takes in "destination unreachable" for a packet that began at `quotedSeq`. A hard error ends a connection that is
   * not yet open, no other (RFC 5461, RFC 5927 §6).
   */
  handleUnreachable(_now: number, _hard: boolean, _quotedSeq: Seq32): void {}

  // Output

  /**
   * Fills `out` with the next segment to send and returns true, or returns false when there is none now. After it the
   * owner may append options to `out.extension`: as many as `out.extensionRoom` allows, and on segments with payload
   * no more than `dataOptionBytes`.
   */
  pollSegment(_now: number, _out: OutgoingSegment<R>): boolean {
    return false;
  }

  /** When `handleTimeout` is due, an instant in ns; `NEVER` when no timer runs. */
  pollTimeout(): number {
    return NEVER;
  }

  /** The next event, oldest first. */
  pollEvent(): TcpEvent | undefined {
    return undefined;
  }

  // Bytes out

  /**
   * How many bytes the congestion window, PRR and the peer's window let the owner push now, beyond what it pushed
   * before; 0 before the connection is open and after `shutdown`. `wantedBytes` is what the owner has: with more than
   * that allowed there is nothing to wait for, and otherwise the quota is kept back until it is worth a super-segment
   * (only while an acknowledgment is due that will raise it). While the peer's window is closed and nothing is
   * outstanding, the quota is one segment: the owner pushes it, and the connection probes the window with it.
   */
  sendQuota(_now: number, _wantedBytes = Number.POSITIVE_INFINITY): number {
    return 0;
  }

  /** Nagle's rule as Minshall has it: whether a record of `bytes` may be pushed now rather than wait for more. */
  mayPush(_bytes: number): boolean {
    return false;
  }

  /** Stream offset that the next record must start at. */
  get pushEnd(): number {
    return 1;
  }

  /** Hands over a record; it must start at `pushEnd`. Throws `ERR_SUBFLOW_STATE` when the connection may not send. */
  push(_now: number, _record: R): void {}

  /** Bytes pushed and never sent so far. */
  get unsentBytes(): number {
    return 0;
  }

  /** Offset of the first byte (or SYN, or FIN) that the peer has not acknowledged. */
  get sndUna(): number {
    return 0;
  }

  /** Offset of the first byte (or SYN, or FIN) never sent so far. */
  get sndNxt(): number {
    return 0;
  }

  /** Number of records not yet acknowledged in full. */
  get recordCount(): number {
    return 0;
  }

  /** The `index`-th record not yet acknowledged in full, lowest offset first. */
  recordAt(_index: number): R | undefined {
    return undefined;
  }

  /** Sends a FIN after what was pushed. Does nothing the second time. */
  shutdown(_now: number): void {}

  /** Gives up: one RST is left to poll (the owner adds its options to it) and the state is closed. */
  abort(_now: number): void {}

  /** Has an acknowledgment sent at the next poll, alone if no data is there to carry it. */
  requestAck(_now: number): void {}

  // Bytes in

  /** The next run of bytes in order, a view of the packet that brought them; `rcvDelivered` moves past it. */
  pollReceive(): Uint8Array | undefined {
    return undefined;
  }

  /** Offset of the byte that `pollReceive` gives next. */
  get rcvDelivered(): number {
    return 1;
  }

  /** Offset of the byte (or FIN) that is expected next from the peer. */
  get rcvNxt(): number {
    return 0;
  }

  /** Whether the peer's FIN came in order. */
  get isPeerFinished(): boolean {
    return false;
  }

  /**
   * Sets what may be advertised: `bytes` beyond `rcvNxt`. The right edge so given stands until the next call, while
   * bytes that arrive move `rcvNxt` towards it. Opening it enough has a window update sent; it may also shrink.
   */
  setReceiveWindow(_bytes: number): void {}

  // For schedulers and statistics

  /** Round-trip times: a view that stays current. */
  get rtt(): RttView {
    return { srttNs: 0, rttvarNs: 0, minRttNs: 0, latestNs: 0, rtoNs: 0 };
  }

  /** Congestion window in bytes. */
  get cwndBytes(): number {
    return 0;
  }

  /** Slow-start threshold in bytes; `Infinity` before the first congestion. */
  get ssthreshBytes(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** Bytes believed to be in the network. */
  get bytesInFlight(): number {
    return 0;
  }

  /** Payload of a full segment now, the owner's `dataOptionBytes` already taken off. */
  get mss(): number {
    return 0;
  }

  /** MTU that the path is believed to have, in bytes from the IP header on. */
  get pathMtu(): number {
    return 0;
  }

  /** Offset up to which the peer's window lets this end send. */
  get peerWindowEdge(): number {
    return 0;
  }

  /** A retransmission timeout has fired and nothing was acknowledged since: the path may be dead. */
  get isStale(): boolean {
    return false;
  }

  /** When the last segment that passed the acceptability tests came. */
  get lastReceivedAt(): number {
    return 0;
  }

  /** Counters: a view that stays current. */
  get statistics(): TcpStatistics {
    return {
      segmentsSent: 0,
      segmentsReceived: 0,
      bytesSent: 0,
      bytesAcked: 0,
      bytesReceived: 0,
      retransmittedBytes: 0,
      retransmittedSegments: 0,
      timeouts: 0,
    };
  }

  /**
   * Whether a `syn` for the same ports may end this connection's TIME-WAIT and begin a new one: by its timestamp or,
   * without timestamps, its sequence number it is newer than all that was received (RFC 6191 §2).
   */
  mayReopen(_syn: TcpSegment): boolean {
    return false;
  }
}

import type { RandomSource, Seq32 } from '../base/index.js';
import { MILLISECOND, MINUTE, NEVER, SECOND } from '../base/index.js';
import type { CongestionFactory } from './congestion/index.js';
import type { TimestampMark } from './timestamps.js';

/** Choices for a connection: what an administrator would set, and what the owner knows when it makes one. */

/** What may be set per connection. Durations are in ns; {@link NEVER} switches a timer off. */
export interface TcpSettings {
  /** Offer and use selective acknowledgment (RFC 2018). */
  readonly sack: boolean;
  /** Offer and use timestamps (RFC 7323 §3). */
  readonly timestamps: boolean;
  /** Offer and use window scaling (RFC 7323 §2). Without it no window exceeds 65,535 bytes. */
  readonly windowScaling: boolean;
  /** Hold back a small segment while another small one is not acknowledged (RFC 9293 §3.7.4). */
  readonly nagle: boolean;
  /** Longest time an acknowledgment is held back; at most 500 ms (RFC 9293 §3.8.6.3). */
  readonly delayedAckNs: number;
  /** Retransmission timeout before the first measurement (RFC 6298 §2: 1 s). */
  readonly initialRtoNs: number;
  /**
   * Least that the retransmission timeout exceeds the smoothed round-trip time by. RFC 6298 §2.4 has a floor of 1 s for
   * the whole timeout; 200 ms, added, is what hosts use today.
   */
  readonly minRtoNs: number;
  /** Ceiling of the retransmission timeout and of its back-off (RFC 6298 §2.5: at least 60 s). */
  readonly maxRtoNs: number;
  /** How often a SYN, or a SYN with ACK, is sent again before the connection fails: 7 times are over 3 minutes (RFC 9293 §3.8.3). */
  readonly synRetries: number;
  /** How often the same data is sent again without an answer before the connection fails (RFC 9293 §3.8.3, R2). */
  readonly dataRetries: number;
  /** Longest time that sent data may go unacknowledged (RFC 9293 §3.8.3); {@link NEVER} leaves it to `dataRetries`. */
  readonly userTimeoutNs: number;
  /** Idle time after which the peer is probed (RFC 9293 §3.8.4: off unless asked for). */
  readonly keepAliveIdleNs: number;
  /** Time between keep-alive probes. */
  readonly keepAliveIntervalNs: number;
  /** Probes without an answer after which the connection fails. */
  readonly keepAliveCount: number;
  /** How long TIME-WAIT lasts: twice the longest life of a segment (RFC 9293 §3.6.1). */
  readonly timeWaitNs: number;
  /** Initial congestion window in segments (RFC 6928: 10). */
  readonly initialWindowSegments: number;
  /** Send segments that must not be fragmented, and heed what the network says of its MTU (RFC 1191, RFC 8201). */
  readonly pathMtuDiscovery: boolean;
  /** Timeouts in a row of a full-size segment after which the path is taken to swallow large packets (RFC 4821 §7.7). */
  readonly blackHoleTimeouts: number;
  /** Most separate runs of out-of-order bytes that are kept; further ones are dropped and must be sent again. */
  readonly maxReassemblyRuns: number;
  /** Most acknowledgments per second sent in answer to segments that may be forged (RFC 5961 §7). */
  readonly challengeAcksPerSecond: number;
}

/** The settings that hold unless the owner says otherwise. */
export const defaultTcpSettings: TcpSettings = Object.freeze({
  sack: true,
  timestamps: true,
  windowScaling: true,
  nagle: true,
  delayedAckNs: 40 * MILLISECOND,
  initialRtoNs: SECOND,
  minRtoNs: 200 * MILLISECOND,
  maxRtoNs: 2 * MINUTE,
  synRetries: 7,
  dataRetries: 15,
  userTimeoutNs: NEVER,
  keepAliveIdleNs: NEVER,
  keepAliveIntervalNs: 75 * SECOND,
  keepAliveCount: 9,
  timeWaitNs: MINUTE,
  initialWindowSegments: 10,
  pathMtuDiscovery: true,
  blackHoleTimeouts: 3,
  maxReassemblyRuns: 1024,
  challengeAcksPerSecond: 10,
});

/** What the owner knows and decides when it makes a connection. */
export interface TcpParameters {
  /** Sequence number of this end's SYN; the owner draws it as RFC 6528 asks. */
  readonly initialSequence: Seq32;
  /** Added to the clock of 1 ms to give TSval, modulo 2^32 (RFC 7323 §5.4: random per connection). */
  readonly timestampOffset: number;
  /** Bits that every TSval has at its low end; none when left out. */
  readonly timestampMark?: TimestampMark | undefined;
  /** The MSS to announce: the device's MTU less the base IP and TCP headers (RFC 9293 §3.7.1). */
  readonly maxSegmentSize: number;
  /** The largest segment that the path is known to carry, counted as `maxSegmentSize`; usually the same. */
  readonly pathMaxSegmentSize: number;
  /** Base IP and TCP headers together: 40 bytes for IPv4, 60 for IPv6. */
  readonly headerBytes: number;
  /** Bytes to advertise at first; the window scale is chosen from {@link TcpParameters.maxReceiveWindowBytes}. */
  readonly receiveWindowBytes: number;
  /** Largest window that will ever be set, for the choice of the window scale; `receiveWindowBytes` when left out. */
  readonly maxReceiveWindowBytes?: number;
  /** Most payload of one super-segment that the device cuts itself; 0: no segmentation offload. At most 65,535. */
  readonly maxOffloadBytes: number;
  readonly settings: TcpSettings;
  /** Makes the congestion control of this connection. */
  readonly congestion: CongestionFactory;
  readonly random: RandomSource;
}

/** What a user of the analyser may choose, and the limits that bound its memory. */

export interface TraceSettings {
  /** Keys of hosts as 16 hexadecimal digits each, for captures that do not show them. */
  readonly keys: readonly string[];
  /** Whether connections without any MPTCP option are followed and reported too. */
  readonly includesPlain: boolean;
  /** Whether DSS checksums are verified where the payload was captured whole. It costs as much as all the rest. */
  readonly verifiesChecksums: boolean;
  /** Length in nanoseconds of the intervals in which new data is counted; 0 for none. */
  readonly intervalNs: number;
  /**
   * Statistics count what was seen between these, nanoseconds since the first frame, bounds included. What is known of
   * connections (tokens, who joined what, how they ended) comes from the whole capture all the same.
   */
  readonly fromNs: number;
  readonly toNs: number;
  /** Whether places 0 and 1 are two ends of connections between which one-way delays are measured. */
  readonly measuresDelays: boolean;
  readonly limits: TraceLimits;
}

/**
 * Limits on all that grows with the traffic. What is forgotten because of one is counted in `limitsReached` of the
 * report under its name; handshake packets and segments that are not timed are not, since what they would show is shown by
 * others.
 */
export interface TraceLimits {
  /**
   * TCP streams followed at once. One without MPTCP, or a join that belongs to nothing, takes some 400 bytes; one of a
   * connection 3 KB, and more with what is in flight. When there are too many, the quarter that has been silent longest
   * goes: a connection of which everything is that old leaves its finished report behind.
   */
  readonly maxStreams: number;
  /** Connections in the report. */
  readonly maxConnections: number;
  /** Subflows of one connection. */
  readonly maxSubflows: number;
  /** Joins that wait for the connection whose token they name. */
  readonly maxWaitingJoins: number;
  /** Handshake packets kept of one stream. */
  readonly maxHandshakePackets: number;
  /** Signals kept of one connection. */
  readonly maxSignals: number;
  /** Addresses kept of one connection. */
  readonly maxAddresses: number;
  /** Intervals kept of what one host of a connection sent. */
  readonly maxIntervals: number;
  /** Handovers kept of what one host of a connection sent. */
  readonly maxHandovers: number;
  /** Holes remembered in one direction of a stream. */
  readonly maxHoles: number;
  /** Ranges of the data sequence, each carried by one subflow, remembered in one direction of a connection. */
  readonly maxDataRanges: number;
  /** Segments in flight that are timed, in one direction of a stream or connection; further ones give no sample. */
  readonly maxTimedSegments: number;
  /** Headers of IP and of tunnels within one frame. */
  readonly maxTunnelDepth: number;
  /** Packets that wait for their counterpart at the other place, or tell copies: some 200 bytes each. */
  readonly maxDelayWindow: number;
  /** Streams of both places together whose delays are measured: 60 KB each at most. */
  readonly maxDelayStreams: number;
}

export const defaultTraceLimits: TraceLimits = {
  maxStreams: 200_000,
  maxConnections: 100_000,
  maxSubflows: 256,
  maxWaitingJoins: 20_000,
  maxHandshakePackets: 12,
  maxSignals: 1000,
  maxAddresses: 128,
  maxIntervals: 10_000,
  maxHandovers: 1000,
  maxHoles: 1024,
  maxDataRanges: 8192,
  maxTimedSegments: 4096,
  maxTunnelDepth: 8,
  maxDelayWindow: 131_072,
  maxDelayStreams: 8000,
};

export const defaultTraceSettings: TraceSettings = {
  keys: [],
  includesPlain: false,
  verifiesChecksums: true,
  intervalNs: 0,
  fromNs: 0,
  toNs: Number.POSITIVE_INFINITY,
  measuresDelays: false,
  limits: defaultTraceLimits,
};

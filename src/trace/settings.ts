/** What a user of the analyser may choose, and the limits that bound its memory. */

export interface TraceSettings {
  /** Keys of hosts as 16 hexadecimal digits each, for captures that do not show them. */
  readonly keys: readonly string[];
  /** Whether connections without any MPTCP option are followed and reported too. */
  readonly includesPlain: boolean;
  /** Whether DSS checksums are verified where the payload was captured whole. It costs as much as all the rest. */
  readonly verifiesChecksums: boolean;
  readonly limits: TraceLimits;
}

/**
 * Limits on all that grows with the traffic. What is forgotten because of one is counted in `limitsReached` of the
 * report under its name.
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
  /** Handovers kept of one connection. */
  readonly maxHandovers: number;
  /** Holes remembered in one direction of a stream. */
  readonly maxHoles: number;
  /** Ranges of the data sequence, each carried by one subflow, remembered in one direction of a connection. */
  readonly maxDataRanges: number;
  /** Segments in flight that are timed, in one direction of a stream or connection; further ones give no sample. */
  readonly maxTimedSegments: number;
  /** Headers of IP and of tunnels within one frame. */
  readonly maxTunnelDepth: number;
}

export const defaultTraceLimits: TraceLimits = {
  maxStreams: 200_000,
  maxConnections: 100_000,
  maxSubflows: 256,
  maxWaitingJoins: 20_000,
  maxHandshakePackets: 12,
  maxSignals: 1000,
  maxAddresses: 128,
  maxHandovers: 1000,
  maxHoles: 1024,
  maxDataRanges: 8192,
  maxTimedSegments: 4096,
  maxTunnelDepth: 8,
};

export const defaultTraceSettings: TraceSettings = {
  keys: [],
  includesPlain: false,
  verifiesChecksums: true,
  limits: defaultTraceLimits,
};

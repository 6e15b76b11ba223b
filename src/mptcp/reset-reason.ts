/**
 * Why a subflow was reset, as MP_TCPRST says it on the wire.
 * Read first: RFC 8684 §3.6.
 */

/** Reason codes of MP_TCPRST (RFC 8684 §3.6 and its registry). */
export const ResetReason = {
  /** Nothing more specific is known. */
  UNSPECIFIED: 0,
  /** The peer broke a rule of Multipath TCP, or its options could not be used. */
  MPTCP_ERROR: 1,
  /** No memory or no room within the limits. */
  LACK_OF_RESOURCES: 2,
  /** Local policy does not want this subflow. */
  PROHIBITED: 3,
  /** Too much data that was never acknowledged. */
  OUTSTANDING_DATA: 4,
  /** The path is too slow or loses too much. */
  UNACCEPTABLE_PERFORMANCE: 5,
  /** Something on the path changes what is sent. */
  MIDDLEBOX: 6,
} as const;

/** One of {@link ResetReason}, or a code this engine has no name for (0 to 255). */
export type ResetReasonCode = number;

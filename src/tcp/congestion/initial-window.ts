/** Windows as multiples of a segment, whose size may change: the initial one, and what becomes of one that is under way. */

/** Bytes that a segment of the initial window counts at least (RFC 6928 §2: 14,600 bytes for 10 segments). */
const INITIAL_SEGMENT_BYTES = 1460;

/** RFC 6928 §2 equation 1, for any number of segments. */
export function initialWindowOf(segments: number, mssBytes: number): number {
  return Math.min(segments * mssBytes, Math.max(2 * mssBytes, segments * INITIAL_SEGMENT_BYTES));
}

/**
 * What a window that is not fresh becomes where segments of `formerBytes` have `mssBytes` from now on: it has room for one at least. A loss
 * window is one segment (RFC 5681 §3.1), also of another size: the timeout itself may have made segments smaller.
 */
export function windowOfOtherSegments(windowBytes: number, formerBytes: number, mssBytes: number): number {
  return windowBytes === formerBytes ? mssBytes : Math.max(windowBytes, mssBytes);
}

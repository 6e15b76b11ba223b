/**
 * One range of the stream that was sent and not yet acknowledged to the end: the unit of the scoreboard. Objects are
 * pooled: a range is good from the call that made it until the acknowledgment that covers it, and nobody keeps it longer.
 */

/** Where a range stands. */
export const SegmentState = {
  /** On its way as far as we know: it counts as bytes in flight. */
  IN_FLIGHT: 0,
  /** Taken to be lost; it waits to be sent again. */
  LOST: 1,
  /** The peer has it out of order (selectively acknowledged). */
  SACKED: 2,
} as const;

/** Most ranges that wait in the pool to be used again; beyond that they are left to the garbage collector. */
const POOL_LIMIT = 4096;

/** The pool, shared by all connections of this program: it holds no state of any of them. */
const pool: SentSegment<never>[] = [];

/** A range in flight, lost or selectively acknowledged. All is written by the scoreboard only. */
export class SentSegment<R> {
  /** First stream offset of the range; moves up when a cumulative acknowledgment covers a part. */
  start = 0;
  /** One past its last stream offset; SYN and FIN take one offset each. */
  end = 0;
  /** The record that the payload belongs to; undefined for a SYN or FIN without payload. */
  record: R | undefined = undefined;
  /** Whether the offset at `start` is the SYN's. */
  hasSyn = false;
  /** Whether the offset at `end - 1` is the FIN's. */
  hasFin = false;
  /** One of `SegmentState`. */
  state: number = SegmentState.IN_FLIGHT;
  /** How often it was sent, the first time included. */
  transmissions = 0;
  /** Payload bytes of each wire segment that carried it; the last may be shorter. SACK edges count in these. */
  segmentSize = 0;
  /** Counts transmissions of this connection: of two ranges the one with the higher number was sent later. */
  ordinal = 0;
  /** Instant of the last transmission, ns. */
  sentAt = 0;
  /** While selectively acknowledged: everything from `start` to at least here is so too. Lets a look-up leap. */
  sackedUntil = 0;

  /** Bytes that the connection had delivered when this was last sent (draft-ietf-ccwg-bbr §4.1: P.delivered). */
  deliveredAtSend = 0;
  /** Instant of the newest delivery known when this was last sent (P.delivered_time). */
  deliveredTimeNs = 0;
  /** Instant at which the flight began that this was sent in (P.first_send_time). */
  firstSentTimeNs = 0;
  /** Whether the application left the window unused when this was sent (P.is_app_limited). */
  isAppLimited = false;

  /** Neighbour sent before this one while in flight; lost neighbour at a lower offset while lost. */
  previous: SentSegment<R> | undefined = undefined;
  /** Neighbour sent after this one while in flight; lost neighbour at a higher offset while lost. */
  next: SentSegment<R> | undefined = undefined;

  /** Stream offsets that it covers. */
  get length(): number {
    return this.end - this.start;
  }

  /** Stream offset of its first payload byte. */
  get payloadStart(): number {
    return this.hasSyn ? this.start + 1 : this.start;
  }

  /** Payload bytes: its length less SYN and FIN. */
  get payloadLength(): number {
    return this.end - this.start - (this.hasSyn ? 1 : 0) - (this.hasFin ? 1 : 0);
  }

  /** Whether it counts as bytes in flight. */
  get isInFlight(): boolean {
    return this.state === SegmentState.IN_FLIGHT;
  }

  /** Whether it was sent more than once: an acknowledgment of it is ambiguous (Karn). */
  get isRetransmitted(): boolean {
    return this.transmissions > 1;
  }
}

/** Takes a range from the pool, or makes one. Only the scoreboard calls this. */
export function acquireSegment<R>(): SentSegment<R> {
  return (pool.pop() as SentSegment<R> | undefined) ?? new SentSegment<R>();
}

/** Gives a range back. It keeps nothing of the connection alive. Only the scoreboard calls this. */
export function releaseSegment<R>(segment: SentSegment<R>): void {
  segment.record = undefined;
  segment.previous = undefined;
  segment.next = undefined;
  if (pool.length < POOL_LIMIT) pool.push(segment as SentSegment<never>);
}

/**
 * Cuts `left` in two at `offset`; gives the right part, which has all in common with the left one and comes behind it in
 * the list that the left one is in. Only the scoreboard calls this.
 */
export function cutSegment<R>(left: SentSegment<R>, offset: number): SentSegment<R> {
  const right = acquireSegment<R>();
  right.start = offset;
  right.end = left.end;
  right.record = left.record;
  right.hasSyn = false;
  right.hasFin = left.hasFin;
  right.state = left.state;
  right.transmissions = left.transmissions;
  right.segmentSize = left.segmentSize;
  right.ordinal = left.ordinal;
  right.sentAt = left.sentAt;
  right.deliveredAtSend = left.deliveredAtSend;
  right.deliveredTimeNs = left.deliveredTimeNs;
  right.firstSentTimeNs = left.firstSentTimeNs;
  right.isAppLimited = left.isAppLimited;
  left.end = offset;
  left.hasFin = false;
  right.previous = left;
  right.next = left.next;
  if (left.next !== undefined) left.next.previous = right;
  left.next = right;
  return right;
}

/** Whether `a` was sent after `b` (RFC 8985 §6.2, RACK_sent_after): of one transmission the later offsets come after. */
export function isSentAfter(a: SentSegment<unknown>, b: SentSegment<unknown>): boolean {
  return a.ordinal > b.ordinal || (a.ordinal === b.ordinal && a.end > b.end);
}

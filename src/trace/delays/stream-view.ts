/** A stream as one of two places sees it, and a subflow as both do: what the matching of packets has found of them. */
import type { Stream } from '../stream.js';
import { Differences } from './differences.js';

/** Packets of one direction that one place saw and that have no counterpart. */
export class Unmatched {
  /** Left the window while the other place was capturing. */
  gone = 0;
  /** Seen before the other place captured anything that this one had seen too. */
  outside = 0;
  /** Cannot be told from others with the same numbers; copies among them. */
  ambiguous = 0;
  /** Longer than the MSS allows: one packet that stands for several. */
  superSegments = 0;
}

export class StreamView {
  readonly stream: Stream;
  readonly place: 0 | 1;
  /** What the numbers of the opener and of the other end have more than at the place that saw the SYN+ACK first. */
  openerShift = 0;
  otherShift = 0;
  /** The subflow, once a packet of it was matched. */
  pair: SubflowPair | undefined = undefined;
  /** By direction: from the opener, from the other end. */
  readonly unmatched = [new Unmatched(), new Unmatched()] as const;

  constructor(stream: Stream, place: 0 | 1) {
    this.stream = stream;
    this.place = place;
  }
}

export class SubflowPair {
  /** The two views, by place. */
  readonly views: readonly [StreamView, StreamView];
  /** By direction: from the opener, from the other end. */
  readonly differences = [new Differences(), new Differences()] as const;
  /** Whether IP identifications other than 0 were seen to pass unchanged. */
  keepsIds = false;
  /** The same of what marks of packets without payload are made of. */
  keepsMarks = false;
  /**
   * Sum of what packets of the opener differ by more than those of the other end just before or after them: a round trip
   * each, above 0 when the opener is at the first place. Drift and offset cancel out.
   */
  lean = 0;
  /** Difference of the last packet of each direction; NaN before. */
  private readonly last = [Number.NaN, Number.NaN];

  constructor(one: StreamView, other: StreamView) {
    this.views = one.place === 0 ? [one, other] : [other, one];
  }

  /** Takes a packet of a direction in, seen at both places. */
  add(direction: 0 | 1, atNs: number, ns: number): void {
    this.differences[direction].add(atNs, ns);
    this.last[direction] = ns;
    const step = this.last[0]! - this.last[1]!;
    if (!Number.isNaN(step)) this.lean += step;
  }
}

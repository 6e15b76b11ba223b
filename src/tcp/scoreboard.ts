import { Deque, assert } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import type { AckInfo } from './ack-info.js';
import { DeliveryRate } from './congestion/delivery-rate.js';
import { SackBlocks, isBlock, isDsack } from './sack-blocks.js';
import { indexOfOffset } from './sent-search.js';
import { SegmentState, acquireSegment, cutSegment, isSentAfter, releaseSegment } from './sent-segment.js';
import type { SentSegment } from './sent-segment.js';

/**
 * What one subflow has sent and the peer has not yet acknowledged to the end, and what the peer said of it. It decides
 * nothing: it does not know when something is lost (`rack.ts` does), how much may be sent, or what a segment looks like.
 *
 * The unit is the range that was sent at once: up to a super-segment of 64 KiB. It is split only when a part of it meets
 * another fate: a SACK block covers some of its wire segments, or a part is sent again. A range is in the deque by
 * offset and, by its state, in one of two lists that share its links: what is in flight, oldest transmission first, and
 * what is lost, lowest offset first. So an ACK costs time for the ranges that it changes: SACK blocks that repeat what the
 * last ACK said are skipped, and a new one is searched for from where the last change was. Only a split moves the ranges
 * behind it, and only a timeout walks over them all.
 *
 * Read first: RFC 2018 §5 and §8, RFC 6675 §3 and §4, RFC 2883 §4.
 */

/** Most ranges one connection keeps: beyond that no new data is sent, and SACK blocks split nothing. */
export const MAX_SENT_RANGES = 65_536;

/** So many places the deque may keep while nothing is in flight. */
const IDLE_RING_RANGES = 16;

export class Scoreboard<R> {
  /** Everything before this stream offset is acknowledged. */
  sndUna: number;
  /** One past the last stream offset sent. */
  sndNxt: number;
  /** Bytes that are in flight as far as we know: sent, neither acknowledged in any way nor taken for lost (RFC 6675: pipe). */
  bytesInFlight = 0;
  /** Bytes beyond `sndUna` that the peer has. */
  sackedBytes = 0;
  /** Ranges that make up `sackedBytes`. */
  sackedRanges = 0;
  /** Bytes taken for lost that wait to be sent again. */
  lostBytes = 0;
  /** How fast it is all delivered. */
  readonly rate = new DeliveryRate();

  /** All ranges from `sndUna` to `sndNxt`, without gaps. */
  private readonly ranges = new Deque<SentSegment<R>>();
  /** Ends of the list of ranges in flight, by transmission. */
  private oldestInFlight: SentSegment<R> | undefined = undefined;
  private newestInFlight: SentSegment<R> | undefined = undefined;
  /** Ends of the list of lost ranges, by offset. */
  private firstLost: SentSegment<R> | undefined = undefined;
  private lastLost: SentSegment<R> | undefined = undefined;
  /** The number of the next transmission. */
  private nextOrdinal = 0;
  /** SACK blocks that the last ACK had; made with the first and gone with the last of them. */
  private lastBlocks: SackBlocks | undefined = undefined;
  /** Ranges that went from the head of the deque so far. */
  private shiftedRanges = 0;
  /** Where the last SACK block changed something: an index in the deque, counted from the first range ever. */
  private lastChange = 0;
  /** Most bytes in flight at once in this round trip. */
  private peakInFlightBytes = 0;
  /** The same of the round trip before. */
  private lastPeakInFlightBytes = 0;
  /** Most ranges held since the deque was last emptied. */
  private peakRanges = 0;
  private readonly maxRanges: number;

  /** `origin`: the stream offset of the first thing sent, 0 for the SYN. */
  constructor(origin = 0, maxRanges = MAX_SENT_RANGES) {
    this.sndUna = origin;
    this.sndNxt = origin;
    this.maxRanges = maxRanges;
  }

  /** All that is outstanding in stream offsets, whatever became of it (RFC 5681: FlightSize). */
  get flightSize(): number {
    return this.sndNxt - this.sndUna;
  }

  /** Number of ranges held. */
  get rangeCount(): number {
    return this.ranges.length;
  }

  /** Whether no new data may be sent because too many ranges are held. */
  get isFull(): boolean {
    return this.ranges.length >= this.maxRanges;
  }

  /** Whether the peer has taken back a selective acknowledgment: it has what follows `sndUna`, and yet asks for it (RFC 2018 §8). */
  get isReneging(): boolean {
    return this.ranges.at(0)?.state === SegmentState.SACKED;
  }

  /** The range at `sndUna`; undefined when nothing is outstanding. */
  get head(): SentSegment<R> | undefined {
    return this.ranges.at(0);
  }

  /** The range in flight that was sent longest ago. Follow `next` to the newer ones. */
  get oldest(): SentSegment<R> | undefined {
    return this.oldestInFlight;
  }

  /** The range that was sent last, if it is still in flight. */
  get newest(): SentSegment<R> | undefined {
    return this.newestInFlight;
  }

  /** The lost range with the lowest offset: what to send again first (RFC 6675 §4, NextSeg rule 1). */
  get nextLost(): SentSegment<R> | undefined {
    return this.firstLost;
  }

  /** The `index`-th range by offset. */
  rangeAt(index: number): SentSegment<R> | undefined {
    return this.ranges.at(index);
  }

  /**
   * Notes that new data was sent at `now`: from `sndNxt` to `end`, as wire segments of `segmentSize` payload bytes.
   * `flags` as on the wire: those of SYN and FIN count, each takes one offset of the range.
   */
  recordTransmission(
    now: number,
    end: number,
    segmentSize: number,
    flags: number,
    record: R | undefined,
  ): SentSegment<R> {
    assert(end > this.sndNxt, 'a transmission of nothing');
    const range = acquireSegment<R>();
    range.start = this.sndNxt;
    range.end = end;
    range.record = record;
    range.hasSyn = (flags & TcpFlag.SYN) !== 0;
    range.hasFin = (flags & TcpFlag.FIN) !== 0;
    range.transmissions = 0;
    this.ranges.push(range);
    if (this.ranges.length > this.peakRanges) this.peakRanges = this.ranges.length;
    this.sndNxt = end;
    this.launch(now, range, segmentSize);
    return range;
  }

  /**
   * Notes that the first `length` offsets of `range` were sent again at `now`; the rest of it is split off and stays as
   * it was. The range is a lost one, or for a probe one in flight.
   */
  recordRetransmission(now: number, range: SentSegment<R>, length: number, segmentSize: number): void {
    assert(range.state !== SegmentState.SACKED, 'a retransmission of what the peer has');
    assert(length > 0 && length <= range.length, 'a retransmission beyond the range');
    if (length < range.length) this.split(indexOfOffset(this.ranges, range.start, 0), range.start + length);
    if (range.state === SegmentState.LOST) this.unlinkLost(range);
    else this.unlinkInFlight(range);
    this.launch(now, range, segmentSize);
  }

  /** Forgets that anything from `offset` on was sent; nothing of it may be acknowledged in any way. */
  retract(offset: number): void {
    while (this.sndNxt > offset) {
      const newest = this.ranges.at(this.ranges.length - 1)!;
      const last = newest.start < offset ? this.split(this.ranges.length - 1, offset) : newest;
      assert(last.state !== SegmentState.SACKED, 'what the peer has cannot be taken back');
      if (last.state === SegmentState.LOST) this.unlinkLost(last);
      else this.unlinkInFlight(last);
      this.ranges.pop();
      this.sndNxt = last.start;
      releaseSegment(last);
    }
  }

  /**
   * The end of the stream sent so far, as a range of one wire segment of at most `maxLength` offsets, split off if need
   * be: what a tail loss probe sends again (RFC 8985 §7.3). Undefined when the peer has it, or nothing is outstanding.
   */
  probeRange(maxLength: number): SentSegment<R> | undefined {
    const index = this.ranges.length - 1;
    const last = this.ranges.at(index);
    if (last === undefined || last.state === SegmentState.SACKED) return undefined;
    const wireStart = last.start + Math.floor((last.length - 1) / last.segmentSize) * last.segmentSize;
    const cut = Math.max(wireStart, last.end - maxLength);
    return cut > last.start ? this.split(index, cut) : last;
  }

  /**
   * Goes through one ACK: the cumulative one up to `ackOffset`, then `blockCount` SACK blocks whose edges stand in `edges` as
   * stream offsets (left, right, left, right), in the order of the option. Blocks that make no sense are counted and
   * ignored. `info` has begun; it is filled in, samples included. The caller has checked that `ackOffset` was sent.
   */
  acknowledge(ackOffset: number, edges: ArrayLike<number>, blockCount: number, info: AckInfo): void {
    assert(ackOffset <= this.sndNxt, 'an acknowledgment of what was never sent');
    info.priorInFlightBytes = this.bytesInFlight;
    if (ackOffset > this.sndUna) this.acknowledgeTo(ackOffset, info);
    if (blockCount > 0) this.acknowledgeBlocks(ackOffset, edges, blockCount, info);
    else if (this.sackedBytes === 0) this.lastBlocks = undefined;
    info.sndUna = this.sndUna;
    info.sndNxt = this.sndNxt;
    info.inFlightBytes = this.bytesInFlight;
    info.lostBytes = this.lostBytes;
    info.completeRtt();
    this.rate.onAck(info);
    info.peakInFlightBytes = Math.max(this.peakInFlightBytes, this.lastPeakInFlightBytes);
    if (info.isRoundStart) {
      this.lastPeakInFlightBytes = this.peakInFlightBytes;
      this.peakInFlightBytes = this.bytesInFlight;
    }
    if (this.ranges.length === 0 && this.peakRanges > IDLE_RING_RANGES) {
      this.ranges.clear();
      this.peakRanges = 0;
    }
  }

  /** Takes `range`, which is in flight, for lost. */
  markLost(range: SentSegment<R>): void {
    assert(range.state === SegmentState.IN_FLIGHT, 'only what is in flight can get lost');
    this.unlinkInFlight(range);
    this.linkLost(range);
  }

  /** Takes everything in flight for lost, as after a timeout of a peer without SACK (RFC 5681 §3.1). */
  markAllLost(): void {
    for (let i = 0; i < this.ranges.length; i++) {
      const range = this.ranges.at(i)!;
      if (range.state === SegmentState.IN_FLIGHT) this.markLost(range);
    }
  }

  /** Forgets every selective acknowledgment and takes those bytes for lost: the peer reneged (RFC 2018 §8). */
  forgetSacks(): void {
    for (let i = 0; i < this.ranges.length; i++) {
      const range = this.ranges.at(i)!;
      if (range.state === SegmentState.SACKED) this.linkLost(range);
    }
    this.sackedBytes = 0;
    this.sackedRanges = 0;
    this.lastBlocks = undefined;
  }

  /** Takes every lost range that was not yet sent again for in flight: the timeout was spurious (RFC 4015 §3). */
  unmarkLost(): void {
    let after: SentSegment<R> | undefined = undefined;
    for (let range = this.firstLost; range !== undefined; range = this.firstLost) {
      this.unlinkLost(range);
      after = this.linkByOrdinal(range, after);
    }
  }

  /** Puts `range`, which is in no list, in flight. */
  private launch(now: number, range: SentSegment<R>, segmentSize: number): void {
    this.rate.onSend(now, range, this.bytesInFlight);
    range.segmentSize = segmentSize;
    range.transmissions++;
    range.sentAt = now;
    range.ordinal = this.nextOrdinal++;
    this.linkInFlight(range, this.newestInFlight);
    if (this.bytesInFlight > this.peakInFlightBytes) this.peakInFlightBytes = this.bytesInFlight;
  }

  private acknowledgeTo(ackOffset: number, info: AckInfo): void {
    info.ackedBytes = ackOffset - this.sndUna;
    this.sndUna = ackOffset;
    for (
      let range = this.ranges.at(0);
      range !== undefined && range.start < ackOffset;
      range = this.ranges.at(0)
    ) {
      if (range.end > ackOffset) {
        this.acknowledgePart(range, ackOffset, info);
        return;
      }
      if (range.state === SegmentState.SACKED) {
        this.sackedBytes -= range.length;
        this.sackedRanges--;
      } else {
        info.deliver(range, range.end, false);
        if (range.state === SegmentState.IN_FLIGHT) this.unlinkInFlight(range);
        else this.unlinkLost(range);
      }
      this.ranges.shift();
      this.shiftedRanges++;
      releaseSegment(range);
    }
  }

  /** The cumulative acknowledgment ends inside `range`: what it covers is cut off. */
  private acknowledgePart(range: SentSegment<R>, ackOffset: number, info: AckInfo): void {
    const bytes = ackOffset - range.start;
    if (range.state === SegmentState.SACKED) {
      this.sackedBytes -= bytes;
    } else {
      info.deliver(range, ackOffset, false);
      if (range.state === SegmentState.IN_FLIGHT) this.bytesInFlight -= bytes;
      else this.lostBytes -= bytes;
    }
    range.start = ackOffset;
    range.hasSyn = false;
  }

  private acknowledgeBlocks(
    ackOffset: number,
    edges: ArrayLike<number>,
    blockCount: number,
    info: AckInfo,
  ): void {
    let index = 0;
    if (isDsack(ackOffset, edges, blockCount)) {
      index = 1;
      if (edges[0]! < 0 || edges[1]! <= edges[0]! || edges[1]! > this.sndNxt) {
        info.invalidSackBlocks++;
      } else {
        info.hasDsack = true;
        info.dsackStart = edges[0]!;
        info.dsackEnd = edges[1]!;
      }
    }
    for (let i = index; i < blockCount; i++) {
      const left = edges[2 * i]!;
      const right = edges[2 * i + 1]!;
      if (!isBlock(left, right, ackOffset, this.sndNxt)) info.invalidSackBlocks++;
      else if (right > this.sndUna) {
        const known = this.lastBlocks === undefined ? left : this.lastBlocks.endOf(left);
        this.acknowledgeBlock(left, right, known, info);
      }
    }
    if (this.sackedBytes === 0) this.lastBlocks = undefined;
    else (this.lastBlocks ??= new SackBlocks()).keep(edges, index, blockCount, ackOffset, this.sndNxt);
  }

  /**
   * Marks every range between the edges that is not marked yet; the last ACK told of the part up to `knownUntil`, and
   * runs that are marked get leapt over.
   */
  private acknowledgeBlock(left: number, right: number, knownUntil: number, info: AckInfo): void {
    if (knownUntil >= right) return;
    /** The first of the marked ranges that follow each other up to where the walk is. */
    let runHead: SentSegment<R> | undefined = undefined;
    // A wire segment that the known part covers only in part may be covered now.
    const first = Math.max(this.sndUna, knownUntil > left ? knownUntil - 1 : left);
    let index = indexOfOffset(this.ranges, first, this.lastChange - this.shiftedRanges);
    for (
      let range = this.ranges.at(index);
      range !== undefined && range.start < right;
      range = this.ranges.at(index)
    ) {
      if (range.state === SegmentState.SACKED) {
        const until: number = range.sackedUntil;
        index = until > range.end ? indexOfOffset(this.ranges, until, index) : index + 1;
        runHead ??= range;
        runHead.sackedUntil = until;
        continue;
      }
      const partIndex = this.carve(index, left, right);
      if (partIndex !== index) runHead = undefined;
      if (partIndex < 0) {
        index++;
        continue;
      }
      const part = this.ranges.at(partIndex)!;
      this.markSacked(part, info);
      runHead ??= part;
      runHead.sackedUntil = part.end;
      index = partIndex + 1;
      this.lastChange = this.shiftedRanges + partIndex;
    }
  }

  /**
   * Splits the range at `index` so that one part is the wire segments that lie wholly between the edges. Returns the
   * index of that part, -1 when there is none. A wire segment that the block covers in part counts as not covered: SACK
   * blocks of an honest peer end where segments do, and so no peer can split more finely than we sent.
   */
  private carve(index: number, left: number, right: number): number {
    const range = this.ranges.at(index)!;
    const { start, end, segmentSize } = range;
    const from = left <= start ? start : start + Math.ceil((left - start) / segmentSize) * segmentSize;
    const to = right >= end ? end : start + Math.floor((right - start) / segmentSize) * segmentSize;
    if (from >= to) return -1;
    if (from === start && to === end) return index;
    if (this.ranges.length + 2 > this.maxRanges) return -1;
    if (to < end) this.split(index, to);
    if (from === start) return index;
    this.split(index, from);
    return index + 1;
  }

  private markSacked(range: SentSegment<R>, info: AckInfo): void {
    info.deliver(range, range.end, true);
    if (range.state === SegmentState.IN_FLIGHT) this.unlinkInFlight(range);
    else this.unlinkLost(range);
    range.state = SegmentState.SACKED;
    range.sackedUntil = range.end;
    this.sackedBytes += range.length;
    this.sackedRanges++;
  }

  /** Cuts the range at `index` in two at `offset`; returns the right part, which has all in common with the left one. */
  private split(index: number, offset: number): SentSegment<R> {
    const left = this.ranges.at(index)!;
    const right = cutSegment(left, offset);
    if (right.next === undefined) {
      if (left.state === SegmentState.LOST) this.lastLost = right;
      else this.newestInFlight = right;
    }
    this.ranges.insert(index + 1, right);
    if (this.ranges.length > this.peakRanges) this.peakRanges = this.ranges.length;
    return right;
  }

  /** Puts `range` in flight behind `previous`, or as the oldest. */
  private linkInFlight(range: SentSegment<R>, previous: SentSegment<R> | undefined): void {
    const next = previous === undefined ? this.oldestInFlight : previous.next;
    range.state = SegmentState.IN_FLIGHT;
    range.previous = previous;
    range.next = next;
    if (previous === undefined) this.oldestInFlight = range;
    else previous.next = range;
    if (next === undefined) this.newestInFlight = range;
    else next.previous = range;
    this.bytesInFlight += range.end - range.start;
  }

  /** Puts `range` in flight at its place by ordinal; `hint` is a range in flight near it. Returns `range`. */
  private linkByOrdinal(range: SentSegment<R>, hint: SentSegment<R> | undefined): SentSegment<R> {
    let previous = hint ?? this.newestInFlight;
    while (previous !== undefined && isSentAfter(previous, range)) previous = previous.previous;
    let next = previous === undefined ? this.oldestInFlight : previous.next;
    while (next !== undefined && isSentAfter(range, next)) {
      previous = next;
      next = next.next;
    }
    this.linkInFlight(range, previous);
    return range;
  }

  private unlinkInFlight(range: SentSegment<R>): void {
    const { previous, next } = range;
    if (previous === undefined) this.oldestInFlight = next;
    else previous.next = next;
    if (next === undefined) this.newestInFlight = previous;
    else next.previous = previous;
    range.previous = undefined;
    range.next = undefined;
    this.bytesInFlight -= range.end - range.start;
  }

  /** Puts `range` among the lost ones. Losses are found about in the order of offsets, so its place is near the end. */
  private linkLost(range: SentSegment<R>): void {
    let previous = this.lastLost;
    if (this.firstLost !== undefined && range.start < this.firstLost.start) previous = undefined;
    while (previous !== undefined && previous.start > range.start) previous = previous.previous;
    const next = previous === undefined ? this.firstLost : previous.next;
    range.state = SegmentState.LOST;
    range.previous = previous;
    range.next = next;
    if (previous === undefined) this.firstLost = range;
    else previous.next = range;
    if (next === undefined) this.lastLost = range;
    else next.previous = range;
    this.lostBytes += range.end - range.start;
  }

  private unlinkLost(range: SentSegment<R>): void {
    const { previous, next } = range;
    if (previous === undefined) this.firstLost = next;
    else previous.next = next;
    if (next === undefined) this.lastLost = previous;
    else next.previous = previous;
    range.previous = undefined;
    range.next = undefined;
    this.lostBytes -= range.end - range.start;
  }
}

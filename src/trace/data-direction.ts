/**
 * What one host sent at the data level of a connection, over all its subflows: which bytes, which again and by whom,
 * what the peer acknowledged, in which order it came. Offsets count from the initial data sequence number, so that the
 * first byte is 1; where that is not known, the first number seen is 1.
 * Read first: RFC 8684 §3.3.1 (mappings), §3.3.2 (DATA_ACK), §3.3.3 (DATA_FIN), §3.3.4 (receive window).
 */
import { asDouble } from './double.js';
import type { Uint64 } from '../base/index.js';
import { DataRanges } from './data-ranges.js';
import { FrameList } from './frame-list.js';
import { HandoverWatch } from './handover.js';
import { Histogram } from './histogram.js';
import { IntervalBytes } from './interval-bytes.js';
import type { Segment } from './segment.js';
import type { TraceLimits } from './settings.js';
import { TimedSegments } from './timed-segments.js';

/** A number of 64 bits farther than this from where the data stands belongs to something else. */
const FARTHEST = 2 ** 40;
/** How far the data may run from the anchor of its numbers before that follows. */
const ANCHOR_REACH = 0x2000_0000;
/** Payload of a full segment where the handshake does not tell. */
const USUAL_SEGMENT_BYTES = 1400;

export class DataDirection {
  /** Data-level bytes on subflows, those first carried, and those carried before. */
  bytes = asDouble;
  uniqueBytes = asDouble;
  reinjectedBytes = 0;
  mappings = 0;
  badChecksums = 0;
  goodChecksums = 0;
  /** The first frames that completed a mapping with a wrong checksum. */
  readonly badChecksumPackets = new FrameList();
  /** Whether data was seen at all. */
  hasData = false;
  /** Whether any number is known, and whether it follows from the key. */
  isAnchored = false;
  isFromKey = false;
  /** Whether the number of a mapping has shown if the key is right. MP_CAPABLE maps data without one (RFC 8684 §3.1). */
  isKeyJudged = false;
  /** Whether the upper half of the numbers is known. */
  hasHigh = false;
  /** Wire number, in signed halves, that stands for the offset `anchor`. */
  anchorHi = 0;
  anchorLo = 0;
  anchor = asDouble;
  /** End of the highest mapping seen, highest DATA_ACK, and the first byte that has not been seen. */
  end = asDouble;
  acked = asDouble;
  contiguous = asDouble;
  /** Bytes seen above the first that has not been. */
  outOfOrderBytes = 0;
  /** Offset of the DATA_FIN; -1 before it was seen. */
  dataFinAt = -1;
  /** Frame that had it first; -1 before. */
  dataFinPacket = -1;
  firstDataNs = asDouble;
  lastDataNs = asDouble;
  /** Numbers of 64 bits that fit nowhere. */
  strange = 0;
  /** Highest offset that the peer's window allows; -1 before it is known. */
  rightEdge = asDouble;
  /** Payload of a full segment. */
  segmentBytes = USUAL_SEGMENT_BYTES;
  /** Since when there is no room for another; -1 while there is. */
  blockedSince = asDouble;
  blockedNs = asDouble;
  /** Subflow whose bytes were the first without a DATA_ACK when the window filled; -1 unknown. And time by subflow. */
  private blocker = -1;
  readonly blockedBy: number[] = [];
  /** Frames that filled the window; the one behind which most bytes waited, and how many that were. */
  readonly blockedFrames = new FrameList();
  deepestPacket = -1;
  private deepestBytes = 0;
  /** Most bytes that waited for a hole which another subflow than theirs filled, and the frame that did. */
  crossedBytes = 0;
  crossedPacket = -1;
  /** Round-trip time that the last DATA_ACK completed; -1 for none. */
  rttSample = asDouble;
  readonly rtt = new Histogram();
  readonly flight = new Histogram();
  readonly outOfOrder = new Histogram();
  readonly outOfOrderNs = new Histogram();
  readonly ranges: DataRanges;
  readonly handovers: HandoverWatch;
  /** New data over time; undefined unless it was asked for. */
  readonly intervals: IntervalBytes | undefined;
  private readonly timed: TimedSegments;
  /** DATA_ACKs up to here are of bytes that were sent more than once. */
  private karnEnd = asDouble;

  /** `intervalNs` is the length of the intervals that are counted; 0 for none. */
  constructor(limits: TraceLimits, intervalNs: number) {
    this.bytes = 0;
    this.uniqueBytes = 0;
    this.anchor = 0;
    this.end = 1;
    this.acked = 1;
    this.contiguous = 1;
    this.firstDataNs = -1;
    this.lastDataNs = -1;
    this.rightEdge = -1;
    this.blockedSince = -1;
    this.blockedNs = 0;
    this.rttSample = -1;
    this.karnEnd = 0;
    this.ranges = new DataRanges(limits.maxDataRanges);
    this.handovers = new HandoverWatch(limits.maxHandovers);
    this.intervals = intervalNs > 0 ? new IntervalBytes(intervalNs, limits.maxIntervals) : undefined;
    this.timed = new TimedSegments(limits.maxTimedSegments);
  }

  get flightBytes(): number {
    const flight = this.end - this.acked;
    return flight > 0 ? flight : 0;
  }

  /** Statistics begin at `atNs`: forgets what was counted, and nothing of how the data stands. */
  beginStatistics(atNs: number): void {
    this.bytes = 0;
    this.uniqueBytes = 0;
    this.reinjectedBytes = 0;
    this.mappings = 0;
    this.badChecksums = 0;
    this.goodChecksums = 0;
    this.firstDataNs = -1;
    this.lastDataNs = -1;
    // Who waits for room already goes on doing so.
    if (this.blockedSince >= 0) this.blockedSince = atNs;
    this.blockedNs = 0;
    this.blockedBy.length = 0;
    this.deepestPacket = -1;
    this.deepestBytes = 0;
    this.crossedBytes = 0;
    this.crossedPacket = -1;
    for (const samples of [this.rtt, this.flight, this.outOfOrder, this.outOfOrderNs]) samples.clear();
    for (const frames of [this.badChecksumPackets, this.blockedFrames]) frames.clear();
    this.intervals?.clear();
  }

  /** Makes a wire number, in signed halves, stand for `offset`. */
  setAnchor(hi: number, lo: number, offset: number, isFromKey: boolean): void {
    this.isAnchored = true;
    this.isFromKey = isFromKey;
    this.hasHigh = isFromKey;
    this.anchorHi = hi;
    this.anchorLo = lo;
    this.anchor = offset;
  }

  /** Before any data: `initial`, known late, stands for offset 0; the anchor's number lies `distance` behind it. */
  rebase(initial: Uint64, distance: number): void {
    const shift = distance - this.anchor;
    if (this.end > 1) this.end += shift;
    if (this.acked > 1) this.acked += shift;
    if (this.dataFinAt >= 0) this.dataFinAt += shift;
    if (this.rightEdge >= 0) this.rightEdge += shift;
    this.contiguous = 1;
    this.setAnchor(initial.hi | 0, initial.lo | 0, 0, true);
  }

  /** The offset that a number of 64 bits means; NaN when it lies nowhere near. */
  offsetOf64(hi: number, lo: number): number {
    if (!this.hasHigh) return this.offsetOf32(lo);
    if (hi === this.anchorHi) return this.anchor + ((lo >>> 0) - (this.anchorLo >>> 0));
    const distance = ((hi - this.anchorHi) | 0) * 0x1_0000_0000 + ((lo >>> 0) - (this.anchorLo >>> 0));
    if (Math.abs(distance) > FARTHEST) return Number.NaN;
    return this.anchor + distance;
  }

  /** Upper half, signed, of the number that stands for an offset. */
  highOf(offset: number): number {
    const low = (this.anchorLo >>> 0) + (offset - this.anchor);
    return (this.anchorHi + Math.floor(low / 0x1_0000_0000)) | 0;
  }

  /** The offset that a number of 32 bits means: the one nearest to the anchor, which follows the data. */
  offsetOf32(lo: number): number {
    return this.anchor + ((lo - this.anchorLo) | 0);
  }

  /**
   * Takes in payload [start, end) that subflow `owner` carries, not again within that subflow. Returns how many bytes of
   * it a subflow had carried before; `ranges` says which.
   */
  carry(start: number, end: number, owner: number, segment: Segment): number {
    this.bytes += end - start;
    if (this.firstDataNs < 0) this.beginAt(start, segment);
    this.lastDataNs = segment.atNs;
    let again = 0;
    if (start >= this.end) {
      this.uniqueBytes += end - start;
      this.ranges.append(start, end, owner, segment);
      if (start === this.contiguous) this.contiguous = end;
      else this.outOfOrderBytes += end - start;
      this.extend(end);
      this.timed.push(end, segment);
    } else {
      again = this.carryBelow(start, end, owner, segment);
    }
    this.flight.add(this.end > this.acked ? this.end - this.acked : 0);
    this.outOfOrder.add(this.outOfOrderBytes);
    if (this.outOfOrderBytes > this.deepestBytes) {
      this.deepestBytes = this.outOfOrderBytes;
      this.deepestPacket = segment.packet;
    }
    if (this.blockedSince < 0 && this.rightEdge >= 0 && this.rightEdge - this.end < this.segmentBytes) {
      this.blockedSince = segment.atNs;
      this.blocker = this.ranges.ownerAt(this.acked);
      this.blockedFrames.add(segment.packet);
    }
    return again;
  }

  /** Takes in a DATA_ACK of the peer; false when it acknowledges nothing new. */
  acknowledge(offset: number, segment: Segment): boolean {
    this.rttSample = -1;
    if (!(offset > this.acked)) return false;
    if (offset > this.end) {
      if (offset - this.end > ANCHOR_REACH) {
        this.strange++;
        return false;
      }
      this.extend(offset);
    }
    this.acked = offset;
    if (offset >= this.end) this.handovers.settle(segment);
    if (offset > this.contiguous) this.fillUpTo(offset, segment);
    const sentNs = this.timed.acknowledge(offset);
    if (sentNs >= 0 && offset > this.karnEnd) {
      this.rttSample = segment.atNs - sentNs;
      this.rtt.add(this.rttSample);
    }
    return true;
  }

  /** The peer has room for `windowBytes` behind its highest DATA_ACK (RFC 8684 §3.3.4). */
  noteWindow(windowBytes: number, segment: Segment): void {
    const edge = this.acked + windowBytes;
    if (edge > this.rightEdge) this.rightEdge = edge;
    if (this.blockedSince >= 0 && this.rightEdge - this.end >= this.segmentBytes) {
      this.endBlock(segment.atNs);
    }
  }

  /** Ends the time without room, at the latest with the last data. */
  endBlock(atNs: number): void {
    if (this.blockedSince < 0) return;
    const blockedNs = Math.max(0, atNs - this.blockedSince);
    this.blockedNs += blockedNs;
    this.blockedSince = -1;
    if (this.blocker >= 0) this.blockedBy[this.blocker] = (this.blockedBy[this.blocker] ?? 0) + blockedNs;
  }

  /** A DATA_FIN in frame `packet` that takes the data sequence number at `offset`. */
  noteDataFin(offset: number, packet: number): void {
    this.dataFinAt = offset;
    if (this.dataFinPacket < 0) this.dataFinPacket = packet;
    if (offset + 1 > this.end) {
      if (this.contiguous === offset) this.contiguous = offset + 1;
      this.extend(offset + 1);
    }
  }

  /** The first data of a capture that starts in the middle: what lies before it is not missing. */
  private beginAt(start: number, { atNs }: Segment): void {
    this.firstDataNs = atNs;
    if (this.hasData) return;
    this.hasData = true;
    if (this.isFromKey || start <= this.end) return;
    this.contiguous = start;
    this.end = start;
  }

  private carryBelow(start: number, end: number, owner: number, segment: Segment): number {
    const { ranges } = this;
    const wasContiguous = this.contiguous;
    ranges.cover(start, end, owner, segment);
    const again = end - start - ranges.freshBytes;
    this.uniqueBytes += ranges.freshBytes;
    this.reinjectedBytes += again;
    if (again > 0) this.karnEnd = Math.max(this.end, end);
    if (start > wasContiguous) {
      this.outOfOrderBytes += ranges.freshBytes;
    } else if (end > wasContiguous) {
      // What it repeats of the bytes above the hole no longer waits.
      const repeated = again - (wasContiguous - start);
      if (repeated > 0) this.outOfOrderBytes = Math.max(0, this.outOfOrderBytes - repeated);
      this.contiguous = end;
      this.noteFill(end, owner, segment);
      this.pass(end, segment);
    }
    if (end > this.end) this.extend(end);
    return again;
  }

  /** Subflow `owner` filled a hole that ended at `end`: what waited behind it may be another subflow's. */
  private noteFill(end: number, owner: number, { packet }: Segment): void {
    if (this.outOfOrderBytes <= this.crossedBytes) return;
    const above = this.ranges.ownerAt(end);
    if (above < 0 || above === owner) return;
    this.crossedBytes = this.outOfOrderBytes;
    this.crossedPacket = packet;
  }

  /** Everything below `offset` has arrived, whatever the capture shows. */
  private fillUpTo(offset: number, segment: Segment): void {
    const { ranges } = this;
    for (let i = ranges.indexEndingAfter(this.contiguous); i < ranges.count; i++) {
      const start = ranges.startOf(i);
      if (start >= offset) break;
      this.release(
        Math.min(ranges.endOf(i), offset) - Math.max(start, this.contiguous),
        ranges.timeOf(i),
        segment,
      );
    }
    this.contiguous = offset;
    this.pass(offset, segment);
  }

  /** A hole that ended at `from` is filled: the ranges that follow without a gap are in order now. */
  private pass(from: number, segment: Segment): void {
    const { ranges } = this;
    for (let i = ranges.indexEndingAfter(from); i < ranges.count; i++) {
      if (ranges.startOf(i) > this.contiguous) break;
      const end = ranges.endOf(i);
      this.release(end - this.contiguous, ranges.timeOf(i), segment);
      this.contiguous = end;
    }
    if (this.contiguous >= this.end) this.outOfOrderBytes = 0;
  }

  private release(bytes: number, arrivedNs: number, { atNs }: Segment): void {
    this.outOfOrderBytes = Math.max(0, this.outOfOrderBytes - bytes);
    this.outOfOrderNs.add(atNs - arrivedNs);
  }

  private extend(end: number): void {
    this.end = end;
    if (end - this.anchor < ANCHOR_REACH) return;
    const low = (this.anchorLo >>> 0) + (end - this.anchor);
    this.anchorHi = (this.anchorHi + Math.floor(low / 0x1_0000_0000)) | 0;
    this.anchorLo = low | 0;
    this.anchor = end;
  }
}

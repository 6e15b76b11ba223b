/**
 * What one host sent on one subflow, seen as plain TCP: which bytes, which again, what is in flight, how long until they
 * were acknowledged. Offsets count from the SYN, which is 0; where it was not captured, the first number seen is 1.
 * Knows nothing of the data sequence, except that it keeps the mapping in force (subflow-mapping.ts reads it).
 * Read first: RFC 9293 §3.4, RFC 6298 §3 (Karn), RFC 7323 §4.
 */
import { asDouble } from './double.js';
import { ChecksumVerifier } from './checksum-verifier.js';
import { FrameList } from './frame-list.js';
import { Histogram } from './histogram.js';
import { MappingRecord } from './mapping-record.js';
import { RangeSet } from './range-set.js';
import type { Segment } from './segment.js';
import type { TraceLimits } from './settings.js';
import { TimedSegments } from './timed-segments.js';

/** Farthest that a number may lie from where the stream is: beyond, it is nonsense. */
const FARTHEST = 0x4000_0000;

export class SubflowDirection {
  packets = 0;
  /** Payload bytes, each time they were sent, and those seen for the first time. */
  bytes = asDouble;
  uniqueBytes = asDouble;
  retransmittedBytes = 0;
  retransmittedPackets = 0;
  /** Bytes that came after later ones, seen for the first time; and packets of nothing else, so that each counts once. */
  lateBytes = 0;
  latePackets = 0;
  /** Data-level bytes that had been carried before, and by which subflow. */
  reinjectedBytes = 0;
  reinjectedPackets = 0;
  readonly reinjectedFrom: number[] = [];
  /** Data-level bytes that this subflow was the first to carry. */
  firstCarriedBytes = 0;
  /** Payload of the SYN (Fast Open): how much it had, how much the peer took, and from which offset on it is sent again. */
  synPayload = 0;
  synAccepted = 0;
  synRefusedFrom = 0;
  resets = 0;
  /** Frames that were sent again, that came after their successors, that carried what another subflow had carried before. */
  readonly retransmissionFrames = new FrameList();
  readonly lateFrames = new FrameList();
  readonly reinjectionFrames = new FrameList();
  /** Acknowledgements of bytes that were not seen, and packets with which this host closed its window. */
  readonly missingFrames = new FrameList();
  readonly zeroWindowFrames = new FrameList();
  /** Frames sent again since the last acknowledgement that advanced, and when that came; -1 before. */
  readonly unansweredFrames = new FrameList();
  lastAckNs = asDouble;
  /** Packets that were there before with the same timestamp. */
  copiedPackets = 0;
  /** Timestamp of the last segment with new payload; 0 without. */
  private latestTsVal = 0;
  /** Bytes that were missing before the statistics began. */
  private missingBefore = 0;
  /** Segments whose sequence number lies nowhere near the stream. */
  strange = 0;
  zeroWindows = 0;
  zeroWindowNs = asDouble;
  /** When the window was closed; -1 while it is open. */
  zeroSince = asDouble;
  /** Power of two that this host's windows count in. */
  windowShift = 0;
  /** Whether it was followed from its SYN on. */
  hasSyn = false;
  /** Whether the number of the SYN is known, even if it came before this direction was followed. */
  isSynSeen = false;
  /** Wire number of offset 0, signed. */
  initialSeq = 0;
  /** Whether payload was seen. */
  hasData = false;
  /** End of what was sent (0 before any number of this direction is known), and highest acknowledgement; each also as the wire number that it stands for, signed. */
  end = asDouble;
  endSeq = 0;
  acked = asDouble;
  ackedSeq = 0;
  firstDataNs = asDouble;
  lastDataNs = asDouble;
  /** Payload bytes of the last segment seen for the first time, and those in a hole of earlier ones. */
  freshTail = 0;
  freshInHoles = 0;
  /** Payload bytes of the last segment that were seen before. */
  repeated = 0;
  readonly rtt = new Histogram();
  readonly flight = new Histogram();
  /** Of this host's acknowledgements: the bytes that each newly acknowledged. */
  readonly ackSizes = new Histogram();
  readonly holes: RangeSet;
  readonly mappings = new MappingRecord();
  readonly verifier = new ChecksumVerifier();
  private readonly timed: TimedSegments;
  /** Acknowledgements up to here are of bytes that were sent more than once. */
  private karnEnd = asDouble;
  /** The last segment sent again: its end, its timestamp, and when; -1 for none. */
  private repeatedEnd = asDouble;
  private repeatedTsVal = 0;
  private repeatedNs = asDouble;

  constructor(limits: TraceLimits) {
    this.bytes = 0;
    this.uniqueBytes = 0;
    this.zeroWindowNs = 0;
    this.zeroSince = -1;
    this.end = 0;
    this.acked = 0;
    this.lastAckNs = -1;
    this.firstDataNs = -1;
    this.lastDataNs = -1;
    this.rttSample = -1;
    this.karnEnd = 0;
    this.repeatedEnd = -1;
    this.repeatedNs = 0;
    this.holes = new RangeSet(limits.maxHoles);
    this.timed = new TimedSegments(limits.maxTimedSegments);
  }

  /** Whether a number of this direction is known at all. */
  get isAnchored(): boolean {
    return this.end > 0;
  }

  /** Bytes that were sent and are not acknowledged. */
  get flightBytes(): number {
    const flight = this.end - this.acked;
    return flight > 0 ? flight : 0;
  }

  /** Bytes that the capture lost although they were acknowledged. */
  get missingBytes(): number {
    return Math.max(0, this.missingTotal - this.missingBefore);
  }

  private get missingTotal(): number {
    return this.holes.droppedBytes + this.holes.bytesBelow(this.acked);
  }

  /** Statistics begin at `atNs`: forgets what was counted, and nothing of how the stream stands. */
  beginStatistics(atNs: number): void {
    this.packets = 0;
    this.bytes = 0;
    this.uniqueBytes = 0;
    this.retransmittedBytes = 0;
    this.retransmittedPackets = 0;
    this.copiedPackets = 0;
    this.lateBytes = 0;
    this.latePackets = 0;
    this.reinjectedBytes = 0;
    this.reinjectedPackets = 0;
    this.reinjectedFrom.length = 0;
    this.firstCarriedBytes = 0;
    this.resets = 0;
    this.firstDataNs = -1;
    this.lastDataNs = -1;
    this.missingBefore = this.missingTotal;
    // A window that is closed already stays so from here on.
    this.zeroWindows = this.zeroSince >= 0 ? 1 : 0;
    this.zeroWindowNs = 0;
    if (this.zeroSince >= 0) this.zeroSince = atNs;
    for (const samples of [this.rtt, this.flight, this.ackSizes]) samples.clear();
    for (const frames of this.frameLists()) frames.clear();
  }

  private frameLists(): readonly FrameList[] {
    const { retransmissionFrames, lateFrames, reinjectionFrames, missingFrames, zeroWindowFrames } = this;
    return [retransmissionFrames, lateFrames, reinjectionFrames, missingFrames, zeroWindowFrames];
  }

  /** Makes `initialSeq` offset 0; the stream stands behind the SYN then. */
  anchor(initialSeq: number, isSyn: boolean): void {
    this.hasSyn = isSyn;
    this.initialSeq = initialSeq;
    this.end = 1;
    this.endSeq = (initialSeq + 1) | 0;
    this.acked = 1;
    this.ackedSeq = this.endSeq;
    this.karnEnd = 1;
  }

  /**
   * Takes in a segment that this host sent; returns the offset of its first sequence number. What it did to the counts
   * stands in `freshTail`, `freshInHoles` and `repeated`.
   */
  send(segment: Segment): number {
    this.packets++;
    this.freshTail = 0;
    this.freshInHoles = 0;
    this.repeated = 0;
    const { flags, payloadLength } = segment;
    const offset = this.end + ((segment.seq - this.endSeq) | 0);
    if (payloadLength > 0) {
      const start = (flags & 2) !== 0 ? offset + 1 : offset;
      if ((flags & 2) !== 0) this.synPayload = payloadLength;
      if ((flags & 4) === 0) this.sendPayload(segment, start, payloadLength);
    }
    if ((flags & 5) !== 0) this.finish(flags, offset + payloadLength);
    return offset;
  }

  /**
   * Takes in an acknowledgement of this direction's bytes that the peer sent; returns how many bytes it newly
   * acknowledges. `rttSample` then is the round-trip time that it shows, -1 for none.
   */
  acknowledge(segment: Segment): number {
    this.rttSample = -1;
    const ack = this.acked + ((segment.ack - this.ackedSeq) | 0);
    const advance = ack - this.acked;
    if (advance <= 0) return 0;
    if (ack > this.end) {
      if (ack - this.end > FARTHEST) return 0;
      // Bytes that the capture has not shown.
      if (this.hasData || this.hasSyn) {
        this.holes.append(this.end, ack);
        this.missingFrames.add(segment.packet);
      }
      this.advanceTo(ack);
    }
    this.acked = ack;
    this.ackedSeq = segment.ack;
    this.lastAckNs = segment.atNs;
    this.unansweredFrames.clear();
    const sentNs = this.timed.acknowledge(ack);
    if (sentNs >= 0 && ack > this.karnEnd) this.sample(segment.atNs - sentNs);
    else if (this.repeatedEnd >= 0) this.sampleRepeated(segment, ack);
    return advance;
  }

  /**
   * The peer's SYN+ACK says how much of the SYN's payload it took; it never takes more later (RFC 7413 §4.2.1), and the same
   * SYN+ACK sent again says nothing new.
   */
  noteSynAnswer(): void {
    if (this.synRefusedFrom > 0) return;
    this.synAccepted = Math.min(this.synPayload, this.acked - 1);
    this.synRefusedFrom = 1 + this.synAccepted;
    // Subflow sequence numbers leave the SYN's payload out, since no mapping can mean it (RFC 8684 §B.2).
    this.mappings.shift = this.synAccepted;
  }

  /** Round-trip time in nanoseconds that the last acknowledgement completed; -1 for none. */
  rttSample = asDouble;

  /** Notes the window that this host advertises. */
  noteWindow(windowBytes: number, { atNs, packet }: Segment): void {
    if (windowBytes === 0) {
      if (this.zeroSince >= 0) return;
      this.zeroSince = atNs;
      this.zeroWindows++;
      this.zeroWindowFrames.add(packet);
    } else if (this.zeroSince >= 0) {
      this.zeroWindowNs += atNs - this.zeroSince;
      this.zeroSince = -1;
    }
  }

  private sendPayload(segment: Segment, start: number, length: number): void {
    const { atNs } = segment;
    this.bytes += length;
    if (this.firstDataNs < 0) this.beginData(start, segment);
    this.lastDataNs = atNs;
    const stop = start + length;
    if (start === this.end) {
      this.freshTail = length;
    } else if (start > this.end) {
      if (start - this.end > FARTHEST) {
        this.strange++;
        return;
      }
      this.holes.append(this.end, start);
      this.freshTail = length;
    } else {
      this.sendAgain(segment, start, stop);
    }
    this.uniqueBytes += this.freshTail + this.freshInHoles;
    if (this.freshTail > 0) {
      this.advanceTo(stop);
      this.timed.push(stop, segment);
      if (segment.hasTimestamps) this.latestTsVal = segment.tsVal;
    }
    this.flight.add(this.end > this.acked ? this.end - this.acked : 0);
  }

  private beginData(start: number, { atNs }: Segment): void {
    this.firstDataNs = atNs;
    if (this.hasData) return;
    this.hasData = true;
    // The capture starts in the middle, and its first segment is not the one that the first acknowledgement is of.
    if (!this.hasSyn && start > this.end && start - this.end < FARTHEST) this.advanceTo(start);
  }

  /** A segment that starts below the end of what was sent: sent again, or later than its successors. */
  private sendAgain(segment: Segment, start: number, stop: number): void {
    const known = Math.min(stop, this.end);
    if (this.holes.count > 0) this.freshInHoles = this.holes.remove(start, known);
    else this.holes.removedCount = 0;
    this.freshTail = stop - known;
    this.repeated = known - start - this.freshInHoles;
    if (this.freshInHoles > 0) {
      this.lateBytes += this.freshInHoles;
      if (this.repeated === 0) this.latePackets++;
      this.lateFrames.add(segment.packet);
    }
    if (this.repeated > 0) {
      this.retransmittedBytes += this.repeated;
      this.retransmittedPackets++;
      this.retransmissionFrames.add(segment.packet);
      this.unansweredFrames.add(segment.packet);
      // Who sends again takes the time anew (RFC 7323 §3.2).
      if (segment.hasTimestamps && ((segment.tsVal - this.latestTsVal) | 0) < 0) this.copiedPackets++;
      this.repeatedEnd = stop;
      this.repeatedTsVal = segment.hasTimestamps ? segment.tsVal : 0;
      this.repeatedNs = segment.atNs;
    }
    // Whatever is in flight waits for these bytes, so the next acknowledgements say nothing of the path (RFC 6298 §3).
    this.karnEnd = Math.max(this.end, stop);
  }

  private finish(flags: number, offset: number): void {
    if ((flags & 4) !== 0) this.resets++;
    if ((flags & 1) !== 0 && offset === this.end) this.advanceTo(offset + 1);
  }

  private advanceTo(offset: number): void {
    this.endSeq = (this.endSeq + (offset - this.end)) | 0;
    this.end = offset;
  }

  /** The timestamp that came back tells which transmission was acknowledged (RFC 7323 §4). */
  private sampleRepeated(segment: Segment, ack: number): void {
    if (ack < this.repeatedEnd) return;
    if (segment.hasTimestamps && this.repeatedTsVal !== 0 && segment.tsEcr === this.repeatedTsVal) {
      this.sample(segment.atNs - this.repeatedNs);
    }
    this.repeatedEnd = -1;
  }

  private sample(rttNs: number): void {
    this.rtt.add(rttNs);
    this.rttSample = rttNs;
  }
}

/**
 * What a capture shows of its own making: cut payload, segments that the device was to cut up, packets that are there twice, a
 * clock that goes back. Runs for every segment, so it asks little of each. Knows nothing of connections.
 */
import { asDouble } from './double.js';
import { FrameList } from './frame-list.js';
import type { CaptureQualityReport } from './report.js';
import type { Segment } from './segment.js';

/** Two copies of one packet lie this close together; a sender never repeats itself as fast. */
const COPY_REACH_NS = 1_000_000;
/** Largest segment that a link of the usual kinds carries: the payload of a jumbo frame. */
const LARGEST_SEGMENT_BYTES = 9000;

export class CaptureQuality {
  private cutPayloads = 0;
  private superSegments = 0;
  private duplicates = 0;
  private damaged = 0;
  private clockReversals = 0;
  private greatestReversalNs = 0;
  private readonly duplicatePackets = new FrameList();
  private readonly damagedPackets = new FrameList();
  private readonly reversalPackets = new FrameList();
  private readonly superPackets = new FrameList();
  private readonly cutPackets = new FrameList();
  /** The segment before; of one without payload only that it had none. */
  private seq = 0;
  private ack = 0;
  private payloadLength = 0;
  private ports = 0;
  private checksum = 0;
  private atNs = asDouble;
  private vantage = 0;

  constructor() {
    this.atNs = 0;
  }

  /** The instant of a frame lies before that of the one before, `earlierNs`. */
  noteReversal(atNs: number, earlierNs: number, packet: number): void {
    this.clockReversals++;
    if (earlierNs - atNs > this.greatestReversalNs) this.greatestReversalNs = earlierNs - atNs;
    this.reversalPackets.add(packet);
  }

  /** A segment was damaged on its way. */
  noteDamaged(packet: number): void {
    this.damaged++;
    this.damagedPackets.add(packet);
  }

  /** Takes in a segment. `mss` is the least that its stream's SYNs stated, 0 without. */
  note(segment: Segment, mss: number, vantage: number): void {
    const { payloadLength } = segment;
    if (payloadLength > 0) this.notePayload(segment, mss, vantage);
    this.payloadLength = payloadLength;
  }

  private notePayload(segment: Segment, mss: number, vantage: number): void {
    const { payloadLength, seq, packet } = segment;
    if (segment.payloadAvailable < payloadLength) {
      this.cutPayloads++;
      this.cutPackets.add(packet);
    }
    if (payloadLength > (mss > 0 ? mss : LARGEST_SEGMENT_BYTES)) {
      this.superSegments++;
      this.superPackets.add(packet);
    }
    const ports = (segment.sourcePort << 16) | segment.destinationPort;
    if (
      seq === this.seq &&
      payloadLength === this.payloadLength &&
      segment.tcpChecksum === this.checksum &&
      segment.ack === this.ack &&
      ports === this.ports &&
      vantage === this.vantage &&
      segment.atNs - this.atNs <= COPY_REACH_NS
    ) {
      this.duplicates++;
      this.duplicatePackets.add(packet);
    }
    this.seq = seq;
    this.ack = segment.ack;
    this.checksum = segment.tcpChecksum;
    this.ports = ports;
    this.vantage = vantage;
    this.atNs = segment.atNs;
  }

  /** What was seen. */
  report(): CaptureQualityReport {
    return {
      cutPayloads: this.cutPayloads,
      cutPackets: this.cutPackets.list(),
      superSegments: this.superSegments,
      superPackets: this.superPackets.list(),
      duplicates: this.duplicates,
      duplicatePackets: this.duplicatePackets.list(),
      damagedSegments: this.damaged,
      damagedPackets: this.damagedPackets.list(),
      clockReversals: this.clockReversals,
      greatestReversalNs: this.greatestReversalNs,
      reversalPackets: this.reversalPackets.list(),
    };
  }
}

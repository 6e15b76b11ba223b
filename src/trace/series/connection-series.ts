/**
 * What one host of a connection sent, over time: collected in one pass from the segments of the connection, in memory that
 * does not grow with the capture. Times are seconds since the first frame, positions and sizes bytes. Says nothing of how
 * it is drawn. Read first: RFC 8684 §3.3.
 */
import { MILLISECOND, SECOND } from '../../base/index.js';
import type { Observation, Sender } from '../observation.js';
import type { ConnectionReport } from '../report.js';
import { ThinnedPoints } from './thinned-points.js';
import { TimeBins } from './time-bins.js';

/** Subflows with series of their own; all others are one more. */
export const SEPARATE_SUBFLOWS = 4;
const SLOTS = SEPARATE_SUBFLOWS + 1;

/** What is to be collected. */
export interface SeriesOptions {
  /** Whose data. */
  readonly sender: Sender;
  /** Nanoseconds since the first frame, bounds included. */
  readonly fromNs?: number;
  readonly toNs?: number;
  /** Most points of one series. */
  readonly maxPoints?: number;
}

/** A picture of more would be of bursts. */
const BINS = 64;
const FIRST_BIN_NS = MILLISECOND;
const MAX_POINTS = 6000;

export class ConnectionSeries {
  readonly sender: Sender;
  /** By subflow (the last for all beyond {@link SEPARATE_SUBFLOWS}): where data lies, from its first byte to its end. */
  readonly data: readonly ThinnedPoints[];
  /** Data that another subflow had carried before, and the highest DATA_ACK. */
  readonly reinjected: ThinnedPoints;
  readonly acks: ThinnedPoints;
  /** From the first byte missing to the end of what is there, each time it changes; without height when none is missing. */
  readonly queue: ThinnedPoints;
  /** Round-trip times in seconds by subflow, and of the data level. */
  readonly rtt: readonly ThinnedPoints[];
  readonly dataRtt: ThinnedPoints;
  /** Bytes in flight by subflow, and at the data level. */
  readonly flight: readonly ThinnedPoints[];
  readonly dataFlight: ThinnedPoints;
  /** Bytes that each ACK newly acknowledged, by subflow. */
  readonly ackSizes: readonly ThinnedPoints[];
  /** Bytes above the first hole. */
  readonly outOfOrder: ThinnedPoints;
  /** New data bytes by subflow. */
  readonly fresh = new TimeBins(SLOTS, BINS, FIRST_BIN_NS);
  private readonly fromNs: number;
  private readonly toNs: number;
  /** Whether positions of the first subflow are those of the data. */
  private readonly isPlain: boolean;
  private highestAck = -1;
  private end = -1;
  private hadHole = false;

  constructor(connection: ConnectionReport, options: SeriesOptions) {
    const { sender, fromNs = 0, toNs = Number.POSITIVE_INFINITY, maxPoints = MAX_POINTS } = options;
    const one = (): ThinnedPoints => new ThinnedPoints(maxPoints);
    const each = (): ThinnedPoints[] => Array.from({ length: SLOTS }, one);
    this.sender = sender;
    this.fromNs = fromNs;
    this.toNs = toNs;
    this.isPlain = connection.protocol === 'tcp' || connection.fallback;
    this.data = each();
    this.reinjected = one();
    this.acks = one();
    this.queue = one();
    this.rtt = each();
    this.dataRtt = one();
    this.flight = each();
    this.dataFlight = one();
    this.ackSizes = each();
    this.outOfOrder = one();
  }

  /** Takes in a segment of the connection. */
  take(o: Observation): void {
    if (o.atNs < this.fromNs || o.atNs > this.toNs || o.subflow < 0) return;
    const slot = Math.min(o.subflow, SEPARATE_SUBFLOWS);
    if (o.sender !== this.sender) this.takeAck(o, slot);
    else if (o.payloadLength > 0) this.takeData(o, slot);
  }

  private takeData(o: Observation, slot: number): void {
    const { packet, payloadLength } = o;
    const x = o.atNs / SECOND;
    const start = o.dataOffset >= 0 || !this.isPlain ? o.dataOffset : o.relativeSeq;
    const fresh = payloadLength - o.retransmittedBytes - o.reinjectedBytes;
    if (fresh > 0) this.fresh.add(o.atNs, slot, fresh);
    this.flight[slot]!.add(x, o.flightBytes, o.flightBytes, packet);
    if (o.dataFlightBytes >= 0) this.dataFlight.add(x, o.dataFlightBytes, o.dataFlightBytes, packet);
    if (start < 0) return;
    const stop = start + payloadLength;
    const target = o.reinjectedBytes > 0 ? this.reinjected : this.data[slot]!;
    target.add(x, start, stop, packet);
    if (stop > this.end) this.end = stop;
    if (o.outOfOrderBytes >= 0) this.takeQueue(o, x);
  }

  private takeQueue(o: Observation, x: number): void {
    const { outOfOrderBytes, packet } = o;
    this.outOfOrder.add(x, outOfOrderBytes, outOfOrderBytes, packet);
    const hasHole = outOfOrderBytes > 0;
    if (hasHole) this.queue.add(x, Math.min(o.inOrderOffset, this.end), this.end, packet);
    else if (this.hadHole) this.queue.add(x, this.end, this.end, packet);
    this.hadHole = hasHole;
  }

  private takeAck(o: Observation, slot: number): void {
    const { packet } = o;
    const x = o.atNs / SECOND;
    const ack = o.dataAck >= 0 || !this.isPlain ? o.dataAck : o.relativeAck;
    if (ack > this.highestAck) {
      this.highestAck = ack;
      this.acks.add(x, ack, ack, packet);
    }
    if (o.rttNs >= 0) this.rtt[slot]!.add(x, o.rttNs / SECOND, o.rttNs / SECOND, packet);
    if (o.dataRttNs >= 0) this.dataRtt.add(x, o.dataRttNs / SECOND, o.dataRttNs / SECOND, packet);
    if (o.ackedBytes <= 0) return;
    this.ackSizes[slot]!.add(x, o.ackedBytes, o.ackedBytes, packet);
    // An ACK that carries data says what its own sender has in flight.
    if (o.payloadLength > 0) return;
    this.flight[slot]!.add(x, o.flightBytes, o.flightBytes, packet);
    if (o.dataFlightBytes >= 0) this.dataFlight.add(x, o.dataFlightBytes, o.dataFlightBytes, packet);
  }
}

/**
 * What the client saw of the answers, over time and by path, and how the server's subflows stood: collected while a
 * scenario runs, in memory that does not grow with it. Times are seconds, positions and sizes bytes. What a segment is, the
 * trace analyser says: the engine does not judge itself.
 */
import { MILLISECOND, SECOND } from '../base/index.js';
import { CapturedPacket, LinkType } from '../capture/index.js';
import type { Direction, PacketGlance } from '../network/index.js';
import { type Observation, ThinnedPoints, TimeBins, TraceAnalyzer } from '../trace/index.js';

/** Most points of one series: more than there are pixels in a plot beside others. */
const MAX_POINTS = 3000;
const BINS = 128;
const FIRST_BIN_NS = 10 * MILLISECOND;

const one = (): ThinnedPoints => new ThinnedPoints(MAX_POINTS);

export class LiveSeries {
  /** By path: where new data and data sent again lies, from its first byte to its end. */
  readonly data: readonly ThinnedPoints[];
  /** Data that another subflow had brought or tried before. */
  readonly reinjected = one();
  /** The highest DATA_ACK. */
  readonly acks = one();
  /** From the first byte missing to the end of what is there; without height when none is missing. */
  readonly queue = one();
  /** New data bytes by path. */
  readonly fresh: TimeBins;
  /** Bytes of data that each path was the first to bring. */
  readonly freshBytes: number[];
  /** The window that the client advertised last. */
  readonly windows = one();
  /** By path, of the server's subflows: smoothed round-trip time in seconds, congestion window and data in flight. */
  readonly srtt: readonly ThinnedPoints[];
  readonly cwnd: readonly ThinnedPoints[];
  readonly flight: readonly ThinnedPoints[];
  /** Bytes that came a second time, over whatever path. */
  repeatedBytes = 0;
  /** Bytes that another path had carried before. */
  reinjectedBytes = 0;
  private readonly analyzer = new TraceAnalyzer({ includesPlain: true, verifiesChecksums: false });
  private readonly frame = new CapturedPacket();
  private highestAck = -1;
  private highestEnd = -1;
  private hadHole = false;
  private window = -1;

  constructor(paths: number) {
    const each = (): ThinnedPoints[] => Array.from({ length: paths }, one);
    this.data = each();
    this.srtt = each();
    this.cwnd = each();
    this.flight = each();
    this.fresh = new TimeBins(paths, BINS, FIRST_BIN_NS);
    this.freshBytes = new Array<number>(paths).fill(0);
    this.frame.linkType = LinkType.RAW;
  }

  /** Takes in a packet of a path, seen at the client: as a capture shows it that keeps headers alone. */
  add(now: number, { bytes, length, rest }: PacketGlance, direction: Direction, path: number): void {
    const { frame } = this;
    frame.frame++;
    frame.setTime(now);
    frame.setBytes(bytes, 0, length);
    frame.originalLength = length + rest.length;
    const seen = this.analyzer.handle(frame);
    if (seen === undefined) return;
    if (direction === 'outward') this.takeAck(now, seen);
    else if (seen.payloadLength > 0) this.takeData(now, seen, path);
  }

  private takeData(now: number, seen: Observation, path: number): void {
    const { packet, payloadLength, retransmittedBytes, reinjectedBytes } = seen;
    const x = now / SECOND;
    // Plain TCP has no data sequence but its own, which counts the SYN.
    const isPlain = seen.dataOffset < 0;
    const from = isPlain ? seen.relativeSeq : seen.dataOffset;
    const end = from + payloadLength;
    const repeated = Math.min(payloadLength, retransmittedBytes + reinjectedBytes);
    this.repeatedBytes += repeated;
    this.reinjectedBytes += reinjectedBytes;
    if (reinjectedBytes > 0) this.reinjected.add(x, from, end, packet);
    else this.data[path]!.add(x, from, end, packet);
    const fresh = payloadLength - repeated;
    this.fresh.add(now, path, fresh);
    this.freshBytes[path]! += fresh;
    this.highestEnd = Math.max(this.highestEnd, end);
    if (!isPlain && seen.outOfOrderBytes >= 0) this.takeQueue(x, seen);
  }

  private takeQueue(x: number, { inOrderOffset, outOfOrderBytes, packet }: Observation): void {
    const end = this.highestEnd;
    const hasHole = outOfOrderBytes > 0;
    if (hasHole) this.queue.add(x, Math.min(inOrderOffset, end), end, packet);
    else if (this.hadHole) this.queue.add(x, end, end, packet);
    this.hadHole = hasHole;
  }

  /** Has the window that was advertised last hold at `x`: nothing is said of one that does not change. */
  holdWindow(x: number): void {
    if (this.window >= 0) this.windows.add(x, this.window, this.window, 0);
  }

  private takeAck(now: number, seen: Observation): void {
    const x = now / SECOND;
    const ack = seen.dataAck >= 0 ? seen.dataAck : seen.relativeAck;
    if (ack > this.highestAck && this.highestEnd >= 0) {
      this.highestAck = ack;
      this.acks.add(x, ack, ack, seen.packet);
    }
    if (seen.windowBytes === this.window) return;
    this.window = seen.windowBytes;
    this.windows.add(x, seen.windowBytes, seen.windowBytes, seen.packet);
  }
}

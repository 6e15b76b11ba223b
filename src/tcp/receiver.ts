import type { Seq32 } from '../base/index.js';
import { NEVER, offsetOf, ReassemblyQueue, seq32, seqAt } from '../base/index.js';
import type { TcpSegment } from '../wire/index.js';
import { Verdict } from './event.js';
import type { TcpParameters } from './settings.js';

/**
 * The receiving half: puts the peer's bytes in order, decides when to acknowledge and how large a window to advertise,
 * and reports what is missing. It does not know states, and nothing of what this end sends.
 *
 * Read first: RFC 9293 §3.8.6 (window, silly window syndrome, delayed acknowledgments), RFC 5681 §4.2, RFC 2018 §4,
 * RFC 2883.
 */

/** What a peer's MSS is taken for before a segment has shown it (RFC 9293 §3.7.1). */
const DEFAULT_MSS = 536;
/** Segments' worth that is acknowledged at once: two, with slack for options that vary from segment to segment. */
const FULL_ENOUGH = 1.75;
/** Pieces held beyond a gap, as a multiple of the most runs: a peer may send a byte at a time. */
const PIECES_PER_RUN = 16;
/** SACK blocks remembered by age; no header holds more than four. */
const MAX_SACK_BLOCKS = 4;

export class Receiver {
  /** Sequence number of the peer's SYN; 0 until it came. */
  private initial: Seq32 = seq32(0);
  /** Offset of the byte or FIN expected next. */
  rcvNxt = 1;
  /** Offset of the byte that the owner takes next. */
  delivered = 1;
  /** Acknowledgment last sent, as an offset. */
  lastAckSent = 0;
  /** What the window field we send counts in: 2 to the shift that we announced. */
  windowUnit = 1;
  /** Whether the peer understands SACK blocks. */
  sack = false;
  /** An acknowledgment must leave at the next poll. */
  ackNow = false;
  /** When a delayed acknowledgment is due; `NEVER` when none is owed. */
  ackAt = NEVER;
  /** Bytes received in order. */
  bytesReceived = 0;

  /** Right edge that the owner allows now. */
  private edge: number;
  /** Right edge as the peer was last told. */
  private advertised = 0;
  /** The largest right edge ever advertised: what the peer may have believed when it sent. */
  private furthest = 0;
  /** The largest window the owner ever set: the measure of what is a worthwhile update. */
  private largestWindow = 0;
  /** Offset of the peer's FIN; -1 while it has not shown. */
  private finOffset = -1;
  /** Whole segments' worth of bytes received since the last acknowledgment. */
  private unackedSegments = 0;
  /** Payload of a full segment from the peer, as seen. */
  private segmentBytes: number;
  /** Payload length of the last segment: two alike below `segmentBytes` mean that the peer's MSS has shrunk. */
  private lastLength = 0;
  /** Bytes received beyond a gap; made when the first arrive. */
  private reassembly: ReassemblyQueue | undefined = undefined;
  /** One offset in each of the runs most recently added to, latest first (RFC 2018 §4). */
  private recent: number[] | undefined = undefined;
  /** The range of a duplicate to report once (RFC 2883); none while start and end are equal. */
  private duplicateStart = 0;
  private duplicateEnd = 0;
  /** The next piece in order for the owner; the common case holds one at most. */
  private ready: Uint8Array | undefined = undefined;
  /** Further pieces in order, behind `ready`. */
  private readyMore: Uint8Array[] | undefined = undefined;
  /** Place of the next piece in `readyMore`. */
  private readyIndex = 0;

  private readonly announcedMss: number;
  private readonly delayedAckNs: number;
  private readonly maxRuns: number;

  constructor(parameters: TcpParameters) {
    const { maxSegmentSize, receiveWindowBytes, settings } = parameters;
    this.announcedMss = maxSegmentSize;
    this.segmentBytes = Math.min(DEFAULT_MSS, maxSegmentSize);
    this.delayedAckNs = settings.delayedAckNs;
    this.maxRuns = settings.maxReassemblyRuns;
    this.edge = 1 + receiveWindowBytes;
    this.largestWindow = receiveWindowBytes;
  }

  /** The peer's SYN came, numbered `initial`. */
  start(initial: Seq32): void {
    this.initial = initial;
  }

  /** The stream offset that a sequence number of the peer's stands for. */
  offset(seq: Seq32): number {
    return offsetOf(seq, this.initial, this.rcvNxt);
  }

  /** The acknowledgment number to send. */
  get ackNumber(): Seq32 {
    return seqAt(this.initial, this.rcvNxt);
  }

  /** Whether the peer's FIN came in order. */
  get isFinished(): boolean {
    return this.finOffset >= 0 && this.rcvNxt > this.finOffset;
  }

  /** Separate runs of bytes held beyond a gap. */
  get runCount(): number {
    return this.reassembly?.runCount ?? 0;
  }

  /** Whether bytes are held beyond a gap. */
  get hasGap(): boolean {
    return this.reassembly !== undefined;
  }

  /**
   * The sequence test of RFC 9293 §3.10.7.4, first step, for a segment from `start` to `end` (FIN counted). Like
   * most hosts it is generous on the left as far as the last acknowledgment sent, so that reordered segments are not
   * answered one by one; on the right the furthest edge ever advertised counts.
   */
  isAcceptable(start: number, end: number): boolean {
    return end >= this.lastAckSent && start <= this.furthest;
  }

  /** Whether the old byte at `offset` is from no longer ago than a window: a stranger can hardly hit that. */
  isRecent(offset: number): boolean {
    return offset >= 1 && offset >= this.rcvNxt - this.largestWindow;
  }

  // Bytes in

  /** Takes the payload of the peer's SYN: it counts as far as the window goes that the answer will advertise. */
  receiveSyn(now: number, syn: TcpSegment): void {
    this.furthest = this.edge;
    this.receive(now, syn, 1, false);
  }

  /** Takes the payload and FIN of an acceptable segment that starts at `start`. Returns `Verdict` bits. */
  receive(now: number, segment: TcpSegment, start: number, hasFin: boolean): number {
    let length = segment.payloadLength;
    const end = start + length;
    let limit = this.furthest;
    if (this.finOffset >= 0 && this.finOffset < limit) limit = this.finOffset;
    if (end > limit) {
      // What lies beyond the window was not asked for; the acknowledgment tells the peer where the edge is.
      length = Math.max(0, limit - start);
      this.ackNow = true;
    }
    let result: number = 0;
    if (length > 0) {
      this.measure(length, segment.segmentSize);
      if (start === this.rcvNxt && this.reassembly === undefined) {
        this.deliverInOrder(segment, length);
        result = Verdict.PAYLOAD;
      } else result = this.receiveOther(segment, start, length);
      this.owe(now);
    } else if (segment.payloadLength > 0) this.ackNow = true;
    if (hasFin && this.finOffset < 0 && end <= this.furthest && end >= this.rcvNxt) this.finOffset = end;
    if (this.finOffset === this.rcvNxt) {
      this.rcvNxt++;
      // The FIN needs no room, but what follows it must not seem to lie beyond the window.
      if (this.furthest < this.rcvNxt) this.furthest = this.rcvNxt;
      this.ackNow = true;
      result |= Verdict.FIN;
    } else if (hasFin) this.ackNow = true;
    return result;
  }

  /** The next piece in order. */
  poll(): Uint8Array | undefined {
    const piece = this.ready;
    if (piece === undefined) return undefined;
    this.ready = undefined;
    this.delivered += piece.length;
    const more = this.readyMore;
    if (more !== undefined) {
      this.ready = more[this.readyIndex++];
      if (this.readyIndex >= more.length) this.readyMore = undefined;
    }
    return piece;
  }

  private deliverInOrder(segment: TcpSegment, length: number): void {
    this.append(segment.payload(length));
    this.rcvNxt += length;
    this.bytesReceived += length;
  }

  private append(piece: Uint8Array): void {
    if (this.ready === undefined) this.ready = piece;
    else if (this.readyMore === undefined) {
      this.readyMore = [piece];
      this.readyIndex = 0;
    } else this.readyMore.push(piece);
  }

  /** Payload that is not simply the next: old, beyond a gap, or filling one. */
  private receiveOther(segment: TcpSegment, start: number, length: number): number {
    const end = start + length;
    // RFC 5681 §4.2: out of order, filling a gap, or seen before: the sender needs to know at once.
    this.ackNow = true;
    if (start < this.rcvNxt) this.noteDuplicate(start, Math.min(end, this.rcvNxt));
    if (end <= this.rcvNxt) return Verdict.DUPLICATE;
    this.reassembly ??= new ReassemblyQueue(this.rcvNxt);
    const queue = this.reassembly;
    const isFull = queue.runCount >= this.maxRuns || queue.pieceCount >= PIECES_PER_RUN * this.maxRuns;
    if (start > this.rcvNxt && isFull) return 0;
    const inOrder: Uint8Array[] = [];
    const added = queue.insert(start, segment.payload(length), inOrder);
    for (const piece of inOrder) this.append(piece);
    this.bytesReceived += queue.next - this.rcvNxt;
    this.rcvNxt = queue.next;
    if (queue.runCount === 0) {
      this.reassembly = undefined;
      this.recent = undefined;
    } else if (start > this.rcvNxt) this.noteRecent(queue, start);
    if (added > 0) return Verdict.PAYLOAD;
    this.noteDuplicate(start, end);
    return Verdict.DUPLICATE;
  }

  // Acknowledging

  /** Counts a segment towards the next acknowledgment: every second full one is acknowledged at once (RFC 5681 §4.2). */
  private owe(now: number): void {
    if (this.unackedSegments >= FULL_ENOUGH) this.ackNow = true;
    else if (this.ackAt === NEVER) this.ackAt = now + this.delayedAckNs;
  }

  /** Learns the peer's segment size and counts how many whole ones came. */
  private measure(length: number, segmentSize: number): void {
    if (segmentSize > 0 && segmentSize < length) {
      this.segmentBytes = segmentSize;
      this.unackedSegments += length / segmentSize;
      return;
    }
    if (length >= this.segmentBytes || (length === this.lastLength && length >= DEFAULT_MSS)) {
      this.segmentBytes = Math.min(length, this.announcedMss);
    }
    this.lastLength = length;
    this.unackedSegments += length / this.segmentBytes;
  }

  /** An acknowledgment left, alone or with data. */
  onAckSent(): void {
    this.ackNow = false;
    this.ackAt = NEVER;
    this.unackedSegments = 0;
    this.lastAckSent = this.rcvNxt;
    this.duplicateEnd = this.duplicateStart;
  }

  /** The connection is over: nothing is acknowledged any more. */
  stop(): void {
    this.ackNow = false;
    this.ackAt = NEVER;
  }

  // Window

  /** Sets the right edge to `bytes` beyond what was received in order; `mayTell`: the peer can use the news. */
  setWindow(bytes: number, mayTell: boolean): void {
    this.edge = this.rcvNxt + bytes;
    if (bytes > this.largestWindow) this.largestWindow = bytes;
    // Worth a segment of its own only when the peer may soon stand still: the window has at least doubled since the
    // last word of it, and by an amount that lets no silly window arise.
    const known = Math.max(0, this.advertised - this.rcvNxt);
    // What the field cannot express is no news: without scaling it ends at 65,535 bytes.
    const expressible = Math.min(bytes, 0xffff * this.windowUnit);
    const gain = this.rcvNxt + expressible - this.advertised;
    const isWorthwhile = gain >= this.worthwhile() && expressible >= 2 * known;
    if (mayTell && isWorthwhile) this.ackNow = true;
  }

  /**
   * The window field for the next segment, and the note of what was promised with it. `unit` is 1 on a SYN.
   * An edge that moved by less than a segment or half the buffer is not advertised (RFC 9293 §3.8.6.2.2); one that the
   * owner moved back is, for it stands for a buffer shared with other subflows (RFC 8684 §3.3.1).
   */
  takeWindow(unit: number): number {
    let edge = this.edge;
    if (edge > this.advertised && edge - this.advertised < this.worthwhile()) edge = this.advertised;
    const bytes = Math.max(0, edge - this.rcvNxt);
    // Rounded up: rounding down would move the edge back by up to a unit with each segment received.
    const field = Math.min(0xffff, Math.ceil(bytes / unit));
    const offered = this.rcvNxt + field * unit;
    this.advertised = Math.min(edge, offered);
    this.furthest = Math.max(this.furthest, offered);
    return field;
  }

  private worthwhile(): number {
    return Math.min(this.announcedMss, this.largestWindow / 2);
  }

  // Selective acknowledgment

  /** Writes up to `room` SACK blocks as wire numbers; returns how many. */
  writeSackBlocks(edges: Uint32Array, room: number): number {
    const limit = Math.min(room, MAX_SACK_BLOCKS);
    if (!this.sack || limit <= 0) return 0;
    let count = 0;
    if (this.duplicateEnd > this.duplicateStart) {
      // RFC 2883 §4: the duplicate first, whether or not it is acknowledged already.
      this.writeBlock(edges, count++, this.duplicateStart, this.duplicateEnd);
    }
    const queue = this.reassembly;
    if (queue === undefined || this.recent === undefined) return count;
    for (let i = 0; i < this.recent.length && count < limit; i++) {
      const run = queue.runAt(findRun(queue, this.recent[i]!));
      if (run !== undefined) this.writeBlock(edges, count++, run.start, run.end);
    }
    return count;
  }

  /** SACK blocks that there are to report. */
  get sackBlockCount(): number {
    if (!this.sack) return 0;
    return (
      (this.duplicateEnd > this.duplicateStart ? 1 : 0) + (this.recent === undefined ? 0 : this.recent.length)
    );
  }

  private writeBlock(edges: Uint32Array, index: number, start: number, end: number): void {
    edges[index * 2] = seqAt(this.initial, start);
    edges[index * 2 + 1] = seqAt(this.initial, end);
  }

  /** Remembers a range that came again, for the next acknowledgment. */
  noteDuplicate(start: number, end: number): void {
    this.duplicateStart = start;
    this.duplicateEnd = end;
  }

  /** Puts the run that holds `offset` first among the recent ones, and drops what no longer is a run of its own. */
  private noteRecent(queue: ReassemblyQueue, offset: number): void {
    const recent = (this.recent ??= []);
    const run = queue.runAt(findRun(queue, offset))!;
    let kept = 0;
    for (const old of recent) {
      const isSame = old >= run.start && old < run.end;
      if (!isSame && old >= this.rcvNxt) recent[kept++] = old;
    }
    recent.length = kept;
    recent.unshift(offset);
    if (recent.length > MAX_SACK_BLOCKS) recent.pop();
  }
}

/** Index of the run that holds `offset`; -1 when none does. */
function findRun(queue: ReassemblyQueue, offset: number): number {
  let low = 0;
  let high = queue.runCount - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const run = queue.runAt(middle)!;
    if (offset < run.start) high = middle - 1;
    else if (offset >= run.end) low = middle + 1;
    else return middle;
  }
  return -1;
}

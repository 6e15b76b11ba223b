/**
 * Finds the packets that two places saw, in a sliding window of bounded length: whatever the order in which the captures come,
 * and however far their clocks are apart, as long as the counterpart is still in the window. What cannot be told apart is not
 * matched: a pair too few costs a sample, a wrong one would show a delay that never was.
 */
import type { Segment } from '../segment.js';
import type { Stream } from '../stream.js';
import { answerKey, packetKey, packetMark } from './packet-key.js';
import { StreamView, SubflowPair } from './stream-view.js';

const SYN = 2;
const ACK = 16;
/** Packets with the same numbers that are told apart by IP identifications or marks. */
const MAX_ALIKE = 8;

type EntryState = 'waiting' | 'matched' | 'ambiguous';

/** A packet in the window; once matched, it tells copies of itself. */
export interface WindowEntry {
  readonly key: number;
  readonly view: StreamView;
  readonly direction: 0 | 1;
  readonly atNs: number;
  /** IPv4 identification; 0 without. */
  readonly id: number;
  /** What tells it from others with the same key; a box may change it. */
  readonly mark: number;
  /** Whether it has neither payload nor SYN, so that others with its numbers are common. */
  readonly isBare: boolean;
  state: EntryState;
}

/** From the first to the last frame. */
interface Span {
  fromNs: number;
  toNs: number;
}

export interface MatcherLimits {
  /** Packets in the window. */
  readonly maxDelayWindow: number;
  /** Streams of either place that are looked at. */
  readonly maxDelayStreams: number;
}

export class PacketMatcher {
  /** Subflows of which both places saw packets. */
  readonly pairs: SubflowPair[] = [];
  /** First and last frame of each place. */
  readonly spans: readonly Span[] = [
    { fromNs: Number.NaN, toNs: Number.NaN },
    { fromNs: Number.NaN, toNs: Number.NaN },
  ];
  /** Streams that were not looked at because there were too many. */
  forgottenStreams = 0;
  /** Packets that left the window without a counterpart. */
  forgottenPackets = 0;
  private readonly limits: MatcherLimits;
  private readonly views = new Map<Stream, StreamView>();
  private readonly refused = new WeakSet<Stream>();
  private readonly byKey = new Map<number, WindowEntry[]>();
  private readonly answers = new Map<number, StreamView>();
  /** The window as a ring, and where the next goes. */
  private readonly window: WindowEntry[] = [];
  private next = 0;

  constructor(limits: MatcherLimits) {
    this.limits = limits;
  }

  /** Notes that a place saw a frame. */
  noteFrame(place: number, atNs: number): void {
    const span = this.spans[place];
    if (span === undefined) return;
    if (Number.isNaN(span.fromNs)) span.fromNs = atNs;
    span.toNs = atNs;
  }

  /** Takes in a segment that one of the places 0 and 1 saw; those of others are left out. */
  note(stream: Stream, segment: Segment, isFromOpener: boolean): void {
    if (stream.vantage > 1) return;
    const view = this.views.get(stream) ?? this.addView(stream);
    if (view === undefined) return;
    if ((segment.flags & (SYN | ACK)) === (SYN | ACK)) this.align(view, segment, isFromOpener);
    const direction = isFromOpener ? 0 : 1;
    const unmatched = view.unmatched[direction];
    if (stream.mss > 0 && segment.payloadLength > stream.mss) unmatched.superSegments++;
    const seqShift = isFromOpener ? view.openerShift : view.otherShift;
    const ackShift = isFromOpener ? view.otherShift : view.openerShift;
    const key = packetKey(segment, seqShift, ackShift);
    this.match({
      ...{ key, view, direction, atNs: segment.atNs, id: segment.ipId, state: 'waiting' },
      mark: packetMark(segment),
      isBare: segment.payloadLength === 0 && (segment.flags & SYN) === 0,
    });
  }

  /** Packets still in the window that have no counterpart. */
  waiting(): readonly WindowEntry[] {
    return this.window.filter(({ state }) => state === 'waiting');
  }

  private addView(stream: Stream): StreamView | undefined {
    if (this.views.size >= this.limits.maxDelayStreams) {
      if (!this.refused.has(stream)) this.forgottenStreams++;
      this.refused.add(stream);
      return undefined;
    }
    const view = new StreamView(stream, stream.vantage as 0 | 1);
    this.views.set(stream, view);
    return view;
  }

  /** Learns from a SYN+ACK that both places saw by how much a box shifts the sequence numbers. */
  private align(view: StreamView, segment: Segment, isFromOpener: boolean): void {
    const key = answerKey(segment);
    if (isFromOpener || Number.isNaN(key)) return;
    const other = this.answers.get(key);
    if (other === undefined) {
      if (this.answers.size < this.limits.maxDelayStreams) this.answers.set(key, view);
    } else if (other.place !== view.place) {
      view.otherShift = (segment.seq - other.stream.otherInitial) | 0;
      view.openerShift = (segment.ack - 1 - other.stream.openerInitial) | 0;
      this.answers.delete(key);
    }
  }

  private match(packet: WindowEntry): void {
    const alike = this.byKey.get(packet.key);
    if (alike === undefined) {
      this.insert(packet, undefined);
      return;
    }
    const partner =
      alike.find((entry) => isPartner(entry, packet) && isCopy(entry, packet)) ??
      alike.find((entry) => isPartner(entry, packet) && !canTellApart(entry, packet)) ??
      alike.find((entry) => isPartner(entry, packet));
    if (partner !== undefined && !isConfused(alike, packet, partner)) {
      this.pair(partner, packet);
      return;
    }
    const twin = alike.find((entry) => !canTellApart(entry, packet));
    if (twin === undefined && alike.length < MAX_ALIKE) {
      this.insert(packet, alike);
      return;
    }
    packet.view.unmatched[packet.direction].ambiguous++;
    if (twin?.view === packet.view && twin.state === 'waiting' && !isCopy(twin, packet)) setAmbiguous(twin);
  }

  private pair(entry: WindowEntry, packet: WindowEntry): void {
    let { pair } = entry.view;
    if (pair === undefined) {
      pair = new SubflowPair(entry.view, packet.view);
      this.pairs.push(pair);
      entry.view.pair = pair;
      packet.view.pair = pair;
    }
    if (isCopy(entry, packet)) pair.keepsIds = true;
    if (entry.isBare && entry.mark === packet.mark) pair.keepsMarks = true;
    entry.state = 'matched';
    const [here, there] = entry.view.place === 0 ? [entry, packet] : [packet, entry];
    pair.add(entry.direction, here.atNs, there.atNs - here.atNs);
  }

  private insert(entry: WindowEntry, alike: WindowEntry[] | undefined): void {
    if (alike === undefined) this.byKey.set(entry.key, [entry]);
    else alike.push(entry);
    const oldest = this.window[this.next];
    if (oldest !== undefined) this.drop(oldest);
    this.window[this.next] = entry;
    this.next = (this.next + 1) % this.limits.maxDelayWindow;
  }

  private drop(entry: WindowEntry): void {
    const alike = this.byKey.get(entry.key)!;
    if (alike.length === 1) this.byKey.delete(entry.key);
    else alike.splice(alike.indexOf(entry), 1);
    if (entry.state !== 'waiting') return;
    this.forgottenPackets++;
    const unmatched = entry.view.unmatched[entry.direction];
    if (this.pairs.length > 0) unmatched.gone++;
    else unmatched.outside++;
  }
}

/** Whether `entry` may be `packet` as the other place saw it. */
function isPartner(entry: WindowEntry, packet: WindowEntry): boolean {
  const { pair, place } = entry.view;
  if (entry.state !== 'waiting' || place === packet.view.place) return false;
  if (entry.direction !== packet.direction || pair !== packet.view.pair) return false;
  if (!canTellApart(entry, packet)) return true;
  // A box may have changed it; but where boxes let such pass unchanged, it is another packet.
  if (pair?.keepsIds === true && haveIds(entry, packet)) return false;
  return !(entry.isBare && pair?.keepsMarks === true);
}

/** Whether another packet than `partner` may be the counterpart just as well. */
function isConfused(alike: readonly WindowEntry[], packet: WindowEntry, partner: WindowEntry): boolean {
  if (isCopy(partner, packet)) return false;
  const isSure = !canTellApart(partner, packet);
  return alike.some(
    (entry) => entry !== partner && (!canTellApart(entry, packet) || (!isSure && isPartner(entry, packet))),
  );
}

/** Whether two packets with the same numbers are different ones, as far as what they carry is left alone on the way. */
function canTellApart(one: WindowEntry, other: WindowEntry): boolean {
  const isSamePlace = one.view.place === other.view.place;
  if (haveIds(one, other)) {
    if (one.id === other.id) return false;
    if (isSamePlace || one.view.pair?.keepsIds === true) return true;
  }
  return one.mark !== other.mark;
}

function haveIds(one: WindowEntry, other: WindowEntry): boolean {
  return one.id !== 0 && other.id !== 0;
}

/** Whether the IP identifications say that it is the same packet, seen twice. */
function isCopy(one: WindowEntry, other: WindowEntry): boolean {
  return one.id !== 0 && one.id === other.id;
}

function setAmbiguous(entry: WindowEntry): void {
  entry.state = 'ambiguous';
  entry.view.unmatched[entry.direction].ambiguous++;
}

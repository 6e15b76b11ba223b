/**
 * The streams of one vantage by five-tuple, in an open-addressed table of their places in an array: what is looked up for
 * every frame. A five-tuple means the stream that was put last; what it was before goes on under its number only.
 */
import type { Segment } from './segment.js';
import type { Stream } from './stream.js';

const FIRST_SLOTS = 1024;

export class FlowTable {
  /** Streams that can be found. */
  count = 0;
  /** After `find`: whether the end with the lower port sent the segment. */
  isFromLow = false;
  private slots = new Int32Array(FIRST_SLOTS).fill(-1);
  private streams: Stream[] = [];
  private hash = 0;
  private slot = 0;
  /** The stream that was found last, and its slot. */
  private last: Stream | undefined = undefined;
  private lastSlot = 0;

  /** The stream of the segment's five-tuple; undefined when it is new. */
  find(segment: Segment): Stream | undefined {
    const isFromLow = isSourceLower(segment);
    this.isFromLow = isFromLow;
    // Packets of one stream come in a row, as a rule.
    const { last } = this;
    if (last !== undefined && (isFromLow ? isForward(last, segment) : isBackward(last, segment))) {
      this.slot = this.lastSlot;
      this.hash = last.hash;
      return last;
    }
    return this.search(segment, isFromLow);
  }

  private search(segment: Segment, isFromLow: boolean): Stream | undefined {
    const hash = isFromLow ? hashForward(segment) : hashBackward(segment);
    this.hash = hash;
    const { slots, streams } = this;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = slots[slot]!;
      if (at < 0) {
        this.slot = slot;
        return undefined;
      }
      const stream = streams[at]!;
      if (stream.hash === hash && (isFromLow ? isForward(stream, segment) : isBackward(stream, segment))) {
        this.slot = slot;
        this.last = stream;
        this.lastSlot = slot;
        return stream;
      }
    }
  }

  /** Puts the stream of the segment that `find` was asked for last, in place of an older one. */
  put(stream: Stream, segment: Segment): void {
    this.last = undefined;
    stream.hash = this.hash;
    setTuple(stream, segment, this.isFromLow);
    const at = this.slots[this.slot]!;
    if (at >= 0) {
      this.streams[at] = stream;
      return;
    }
    this.slots[this.slot] = this.streams.length;
    this.streams.push(stream);
    this.count++;
    if (this.count * 2 > this.slots.length) this.rebuild(this.streams);
  }

  /** Every stream, the longest known five-tuples first. */
  all(): readonly Stream[] {
    return this.streams;
  }

  /** Forgets all streams but these. */
  rebuild(streams: Stream[]): void {
    let size = FIRST_SLOTS;
    while (size < streams.length * 4) size *= 2;
    const slots = new Int32Array(size).fill(-1);
    for (let i = 0; i < streams.length; i++) {
      let slot = streams[i]!.hash & (size - 1);
      while (slots[slot]! >= 0) slot = (slot + 1) & (size - 1);
      slots[slot] = i;
    }
    this.last = undefined;
    this.slots = slots;
    this.streams = streams;
    this.count = streams.length;
  }
}

function isSourceLower(segment: Segment): boolean {
  if (segment.sourcePort !== segment.destinationPort) return segment.sourcePort < segment.destinationPort;
  if (segment.sourceD !== segment.destinationD) return segment.sourceD < segment.destinationD;
  if (segment.family === 4) return true;
  if (segment.sourceC !== segment.destinationC) return segment.sourceC < segment.destinationC;
  if (segment.sourceB !== segment.destinationB) return segment.sourceB < segment.destinationB;
  return segment.sourceA <= segment.destinationA;
}

function hashForward(segment: Segment): number {
  let hash = mix(segment.sourceD, segment.destinationD);
  if (segment.family === 6) {
    hash = mix(hash ^ segment.sourceA, segment.sourceB);
    hash = mix(hash ^ segment.sourceC, segment.destinationA);
    hash = mix(hash ^ segment.destinationB, segment.destinationC);
  }
  return mix(hash, (segment.sourcePort << 16) | segment.destinationPort);
}

function hashBackward(segment: Segment): number {
  let hash = mix(segment.destinationD, segment.sourceD);
  if (segment.family === 6) {
    hash = mix(hash ^ segment.destinationA, segment.destinationB);
    hash = mix(hash ^ segment.destinationC, segment.sourceA);
    hash = mix(hash ^ segment.sourceB, segment.sourceC);
  }
  return mix(hash, (segment.destinationPort << 16) | segment.sourcePort);
}

/** Two words to one, well spread (the constants are those of MurmurHash3's finaliser). */
function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ (a >>> 16), 0x85ebca6b) + b;
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function isForward(stream: Stream, segment: Segment): boolean {
  return (
    stream.lowPort === segment.sourcePort &&
    stream.highPort === segment.destinationPort &&
    stream.lowD === segment.sourceD &&
    stream.highD === segment.destinationD &&
    stream.family === segment.family &&
    (stream.family === 4 ||
      (stream.lowC === segment.sourceC &&
        stream.highC === segment.destinationC &&
        stream.lowB === segment.sourceB &&
        stream.highB === segment.destinationB &&
        stream.lowA === segment.sourceA &&
        stream.highA === segment.destinationA))
  );
}

function isBackward(stream: Stream, segment: Segment): boolean {
  return (
    stream.lowPort === segment.destinationPort &&
    stream.highPort === segment.sourcePort &&
    stream.lowD === segment.destinationD &&
    stream.highD === segment.sourceD &&
    stream.family === segment.family &&
    (stream.family === 4 ||
      (stream.lowC === segment.destinationC &&
        stream.highC === segment.sourceC &&
        stream.lowB === segment.destinationB &&
        stream.highB === segment.sourceB &&
        stream.lowA === segment.destinationA &&
        stream.highA === segment.sourceA))
  );
}

function setTuple(stream: Stream, segment: Segment, isFromLow: boolean): void {
  stream.family = segment.family;
  stream.lowPort = isFromLow ? segment.sourcePort : segment.destinationPort;
  stream.highPort = isFromLow ? segment.destinationPort : segment.sourcePort;
  stream.lowA = isFromLow ? segment.sourceA : segment.destinationA;
  stream.lowB = isFromLow ? segment.sourceB : segment.destinationB;
  stream.lowC = isFromLow ? segment.sourceC : segment.destinationC;
  stream.lowD = isFromLow ? segment.sourceD : segment.destinationD;
  stream.highA = isFromLow ? segment.destinationA : segment.sourceA;
  stream.highB = isFromLow ? segment.destinationB : segment.sourceB;
  stream.highC = isFromLow ? segment.destinationC : segment.sourceC;
  stream.highD = isFromLow ? segment.destinationD : segment.sourceD;
}

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MILLISECOND, NEVER, SECOND } from '../base/index.js';
import { AckInfo } from './ack-info.js';
import { Rack } from './rack.js';
import { RttEstimator } from './rtt.js';
import { Scoreboard } from './scoreboard.js';
import { SegmentState } from './sent-segment.js';

const MSS = 10;
const RTT = 100 * MILLISECOND;

/** A sender reduced to what RACK needs. Segments are numbered from 0, ten bytes each. */
class Sender {
  readonly board = new Scoreboard<unknown>(0);
  readonly rtt = new RttEstimator({ initialRtoNs: SECOND, minRtoNs: 2e8, maxRtoNs: 1e11 });
  readonly rack = new Rack(this.rtt);
  isRecovering = false;

  constructor() {
    this.rtt.sample(RTT, 1);
    this.rtt.noteMinimum(0, RTT);
  }

  send(now: number, count: number, together = 1): void {
    for (let i = 0; i < count; i++) {
      this.board.recordTransmission(now, this.board.sndNxt + together * MSS, MSS, 0, undefined);
    }
  }

  resend(now: number): void {
    this.board.recordRetransmission(now, this.board.nextLost!, MSS, MSS);
  }

  /** Takes an ACK of all before segment `una`, with blocks of segment numbers; returns the bytes newly lost. */
  ack(now: number, una: number, blocks: readonly number[] = [], echoedAtNs = NEVER): number {
    const info = new AckInfo();
    info.begin(now, echoedAtNs, this.rtt);
    const edges = blocks.map((number) => number * MSS);
    this.board.acknowledge(una * MSS, edges, edges.length / 2, info);
    this.rack.onAck(info);
    return this.detect(now);
  }

  detect(now: number): number {
    return this.rack.detectLosses(now, this.board, this.isRecovering);
  }

  get lost(): number[] {
    const numbers: number[] = [];
    for (let range = this.board.nextLost; range !== undefined; range = range.next)
      numbers.push(range.start / MSS);
    return numbers;
  }
}

test('without reordering three segments beyond a hole prove the loss at once (RFC 8985 §6.2 step 4)', () => {
  const sender = new Sender();
  sender.send(0, 5);
  expect(sender.ack(RTT, 0, [1, 2])).toBe(0);
  expect(sender.ack(RTT, 0, [1, 3])).toBe(0);
  expect(sender.ack(RTT, 0, [1, 4])).toBe(MSS);
  expect(sender.lost).toEqual([0]);
});

test('a part of a super-segment proves it as well as three segments', () => {
  const sender = new Sender();
  sender.send(0, 1, 6);
  expect(sender.ack(RTT, 0, [1, 4])).toBe(MSS);
  expect(sender.lost).toEqual([0]);
});

test('fewer wait for a quarter of the minimum round-trip time', () => {
  const sender = new Sender();
  sender.send(0, 3);
  expect(sender.ack(RTT, 0, [1, 3])).toBe(0);
  expect(sender.rack.deadlineNs).toBe(RTT + RTT / 4);
  expect(sender.detect(RTT + RTT / 4 - 1)).toBe(0);
  expect(sender.detect(RTT + RTT / 4)).toBe(MSS);
  expect([sender.lost, sender.rack.deadlineNs]).toEqual([[0], NEVER]);
});

test('RFC 8985 §3.3.1: a lost tail is found through the answer to a probe', () => {
  const sender = new Sender();
  sender.send(0, 3);
  // All three are lost; two round trips later the probe repeats the third, whose ACK comes back.
  sender.board.recordRetransmission(2 * RTT, sender.board.probeRange(MSS)!, MSS, MSS);
  expect(sender.ack(3 * RTT, 0, [2, 3])).toBe(2 * MSS);
  expect(sender.lost).toEqual([0, 1]);
});

test('RFC 8985 §3.3.2: a lost retransmission is found by a later one that arrived', () => {
  const sender = new Sender();
  sender.send(0, 3);
  sender.board.recordRetransmission(2 * RTT, sender.board.probeRange(MSS)!, MSS, MSS);
  sender.ack(3 * RTT, 0, [2, 3]);
  sender.isRecovering = true;
  sender.resend(3 * RTT);
  sender.resend(3 * RTT + 1);
  expect(sender.ack(4 * RTT + 1, 0, [1, 3])).toBe(MSS);
  expect(sender.lost).toEqual([0]);
});

test('RFC 8985 §3.3.3: reordering within a quarter of the round-trip time causes no loss', () => {
  const sender = new Sender();
  sender.send(0, 3);
  // Segments arrive in the order 1, 0, 2.
  expect(sender.ack(RTT, 0, [1, 2])).toBe(0);
  expect(sender.ack(RTT + 1, 2)).toBe(0);
  expect(sender.ack(RTT + 2, 3)).toBe(0);
  expect(sender.rack.deadlineNs).toBe(NEVER);
});

test('once reordering was seen, three segments prove nothing any more', () => {
  const sender = new Sender();
  sender.send(0, 3);
  sender.ack(RTT, 0, [1, 2]);
  sender.ack(RTT + 1, 3);
  sender.send(2 * RTT, 5);
  expect(sender.ack(3 * RTT, 3, [4, 8])).toBe(0);
  expect(sender.rack.deadlineNs).toBe(3 * RTT + RTT / 4);
  // In recovery neither, where without reordering there would be no wait at all.
  sender.isRecovering = true;
  expect(sender.detect(3 * RTT)).toBe(0);
});

test('what was sent after the newest delivery is not lost, however long ago', () => {
  const sender = new Sender();
  sender.send(0, 2);
  sender.send(5, 2);
  sender.isRecovering = true;
  expect(sender.ack(RTT, 0, [1, 2])).toBe(MSS);
  expect(sender.detect(10 * RTT)).toBe(0);
  expect(sender.lost).toEqual([0]);
});

describe('an ambiguous delivery (step 2)', () => {
  function resent(): Sender {
    const sender = new Sender();
    sender.send(0, 2);
    sender.board.markLost(sender.board.head!);
    sender.send(RTT - 10, 2);
    sender.resend(RTT);
    sender.isRecovering = true;
    return sender;
  }

  test('earlier than any round trip is one of the original', () => {
    const sender = resent();
    expect(sender.ack(RTT + 5, 1)).toBe(0);
    expect(sender.lost).toEqual([]);
  });

  test('with an older timestamp is one of the original', () => {
    const sender = resent();
    expect(sender.ack(3 * RTT, 1, [], RTT - 1)).toBe(0);
  });

  test('otherwise is one of the retransmission, and what was sent before that is lost', () => {
    const sender = resent();
    expect(sender.ack(3 * RTT, 1, [], RTT)).toBe(3 * MSS);
  });
});

describe('the reordering window (step 4)', () => {
  /** The window in quarters of the minimum round-trip time, seen in a fresh flight of two with the first missing. */
  function quarters(sender: Sender, now: number): number {
    const first = sender.board.sndNxt / MSS;
    sender.send(now, 2);
    sender.ack(now + RTT, first, [first + 1, first + 2]);
    const window = (sender.rack.deadlineNs - now - RTT) / (RTT / 4);
    sender.ack(now + RTT, first + 2);
    return window;
  }

  function reportDuplicate(sender: Sender, now: number): void {
    const next = sender.board.sndNxt / MSS;
    sender.ack(now, next, [next - 1, next]);
  }

  test('grows by a quarter for each round trip with a duplicate report', () => {
    const sender = new Sender();
    expect(quarters(sender, 0)).toBe(1);
    reportDuplicate(sender, RTT);
    expect(quarters(sender, 2 * RTT)).toBe(2);
    reportDuplicate(sender, 3 * RTT);
    expect(quarters(sender, 4 * RTT)).toBe(3);
  });

  test('grows once for all reports of one round trip', () => {
    const sender = new Sender();
    sender.send(0, 2);
    sender.ack(RTT, 2);
    sender.send(RTT, 1);
    sender.ack(RTT, 2, [0, 1]);
    sender.ack(RTT, 2, [1, 2]);
    sender.ack(2 * RTT, 3);
    expect(quarters(sender, 3 * RTT)).toBe(2);
  });

  test('never exceeds the smoothed round-trip time', () => {
    const sender = new Sender();
    for (let i = 0; i < 9; i++) {
      quarters(sender, 2 * i * RTT);
      reportDuplicate(sender, (2 * i + 1) * RTT);
    }
    expect(quarters(sender, 40 * RTT)).toBe(4);
  });

  test('is small again after sixteen recoveries without a report', () => {
    const sender = new Sender();
    quarters(sender, 0);
    reportDuplicate(sender, RTT);
    expect(quarters(sender, 2 * RTT)).toBe(2);
    for (let i = 0; i < 15; i++) sender.rack.onRecoveryEnd();
    expect(quarters(sender, 4 * RTT)).toBe(2);
    // Another report, and the count begins anew.
    reportDuplicate(sender, 5 * RTT);
    expect(quarters(sender, 6 * RTT)).toBe(3);
    for (let i = 0; i < 15; i++) sender.rack.onRecoveryEnd();
    expect(quarters(sender, 8 * RTT)).toBe(3);
    sender.rack.onRecoveryEnd();
    expect(quarters(sender, 10 * RTT)).toBe(1);
  });

  test('does not grow for the second copy of a probe', () => {
    const sender = new Sender();
    quarters(sender, 0);
    const info = new AckInfo();
    info.begin(RTT, NEVER, sender.rtt);
    sender.board.acknowledge(sender.board.sndNxt, [0, MSS], 1, info);
    info.isDsackOfProbe = true;
    sender.rack.onAck(info);
    expect(quarters(sender, 2 * RTT)).toBe(1);
  });
});

describe('the retransmission timer (RFC 8985 §6.3)', () => {
  test('takes the first range for lost, and what has been out for a round trip', () => {
    const sender = new Sender();
    sender.send(0, 2);
    sender.ack(RTT, 1);
    sender.send(RTT, 2);
    sender.send(4 * RTT, 2);
    expect(sender.rack.onTimeout(4 * RTT + 5, sender.board)).toBe(3 * MSS);
    expect(sender.lost).toEqual([1, 2, 3]);
    expect(sender.board.bytesInFlight).toBe(2 * MSS);
  });

  test('takes the first range for lost even if it was sent just now', () => {
    const sender = new Sender();
    sender.send(0, 1);
    sender.ack(RTT, 1);
    sender.send(RTT, 2);
    expect(sender.rack.onTimeout(RTT + 5, sender.board)).toBe(MSS);
    expect(sender.lost).toEqual([1]);
  });
});

/** RFC 8985 §6.2 as its pseudocode has it: by time and offset, over every range that is in flight. */
class NaiveRack {
  private rttNs = 0;
  private newestAt = -1;
  private newestEnd = 0;
  private highestEnd = 0;
  private isReorderingSeen = false;

  deliver(now: number, range: { sentAt: number; end: number; transmissions: number }): void {
    const rttNs = now - range.sentAt;
    if (range.end > this.highestEnd) this.highestEnd = range.end;
    else if (range.end < this.highestEnd && range.transmissions === 1) this.isReorderingSeen = true;
    if (range.transmissions > 1 && rttNs < RTT) return;
    this.rttNs = rttNs;
    if (range.sentAt > this.newestAt || (range.sentAt === this.newestAt && range.end > this.newestEnd)) {
      this.newestAt = range.sentAt;
      this.newestEnd = range.end;
    }
  }

  /** Numbers of the segments that are lost, in order; `board` is as before the losses are marked. */
  losses(now: number, board: Scoreboard<unknown>, isRecovering: boolean): number[] {
    const isProven = !this.isReorderingSeen && (isRecovering || board.sackedRanges >= 3);
    const windowNs = isProven ? 0 : RTT / 4;
    const lost: number[] = [];
    for (let i = 0; i < board.rangeCount; i++) {
      const range = board.rangeAt(i)!;
      if (range.state === SegmentState.LOST) lost.push(range.start / MSS);
      if (range.state !== SegmentState.IN_FLIGHT || this.newestAt < 0) continue;
      const isBefore =
        range.sentAt < this.newestAt || (range.sentAt === this.newestAt && range.end < this.newestEnd);
      if (isBefore && range.sentAt + this.rttNs + windowNs - now <= 0) lost.push(range.start / MSS);
    }
    return lost;
  }
}

test('finds what the walk over the whole window finds that the RFC describes', () => {
  const step = fc.record({
    pauseMs: fc.nat(60),
    isResent: fc.boolean(),
    count: fc.nat(4),
    pick: fc.nat(1000),
    isRecovering: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (list) => {
      const sender = new Sender();
      const naive = new NaiveRack();
      let now = 1;
      for (const { pauseMs, isResent, count, pick, isRecovering } of list) {
        now += pauseMs * MILLISECOND;
        if (isResent && sender.board.nextLost !== undefined) sender.resend(now++);
        sender.send(now++, count);
        sender.isRecovering = isRecovering;
        // Any range that is on its way, or was given up, arrives.
        const waiting: number[] = [];
        for (let i = 0; i < sender.board.rangeCount; i++) {
          if (sender.board.rangeAt(i)!.state !== SegmentState.SACKED) waiting.push(i);
        }
        if (waiting.length === 0) continue;
        const range = sender.board.rangeAt(waiting[pick % waiting.length]!)!;
        naive.deliver(now, range);
        const info = new AckInfo();
        info.begin(now, NEVER, sender.rtt);
        sender.board.acknowledge(0, [range.start, range.end], 1, info);
        sender.rack.onAck(info);
        const expected = naive.losses(now, sender.board, isRecovering);
        sender.detect(now);
        expect(sender.lost).toEqual(expected);
      }
    }),
    { numRuns: 300 },
  );
});

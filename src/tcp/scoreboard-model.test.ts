/** The scoreboard against a model that keeps a state for every byte. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MSS, acknowledge, sentBoard } from '../../test/support/scoreboard.js';
import { Scoreboard } from './scoreboard.js';
import { SegmentState } from './sent-segment.js';
import type { SentSegment } from './sent-segment.js';

/**
 * The naive model: a state, a transmission number and the number of deliveries for every byte of a short stream, changed
 * byte by byte.
 */
class Model {
  readonly state: number[] = [];
  readonly sentAs: number[] = [];
  readonly delivered: number[] = [];
  una = 0;
  private ordinal = 0;

  send(length: number): void {
    const ordinal = this.ordinal++;
    for (let i = 0; i < length; i++) {
      this.state.push(SegmentState.IN_FLIGHT);
      this.sentAs.push(ordinal);
      this.delivered.push(0);
    }
  }

  resend(start: number, end: number): void {
    const ordinal = this.ordinal++;
    for (let i = start; i < end; i++) {
      this.state[i] = SegmentState.IN_FLIGHT;
      this.sentAs[i] = ordinal;
    }
  }

  ack(to: number): void {
    for (; this.una < to; this.una++)
      if (this.state[this.una] !== SegmentState.SACKED) this.delivered[this.una]!++;
  }

  sack(left: number, right: number): void {
    for (let i = Math.max(left, this.una); i < right; i++) {
      if (this.state[i] !== SegmentState.SACKED) this.delivered[i]!++;
      this.state[i] = SegmentState.SACKED;
    }
  }

  change(from: number, to: number): void {
    for (let i = this.una; i < this.state.length; i++) if (this.state[i] === from) this.state[i] = to;
  }

  count(state: number): number {
    let bytes = 0;
    for (let i = this.una; i < this.state.length; i++) if (this.state[i] === state) bytes++;
    return bytes;
  }
}

/** Checks everything that must hold of a scoreboard by itself. */
function checkInvariants(board: Scoreboard<unknown>): void {
  const bytes = [0, 0, 0];
  const inFlight: SentSegment<unknown>[] = [];
  const lost: SentSegment<unknown>[] = [];
  let sackedRanges = 0;
  let at = board.sndUna;
  for (let i = 0; i < board.rangeCount; i++) {
    const range = board.rangeAt(i)!;
    expect(range.start).toBe(at);
    expect(range.end).toBeGreaterThan(range.start);
    at = range.end;
    bytes[range.state]! += range.length;
    if (range.state === SegmentState.IN_FLIGHT) inFlight.push(range);
    if (range.state === SegmentState.LOST) lost.push(range);
    if (range.state !== SegmentState.SACKED) continue;
    sackedRanges++;
    for (let j = i; j < board.rangeCount && board.rangeAt(j)!.start < range.sackedUntil; j++) {
      expect(board.rangeAt(j)!.state).toBe(SegmentState.SACKED);
    }
  }
  expect(at).toBe(board.sndNxt);
  expect([board.bytesInFlight, board.lostBytes, board.sackedBytes]).toEqual(bytes);
  expect(board.sackedRanges).toBe(sackedRanges);
  inFlight.sort((a, b) => a.ordinal - b.ordinal || a.start - b.start);
  expectList(board.oldest, inFlight);
  expectList(board.nextLost, lost);
}

function expectList(
  first: SentSegment<unknown> | undefined,
  expected: readonly SentSegment<unknown>[],
): void {
  let previous: SentSegment<unknown> | undefined = undefined;
  let count = 0;
  for (let range = first; range !== undefined; range = range.next) {
    expect(range).toBe(expected[count++]);
    expect(range.previous).toBe(previous);
    previous = range;
  }
  expect(count).toBe(expected.length);
}

function expectSame(board: Scoreboard<unknown>, model: Model): void {
  expect(board.sndUna).toBe(model.una);
  expect(board.sndNxt).toBe(model.state.length);
  for (let i = 0; i < board.rangeCount; i++) {
    const range = board.rangeAt(i)!;
    for (let at = range.start; at < range.end; at++) {
      expect([at, range.state, range.ordinal]).toEqual([at, model.state[at], model.sentAs[at]]);
    }
  }
}

type Step = readonly [kind: string, a: number, b: number, c: number];

const steps = fc.array(
  fc.tuple(
    fc.constantFrom(
      'send',
      'send',
      'ack',
      'sack',
      'sack',
      'sack',
      'lose',
      'lose',
      'resend',
      'resend',
      'rare',
    ),
    fc.nat(1000),
    fc.nat(1000),
    fc.nat(1000),
  ),
  { maxLength: 60 },
);

/** Does one step to both; `unit` is what every length and edge is a multiple of. */
function apply(board: Scoreboard<unknown>, model: Model, step: Step, now: number, unit: number): void {
  const [kind, a, b, c] = step;
  const sent = board.sndNxt / unit;
  const una = board.sndUna / unit;
  const edge = (value: number): number => Math.floor((una + (value % (sent - una + 1))) * unit);
  if (kind === 'send') {
    const length = (1 + (a % 8)) * unit;
    board.recordTransmission(now, board.sndNxt + length, MSS, 0, undefined);
    model.send(length);
  } else if (kind === 'ack') {
    const info = acknowledge(board, edge(a), [], now);
    expect(info.ackedBytes).toBe(board.sndUna - model.una);
    model.ack(board.sndUna);
  } else if (kind === 'sack') {
    const edges: number[] = [];
    for (const [x, y] of [
      [a, b],
      [b, c],
    ] as const) {
      if (edge(x) < edge(y)) edges.push(edge(x), edge(y));
    }
    const before = model.count(SegmentState.SACKED);
    // The second block must not hold the first, or that would be a report of a duplicate.
    if (edges.length === 4 && edges[0]! >= edges[2]! && edges[1]! <= edges[3]!) edges.splice(0, 2);
    const info = acknowledge(board, board.sndUna, edges, now);
    if (unit === MSS) for (let i = 0; i < edges.length; i += 2) model.sack(edges[i]!, edges[i + 1]!);
    else adopt(board, model, edges);
    expect(info.sackedBytes).toBe(model.count(SegmentState.SACKED) - before);
    expect(info.deliveredBytes).toBe(info.sackedBytes);
  } else if (kind === 'lose') {
    for (let i = a % 3; i >= 0 && board.oldest !== undefined; i--) {
      const range = board.oldest;
      for (let at = range.start; at < range.end; at++) model.state[at] = SegmentState.LOST;
      board.markLost(range);
    }
  } else if (kind === 'resend') {
    const range = board.nextLost;
    if (range === undefined) return;
    const length = Math.min(range.length, (1 + (a % 3)) * unit);
    model.resend(range.start, range.start + length);
    board.recordRetransmission(now, range, length, MSS);
  } else {
    applyRare(board, model, a % 4, now);
  }
}

/** Where edges do not lie on segments the model follows, as long as no byte outside the blocks changed. */
function adopt(board: Scoreboard<unknown>, model: Model, edges: readonly number[]): void {
  for (let i = 0; i < board.rangeCount; i++) {
    const range = board.rangeAt(i)!;
    for (let at = range.start; at < range.end; at++) {
      if (range.state !== SegmentState.SACKED || model.state[at] === SegmentState.SACKED) continue;
      expect(edges.some((_, j) => j % 2 === 0 && edges[j]! <= at && at < edges[j + 1]!)).toBe(true);
      model.sack(at, at + 1);
    }
  }
}

function applyRare(board: Scoreboard<unknown>, model: Model, which: number, now: number): void {
  if (which === 0) {
    board.markAllLost();
    model.change(SegmentState.IN_FLIGHT, SegmentState.LOST);
  } else if (which === 1) {
    board.unmarkLost();
    model.change(SegmentState.LOST, SegmentState.IN_FLIGHT);
  } else if (which === 2) {
    board.forgetSacks();
    model.change(SegmentState.SACKED, SegmentState.LOST);
  } else {
    const probe = board.probeRange(MSS);
    if (probe === undefined) return;
    model.resend(probe.start, probe.end);
    board.recordRetransmission(now, probe, probe.length, MSS);
  }
}

describe('against the naive model', () => {
  test.each([
    ['an honest peer, whose blocks end where segments do', MSS],
    ['a peer whose blocks end anywhere', 1],
  ])('%s', (_, unit) => {
    fc.assert(
      fc.property(steps, (list) => {
        const board = new Scoreboard<unknown>(0);
        const model = new Model();
        list.forEach((step, now) => {
          apply(board, model, step, now, unit);
          checkInvariants(board);
          expectSame(board, model);
        });
        if (!list.some(([kind]) => kind === 'rare'))
          expect(Math.max(0, ...model.delivered)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });

  test('no peer makes more ranges than there are wire segments', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(400), fc.nat(400)), { maxLength: 80 }), (blocks) => {
        const board = sentBoard(40);
        for (const [left, length] of blocks)
          acknowledge(board, 1, [1 + left, Math.min(1 + left + length, 401)]);
        checkInvariants(board);
        expect(board.rangeCount).toBeLessThanOrEqual(40);
      }),
    );
  });
});

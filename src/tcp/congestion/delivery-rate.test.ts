import { expect, test } from 'vitest';
import { MILLISECOND, NEVER, SECOND } from '../../base/index.js';
import { AckInfo } from '../ack-info.js';
import { RttEstimator } from '../rtt.js';
import { Scoreboard } from '../scoreboard.js';

const MSS = 1000;
const RTT = 50 * MILLISECOND;
/** Time that the bottleneck takes for a segment: a million bytes per second. */
const SPACING = MILLISECOND;

const rtt = new RttEstimator({ initialRtoNs: SECOND, minRtoNs: 2e8, maxRtoNs: 1e11 });
rtt.noteMinimum(0, RTT);

function send(board: Scoreboard<unknown>, now: number): void {
  board.recordTransmission(now, board.sndNxt + MSS, MSS, 0, undefined);
}

function ack(board: Scoreboard<unknown>, now: number, segments: number): AckInfo {
  const info = new AckInfo();
  info.begin(now, NEVER, rtt);
  board.acknowledge(segments * MSS, [], 0, info);
  return info;
}

/** Sends `window` segments, then one for each ACK; the last of `count` ACKs. */
function run(board: Scoreboard<unknown>, window: number, count: number): AckInfo {
  for (let i = 0; i < window; i++) send(board, 0);
  let info = ack(board, 0, 0);
  for (let i = 1; i <= count; i++) {
    const now = RTT + i * SPACING;
    info = ack(board, now, i);
    send(board, now);
  }
  return info;
}

test('a full window measures the bottleneck', () => {
  const info = run(new Scoreboard<unknown>(0), 60, 200);
  expect(Math.abs(info.deliveryRate - 1e6) / 1e6).toBeLessThan(0.02);
  expect(info.isRateAppLimited).toBe(false);
});

test('a window smaller than the path measures what it delivers', () => {
  const board = new Scoreboard<unknown>(0);
  let now = 0;
  let info = ack(board, 0, 0);
  for (let i = 1; i <= 20; i++) {
    send(board, now);
    now += RTT;
    info = ack(board, now, i);
  }
  expect(info.deliveryRate).toBe((MSS * SECOND) / RTT);
});

test('ACKs that come in a bunch do not look like a fast path', () => {
  const board = new Scoreboard<unknown>(0);
  for (let i = 0; i <= 100; i++) send(board, i * SPACING);
  // The ACK of the first was held up on its way; the next one is not, and covers the two intervals.
  ack(board, 100 * SPACING, 1);
  send(board, 101 * SPACING);
  const info = ack(board, 101 * SPACING + RTT, 102);
  expect(Math.abs(info.deliveryRate - 1e6) / 1e6).toBeLessThan(0.02);
});

test('an interval shorter than a round trip is no sample', () => {
  const board = new Scoreboard<unknown>(0);
  send(board, 0);
  expect(ack(board, RTT / 2, 1).deliveryRate).toBe(0);
});

test('samples of a flight that the application limited say so, until the bubble is delivered', () => {
  const board = new Scoreboard<unknown>(0);
  send(board, 0);
  board.rate.onAppLimited(board.bytesInFlight);
  send(board, 1);
  expect(ack(board, RTT, 1).isRateAppLimited).toBe(false);
  expect(ack(board, RTT + 1, 2).isRateAppLimited).toBe(true);
  send(board, RTT + 1);
  expect(ack(board, 2 * RTT + 1, 3).isRateAppLimited).toBe(false);
});

test('a round trip ends with the delivery of something sent after the last one ended', () => {
  const board = new Scoreboard<unknown>(0);
  for (let i = 0; i < 3; i++) send(board, 0);
  const rounds: boolean[] = [];
  for (let i = 1; i <= 9; i++) {
    rounds.push(ack(board, RTT + i, i).isRoundStart);
    send(board, RTT + i);
  }
  expect(rounds).toEqual([true, false, false, true, false, false, true, false, false]);
});

test('the peak of the flight is that of this round trip and the last', () => {
  const board = new Scoreboard<unknown>(0);
  for (let i = 0; i < 5; i++) send(board, 0);
  expect(ack(board, RTT, 5).peakInFlightBytes).toBe(5 * MSS);
  send(board, RTT);
  expect(ack(board, 2 * RTT, 6).peakInFlightBytes).toBe(5 * MSS);
  send(board, 2 * RTT);
  expect(ack(board, 3 * RTT, 7).peakInFlightBytes).toBe(MSS);
});

import { describe, expect, test } from 'vitest';
import { MILLISECOND, NEVER, SECOND } from '../base/index.js';
import { AckInfo } from './ack-info.js';
import { RttEstimator } from './rtt.js';
import { Scoreboard } from './scoreboard.js';
import { TailLossProbe } from './tail-loss-probe.js';

const rtt = new RttEstimator({ initialRtoNs: SECOND, minRtoNs: 2e8, maxRtoNs: 1e11 });

function ackInfo(sndUna: number, dsack?: readonly [number, number], rttNs = -1): AckInfo {
  const info = new AckInfo();
  info.begin(0, NEVER, rtt);
  info.sndUna = sndUna;
  info.rttNs = rttNs;
  if (dsack !== undefined) {
    info.hasDsack = true;
    [info.dsackStart, info.dsackEnd] = dsack;
  }
  return info;
}

describe('the probe timeout, RFC 8985 §7.2', () => {
  const probe = new TailLossProbe();

  test('is a second while there is no round-trip time', () => {
    expect(probe.timeoutNs(new RttEstimator({ initialRtoNs: 3, minRtoNs: 1, maxRtoNs: 9 }), true)).toBe(
      SECOND,
    );
  });

  test('is two round trips, and leaves time for a delayed ACK of a single segment', () => {
    const sampled = new RttEstimator({ initialRtoNs: SECOND, minRtoNs: 2e8, maxRtoNs: 1e11 });
    sampled.sample(30 * MILLISECOND, 1);
    expect(probe.timeoutNs(sampled, false)).toBe(60 * MILLISECOND);
    expect(probe.timeoutNs(sampled, true)).toBe(260 * MILLISECOND);
  });
});

test('the timer is armed only while nothing points to a loss', () => {
  const probe = new TailLossProbe();
  const board = new Scoreboard<unknown>(0);
  expect(probe.mayArm(board, false)).toBe(false);
  board.recordTransmission(0, 30, 10, 0, undefined);
  expect([probe.mayArm(board, false), probe.mayArm(board, true)]).toEqual([true, false]);
  const info = ackInfo(0);
  board.acknowledge(0, [10, 20], 1, info);
  expect(probe.mayArm(board, false)).toBe(false);
  board.forgetSacks();
  expect(probe.mayArm(board, false)).toBe(false);
});

describe('probes, RFC 8985 §7.3', () => {
  test('go out one at a time', () => {
    const probe = new TailLossProbe();
    expect(probe.mayProbe()).toBe(true);
    probe.onProbeSent(100, false);
    expect([probe.mayProbe(), probe.isOutstanding]).toEqual([false, true]);
    probe.onAck(ackInfo(100, undefined, 5), false);
    expect([probe.mayProbe(), probe.isOutstanding]).toEqual([true, false]);
  });

  test('need a new round-trip sample in between', () => {
    const probe = new TailLossProbe();
    probe.onProbeSent(100, false);
    probe.onAck(ackInfo(100), false);
    expect(probe.mayProbe()).toBe(false);
    probe.onAck(ackInfo(100, undefined, 5), false);
    expect(probe.mayProbe()).toBe(true);
  });
});

describe('the answer to a probe, RFC 8985 §7.4', () => {
  function sent(isRetransmission: boolean): TailLossProbe {
    const probe = new TailLossProbe();
    probe.onProbeSent(100, isRetransmission);
    return probe;
  }

  test('new data: nothing was lost', () => {
    const probe = sent(false);
    expect([probe.onAck(ackInfo(110), false), probe.isOutstanding]).toEqual([false, false]);
  });

  test('below the end it is no answer yet', () => {
    const probe = sent(true);
    expect([probe.onAck(ackInfo(90), false), probe.isOutstanding]).toEqual([false, true]);
  });

  test('a duplicate report: the original had arrived', () => {
    const probe = sent(true);
    const info = ackInfo(100, [90, 100]);
    expect([probe.onAck(info, false), probe.isOutstanding, info.isDsackOfProbe]).toEqual([
      false,
      false,
      true,
    ]);
  });

  test('a duplicate report of something else is no answer', () => {
    const probe = sent(true);
    const info = ackInfo(100, [10, 20]);
    expect([probe.onAck(info, false), probe.isOutstanding, info.isDsackOfProbe]).toEqual([
      false,
      true,
      false,
    ]);
  });

  test('later data acknowledged and no duplicate: the probe repaired a loss', () => {
    const probe = sent(true);
    expect(probe.onAck(ackInfo(100), false)).toBe(false);
    expect([probe.onAck(ackInfo(110), false), probe.isOutstanding]).toEqual([true, false]);
  });

  test('two ACKs of the same: both copies arrived', () => {
    const probe = sent(true);
    expect(probe.onAck(ackInfo(100), false)).toBe(false);
    expect([probe.onAck(ackInfo(100), true), probe.isOutstanding]).toEqual([false, false]);
  });

  test('is not awaited once recovery has begun', () => {
    const probe = sent(true);
    probe.reset();
    expect(probe.onAck(ackInfo(110), false)).toBe(false);
  });
});

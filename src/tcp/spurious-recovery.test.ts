import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NEVER, SECOND } from '../base/index.js';
import { AckInfo } from './ack-info.js';
import { RttEstimator } from './rtt.js';
import { SpuriousRecovery } from './spurious-recovery.js';

const rtt = new RttEstimator({ initialRtoNs: SECOND, minRtoNs: 2e8, maxRtoNs: 1e11 });

interface Ack {
  readonly una: number;
  readonly acked?: number;
  readonly next?: number;
  readonly lost?: number;
  readonly echoed?: number;
  readonly dsack?: readonly [number, number];
}

function ackInfo(ack: Ack): AckInfo {
  const info = new AckInfo();
  info.begin(0, ack.echoed ?? NEVER, rtt);
  info.sndUna = ack.una;
  info.ackedBytes = ack.acked ?? 0;
  info.sndNxt = ack.next ?? 100;
  info.lostBytes = ack.lost ?? 0;
  if (ack.dsack !== undefined) {
    info.hasDsack = true;
    [info.dsackStart, info.dsackEnd] = ack.dsack;
  }
  return info;
}

/** Recovery with the bytes 0 to 100 outstanding, of which the first ten were sent again at 50. */
function begun(isTimeout = false): SpuriousRecovery {
  const spurious = new SpuriousRecovery();
  spurious.begin(100, isTimeout);
  spurious.onRetransmission(50, 0, 10);
  return spurious;
}

describe('by timestamp, RFC 3522 §3.2', () => {
  test('an echo older than the retransmission is of the original; told once', () => {
    const spurious = begun();
    expect(spurious.onAck(ackInfo({ una: 10, acked: 10, echoed: 49 }))).toBe(true);
    expect(spurious.onAck(ackInfo({ una: 20, acked: 10, echoed: 49 }))).toBe(false);
  });

  test('an echo of the retransmission shows a loss, and later ACKs of other data nothing else', () => {
    const spurious = begun();
    expect(spurious.onAck(ackInfo({ una: 10, acked: 10, echoed: 50 }))).toBe(false);
    expect(spurious.onAck(ackInfo({ una: 20, acked: 10, echoed: 40 }))).toBe(false);
  });

  test('an ACK that moves nothing decides nothing', () => {
    const spurious = begun();
    expect(spurious.onAck(ackInfo({ una: 0, echoed: 40 }))).toBe(false);
    expect(spurious.onAck(ackInfo({ una: 10, acked: 10, echoed: 40 }))).toBe(true);
  });

  test('without timestamps nothing is concluded', () => {
    expect(begun().onAck(ackInfo({ una: 10, acked: 10 }))).toBe(false);
  });

  test('before anything was sent again nothing is concluded', () => {
    const spurious = new SpuriousRecovery();
    expect(spurious.onAck(ackInfo({ una: 10, acked: 10, echoed: 1 }))).toBe(false);
    spurious.begin(100, false);
    expect(spurious.onAck(ackInfo({ una: 10, acked: 10, echoed: 1 }))).toBe(false);
  });

  test('one late segment does not clear the others that are lost', () => {
    const spurious = begun();
    expect(spurious.onAck(ackInfo({ una: 10, acked: 10, echoed: 49, lost: 20 }))).toBe(false);
    spurious.onRetransmission(60, 30, 50);
    expect(spurious.onAck(ackInfo({ una: 50, acked: 40, echoed: 60 }))).toBe(false);
  });

  test('after a timeout the first late segment clears all', () => {
    expect(begun(true).onAck(ackInfo({ una: 10, acked: 10, echoed: 49, lost: 90 }))).toBe(true);
  });
});

describe('by duplicate report, RFC 3708 §3', () => {
  test('everything that was sent again is reported', () => {
    const spurious = begun();
    spurious.onRetransmission(51, 10, 20);
    expect(spurious.onAck(ackInfo({ una: 60, acked: 60, dsack: [0, 10] }))).toBe(false);
    expect(spurious.onAck(ackInfo({ una: 60, dsack: [10, 20] }))).toBe(true);
  });

  test('a duplicate that the network made is of something else', () => {
    const spurious = begun();
    expect(spurious.onAck(ackInfo({ una: 60, acked: 60, dsack: [40, 50] }))).toBe(false);
  });

  test('the same report twice does not stand for two', () => {
    const spurious = begun();
    spurious.onRetransmission(51, 20, 30);
    expect(spurious.onAck(ackInfo({ una: 60, acked: 60, dsack: [0, 10] }))).toBe(false);
    expect(spurious.onAck(ackInfo({ una: 60, dsack: [0, 10] }))).toBe(false);
  });

  test('a report that comes in the round trip after recovery counts, a later one does not', () => {
    const inTime = begun();
    expect(inTime.onAck(ackInfo({ una: 100, acked: 100, next: 150 }))).toBe(false);
    expect(inTime.onAck(ackInfo({ una: 120, acked: 20, next: 170, dsack: [0, 10] }))).toBe(true);
    const late = begun();
    late.onAck(ackInfo({ una: 100, acked: 100, next: 150 }));
    late.onAck(ackInfo({ una: 150, acked: 50, next: 200 }));
    expect(late.onAck(ackInfo({ una: 200, acked: 50, next: 250, dsack: [0, 10] }))).toBe(false);
  });

  test('with more than sixteen separate retransmissions the loss is taken to be real', () => {
    for (const [count, expected] of [
      [16, true],
      [17, false],
    ] as const) {
      const spurious = new SpuriousRecovery();
      spurious.begin(1000, false);
      for (let i = 0; i < count; i++) spurious.onRetransmission(5, 20 * i, 20 * i + 10);
      expect(spurious.onAck(ackInfo({ una: 1000, acked: 1000, echoed: 4 }))).toBe(expected);
    }
  });

  test('it is a mistake when every byte sent again was reported, and not before', () => {
    const range = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 20 }));
    fc.assert(
      fc.property(
        fc.array(range, { minLength: 1, maxLength: 8 }),
        fc.array(range, { maxLength: 30 }),
        (resent, reports) => {
          const spurious = new SpuriousRecovery();
          spurious.begin(100, false);
          const left = new Set<number>();
          for (const [start, length] of resent) {
            spurious.onRetransmission(50, start, start + length);
            for (let i = start; i < start + length; i++) left.add(i);
          }
          for (const [start, length] of reports) {
            for (let i = start; i < start + length; i++) left.delete(i);
            const isMistake = spurious.onAck(ackInfo({ una: 0, dsack: [start, start + length] }));
            expect(isMistake).toBe(left.size === 0);
            if (isMistake) return;
          }
        },
      ),
    );
  });
});

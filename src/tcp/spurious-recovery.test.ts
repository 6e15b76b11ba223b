import { describe, expect, test } from 'vitest';
import { NEVER, SECOND } from '../base/index.js';
import { AckInfo } from './ack-info.js';
import { RttEstimator } from './rtt.js';
import { SpuriousRecovery } from './spurious-recovery.js';

const rtt = new RttEstimator({ initialRtoNs: SECOND, minRtoNs: 2e8, maxRtoNs: 1e11 });

interface Ack {
  readonly una: number;
  readonly next?: number;
  readonly echoed?: number;
  readonly dsack?: readonly [number, number];
}

function ackInfo(ack: Ack): AckInfo {
  const info = new AckInfo();
  info.begin(0, ack.echoed ?? NEVER, rtt);
  info.sndUna = ack.una;
  info.sndNxt = ack.next ?? 100;
  if (ack.dsack !== undefined) {
    info.hasDsack = true;
    [info.dsackStart, info.dsackEnd] = ack.dsack;
  }
  return info;
}

/** Recovery with the bytes 0 to 100 outstanding, of which the first ten were sent again at 50. */
function begun(): SpuriousRecovery {
  const spurious = new SpuriousRecovery();
  spurious.begin(0, 100);
  spurious.onRetransmission(50, 10);
  return spurious;
}

describe('by timestamp, RFC 3522 §3.2', () => {
  test('an echo older than the retransmission is of the original', () => {
    const spurious = begun();
    expect(spurious.onAck(ackInfo({ una: 10, echoed: 49 }))).toBe(true);
    expect(spurious.onAck(ackInfo({ una: 20, echoed: 49 }))).toBe(false);
  });

  test('an echo of the retransmission shows a loss, and nothing later shows otherwise', () => {
    const spurious = begun();
    expect(spurious.onAck(ackInfo({ una: 10, echoed: 50 }))).toBe(false);
    expect(spurious.onAck(ackInfo({ una: 20, echoed: 40 }))).toBe(false);
  });

  test('an ACK that moves nothing decides nothing', () => {
    const spurious = begun();
    expect(spurious.onAck(ackInfo({ una: 0, echoed: 40 }))).toBe(false);
    expect(spurious.onAck(ackInfo({ una: 10, echoed: 40 }))).toBe(true);
  });

  test('without timestamps nothing is concluded', () => {
    expect(begun().onAck(ackInfo({ una: 10 }))).toBe(false);
  });

  test('before anything was sent again nothing is concluded', () => {
    const spurious = new SpuriousRecovery();
    expect(spurious.onAck(ackInfo({ una: 10, echoed: 1 }))).toBe(false);
    spurious.begin(0, 100);
    expect(spurious.onAck(ackInfo({ una: 10, echoed: 1 }))).toBe(false);
  });
});

describe('by duplicate report, RFC 3708 §3', () => {
  test('everything that was sent again is reported', () => {
    const spurious = begun();
    spurious.onRetransmission(51, 10);
    expect(spurious.onAck(ackInfo({ una: 60, dsack: [0, 10] }))).toBe(false);
    expect(spurious.onAck(ackInfo({ una: 60, dsack: [10, 20] }))).toBe(true);
  });

  test('a report that comes in the round trip after recovery counts, a later one does not', () => {
    const inTime = begun();
    expect(inTime.onAck(ackInfo({ una: 100, next: 150 }))).toBe(false);
    expect(inTime.onAck(ackInfo({ una: 120, next: 170, dsack: [0, 10] }))).toBe(true);
    const late = begun();
    late.onAck(ackInfo({ una: 100, next: 150 }));
    late.onAck(ackInfo({ una: 150, next: 200 }));
    expect(late.onAck(ackInfo({ una: 200, next: 250, dsack: [0, 10] }))).toBe(false);
  });
});

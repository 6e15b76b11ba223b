import { describe, expect, it } from 'vitest';
import { Pair } from '../../test/support/tcp-pair.js';
import { Script, testParameters } from '../../test/support/tcp-peer.js';
import { MILLISECOND, MINUTE, SECOND } from '../base/index.js';
import { parseTcp, TcpSegment, viewOf, writeTcpHeader } from '../wire/index.js';
import { TcpConnection } from './connection.js';
import { OutgoingSegment } from './segment.js';

const MSS = 1448;

describe('super-segments', () => {
  it('carry whole segments of one record, up to what the device takes', () => {
    const script = Script.open(testParameters({ maxOffloadBytes: 10_000 }));
    script.push(14_000);
    script.push(100);
    expect(script.sent().map(({ seq, length, segmentSize }) => [seq, length, segmentSize])).toEqual([
      [1, 6 * MSS, MSS],
      [1 + 6 * MSS, 14_000 - 6 * MSS, MSS],
      [14_001, 100, 0],
    ]);
  });

  it('are cut where the window ends', () => {
    const script = Script.open(testParameters({ maxOffloadBytes: 65_000 }), {
      window: 5000,
      windowScale: -1,
    });
    script.push(10_000);
    expect(script.sent().map(({ length }) => length)).toEqual([3 * MSS]);
  });

  it('are sent again in part: only the segments that are missing', () => {
    const script = Script.open(testParameters({ maxOffloadBytes: 65_000 }));
    script.push(10 * MSS);
    expect(script.sent()).toHaveLength(1);
    script.advance(10 * MILLISECOND);
    script.ack(1 + 2 * MSS, { sack: [[1 + 4 * MSS, 1 + 10 * MSS]] });
    if (script.connection.bytesInFlight > 0) script.fireTimer();
    const resent = script.sent();
    expect(resent[0]).toMatchObject({ seq: 1 + 2 * MSS, isRetransmission: true });
    expect(resent.every(({ seq, length }) => seq >= 1 + 2 * MSS && seq + length <= 1 + 4 * MSS)).toBe(true);
  });

  it('are waited for while acknowledgments are due, and not when the owner has no more', () => {
    const script = Script.open(testParameters({ maxOffloadBytes: 65_000 }));
    script.push(script.connection.sendQuota(script.now));
    script.sent();
    script.advance(100 * MILLISECOND);
    script.ack(1 + MSS);
    expect(script.connection.sendQuota(script.now, 500)).toBeGreaterThanOrEqual(500);
    script.ack(1 + 6 * MSS);
    expect(script.connection.sendQuota(script.now)).toBeGreaterThanOrEqual(2 * MSS);
  });

  it('never wait for ever: every transfer ends, with large ones where there is room', () => {
    for (const windowBytes of [1500, 3000, 20_000, 60_000, 500_000]) {
      for (const isCutting of [true, false]) {
        const parameters = testParameters({ maxOffloadBytes: 65_000, receiveWindowBytes: windowBytes });
        const pair = Pair.open({ seed: 1, delayNs: 20 * MILLISECOND, isCutting }, parameters, parameters);
        pair.a.toSend = 400_000;
        const done = pair.run(() => pair.b.receivedBytes === 400_000, 10 * MINUTE);
        expect([windowBytes, isCutting, done]).toEqual([windowBytes, isCutting, true]);
        const { segmentsSent, timeouts, retransmittedBytes } = pair.a.connection.statistics;
        expect([timeouts, retransmittedBytes]).toEqual([0, 0]);
        if (windowBytes >= 60_000 && !isCutting) expect(segmentsSent).toBeLessThan(100);
      }
    }
  });

  it('use the whole of the path', () => {
    const parameters = testParameters({ maxOffloadBytes: 65_000, receiveWindowBytes: 200_000 });
    for (const isCutting of [true, false]) {
      const pair = Pair.open({ seed: 1, delayNs: 10 * MILLISECOND, isCutting }, parameters, parameters);
      pair.a.toSend = 4_000_000;
      const start = pair.now;
      expect(pair.run(() => pair.b.receivedBytes === 4_000_000, MINUTE)).toBe(true);
      // A window of 200 kB each 20 ms: 20 round trips, and some to grow the window.
      expect((pair.now - start) / (20 * MILLISECOND)).toBeLessThan(35);
    }
  });

  it('are counted beyond the sequence space: 5 GB go through', () => {
    const parameters = testParameters({ maxOffloadBytes: 65_000, receiveWindowBytes: 4_000_000 });
    const from = TcpConnection.connect(SECOND, parameters);
    const out = new OutgoingSegment();
    const segment = new TcpSegment();
    const packet = new Uint8Array(70_000);
    /** Everything that `sender` has goes to `receiver` in the same packet buffer, its payload left as it is. */
    const carry = (now: number, sender: TcpConnection, receiver: TcpConnection): number => {
      let received = 0;
      while (sender.pollSegment(now, out)) {
        const length = writeTcpHeader(viewOf(packet), 0, 1, 2, out) + out.payloadLength;
        parseTcp(packet, 0, length, segment);
        segment.segmentSize = out.segmentSize;
        receiver.handleSegment(now, segment);
        for (let bytes = receiver.pollReceive(); bytes !== undefined; bytes = receiver.pollReceive())
          received += bytes.length;
        receiver.setReceiveWindow(4_000_000);
      }
      return received;
    };
    from.pollSegment(SECOND, out);
    parseTcp(packet, 0, writeTcpHeader(viewOf(packet), 0, 1, 2, out), segment);
    const to = TcpConnection.accept(SECOND, parameters, segment);
    carry(SECOND, to, from);
    const total = 5e9;
    const pieces = [new Uint8Array(65_000)];
    let received = 0;
    for (let now = SECOND; received < total && now < MINUTE; now += 5 * MILLISECOND) {
      for (let quota = from.sendQuota(now); quota > 0; quota = from.sendQuota(now)) {
        from.push(now, { start: from.pushEnd, length: Math.min(quota, 44 * MSS), pieces });
      }
      received += carry(now, from, to);
      carry(now + MILLISECOND, to, from);
      if (from.pollTimeout() <= now) from.handleTimeout(now);
      if (to.pollTimeout() <= now) to.handleTimeout(now);
    }
    expect(received).toBeGreaterThanOrEqual(total);
    expect(to.rcvNxt).toBe(received + 1);
    expect(from.statistics.retransmittedSegments).toBe(0);
  });
});

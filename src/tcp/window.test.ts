import { describe, expect, it } from 'vitest';
import { Script, testParameters } from '../../test/support/tcp-peer.js';
import { MILLISECOND, MINUTE, NEVER, SECOND } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import { Verdict } from './event.js';

const { ACK, FIN, PSH } = TcpFlag;

/** An open connection whose peer offers `window` bytes, without scaling. */
function offered(window: number, overrides: Parameters<typeof testParameters>[0] = {}): Script {
  const script = Script.open(testParameters(overrides), { window: 65_535, windowScale: -1 });
  script.ack(1, { window });
  return script;
}

describe('a closed window (RFC 9293 §3.8.6.1)', () => {
  it('is probed with one byte, ever more rarely, for as long as the peer answers', () => {
    const script = offered(0);
    expect(script.connection.sendQuota(script.now)).toBe(1448);
    script.push(1448);
    expect(script.sent()).toEqual([]);
    const waits: number[] = [];
    for (let i = 0; i < 40; i++) {
      waits.push(Math.round(script.fireTimer() / (10 * MILLISECOND)) / 100);
      expect(script.one()).toMatchObject({ seq: 1, length: 1 });
      script.ack(1, { window: 0 });
    }
    expect(waits.slice(0, 5)).toEqual([0.21, 0.21, 0.42, 0.84, 1.68]);
    expect(waits.at(-1)).toBe(120);
    expect(script.connection.state).toBe('established');
    expect(script.connection.isStale).toBe(false);
    expect(script.events).toEqual([]);
    script.ack(1, { window: 5000 });
    expect(script.sent().map(({ seq, length }) => [seq, length])).toEqual([
      [1, 1],
      [2, 1447],
    ]);
  });

  it('fails the connection when the probes go unanswered', () => {
    const script = offered(0, { settings: { dataRetries: 5 } });
    script.push(10);
    script.sent();
    for (let i = 0; i < 7; i++) {
      expect(script.connection.state).toBe('established');
      script.fireTimer();
      script.sent();
    }
    expect(script.events.at(-1)).toEqual({ type: 'closed', reason: 'timeout' });
    expect(script.events[0]).toEqual({ type: 'timeout', count: 2 });
  });

  it('is probed with what is outstanding when it shrank, for as long as the peer answers', () => {
    const script = offered(3000, { settings: { dataRetries: 3 } });
    script.push(2000);
    script.sent();
    script.ack(1449, { window: 0 });
    for (let i = 0; i < 10; i++) {
      script.fireTimer();
      const sent = script.sent();
      if (sent.length > 0) {
        expect(sent).toMatchObject([{ seq: 1449, isRetransmission: true }]);
        // All of it, or as much as a segment still has after so many timeouts (RFC 4821 §7.7).
        expect(sent[0]!.length).toBe(Math.min(552, script.connection.mss));
      }
      script.ack(1449, { window: 0 });
    }
    expect(script.connection.state).toBe('established');
    expect(script.events.every((event) => event.type === 'timeout' && event.count === 1)).toBe(true);
  });

  it('does not have data sent again that only seems to be beyond it (RFC 8684 §3.3.1)', () => {
    const script = offered(10_000);
    for (let i = 0; i < 6; i++) script.push(1448);
    script.sent();
    for (let i = 1; i <= 6; i++) {
      script.ack(1 + i * 1448, { window: i % 2 === 0 ? 3000 : 0 });
      expect(script.sent()).toEqual([]);
    }
    expect(script.connection.statistics.retransmittedSegments).toBe(0);
  });

  it('lets the quota be one segment once, and no more while that waits', () => {
    const script = offered(0);
    expect(script.connection.sendQuota(script.now, 10)).toBe(10);
    script.push(10);
    expect(script.connection.sendQuota(script.now)).toBe(0);
    expect(script.connection.unsentBytes).toBe(10);
  });

  it('does not hold the FIN back', () => {
    const script = offered(0);
    script.connection.shutdown(script.now);
    expect(script.one()).toMatchObject({ flags: FIN | ACK, seq: 1 });
  });

  it('opens by a lost update all the same', () => {
    const script = offered(0);
    script.push(100);
    script.sent();
    script.fireTimer();
    expect(script.one()).toMatchObject({ seq: 1, length: 1 });
    expect(script.ack(2, { window: 1000 }) & (Verdict.ACKED | Verdict.WINDOW)).toBe(
      Verdict.ACKED | Verdict.WINDOW,
    );
    expect(script.one()).toMatchObject({ flags: ACK | PSH, seq: 2, length: 99 });
  });
});

describe('the silly window syndrome, sending (RFC 9293 §3.8.6.2.1)', () => {
  it('waits while the window takes neither a segment nor half of what it ever was', () => {
    const script = offered(500);
    script.push(1448);
    expect(script.sent()).toEqual([]);
    script.ack(1, { window: 1448 });
    expect(script.one()).toMatchObject({ seq: 1, length: 1448 });
  });

  it('sends what fits after a time-out, the override', () => {
    const script = offered(500);
    script.push(1448);
    script.sent();
    script.fireTimer();
    expect(script.one()).toMatchObject({ seq: 1, length: 500 });
  });

  it('sends into a small window when the peer never had a larger one', () => {
    const script = Script.open(testParameters(), { window: 800, windowScale: -1 });
    script.push(1448);
    expect(script.one()).toMatchObject({ length: 800 });
    script.ack(801, { window: 400 });
    expect(script.one()).toMatchObject({ length: 400 });
    script.ack(1201, { window: 399 });
    expect(script.one()).toMatchObject({ length: 248 });
  });

  it('sends a whole record that fits, however small the window', () => {
    const script = offered(100);
    script.push(100);
    expect(script.one()).toMatchObject({ length: 100 });
  });

  it('gives no quota for a sliver of window while data is outstanding', () => {
    const script = offered(1448 + 300);
    script.push(1448);
    script.sent();
    expect(script.connection.sendQuota(script.now)).toBe(0);
    expect(script.connection.sendQuota(script.now, 200)).toBe(300);
  });
});

describe('the window that is advertised', () => {
  /** An open connection with a receive buffer of `bytes`. */
  function receiving(bytes: number): Script {
    return Script.open(testParameters({ receiveWindowBytes: bytes, settings: { windowScaling: false } }));
  }

  it('closes as bytes arrive that the owner does not take', () => {
    const script = receiving(10_000);
    script.data(1, 1000);
    script.run(SECOND);
    script.data(1001, 1000);
    expect(script.run(SECOND)).toMatchObject([{ ack: 2001, window: 8000 }]);
  });

  it('is updated when it has opened by a segment, and at least twice as wide as the peer knows', () => {
    const script = receiving(10_000);
    for (let i = 0; i < 10; i++) script.data(1 + i * 1000, 1000);
    expect(script.sent().at(-1)).toMatchObject({ ack: 10_001, window: 0 });
    script.connection.setReceiveWindow(1000);
    expect(script.sent()).toEqual([]);
    script.connection.setReceiveWindow(1500);
    expect(script.one()).toMatchObject({ flags: ACK, window: 1500 });
    script.connection.setReceiveWindow(2900);
    expect(script.sent()).toEqual([]);
    script.connection.setReceiveWindow(3000);
    expect(script.one()).toMatchObject({ window: 3000 });
  });

  it('does not open by slivers (RFC 9293 §3.8.6.2.2)', () => {
    const script = receiving(10_000);
    script.data(1, 1000);
    script.connection.setReceiveWindow(9100);
    expect(script.run(SECOND)).toMatchObject([{ ack: 1001, window: 9000 }]);
    script.data(1001, 1000);
    script.connection.setReceiveWindow(9900);
    expect(script.run(SECOND)).toMatchObject([{ ack: 2001, window: 9900 }]);
  });

  it('counts half the buffer as enough where that is less than a segment', () => {
    const script = receiving(1000);
    script.data(1, 1000);
    script.run(SECOND);
    script.connection.setReceiveWindow(499);
    expect(script.sent()).toEqual([]);
    script.connection.setReceiveWindow(500);
    expect(script.one().window).toBe(500);
  });

  it('shrinks when the owner says so', () => {
    const script = receiving(10_000);
    script.connection.setReceiveWindow(4000);
    script.connection.requestAck(script.now);
    expect(script.one().window).toBe(4000);
  });

  it('is not updated with what the field cannot express', () => {
    const script = Script.open(testParameters({ receiveWindowBytes: 65_535 }), { windowScale: -1 });
    script.connection.setReceiveWindow(200_000);
    expect(script.sent()).toEqual([]);
    script.connection.requestAck(script.now);
    expect(script.one().window).toBe(65_535);
  });

  it('never moves the edge back by rounding', () => {
    const script = Script.open(testParameters({ receiveWindowBytes: 1_000_000 }));
    let edge = 0;
    for (let i = 0; i < 200; i++) {
      script.data(1 + i * 101, 101);
      script.connection.requestAck(script.now);
      const sent = script.one();
      expect(sent.ack + sent.window * 16).toBeGreaterThanOrEqual(1_000_001);
      expect(sent.ack + sent.window * 16).toBeLessThan(1_000_001 + 16);
      edge = Math.max(edge, sent.ack);
    }
    expect(edge).toBe(1 + 200 * 101);
  });

  it('says nothing of it after the peer has finished', () => {
    const script = receiving(1000);
    script.data(1, 1000, { flags: FIN | ACK });
    script.sent();
    script.connection.setReceiveWindow(1000);
    expect(script.sent()).toEqual([]);
  });
});

describe("Nagle's rule as Minshall has it (RFC 9293 §3.7.4)", () => {
  it('lets full segments go, and one small one at a time', () => {
    const script = Script.open();
    expect(script.connection.mayPush(1448)).toBe(true);
    expect(script.connection.mayPush(10)).toBe(true);
    script.push(1448);
    script.sent();
    expect(script.connection.mayPush(10)).toBe(true);
    script.push(10);
    script.sent();
    expect(script.connection.mayPush(10)).toBe(false);
    expect(script.connection.mayPush(1448)).toBe(true);
    script.ack(1449);
    expect(script.connection.mayPush(10)).toBe(false);
    script.ack(1459);
    expect(script.connection.mayPush(10)).toBe(true);
  });

  it('is off when the owner does not want it', () => {
    const script = Script.open(testParameters({ settings: { nagle: false } }));
    script.push(10);
    script.sent();
    expect(script.connection.mayPush(10)).toBe(true);
  });
});

describe('acknowledging (RFC 9293 §3.8.6.3, RFC 5681 §4.2)', () => {
  it('holds an acknowledgment back for 40 ms', () => {
    const script = Script.open();
    script.data(1, 1448);
    expect(script.sent()).toEqual([]);
    expect(script.fireTimer()).toBe(40 * MILLISECOND);
    expect(script.one()).toMatchObject({ flags: ACK, ack: 1449 });
    expect(script.connection.pollTimeout()).toBe(NEVER);
  });

  it('acknowledges every second full segment at once', () => {
    const script = Script.open();
    const sent: number[] = [];
    for (let i = 0; i < 10; i++) {
      script.data(1 + i * 1448, 1448);
      sent.push(script.sent().length);
    }
    expect(sent).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
  });

  it('counts a super-segment as what it was made of', () => {
    const script = Script.open();
    script.data(1, 14_480, { segmentSize: 1448 });
    expect(script.one()).toMatchObject({ ack: 14_481 });
  });

  it('does not count small segments as full ones, nor forget that the peer sends smaller ones now', () => {
    const script = Script.open();
    script.data(1, 1448);
    script.data(1449, 1448);
    script.sent();
    for (let i = 0; i < 10; i++) script.data(2897 + i * 100, 100);
    expect(script.sent()).toEqual([]);
    for (let i = 0; i < 3; i++) script.data(3897 + i * 1000, 1000);
    expect(script.sent().at(-1)).toMatchObject({ ack: 6897 });
  });

  it('lets data carry the acknowledgment', () => {
    const script = Script.open();
    script.data(1, 100);
    script.push(10);
    expect(script.one()).toMatchObject({ length: 10, ack: 101 });
    expect(script.run(MINUTE).filter(({ ack, length }) => ack === 101 && length === 0)).toEqual([]);
  });

  it('sends one on demand', () => {
    const script = Script.open();
    script.connection.requestAck(script.now);
    expect(script.one()).toMatchObject({ flags: ACK, seq: 1, ack: 1, length: 0 });
  });

  it('acknowledges from where the peer still looks when its window shrank', () => {
    const script = offered(3000);
    script.push(2896);
    script.sent();
    script.ack(1, { window: 1448 });
    script.connection.requestAck(script.now);
    expect(script.one()).toMatchObject({ flags: ACK, seq: 1449, length: 0 });
  });
});

describe('reporting what is missing (RFC 2018, RFC 2883)', () => {
  it('answers a gap at once, the newest run first', () => {
    const script = Script.open();
    script.data(101, 100);
    expect(script.one()).toMatchObject({ ack: 1, sack: [[101, 201]] });
    script.data(301, 100);
    expect(script.one().sack).toEqual([
      [301, 401],
      [101, 201],
    ]);
    script.data(201, 50);
    expect(script.one().sack).toEqual([
      [101, 251],
      [301, 401],
    ]);
    script.data(501, 100);
    script.data(701, 100);
    expect(script.one().sack).toEqual([
      [701, 801],
      [501, 601],
      [101, 251],
    ]);
  });

  it('answers at once what fills a gap, in part or whole', () => {
    const script = Script.open();
    script.data(101, 100);
    script.sent();
    script.data(1, 50);
    expect(script.one()).toMatchObject({ ack: 51, sack: [[101, 201]] });
    script.data(51, 50);
    expect(script.one()).toMatchObject({ ack: 201, sack: [] });
    expect(script.received).toHaveLength(200);
  });

  it('reports a duplicate once, first, and the run that holds it behind', () => {
    const script = Script.open();
    script.data(101, 100);
    script.sent();
    script.data(101, 50);
    expect(script.one()).toMatchObject({
      ack: 1,
      sack: [
        [101, 151],
        [101, 201],
      ],
    });
    script.data(1, 100);
    expect(script.one()).toMatchObject({ ack: 201, sack: [] });
  });

  it('reports the old part of a segment that is new in part', () => {
    const script = Script.open();
    script.data(1, 100);
    script.run(SECOND);
    expect(script.data(51, 100) & Verdict.PAYLOAD).toBe(Verdict.PAYLOAD);
    expect(script.one()).toMatchObject({ ack: 151, sack: [[51, 101]] });
  });

  it('says nothing to a peer that did not ask', () => {
    const script = Script.open(testParameters(), { sackPermitted: false });
    script.data(101, 100);
    expect(script.one()).toMatchObject({ ack: 1, sack: [] });
  });

  it('keeps so many runs and no more, and what is in order always', () => {
    const script = Script.open(testParameters({ settings: { maxReassemblyRuns: 8 } }));
    for (let i = 1; i <= 20; i++) {
      expect(script.data(1 + i * 20, 10) & Verdict.PAYLOAD).toBe(i <= 8 ? Verdict.PAYLOAD : 0);
    }
    script.sent();
    for (let i = 0; i < 8; i++) script.data(1 + i * 20, 20);
    expect(script.connection.rcvNxt).toBe(1 + 8 * 20 + 10);
  });
});

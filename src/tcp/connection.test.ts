import { describe, expect, it } from 'vitest';
import { Script, testParameters, testRecord } from '../../test/support/tcp-peer.js';
import { MILLISECOND, NEVER, SECOND } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import { Verdict } from './event.js';

const { ACK, FIN, PSH, RST, SYN } = TcpFlag;

describe('opening (RFC 9293 §3.5)', () => {
  it('sends a SYN with every option, and repeats it with back-off until it gives up', () => {
    const script = Script.connecting();
    const syn = script.one();
    expect(syn).toMatchObject({ flags: SYN, seq: 0, mss: 1460, windowScale: 4, sackPermitted: true });
    expect(syn).toMatchObject({ hasTimestamps: true, window: 65_535 });
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      waits.push(script.fireTimer() / SECOND);
      expect(script.one()).toMatchObject({ flags: SYN, seq: 0, isRetransmission: true });
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64]);
    script.fireTimer();
    expect(script.sent()).toEqual([]);
    expect(script.events.at(-1)).toEqual({ type: 'closed', reason: 'timeout' });
    expect(script.connection.pollTimeout()).toBe(NEVER);
  });

  it('keeps what a router says of the path for later, and sends no SYN for it', () => {
    const parameters = testParameters();
    const script = Script.connecting(parameters);
    script.one();
    script.connection.handlePathMtu(script.now, 600, parameters.initialSequence);
    expect(script.sent()).toEqual([]);
    script.receive({ ack: 1, flags: SYN | ACK, mss: 1400 });
    expect(script.connection.mss).toBe(548);
  });

  it('is open when the SYN is answered', () => {
    const script = Script.connecting();
    script.one();
    script.advance(20 * MILLISECOND);
    const verdict = script.receive({
      ack: 1,
      flags: SYN | ACK,
      mss: 1400,
      windowScale: 7,
      sackPermitted: true,
    });
    expect(verdict & (Verdict.ACCEPTED | Verdict.SYN | Verdict.ACKED)).toBe(
      Verdict.ACCEPTED | Verdict.SYN | Verdict.ACKED,
    );
    expect(script.connection.state).toBe('established');
    expect(script.events).toEqual([{ type: 'established' }]);
    expect(script.one()).toMatchObject({ flags: ACK, seq: 1, ack: 1, length: 0, mss: 0, windowScale: -1 });
    expect(script.connection.rtt.srttNs).toBe(20 * MILLISECOND);
    expect(script.connection.mss).toBe(1388);
  });

  it('answers a SYN with what both ends can, and is open when that is acknowledged', () => {
    const script = Script.accepting(testParameters(), { windowScale: -1, sackPermitted: false });
    expect(script.one()).toMatchObject({
      flags: SYN | ACK,
      seq: 0,
      ack: 1,
      windowScale: -1,
      sackPermitted: false,
      hasTimestamps: true,
    });
    expect(script.connection.state).toBe('syn-received');
    expect(script.ack(1) & Verdict.ACCEPTED).toBe(Verdict.ACCEPTED);
    expect(script.connection.state).toBe('established');
    expect(script.sent()).toEqual([]);
  });

  it('uses no option that the peer does not', () => {
    const script = Script.connecting();
    script.one();
    script.withTimestamps = false;
    script.receive({ ack: 1, flags: SYN | ACK, window: 5000 });
    expect(script.one()).toMatchObject({ hasTimestamps: false, window: 65_535 });
    expect(script.connection.mss).toBe(536);
    expect(script.connection.peerWindowEdge).toBe(5001);
    script.data(2, 10);
    expect(script.one().sack).toEqual([]);
  });

  it('scales the windows of segments and not those of SYNs (RFC 7323 §2.2)', () => {
    const script = Script.open(testParameters({ receiveWindowBytes: 1_000_000 }), {
      windowScale: 7,
      window: 1000,
    });
    expect(script.connection.peerWindowEdge).toBe(1001);
    script.ack(1, { window: 1000 });
    expect(script.connection.peerWindowEdge).toBe(128_001);
    script.connection.requestAck(script.now);
    expect(script.one().window).toBe(1_000_000 / 16);
  });

  it('takes a shift above 14 for 14 (RFC 7323 §2.3)', () => {
    const script = Script.open(testParameters(), { windowScale: 200 });
    script.ack(1, { window: 1 });
    expect(script.connection.peerWindowEdge).toBe(1 + 2 ** 14);
  });

  it('is reset by a refusal, and only by one that acknowledges the SYN', () => {
    const script = Script.connecting();
    script.one();
    expect(script.receive({ seq: 0, flags: RST })).toBe(0);
    expect(script.receive({ seq: 0, ack: 5, flags: RST | ACK })).toBe(0);
    expect(script.connection.state).toBe('syn-sent');
    expect(script.receive({ seq: 0, ack: 1, flags: RST | ACK })).toBe(Verdict.ACCEPTED | Verdict.RESET);
    expect(script.events).toEqual([{ type: 'closed', reason: 'refused' }]);
    expect(script.sent()).toEqual([]);
  });

  it('resets a half-open peer that acknowledges what was never sent (RFC 9293 figure 10)', () => {
    const script = Script.connecting();
    script.one();
    script.receive({ seq: 300, ack: 100, flags: ACK });
    expect(script.one()).toMatchObject({ flags: RST, seq: 100 });
    expect(script.connection.state).toBe('syn-sent');
  });

  it('opens simultaneously (RFC 9293 figure 8)', () => {
    const script = Script.connecting();
    script.one();
    expect(script.receive({ flags: SYN, mss: 1460, windowScale: 7, sackPermitted: true })).toBe(
      Verdict.ACCEPTED | Verdict.SYN,
    );
    expect(script.connection.state).toBe('syn-received');
    expect(script.one()).toMatchObject({ flags: SYN | ACK, seq: 0, ack: 1, mss: 1460, windowScale: 4 });
    script.receive({ seq: 0, ack: 1, flags: SYN | ACK, mss: 1460 });
    expect(script.connection.state).toBe('established');
    expect(script.events).toEqual([{ type: 'established' }]);
  });

  it('repeats its answer when the SYN comes again, and when none comes for it', () => {
    const script = Script.accepting();
    script.one();
    script.advance(700 * MILLISECOND);
    script.receive({ flags: SYN, mss: 1460, windowScale: 7 });
    expect(script.one()).toMatchObject({ flags: SYN | ACK, seq: 0, ack: 1, mss: 1460 });
    script.fireTimer();
    expect(script.one()).toMatchObject({ flags: SYN | ACK, seq: 0, isRetransmission: true });
  });

  it('resets a peer that acknowledges something else than its answer', () => {
    const script = Script.accepting();
    script.one();
    expect(script.ack(7)).toBe(0);
    expect(script.one()).toMatchObject({ flags: RST, seq: 7 });
    expect(script.connection.state).toBe('syn-received');
  });

  it('starts with one segment when the SYN had to be repeated (RFC 5681 §3.1)', () => {
    const script = Script.connecting();
    script.one();
    script.fireTimer();
    script.one();
    script.receive({ ack: 1, flags: SYN | ACK, mss: 1460, windowScale: 7, sackPermitted: true });
    expect(script.connection.cwndBytes).toBe(1448);
    expect(Script.open().connection.cwndBytes).toBe(14_480);
  });

  it('ends at once when the network says for good that there is no way, and then only', () => {
    const script = Script.connecting();
    script.one();
    const inFlight = testParameters().initialSequence;
    script.connection.handleUnreachable(script.now, false, inFlight);
    expect(script.connection.state).toBe('syn-sent');
    script.connection.handleUnreachable(script.now, true, inFlight);
    script.sent();
    expect(script.events).toEqual([{ type: 'closed', reason: 'unreachable' }]);
    const open = Script.open();
    open.push(100);
    open.sent();
    open.connection.handleUnreachable(open.now, true, inFlight);
    expect(open.connection.state).toBe('established');
  });
});

describe('sending and receiving', () => {
  it('sends what was pushed, delivers what came, and lets go of what is acknowledged', () => {
    const script = Script.open();
    script.push(3000);
    expect(script.sent()).toMatchObject([
      { flags: ACK, seq: 1, length: 1448 },
      { flags: ACK, seq: 1449, length: 1448 },
      { flags: ACK | PSH, seq: 2897, length: 104 },
    ]);
    script.ack(2000);
    expect(script.connection.recordCount).toBe(1);
    script.ack(3001);
    expect(script.connection.sndUna).toBe(3001);
    expect(script.connection.recordCount).toBe(0);
    expect(script.connection.pollTimeout()).toBe(NEVER);
    expect(script.data(1, 100) & Verdict.PAYLOAD).toBe(Verdict.PAYLOAD);
    expect(script.received).toEqual([...testRecord(1, 100).pieces[0]!]);
    expect(script.connection.rcvDelivered).toBe(101);
  });

  it('never lets a segment span two records', () => {
    const script = Script.open();
    script.push(100);
    script.push(1500);
    script.push(7);
    expect(script.sent().map(({ seq, length }) => [seq, length])).toEqual([
      [1, 100],
      [101, 1448],
      [1549, 52],
      [1601, 7],
    ]);
    expect(script.connection.recordAt(1)).toMatchObject({ start: 101, length: 1500 });
    expect(script.connection.recordAt(3)).toBeUndefined();
  });

  it('refuses records that do not follow, and records in a state that cannot send', () => {
    const script = Script.open();
    expect(() => script.connection.push(script.now, testRecord(2, 5))).toThrow(/must start at 1/);
    script.connection.shutdown(script.now);
    expect(() => script.push(5)).toThrow(/fin-wait-1/);
    expect(() => Script.connecting().push(5)).toThrow(/syn-sent/);
  });

  it('leaves the room that the owner wants for its options', () => {
    const script = Script.open();
    script.connection.dataOptionBytes = 20;
    expect(script.connection.mss).toBe(1428);
    script.push(3000);
    expect(script.sent().map(({ length }) => length)).toEqual([1428, 1428, 144]);
    script.data(10, 10);
    script.data(30, 10);
    script.data(50, 10);
    script.connection.ackOptionBytes = 12;
    expect(script.one().sack).toEqual([[50, 60]]);
  });

  it('carries FIN, data and acknowledgment in one segment', () => {
    const script = Script.open();
    script.data(1, 10);
    script.push(20);
    script.connection.shutdown(script.now);
    expect(script.one()).toMatchObject({ flags: ACK | PSH | FIN, seq: 1, ack: 11, length: 20 });
    expect(script.sent()).toEqual([]);
  });

  it('gives a quota only while it may send, and no more than both windows allow', () => {
    const script = Script.connecting();
    expect(script.connection.sendQuota(script.now)).toBe(0);
    const open = Script.open(testParameters(), { window: 20_000, windowScale: 0 });
    expect(open.connection.sendQuota(open.now)).toBe(14_480);
    open.push(14_480);
    expect(open.connection.sendQuota(open.now)).toBe(0);
    open.sent();
    open.ack(14_481, { window: 20_000 });
    expect(open.connection.sendQuota(open.now)).toBe(13 * 1448);
    expect(open.connection.sendQuota(open.now, 19_000)).toBe(20_000);
    open.connection.shutdown(open.now);
    expect(open.connection.sendQuota(open.now)).toBe(0);
  });
});

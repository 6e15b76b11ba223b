import { describe, expect, it } from 'vitest';
import { MILLISECOND, NEVER, SECOND } from '../base/index.js';
import { Script, testParameters } from '../../test/support/tcp-peer.js';
import { TcpFlag } from '../wire/index.js';
import { Verdict } from './event.js';

const { ACK, FIN, PSH, RST, SYN } = TcpFlag;

describe('opening', () => {
  it('sends a SYN with every option, and repeats it with back-off until it gives up', () => {
    const script = Script.connecting();
    const syn = script.one();
    expect(syn).toMatchObject({ flags: SYN, seq: 0, mss: 1460, windowScale: 4, sackPermitted: true });
    expect(syn).toMatchObject({ hasTimestamps: true, window: 65_535 });
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      waits.push(script.fireTimer() / SECOND);
      expect(script.one()).toMatchObject({ flags: SYN, seq: 0, isRetransmission: true });
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32]);
    script.fireTimer();
    expect(script.sent()).toEqual([]);
    expect(script.events.at(-1)).toEqual({ type: 'closed', reason: 'timeout' });
    expect(script.connection.pollTimeout()).toBe(NEVER);
  });

  it('answers the SYN with ACK and is open', () => {
    const script = Script.connecting();
    script.one();
    script.advance(20 * MILLISECOND);
    const verdict = script.receive({
      seq: 0,
      ack: 1,
      flags: SYN | ACK,
      mss: 1400,
      windowScale: 7,
      sackPermitted: true,
    });
    expect(verdict & (Verdict.ACCEPTED | Verdict.SYN)).toBe(Verdict.ACCEPTED | Verdict.SYN);
    expect(script.connection.state).toBe('established');
    expect(script.events).toEqual([{ type: 'established' }]);
    expect(script.one()).toMatchObject({ flags: ACK, seq: 1, ack: 1, length: 0, mss: 0, windowScale: -1 });
    expect(script.connection.rtt.srttNs).toBe(20 * MILLISECOND);
    expect(script.connection.mss).toBe(1388);
  });

  it('accepts a SYN, answers with what both can, and is open when that is acknowledged', () => {
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

  it('sends and delivers data', () => {
    const script = Script.open();
    script.push(3000);
    expect(script.sent()).toMatchObject([
      { flags: ACK, seq: 1, length: 1448 },
      { flags: ACK, seq: 1449, length: 1448 },
      { flags: ACK | PSH, seq: 2897, length: 104 },
    ]);
    script.ack(3001);
    expect(script.connection.sndUna).toBe(3001);
    expect(script.connection.recordCount).toBe(0);
    expect(script.connection.pollTimeout()).toBe(NEVER);
    expect(script.data(1, 100) & Verdict.PAYLOAD).toBe(Verdict.PAYLOAD);
    expect(script.received.length).toBe(100);
    expect(script.sent()).toEqual([]);
    expect(script.fireTimer()).toBe(40 * MILLISECOND);
    expect(script.one()).toMatchObject({ flags: ACK, seq: 3001, ack: 101, length: 0 });
    void FIN;
    void RST;
  });
});

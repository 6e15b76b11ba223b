import { describe, expect, it } from 'vitest';
import { Script, testParameters } from '../../test/support/tcp-peer.js';
import { MINUTE, NEVER, SECOND, seq32 } from '../base/index.js';
import { makeSegment } from '../../test/support/tcp-peer.js';
import { TcpFlag } from '../wire/index.js';
import { Verdict } from './event.js';
import type { TcpState } from './state.js';

const { ACK, FIN, RST, SYN } = TcpFlag;

/** Everything that moves an open connection, one letter each. */
type Step = 'shutdown' | 'fin' | 'ack-of-fin' | 'fin-and-ack';

/** An open connection after `steps`. */
function after(...steps: readonly Step[]): Script {
  const script = Script.open();
  for (const step of steps) {
    if (step === 'shutdown') script.connection.shutdown(script.now);
    else if (step === 'ack-of-fin') script.ack(script.connection.sndNxt);
    else {
      const ack = step === 'fin' ? script.connection.sndUna : script.connection.sndNxt;
      script.receive({ seq: script.peerNext, ack, flags: FIN | ACK });
    }
    script.sent();
  }
  return script;
}

describe('every order of closing (RFC 9293 §3.6)', () => {
  const paths: readonly [TcpState, ...Step[]][] = [
    ['fin-wait-1', 'shutdown'],
    ['fin-wait-2', 'shutdown', 'ack-of-fin'],
    ['time-wait', 'shutdown', 'ack-of-fin', 'fin'],
    ['time-wait', 'shutdown', 'fin-and-ack'],
    ['closing', 'shutdown', 'fin'],
    ['time-wait', 'shutdown', 'fin', 'ack-of-fin'],
    ['close-wait', 'fin'],
    ['last-ack', 'fin', 'shutdown'],
    ['closed', 'fin', 'shutdown', 'ack-of-fin'],
  ];
  for (const [state, ...steps] of paths) {
    it(`${steps.join(', ')}: ${state}`, () => {
      const script = after(...steps);
      expect(script.connection.state).toBe(state);
      const finished = steps.includes('fin') || steps.includes('fin-and-ack');
      expect(script.connection.isPeerFinished).toBe(finished);
      expect(script.events.filter(({ type }) => type === 'peer-fin')).toHaveLength(finished ? 1 : 0);
      expect(script.events.some(({ type }) => type === 'time-wait')).toBe(state === 'time-wait');
    });
  }

  it('acknowledges the FIN at once', () => {
    const script = Script.open();
    expect(script.receive({ seq: 1, ack: 1, flags: FIN | ACK }) & Verdict.FIN).toBe(Verdict.FIN);
    expect(script.one()).toMatchObject({ flags: ACK, ack: 2 });
  });

  it('takes a FIN only when everything before it is there', () => {
    const script = Script.open();
    expect(script.data(11, 5, { flags: FIN | ACK }) & Verdict.FIN).toBe(0);
    expect(script.connection.state).toBe('established');
    expect(script.data(1, 10) & Verdict.FIN).toBe(Verdict.FIN);
    expect(script.connection.state).toBe('close-wait');
    expect(script.connection.rcvNxt).toBe(17);
    expect(script.received).toHaveLength(15);
  });

  it('goes on sending after the peer has finished, and receiving after it has itself', () => {
    const half = after('fin');
    half.push(100);
    expect(half.one()).toMatchObject({ length: 100, ack: 2 });
    const other = after('shutdown', 'ack-of-fin');
    expect(other.data(1, 100) & Verdict.PAYLOAD).toBe(Verdict.PAYLOAD);
    expect(other.received).toHaveLength(100);
  });

  it('repeats its FIN until it is acknowledged', () => {
    const script = after('shutdown');
    expect(script.fireTimer()).toBeLessThan(SECOND);
    // The tail loss probe is the FIN again, and then the timeout.
    expect(script.one()).toMatchObject({ flags: FIN | ACK, seq: 1, length: 0, isRetransmission: true });
    script.fireTimer();
    expect(script.one()).toMatchObject({ flags: FIN | ACK, seq: 1, isRetransmission: true });
  });

  it('sends the FIN behind the data that the windows hold back', () => {
    const script = Script.open(testParameters(), { window: 1000, windowScale: 0 });
    script.push(1000);
    script.push(500);
    script.connection.shutdown(script.now);
    expect(script.one()).toMatchObject({ flags: ACK, length: 1000 });
    expect(script.connection.state).toBe('fin-wait-1');
    script.ack(1001, { window: 1000 });
    expect(script.one()).toMatchObject({ flags: ACK | TcpFlag.PSH | FIN, seq: 1001, length: 500 });
  });

  it('does not send data that comes after its FIN, and ignores what the peer sends after its own', () => {
    const script = after('fin');
    expect(script.data(2, 10) & Verdict.PAYLOAD).toBe(0);
    expect(script.one()).toMatchObject({ flags: ACK, ack: 2 });
    expect(script.received).toEqual([]);
  });

  it('waits for the connection to be open before it closes it', () => {
    const script = Script.connecting();
    script.one();
    script.connection.shutdown(script.now);
    script.receive({ ack: 1, flags: SYN | ACK });
    expect(script.connection.state).toBe('fin-wait-1');
    expect(script.sent().at(-1)).toMatchObject({ flags: FIN | ACK, seq: 1, ack: 1 });
  });
});

describe('TIME-WAIT', () => {
  it('lasts twice the life of a segment, and again that long when the FIN comes again', () => {
    const script = after('shutdown', 'fin-and-ack');
    expect(script.connection.pollTimeout() - script.now).toBe(MINUTE);
    script.advance(30 * SECOND);
    script.receive({ seq: 1, ack: 2, flags: FIN | ACK });
    expect(script.one()).toMatchObject({ flags: ACK, seq: 2, ack: 2 });
    expect(script.connection.pollTimeout() - script.now).toBe(MINUTE);
    script.fireTimer();
    expect(script.connection.state).toBe('closed');
    expect(script.events.at(-1)).toEqual({ type: 'closed', reason: 'normal' });
    expect(script.connection.pollTimeout()).toBe(NEVER);
  });

  it('may be ended by a SYN that is newer than all that came (RFC 6191 §2)', () => {
    const script = after('shutdown', 'fin-and-ack');
    const peerSeq = (offset: number): number => seq32(script.peerInitial + offset);
    const syn = (seq: number, clock?: number) =>
      makeSegment({
        seq: peerSeq(seq),
        flags: SYN,
        ...(clock !== undefined && { timestamps: [clock, 0] as const }),
      });
    expect(script.connection.mayReopen(syn(1, script.peerClock + 1))).toBe(true);
    expect(script.connection.mayReopen(syn(50, script.peerClock))).toBe(true);
    expect(script.connection.mayReopen(syn(1, script.peerClock))).toBe(false);
    expect(script.connection.mayReopen(syn(50, script.peerClock - 1))).toBe(false);
    expect(script.connection.mayReopen(syn(50))).toBe(true);
    expect(script.connection.mayReopen(syn(1))).toBe(false);
    expect(Script.open().connection.mayReopen(syn(50, script.peerClock + 1))).toBe(false);
  });
});

describe('a reset in every state (RFC 9293 §3.10.7.4, RFC 5961 §3.2)', () => {
  const cases: readonly [TcpState, string, () => Script][] = [
    ['syn-received', 'reset', () => answered()],
    ['established', 'reset', () => after()],
    ['fin-wait-1', 'reset', () => after('shutdown')],
    ['fin-wait-2', 'reset', () => after('shutdown', 'ack-of-fin')],
    ['close-wait', 'reset', () => after('fin')],
    ['closing', 'normal', () => after('shutdown', 'fin')],
    ['last-ack', 'normal', () => after('fin', 'shutdown')],
    ['time-wait', 'normal', () => after('shutdown', 'fin-and-ack')],
  ];
  for (const [state, reason, make] of cases) {
    it(`${state}: closed, ${reason}`, () => {
      const script = make();
      expect(script.connection.state).toBe(state);
      const verdict = script.receive({ seq: script.peerNext, flags: RST });
      expect(verdict).toBe(Verdict.ACCEPTED | Verdict.RESET);
      expect(script.connection.state).toBe('closed');
      expect(script.events.at(-1)).toEqual({ type: 'closed', reason });
      expect(script.sent()).toEqual([]);
      expect(script.connection.pollTimeout()).toBe(NEVER);
      expect(script.receive({ seq: script.peerNext, flags: ACK, ack: 1 })).toBe(0);
    });
  }

  it('tells that data was lost when the reset comes before its acknowledgment', () => {
    const script = after('fin');
    script.push(10);
    script.connection.shutdown(script.now);
    script.sent();
    script.receive({ seq: script.peerNext, flags: RST });
    expect(script.events.at(-1)).toEqual({ type: 'closed', reason: 'reset' });
    expect(script.connection.sndUna).toBe(1);
    expect(script.connection.recordCount).toBe(1);
  });

  function answered(): Script {
    const script = Script.accepting();
    script.sent();
    return script;
  }
});

describe('abort (RFC 9293 §3.10.5)', () => {
  const cases: readonly [TcpState, boolean, () => Script][] = [
    ['syn-sent', false, () => Script.connecting()],
    ['syn-received', true, () => Script.accepting()],
    ['established', true, () => after()],
    ['fin-wait-1', true, () => after('shutdown')],
    ['fin-wait-2', true, () => after('shutdown', 'ack-of-fin')],
    ['close-wait', true, () => after('fin')],
    ['closing', false, () => after('shutdown', 'fin')],
    ['last-ack', false, () => after('fin', 'shutdown')],
    ['time-wait', false, () => after('shutdown', 'fin-and-ack')],
  ];
  for (const [state, isReset, make] of cases) {
    it(`${state}: ${isReset ? 'one RST' : 'silence'}`, () => {
      const script = make();
      script.sent();
      expect(script.connection.state).toBe(state);
      script.connection.abort(script.now);
      expect(script.connection.state).toBe('closed');
      const { sndNxt, rcvNxt } = script.connection;
      const expected = isReset ? [{ flags: RST | ACK, seq: sndNxt, ack: rcvNxt }] : [];
      expect(script.sent()).toMatchObject(expected);
      expect(script.events.at(-1)).toEqual({ type: 'closed', reason: 'aborted' });
      script.connection.abort(script.now);
      expect(script.sent()).toEqual([]);
    });
  }

  it('leaves what was not acknowledged to be looked at', () => {
    const script = Script.open();
    script.push(100);
    script.sent();
    script.connection.abort(script.now);
    expect(script.connection.recordAt(0)).toMatchObject({ start: 1, length: 100 });
    expect(script.connection.sndUna).toBe(1);
    expect(script.sent()).toMatchObject([{ flags: RST | ACK, seq: 101 }]);
  });
});

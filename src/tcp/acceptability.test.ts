import { describe, expect, it } from 'vitest';
import { Script, testParameters } from '../../test/support/tcp-peer.js';
import { SECOND } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import { Verdict } from './event.js';

const { ACK, FIN, RST, SYN } = TcpFlag;

/** An open connection with a window of `windowBytes`. */
function open(windowBytes = 10_000): Script {
  return Script.open(testParameters({ receiveWindowBytes: windowBytes }));
}

describe('the sequence test (RFC 9293 §3.10.7.4, first step)', () => {
  it('drops what lies beyond the window and says where the window is', () => {
    const script = open();
    expect(script.data(10_002, 10)).toBe(0);
    expect(script.one()).toMatchObject({ flags: ACK, ack: 1 });
    expect(script.connection.statistics.bytesReceived).toBe(0);
  });

  it('trims what hangs over the edge', () => {
    const script = open(1000);
    expect(script.data(1, 1400) & Verdict.PAYLOAD).toBe(Verdict.PAYLOAD);
    expect(script.received).toHaveLength(1000);
    expect(script.one()).toMatchObject({ ack: 1001, window: 0 });
  });

  it('answers old payload with an acknowledgment that reports the duplicate', () => {
    const script = open();
    script.data(1, 100);
    script.run(SECOND);
    expect(script.data(1, 100) & (Verdict.DUPLICATE | Verdict.PAYLOAD)).toBe(Verdict.DUPLICATE);
    expect(script.one()).toMatchObject({ flags: ACK, ack: 101, sack: [[1, 101]] });
  });

  it('answers empty old segments twice a second at most', () => {
    const script = open();
    script.data(1, 100);
    script.run(SECOND);
    const answers: number[] = [];
    for (let i = 0; i < 20; i++) {
      script.receive({ seq: 50, ack: 1, flags: ACK });
      answers.push(script.sent().length);
      script.advance(100_000_000);
    }
    expect(answers.reduce((sum, count) => sum + count)).toBe(4);
  });

  it('believes the furthest edge it ever offered, though the window shrank since', () => {
    const script = open(10_000);
    script.connection.setReceiveWindow(1000);
    script.connection.requestAck(script.now);
    expect(script.one().window).toBe(1000);
    expect(script.data(1, 1448) & Verdict.PAYLOAD).toBe(Verdict.PAYLOAD);
    expect(script.received).toHaveLength(1448);
  });

  it('takes acknowledgments, resets and a bare FIN while the window is closed', () => {
    const script = open(1000);
    script.data(1, 1000);
    script.push(50);
    script.sent();
    expect(script.receive({ seq: 1001, ack: 51, flags: ACK }) & Verdict.ACKED).toBe(Verdict.ACKED);
    expect(script.data(1001, 1) & Verdict.PAYLOAD).toBe(0);
    expect(script.one()).toMatchObject({ ack: 1001, window: 0 });
    expect(script.receive({ seq: 1001, ack: 51, flags: FIN | ACK }) & Verdict.FIN).toBe(Verdict.FIN);
    expect(script.receive({ seq: 1002, flags: RST }) & Verdict.RESET).toBe(Verdict.RESET);
  });
});

describe('PAWS (RFC 7323 §5)', () => {
  it('drops a segment with an older timestamp, and answers it', () => {
    const script = open();
    script.peerClock = 200;
    script.data(1, 100);
    script.run(SECOND);
    script.peerClock = 199;
    expect(script.data(101, 100)).toBe(0);
    expect(script.one()).toMatchObject({ ack: 101, tsEcr: 200 });
  });

  it('does not hold an old timestamp against a reset', () => {
    const script = open();
    script.peerClock = 50;
    expect(script.receive({ seq: 1, flags: RST, timestamps: [1, 0] }) & Verdict.RESET).toBe(Verdict.RESET);
  });

  it('compares modulo 2^32, and forgets after 24 days', () => {
    const script = open();
    script.peerClock = 0x7fff_ff00;
    script.data(1, 10);
    script.run(SECOND);
    script.peerClock = 0xffff_fe00;
    expect(script.data(11, 10) & Verdict.ACCEPTED).toBe(Verdict.ACCEPTED);
    script.run(SECOND);
    script.peerClock = 5;
    expect(script.data(21, 10) & Verdict.ACCEPTED).toBe(Verdict.ACCEPTED);
    script.run(SECOND);
    script.peerClock = 0xc000_0000;
    expect(script.data(31, 10)).toBe(0);
    script.advance(25 * 24 * 3600 * SECOND);
    expect(script.data(31, 10) & Verdict.ACCEPTED).toBe(Verdict.ACCEPTED);
  });

  it('echoes the oldest timestamp that is not acknowledged, and not that of a segment beyond a gap (§4.3)', () => {
    const script = open();
    script.peerClock = 300;
    script.data(1, 100);
    script.peerClock = 301;
    script.data(101, 100);
    script.run(SECOND);
    script.peerClock = 310;
    script.data(301, 100);
    expect(script.one()).toMatchObject({ ack: 201, tsEcr: 300 });
    script.peerClock = 320;
    script.data(201, 100);
    expect(script.one()).toMatchObject({ ack: 401, tsEcr: 320 });
  });

  it('echoes a retransmission, though its original had arrived', () => {
    const script = open();
    script.data(1, 100);
    script.data(101, 100);
    script.run(SECOND);
    script.peerClock = 900;
    script.data(1, 100);
    expect(script.one()).toMatchObject({ ack: 201, tsEcr: 900 });
  });

  it('does not echo an old segment from further back than a window', () => {
    const script = open(1000);
    for (let i = 0; i < 4; i++) {
      script.data(1 + i * 500, 500);
      script.connection.setReceiveWindow(1000);
      script.run(SECOND);
    }
    script.receive({ seq: 501, ack: 1, flags: ACK, payload: new Uint8Array(500), timestamps: [900, 0] });
    expect(script.one()).toMatchObject({ ack: 2001, tsEcr: 100 });
  });

  it('accepts a segment without the option', () => {
    const script = open();
    script.withTimestamps = false;
    expect(script.data(1, 10) & Verdict.PAYLOAD).toBe(Verdict.PAYLOAD);
  });
});

describe('blind attacks (RFC 5961)', () => {
  it('challenges a reset inside the window that is not at the next number (§3.2)', () => {
    const script = open();
    expect(script.receive({ seq: 500, flags: RST })).toBe(0);
    expect(script.one()).toMatchObject({ flags: ACK, seq: 1, ack: 1 });
    expect(script.connection.state).toBe('established');
    expect(script.receive({ seq: 20_000, flags: RST })).toBe(0);
    expect(script.sent()).toEqual([]);
  });

  it('challenges a SYN wherever it is (§4.2)', () => {
    const script = open();
    for (const seq of [0, 1, 500, 90_000]) {
      script.advance(SECOND);
      expect(script.receive({ seq, flags: SYN })).toBe(0);
      expect(script.one()).toMatchObject({ flags: ACK, ack: 1 });
    }
    expect(script.connection.state).toBe('established');
  });

  it('drops what acknowledges the future, or longer ago than a window (§5.2)', () => {
    const script = Script.open(testParameters(), { window: 1000, windowScale: 0 });
    script.push(100);
    script.sent();
    script.ack(101, { window: 1000 });
    expect(script.data(1, 10, { ack: 500 })).toBe(0);
    expect(script.one()).toMatchObject({ flags: ACK, ack: 1 });
    script.advance(SECOND);
    expect(script.data(1, 10, { ack: 101 - 1001 })).toBe(0);
    expect(script.one()).toMatchObject({ flags: ACK, ack: 1 });
    expect(script.data(1, 10, { ack: 101 - 1000 }) & Verdict.PAYLOAD).toBe(Verdict.PAYLOAD);
  });

  it('sends so many challenges a second and no more (§7)', () => {
    const script = open();
    let answers = 0;
    for (let i = 0; i < 1000; i++) {
      script.receive({ seq: 500, flags: RST });
      answers += script.sent().length;
      script.advance(SECOND / 500);
    }
    expect(answers).toBe(20);
    expect(script.connection.statistics.challengeAcks).toBe(20);
  });
});

describe('what else is dropped', () => {
  it('ignores a segment without ACK', () => {
    const script = open();
    expect(script.receive({ seq: 1, flags: 0, payload: new Uint8Array(10) })).toBe(0);
    expect(script.sent()).toEqual([]);
  });

  it('takes the payload of a segment with an old acknowledgment', () => {
    const script = open();
    script.push(100);
    script.sent();
    script.ack(101);
    expect(script.data(1, 10, { ack: 1 }) & (Verdict.PAYLOAD | Verdict.ACKED)).toBe(Verdict.PAYLOAD);
  });
});

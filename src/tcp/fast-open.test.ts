/** Data in SYNs on one TCP connection (RFC 7413 §4.2), segments crossing as bytes. */
import { describe, expect, it } from 'vitest';
import { arrive, payloadOf, testParameters, testRecord } from '../../test/support/tcp-peer.js';
import { MILLISECOND, SECOND, seq32 } from '../base/index.js';
import { TcpFlag, type TcpSegment } from '../wire/index.js';
import { OutgoingSegment, TcpConnection, type FastOpenAnswer, type FastOpenOffer } from './index.js';

const now = SECOND;
const cookie = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const offer: FastOpenOffer = { cookie, experimental: false, maxDataBytes: 500 };
const taken: FastOpenAnswer = { isAccepted: true, cookie: undefined, experimental: false };

function client(how: FastOpenOffer = offer, bytes = 300): TcpConnection {
  const connection = TcpConnection.connect(now, testParameters(), how);
  if (bytes > 0) connection.push(now, testRecord(1, bytes));
  return connection;
}

/** The next segment of `connection`, as its peer gets it. */
function next(connection: TcpConnection, at = now): TcpSegment | undefined {
  const out = new OutgoingSegment();
  return connection.pollSegment(at, out) ? arrive(out, payloadOf(out), 0) : undefined;
}

function server(syn: TcpSegment, answer?: FastOpenAnswer): TcpConnection {
  return TcpConnection.accept(now, testParameters({ initialSequence: seq32(9000) }), syn, answer);
}

describe('a SYN with data', () => {
  it('is acknowledged with it, and answered with data before the ACK comes', () => {
    const a = client();
    const syn = next(a)!;
    expect(syn).toMatchObject({ flags: TcpFlag.SYN, payloadLength: 300, fastOpenLength: 8 });
    const b = server(syn, taken);
    expect(b.pollReceive()).toHaveLength(300);
    b.push(now, testRecord(1, 1000));
    const answer = next(b)!;
    expect(answer).toMatchObject({ ack: 1000 + 301, payloadLength: 0 });
    const data = next(b)!;
    expect(data).toMatchObject({ seq: 9001, payloadLength: 1000 });
    a.handleSegment(now, answer);
    expect([a.state, a.sndUna, a.bytesInFlight, a.pushEnd]).toEqual(['established', 301, 0, 301]);
    a.handleSegment(now, data);
    expect(a.pollReceive()).toHaveLength(1000);
    b.handleSegment(now, next(a)!);
    expect(b.state).toBe('established');
  });

  it('is taken back where the peer acknowledges the SYN alone, or a part of the data', () => {
    for (const kept of [0, 120]) {
      const a = client();
      next(a);
      const answer = new OutgoingSegment();
      answer.flags = TcpFlag.SYN | TcpFlag.ACK;
      answer.seq = seq32(9000);
      answer.ack = seq32(1001 + kept);
      answer.window = 65_535;
      answer.mss = 1460;
      a.handleSegment(now, arrive(answer, new Uint8Array(0), 0));
      expect([a.state, a.pushEnd, a.sndNxt, a.bytesInFlight]).toEqual(['established', 1 + kept, 1 + kept, 0]);
      expect([a.synDataBytes, a.recordCount]).toEqual([300, 0]);
      a.push(now, testRecord(1 + kept, 300 - kept));
      expect(next(a)).toMatchObject({ seq: 1001 + kept, payloadLength: 300 - kept });
    }
  });

  it('goes again without data and without the option (RFC 7413 §4.1.3.1)', () => {
    const a = client();
    next(a);
    const at = a.pollTimeout();
    a.handleTimeout(at);
    expect(next(a, at)).toMatchObject({ flags: TcpFlag.SYN, payloadLength: 0, fastOpenLength: -1 });
  });

  it('counts once when it comes again', () => {
    const a = client();
    const syn = next(a)!;
    const b = server(syn, taken);
    expect(b.pollReceive()).toHaveLength(300);
    next(b);
    b.handleSegment(now, syn);
    expect(b.pollReceive()).toBeUndefined();
    expect(next(b)).toMatchObject({ flags: TcpFlag.SYN | TcpFlag.ACK, ack: 1301 });
  });

  it('does not count when an ordinary answer was given before it came', () => {
    const a = client();
    const syn = next(a)!;
    const b = server(syn);
    expect(b.pollReceive()).toBeUndefined();
    expect(next(b)).toMatchObject({ ack: 1001 });
    b.handleSegment(now, syn);
    expect(b.pollReceive()).toBeUndefined();
    expect(next(b)).toMatchObject({ ack: 1001 });
  });

  it('loses nothing when both ends open at once', () => {
    const a = client();
    const b = TcpConnection.connect(now, testParameters({ initialSequence: seq32(9000) }), offer);
    b.push(now, testRecord(1, 200));
    const [fromA, fromB] = [next(a)!, next(b)!];
    a.handleSegment(now, fromB);
    b.handleSegment(now, fromA);
    for (let i = 0; i < 6; i++) {
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        for (let segment = next(from); segment !== undefined; segment = next(from))
          to.handleSegment(now, segment);
      }
    }
    expect([a.state, b.state]).toEqual(['established', 'established']);
    // Neither took data from a SYN that crossed its own; both were told so, and have it to send.
    expect([a.pushEnd, b.pushEnd]).toEqual([1, 1]);
    a.push(now, testRecord(1, 300));
    b.handleSegment(now, next(a)!);
    expect(b.pollReceive()).toHaveLength(300);
  });

  it('may be refused by a reset that acknowledges the data or not', () => {
    for (const acked of [0, 300]) {
      const a = client();
      next(a);
      const reset = new OutgoingSegment();
      reset.flags = TcpFlag.RST | TcpFlag.ACK;
      reset.ack = seq32(1001 + acked);
      a.handleSegment(now, arrive(reset, new Uint8Array(0), 0));
      expect(a.pollEvent()).toMatchObject({ type: 'closed', reason: 'refused' });
    }
  });

  it('goes again without the data at once when it is too big for the path', () => {
    const a = client();
    next(a);
    a.handlePathMtu(now + MILLISECOND, 296, seq32(1000));
    expect(next(a, now + MILLISECOND)).toMatchObject({ flags: TcpFlag.SYN, payloadLength: 0 });
  });
});

describe('the room for data in a SYN', () => {
  it('is none without a cookie, while one is asked for, and once the SYN has left', () => {
    expect(client({ ...offer, cookie: new Uint8Array(0) }, 0).synDataRoom).toBe(0);
    expect(TcpConnection.connect(now, testParameters()).synDataRoom).toBe(0);
    const a = client(offer, 0);
    expect(a.synDataRoom).toBe(500);
    next(a);
    expect(a.synDataRoom).toBe(0);
    expect(() => a.push(now, testRecord(1, 1))).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_STATE' }),
    );
  });

  it('is there without the option where the peer needs no cookie', () => {
    expect(next(client({ ...offer, cookie: undefined }))).toMatchObject({
      payloadLength: 300,
      fastOpenLength: -1,
    });
  });

  it('is none when the cookie does not fit beside the options of the owner, which then goes without', () => {
    const a = client({ ...offer, cookie: new Uint8Array(16) }, 0);
    a.synOptionBytes = 12;
    expect(a.synDataRoom).toBe(0);
    const syn = next(a)!;
    expect(syn).toMatchObject({ fastOpenLength: -1, payloadLength: 0, hasTimestamps: true });
  });

  it('is made by leaving out the timestamps, which the connection then does without', () => {
    const a = client({ ...offer, cookie: new Uint8Array(16) }, 0);
    a.synOptionBytes = 4;
    expect(a.synDataRoom).toBe(500);
    const syn = next(a)!;
    expect(syn).toMatchObject({ fastOpenLength: 16, hasTimestamps: false });
    a.handleSegment(now, next(server(syn, taken))!);
    expect(next(a)).toMatchObject({ hasTimestamps: false });
  });

  it('is offered in the older form of the option to who used it', () => {
    expect(next(client({ ...offer, experimental: true }))).toMatchObject({
      fastOpenLength: 8,
      fastOpenExperimental: true,
    });
  });
});

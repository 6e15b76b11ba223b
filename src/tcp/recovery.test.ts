import { describe, expect, it } from 'vitest';
import { Script, testParameters } from '../../test/support/tcp-peer.js';
import type { SentView } from '../../test/support/tcp-peer.js';
import { MILLISECOND, NEVER, SECOND } from '../base/index.js';
import { newReno } from './congestion/index.js';
import { Verdict } from './event.js';

const MSS = 1448;

/** Offset of the `index`-th full segment. */
function at(index: number): number {
  return 1 + index * MSS;
}

/** An open connection with `segments` full segments on their way, sent 10 ms ago. */
function flying(
  segments: number,
  overrides: Parameters<typeof testParameters>[0] = {},
  withSack = true,
): Script {
  const script = Script.open(testParameters({ congestion: newReno, ...overrides }), {
    sackPermitted: withSack,
  });
  for (let i = 0; i < segments; i++) script.push(MSS);
  expect(script.sent()).toHaveLength(segments);
  script.advance(10 * MILLISECOND);
  return script;
}

/** The retransmissions among `views`, as indices of full segments. */
function resent(views: readonly SentView[]): number[] {
  return views.filter(({ isRetransmission }) => isRetransmission).map(({ seq }) => (seq - 1) / MSS);
}

describe('fast recovery (RFC 8985, RFC 9937)', () => {
  it('sends again what three later segments overtook, once', () => {
    const script = flying(10);
    script.ack(1, { sack: [[at(1), at(2)]] });
    script.ack(1, { sack: [[at(1), at(3)]] });
    expect(script.sent()).toEqual([]);
    script.ack(1, { sack: [[at(1), at(4)]] });
    expect(resent(script.sent())).toEqual([0]);
    script.ack(1, { sack: [[at(1), at(5)]] });
    expect(resent(script.sent())).toEqual([]);
    expect(script.connection.ssthreshBytes).toBeLessThan(14_480);
  });

  it('waits a quarter of the round trip for one that is merely late', () => {
    const script = flying(4);
    script.ack(1, { sack: [[at(1), at(2)]] });
    expect(script.sent()).toEqual([]);
    const waited = script.fireTimer();
    expect(waited).toBeGreaterThan(0);
    expect(waited).toBeLessThanOrEqual(10 * MILLISECOND);
    expect(resent(script.sent())).toEqual([0]);
  });

  it('sends every hole again in order, and ends when all of it is acknowledged', () => {
    const script = flying(10);
    script.ack(1, {
      sack: [
        [at(8), at(10)],
        [at(5), at(7)],
        [at(2), at(4)],
      ],
    });
    const first = resent(script.sent());
    expect(first[0]).toBe(0);
    const all = [...first];
    let acked = 1;
    while (acked < at(10) && all.length < 20) {
      script.advance(10 * MILLISECOND);
      acked = [at(1), at(4), at(7), at(10)].find((edge) => edge > acked)!;
      script.ack(acked, { sack: acked < at(8) ? [[at(8), at(10)]] : [] });
      all.push(...resent(script.sent()));
    }
    expect(new Set(all)).toEqual(new Set([0, 1, 4, 7]));
    expect(script.connection.statistics.timeouts).toBe(0);
    const { cwndBytes, ssthreshBytes } = script.connection;
    expect(cwndBytes).toBeLessThanOrEqual(ssthreshBytes + 2 * MSS);
  });

  it('takes the reduction back when what was sent again had only been late (RFC 3522)', () => {
    const script = flying(10);
    const before = script.connection.cwndBytes;
    const { tsVal } = flyingStamp(script);
    script.ack(1, { sack: [[at(1), at(4)]] });
    expect(resent(script.sent())).toEqual([0]);
    expect(script.connection.cwndBytes).toBeLessThan(before);
    script.advance(5 * MILLISECOND);
    script.ack(at(4), { timestamps: [script.peerClock, tsVal] });
    expect(script.connection.cwndBytes).toBeGreaterThanOrEqual(before);
  });

  /** The timestamp that the flight carried: the clock of 10 ms ago. */
  function flyingStamp(script: Script): { readonly tsVal: number } {
    return { tsVal: 77 + Math.floor((script.now - 10 * MILLISECOND) / MILLISECOND) };
  }

  it('sends new data while it repairs, as PRR allows', () => {
    const script = flying(10);
    script.ack(1, { sack: [[at(1), at(4)]] });
    script.sent();
    let quota = 0;
    for (let i = 5; i <= 10; i++) {
      script.ack(1, { sack: [[at(1), at(i)]] });
      const now = script.connection.sendQuota(script.now);
      if (now > 0) script.push(Math.min(now, MSS));
      quota += now;
      script.sent();
    }
    expect(quota).toBeGreaterThan(0);
    expect(script.connection.bytesInFlight).toBeLessThanOrEqual(14_480);
  });

  it('counts duplicates where the peer has no SACK, and goes from hole to hole (RFC 6582)', () => {
    const script = flying(10, {}, false);
    script.ack(1);
    script.ack(1);
    expect(resent(script.sent())).toEqual([]);
    script.ack(1);
    expect(resent(script.sent())).toEqual([0]);
    script.ack(1);
    script.advance(10 * MILLISECOND);
    script.ack(at(3));
    expect(resent(script.sent())).toEqual([3]);
    script.ack(at(10));
    expect(script.sent()).toEqual([]);
    expect(script.connection.statistics.retransmittedSegments).toBe(2);
  });
});

describe('the tail (RFC 8985 §7)', () => {
  it('is probed after two round trips, with the last segment, and then the timeout comes', () => {
    const script = flying(3);
    const waited = script.fireTimer();
    expect(waited + 10 * MILLISECOND).toBeLessThanOrEqual(20 * MILLISECOND + 200 * MILLISECOND);
    expect(resent(script.sent())).toEqual([2]);
    expect(script.events).toEqual([]);
    script.fireTimer();
    expect(script.events).toEqual([{ type: 'timeout', count: 1 }]);
    expect(resent(script.sent())).toEqual([0]);
  });

  it('is probed with new data when there is some', () => {
    const script = Script.open(testParameters(), { window: 65_535, windowScale: 0 });
    for (let i = 0; i < 12; i++) script.push(MSS);
    expect(script.sent()).toHaveLength(10);
    script.fireTimer();
    expect(script.one()).toMatchObject({ seq: at(10), length: MSS, isRetransmission: false });
  });

  it('shows the loss to the acknowledgment of the probe', () => {
    const script = flying(3);
    script.fireTimer();
    script.sent();
    script.advance(10 * MILLISECOND);
    script.ack(1, { sack: [[at(2), at(3)]] });
    const views = script.sent();
    if (views.length === 0) script.fireTimer();
    expect(resent([...views, ...script.sent()])).toEqual([0]);
    script.advance(10 * MILLISECOND);
    script.ack(at(1), { sack: [[at(2), at(3)]] });
    expect(resent(script.sent())).toEqual([1]);
    expect(script.connection.statistics.timeouts).toBe(0);
  });
});

describe('the retransmission timer (RFC 6298)', () => {
  it('backs off, says so each time, and gives up', () => {
    const script = flying(1, { settings: { dataRetries: 4, sack: false } });
    const waits: number[] = [];
    for (let i = 0; i < 4; i++) {
      waits.push(Math.round(script.fireTimer() / (10 * MILLISECOND)) * 10);
      expect(resent(script.sent())).toEqual([0]);
      expect(script.connection.isStale).toBe(true);
    }
    expect(waits).toEqual([200, 420, 840, 1680]);
    expect(script.events).toEqual([1, 2, 3, 4].map((count) => ({ type: 'timeout', count })));
    script.fireTimer();
    expect(script.events.at(-1)).toEqual({ type: 'closed', reason: 'timeout' });
    expect(script.sent()).toEqual([]);
    expect(script.connection.recordCount).toBe(1);
  });

  it('is stale until something is acknowledged, and then not', () => {
    const script = flying(2);
    script.fireTimer();
    script.sent();
    script.fireTimer();
    script.sent();
    expect(script.connection.isStale).toBe(true);
    script.ack(at(1));
    expect(script.connection.isStale).toBe(false);
  });

  it('gives up when data went unacknowledged for the user timeout', () => {
    const script = flying(1, { settings: { userTimeoutNs: 3 * SECOND } });
    const start = script.now - 10 * MILLISECOND;
    while (script.connection.state === 'established') {
      script.fireTimer();
      script.sent();
    }
    expect(script.now - start).toBe(3 * SECOND);
    expect(script.events.at(-1)).toEqual({ type: 'closed', reason: 'timeout' });
  });

  it('calls the peer unreachable when the network did', () => {
    const script = flying(1, { settings: { dataRetries: 1 } });
    script.connection.handleUnreachable(script.now, false, testParameters().initialSequence);
    script.connection.handleUnreachable(script.now, false, (testParameters().initialSequence + 1) as never);
    for (let i = 0; i < 3; i++) {
      script.fireTimer();
      script.sent();
    }
    expect(script.events.at(-1)).toEqual({ type: 'closed', reason: 'unreachable' });
  });

  it('repairs everything by slow start after a timeout', () => {
    const script = flying(10);
    script.fireTimer();
    script.sent();
    script.fireTimer();
    expect(resent(script.sent())).toEqual([0]);
    script.advance(10 * MILLISECOND);
    script.ack(at(1));
    const second = resent(script.sent());
    expect(second.length).toBeGreaterThanOrEqual(2);
    expect(second[0]).toBe(1);
    for (let i = 0; i < 20 && script.connection.sndUna < at(10); i++) {
      script.advance(10 * MILLISECOND);
      script.ack(Math.min(at(10), script.connection.sndUna + 2 * MSS));
      script.sent();
    }
    expect(script.connection.pollTimeout()).toBe(NEVER);
    expect(script.connection.statistics.timeouts).toBe(1);
  });

  it('takes back a timeout that came too early, and does not send the rest again (RFC 3522)', () => {
    const script = flying(10);
    const stamp = 77 + Math.floor((script.now - 10 * MILLISECOND) / MILLISECOND);
    const before = script.connection.cwndBytes;
    script.fireTimer();
    script.sent();
    script.fireTimer();
    script.sent();
    expect(script.connection.cwndBytes).toBe(MSS);
    script.ack(at(4), { timestamps: [script.peerClock, stamp] });
    expect(script.connection.cwndBytes).toBeGreaterThanOrEqual(before);
    expect(resent(script.sent())).toEqual([]);
  });

  it('takes the silence of a path for no round trip when the original had arrived', () => {
    const script = flying(1);
    const stamp = 77 + Math.floor((script.now - 10 * MILLISECOND) / MILLISECOND);
    for (let i = 0; i < 7; i++) {
      script.fireTimer();
      script.sent();
    }
    script.advance(10 * MILLISECOND);
    script.ack(at(1), { sack: [[at(0), at(1)]], timestamps: [script.peerClock, stamp] });
    expect(script.connection.rtt.srttNs).toBe(10 * MILLISECOND);
    expect(script.connection.rtt.rtoNs).toBeLessThan(300 * MILLISECOND);
  });

  it('forgets selective acknowledgments that the peer took back (RFC 2018 §8)', () => {
    const script = flying(5);
    script.ack(1, { sack: [[at(1), at(5)]] });
    script.sent();
    script.ack(at(1));
    script.sent();
    script.fireTimer();
    expect(resent(script.sent())).toEqual([1]);
  });

  it('is not restarted by acknowledgments of nothing', () => {
    const script = flying(1, { settings: { sack: false } });
    const due = script.connection.pollTimeout();
    for (let i = 0; i < 2; i++) {
      script.advance(MILLISECOND);
      script.ack(1);
      script.sent();
    }
    expect(script.connection.pollTimeout()).toBe(due);
  });
});

describe('acknowledgments that make no sense', () => {
  it('survive any SACK block', () => {
    const script = flying(5);
    for (const sack of [
      [[at(5) + 10, at(9)]],
      [[at(3), at(2)]],
      [[-100_000, 100_000]],
      [[1, 1]],
      [
        [at(1) + 3, at(2) + 7],
        [at(1), at(5)],
      ],
    ] as const) {
      expect(script.ack(1, { sack }) & Verdict.ACCEPTED).toBe(Verdict.ACCEPTED);
      script.sent();
    }
    script.ack(at(5));
    expect(script.connection.bytesInFlight).toBe(0);
  });
});

describe('restart after idleness (RFC 5681 §4.1)', () => {
  it('does not send a full window into a path not heard of for long', () => {
    const script = flying(10);
    script.ack(at(10));
    const grown = script.connection.cwndBytes;
    script.advance(60 * SECOND);
    expect(script.connection.sendQuota(script.now)).toBeLessThanOrEqual(14_480);
    expect(grown).toBeGreaterThan(14_480);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NEVER, SECOND } from '../base/index.js';
import { AckInfo } from './ack-info.js';
import { Prr } from './prr.js';
import { RttEstimator } from './rtt.js';
import { Scoreboard } from './scoreboard.js';

const MSS = 1000;
const rtt = new RttEstimator({ initialRtoNs: SECOND, minRtoNs: 2e8, maxRtoNs: 1e11 });

/** A flight of twenty segments in recovery, as in the examples of RFC 6937 §4, and what it sends for each ACK. */
class Flight {
  readonly board = new Scoreboard<unknown>(0);
  readonly prr = new Prr();
  /** Highest SACK edge so far. */
  private edge = 0;

  constructor(segments: number) {
    for (let i = 1; i <= segments; i++) this.board.recordTransmission(0, i * MSS, MSS, 0, undefined);
  }

  /** The segment at `edge + 1` arrives beyond `missing` lost ones; the first such ACK begins recovery. */
  arrive(missing: number, target: number, isFirst: boolean, lose: number): number {
    const info = new AckInfo();
    info.begin(0, NEVER, rtt);
    this.edge = Math.max(this.edge, missing * MSS) + MSS;
    this.board.acknowledge(0, [missing * MSS, this.edge], 1, info);
    if (isFirst) this.prr.begin(this.board, info, target);
    for (let i = 0; i < lose; i++) this.board.markLost(this.board.oldest!);
    this.prr.onAck(info.deliveredBytes, this.board.bytesInFlight, MSS, false);
    return this.send();
  }

  /** Sends as much as may be, whole segments only: what is lost first. Returns the number of segments. */
  private send(): number {
    let count = 0;
    for (; this.prr.quotaBytes >= MSS; count++) {
      const lost = this.board.nextLost;
      if (lost !== undefined) this.board.recordRetransmission(0, lost, MSS, MSS);
      else this.board.recordTransmission(0, this.board.sndNxt + MSS, MSS, 0, undefined);
      this.prr.onSent(MSS);
    }
    return count;
  }
}

describe('RFC 6937 §4', () => {
  test('one loss in twenty: half as many segments go out, evenly, and the flight ends at the threshold', () => {
    const flight = new Flight(20);
    const sent: number[] = [];
    for (let ack = 1; ack <= 19; ack++) sent.push(flight.arrive(1, 10 * MSS, ack === 1, ack === 1 ? 1 : 0));
    // The last two replace what arrives: the flight has come down to the threshold.
    expect(sent).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1]);
    expect(flight.board.bytesInFlight).toBe(10 * MSS);
  });

  test('fifteen losses in twenty: one goes out for each that arrives, however low the flight', () => {
    const flight = new Flight(20);
    const sent: number[] = [];
    for (let ack = 1; ack <= 5; ack++) sent.push(flight.arrive(15, 10 * MSS, ack === 1, ack === 1 ? 15 : 0));
    expect(sent).toEqual([1, 1, 1, 1, 1]);
  });
});

describe('RFC 9937 §6', () => {
  function begun(flightSegments: number, target: number): [Prr, Scoreboard<unknown>] {
    const { board, prr } = new Flight(flightSegments);
    prr.begin(board, undefined, target);
    return [prr, board];
  }

  test('below the threshold a safe ACK adds a segment, up to the threshold', () => {
    const [prr] = begun(20, 10 * MSS);
    prr.onAck(MSS, 5 * MSS, MSS, true);
    expect(prr.quotaBytes).toBe(2 * MSS);
    prr.onSent(2 * MSS);
    prr.onAck(MSS, 9.5 * MSS, MSS, true);
    expect(prr.quotaBytes).toBe(0.5 * MSS);
  });

  test('below the threshold an ACK that shows another loss adds only what it delivered', () => {
    const [prr] = begun(20, 10 * MSS);
    prr.onAck(MSS, 5 * MSS, MSS, false);
    expect(prr.quotaBytes).toBe(MSS);
  });

  test('the first retransmission goes out even if a reordering timer began recovery', () => {
    const [prr] = begun(20, 10 * MSS);
    prr.onAck(0, 19 * MSS, MSS, false);
    expect(prr.quotaBytes).toBe(MSS);
    prr.onSent(MSS);
    prr.onAck(0, 19 * MSS, MSS, false);
    expect(prr.quotaBytes).toBe(0);
  });

  test('what was selectively acknowledged before recovery does not count as its flight', () => {
    const { board, prr } = new Flight(20);
    const early = new AckInfo();
    early.begin(0, NEVER, rtt);
    board.acknowledge(0, [10 * MSS, 20 * MSS], 1, early);
    const info = new AckInfo();
    info.begin(0, NEVER, rtt);
    board.acknowledge(2 * MSS, [8 * MSS, 20 * MSS], 1, info);
    prr.begin(board, info, 5 * MSS);
    // Ten can still be delivered in this recovery; four were by this ACK, and half as many may go.
    prr.onAck(info.deliveredBytes, board.bytesInFlight, MSS, false);
    expect([info.deliveredBytes, board.bytesInFlight, prr.quotaBytes]).toEqual([4 * MSS, 6 * MSS, 2 * MSS]);
  });
});

test('never sends more than is delivered and one segment an ACK, nor lifts the flight above both threshold and start', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 4, max: 60 }),
      fc.integer({ min: 2, max: 40 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.boolean()), { maxLength: 80 }),
      (segments, target, acks) => {
        const flight = new Flight(segments);
        flight.prr.begin(flight.board, undefined, target * MSS);
        let inFlight = (segments - 1) * MSS;
        let delivered = 0;
        let sent = 0;
        let safeAcks = 0;
        for (const [count, isSafe] of acks) {
          const bytes = Math.min(count * MSS, inFlight);
          if (bytes === 0) break;
          inFlight -= bytes;
          delivered += bytes;
          if (isSafe) safeAcks++;
          flight.prr.onAck(bytes, inFlight, MSS, isSafe);
          const quota = flight.prr.quotaBytes;
          expect(inFlight + quota).toBeLessThanOrEqual(
            Math.max(inFlight + MSS, target * MSS, inFlight + bytes),
          );
          flight.prr.onSent(quota);
          sent += quota;
          inFlight += quota;
          expect(sent).toBeLessThanOrEqual(Math.max(1, target / segments) * delivered + (safeAcks + 2) * MSS);
        }
      },
    ),
  );
});

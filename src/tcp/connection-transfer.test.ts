import { describe, expect, it } from 'vitest';
import { End, Pair, testInitial } from '../../test/support/tcp-pair.js';
import { testParameters } from '../../test/support/tcp-peer.js';
import { MILLISECOND, randomBelow, SECOND, SeededRandom } from '../base/index.js';
import { newReno } from './congestion/index.js';
import { TcpConnection } from './connection.js';

/** A world drawn from `seed`: what the wire does, how large the windows are, what each end can. */
function worldOf(seed: number): Pair {
  const random = new SeededRandom(seed);
  const pick = <T>(...values: readonly T[]): T => values[randomBelow(random, values.length)]!;
  const settings = {
    sack: pick(true, true, true, false),
    timestamps: pick(true, true, false),
    nagle: pick(true, false),
  };
  const end = (side: number) =>
    testParameters({
      initialSequence: testInitial(seed * 2 + side),
      receiveWindowBytes: pick(1000, 5000, 30_000, 65_535, 200_000),
      maxOffloadBytes: pick(0, 20_000, 65_535),
      congestion: pick(undefined, newReno) ?? testParameters().congestion,
      settings,
    });
  const pair = Pair.open(
    {
      seed,
      delayNs: pick(1, 5, 20, 100) * MILLISECOND,
      jitterNs: pick(0, 0, 1, 10, 50) * MILLISECOND,
      loss: pick(0, 0.01, 0.05, 0.2),
      duplication: pick(0, 0, 0.02, 0.1),
      isCutting: pick(true, true, false),
    },
    end(0),
    end(1),
  );
  pair.a.toSend = pick(0, 1, 1000, 40_000, 100_000);
  pair.b.toSend = pick(0, 1, 1000, 40_000, 100_000);
  pair.a.recordBytes = pick(100, 1448, 3000, 65_536);
  pair.b.recordBytes = pick(100, 1448, 3000, 65_536);
  pair.a.closesAfterSending = pair.b.closesAfterSending = true;
  if (pick(true, false)) disturb(pair, random);
  return pair;
}

/** Lets the owners of both connections do at random what owners may do at any time. */
function disturb(pair: Pair, random: SeededRandom): void {
  const chance = (percent: number): boolean => randomBelow(random, 100) < percent;
  const { bufferBytes: aBytes } = pair.a;
  const { bufferBytes: bBytes } = pair.b;
  pair.filter = (from, out) => {
    const { connection } = from;
    // A reader that pauses closes the window; a buffer shared with other connections moves its edge back and forth.
    if (chance(from.isReading ? 2 : 20)) from.isReading = !from.isReading;
    if (chance(5))
      from.bufferBytes = Math.ceil(
        ((from === pair.a ? aBytes : bBytes) * (50 + randomBelow(random, 51))) / 100,
      );
    if (chance(2)) connection.dataOptionBytes = 4 * randomBelow(random, 8);
    if (chance(2)) connection.ackOptionBytes = 4 * randomBelow(random, 8);
    if (chance(1)) connection.handlePathMtu(pair.now, randomBelow(random, 1600), out.seq);
    if (chance(1)) connection.requestAck(pair.now);
    return true;
  };
}

describe('a transfer both ways over a bad wire', () => {
  const seeds = Number(process.env['SUBFLOW_TCP_SEEDS'] ?? 300);
  it(`delivers every byte once and in order and closes, for ${seeds} seeds`, () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const pair = worldOf(seed);
      const { toSend: fromA } = pair.a;
      const { toSend: fromB } = pair.b;
      const isOver = () => pair.a.connection.state === 'closed' && pair.b.connection.state === 'closed';
      const done = pair.run(isOver, 30_000 * SECOND);
      const outcome = {
        seed,
        done,
        states: [pair.a.connection.state, pair.b.connection.state],
        received: [pair.a.receivedBytes, pair.b.receivedBytes],
        corrupt: pair.a.isCorrupt || pair.b.isCorrupt,
        ends: [pair.a.events.at(-1), pair.b.events.at(-1)],
      };
      expect(outcome).toEqual({
        seed,
        done: true,
        states: ['closed', 'closed'],
        received: [fromB, fromA],
        corrupt: false,
        ends: [
          { type: 'closed', reason: 'normal' },
          { type: 'closed', reason: 'normal' },
        ],
      });
    }
  });
});

describe('two that act at the same time', () => {
  /** Two connections that open towards each other at once. */
  function crossing(seed: number, loss: number): Pair {
    const ends = [0, 1].map((side) => {
      const parameters = testParameters({ initialSequence: testInitial(seed * 2 + side) });
      const end = new End(TcpConnection.connect(SECOND, parameters));
      end.bufferBytes = parameters.receiveWindowBytes;
      return end;
    });
    return new Pair({ seed, delayNs: 10 * MILLISECOND, loss }, ends[0]!, ends[1]!);
  }

  it('open one connection and close it, whatever is lost', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const pair = crossing(seed, seed === 1 ? 0 : 0.2);
      pair.a.toSend = pair.b.toSend = 10_000;
      pair.a.closesAfterSending = pair.b.closesAfterSending = true;
      const isOver = () => pair.a.connection.state === 'closed' && pair.b.connection.state === 'closed';
      const done = pair.run(isOver, 3000 * SECOND);
      expect([seed, done, pair.a.receivedBytes, pair.b.receivedBytes]).toEqual([seed, true, 10_000, 10_000]);
      if (seed > 1) continue;
      // Both passed through CLOSING, so both wait for old duplicates.
      for (const { events } of [pair.a, pair.b]) {
        expect(events.map(({ type }) => type)).toEqual(['established', 'peer-fin', 'time-wait', 'closed']);
      }
    }
  });
});

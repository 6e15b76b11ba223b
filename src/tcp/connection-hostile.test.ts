import { describe, expect, it } from 'vitest';
import { Script, testParameters } from '../../test/support/tcp-peer.js';
import type { SegmentFields } from '../../test/support/tcp-peer.js';
import { NEVER, randomBelow, SECOND, SeededRandom, seqAt } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import { newReno } from './congestion/index.js';
import type { TcpConnection } from './connection.js';
import { maySend } from './state.js';

/** A segment that could come from a broken or hostile peer: numbers near those that count, anything else at random. */
function hostileSegment(script: Script, random: SeededRandom): SegmentFields {
  const pick = <T>(...values: readonly T[]): T => values[randomBelow(random, values.length)]!;
  const near = (base: number): number =>
    base + pick(0, 0, 0, 1, -1, 1448, -1448, 70_000, randomBelow(random, 5000) - 2500);
  const { connection } = script;
  const blocks = randomBelow(random, 4);
  const hasSack = pick(true, false);
  return {
    flags:
      pick<number>(TcpFlag.ACK, TcpFlag.ACK, TcpFlag.ACK, randomBelow(random, 64)) &
      ~pick<number>(TcpFlag.RST, 0),
    seq: near(connection.rcvNxt),
    ack: near(pick(connection.sndUna, connection.sndNxt)),
    window: pick(0, 1, 500, 65_535),
    payload: new Uint8Array(pick(0, 0, 1, 100, 1448, 3000)),
    segmentSize: pick(0, 0, 1, 1448, 5000),
    mss: hasSack ? 0 : pick(0, 0, 1, 536, 65_535),
    windowScale: hasSack ? -1 : pick(-1, -1, 0, 255),
    ...(hasSack && {
      sack: Array.from({ length: blocks }, () => {
        const left = near(connection.sndUna + randomBelow(random, 20_000));
        return [left, left + pick(-5, 0, 1, 1448, 10_000)] as const;
      }),
    }),
    ...(pick(true, false, false) && {
      timestamps: [randomBelow(random, 2 ** 32), randomBelow(random, 2 ** 32)] as const,
    }),
  };
}

/** Does something that an owner may do, or lets something hostile arrive. */
function step(script: Script, random: SeededRandom): void {
  const { connection, now } = script;
  switch (randomBelow(random, 12)) {
    case 0:
      if (maySend(connection.state)) script.push(1 + randomBelow(random, 5000));
      return;
    case 1:
      if (randomBelow(random, 40) === 0) connection.shutdown(now);
      return;
    case 2:
      connection.setReceiveWindow(randomBelow(random, 100_000));
      return;
    case 3:
      connection.handlePathMtu(
        now,
        randomBelow(random, 2000),
        seqAt(testParameters().initialSequence, connection.sndUna),
      );
      return;
    case 4:
      connection.handleUnreachable(now, false, seqAt(testParameters().initialSequence, connection.sndUna));
      return;
    case 5:
      script.fireTimer();
      return;
    case 6:
      script.advance(randomBelow(random, SECOND));
      return;
    default:
      script.receive(hostileSegment(script, random));
  }
}

/** What is wrong with the connection after a step; undefined when nothing is. */
function faultOf(connection: TcpConnection, unaBefore: number, receivedBefore: number): string | undefined {
  const { sndUna, sndNxt, rcvNxt, rcvDelivered, bytesInFlight, state, cwndBytes } = connection;
  if (sndUna < unaBefore || sndNxt < sndUna) return 'what was sent moved back';
  if (rcvNxt < receivedBefore || rcvDelivered > rcvNxt) return 'what was received moved back';
  if (bytesInFlight < 0 || bytesInFlight > sndNxt - sndUna) return 'more in flight than was sent';
  if (!Number.isFinite(cwndBytes)) return 'no congestion window';
  const isWatched = connection.pollTimeout() !== NEVER;
  if (state === 'closed') return isWatched ? 'a timer outlived the connection' : undefined;
  return sndUna < sndNxt && !isWatched ? 'no timer watches what is outstanding' : undefined;
}

/** The first fault in 300 steps of the world of `seed`. */
function firstFault(seed: number): string | undefined {
  const random = new SeededRandom(seed);
  const parameters = testParameters({
    maxOffloadBytes: seed % 3 === 0 ? 65_000 : 0,
    receiveWindowBytes: 1000 + randomBelow(random, 100_000),
    congestion: seed % 2 === 0 ? newReno : testParameters().congestion,
    settings: {
      sack: seed % 5 !== 0,
      timestamps: seed % 7 !== 0,
      maxReassemblyRuns: 16,
      keepAliveIdleNs: 30 * SECOND,
    },
  });
  const make = [
    () => Script.open(parameters),
    () => Script.connecting(parameters),
    () => Script.accepting(parameters),
  ];
  const script = make[seed % make.length]!();
  for (let i = 0; i < 300; i++) {
    const { sndUna, rcvNxt } = script.connection;
    step(script, random);
    script.sent();
    const fault = faultOf(script.connection, sndUna, rcvNxt);
    if (fault !== undefined) return `seed ${seed}, step ${i}, ${script.connection.state}: ${fault}`;
  }
  return undefined;
}

describe('a hostile peer', () => {
  const seeds = Number(process.env['SUBFLOW_TCP_SEEDS'] ?? 300);
  it(`breaks no invariant, for ${seeds} seeds of 300 steps`, () => {
    for (let seed = 1; seed <= seeds; seed++) expect(firstFault(seed)).toBeUndefined();
  });
});

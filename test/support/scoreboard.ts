/** For tests of src/tcp/scoreboard.ts: a board with something sent, and ACKs for it. */
import { NEVER } from '../../src/base/index.js';
import { AckInfo } from '../../src/tcp/ack-info.js';
import { RttEstimator } from '../../src/tcp/rtt.js';
import { Scoreboard } from '../../src/tcp/scoreboard.js';
import { TcpFlag } from '../../src/wire/index.js';

/** Payload of one wire segment in these tests. */
export const MSS = 10;

function rttEstimator(): RttEstimator {
  return new RttEstimator({ initialRtoNs: 1e9, minRtoNs: 2e8, maxRtoNs: 1.2e11 });
}

/** One ACK with SACK blocks of these edges; gives what it told. */
export function acknowledge(
  board: Scoreboard<unknown>,
  ackOffset: number,
  edges: readonly number[] = [],
  now = 0,
  echoedAtNs = NEVER,
): AckInfo {
  const info = new AckInfo();
  info.begin(now, echoedAtNs, rttEstimator());
  board.acknowledge(ackOffset, edges, edges.length / 2, info);
  return info;
}

/** What was sent: the origin is 1, as after the handshake. */
export function sentBoard(segments: number, now = 0): Scoreboard<string> {
  const board = new Scoreboard<string>(1);
  board.recordTransmission(now, 1 + segments * MSS, MSS, TcpFlag.ACK, 'record');
  return board;
}

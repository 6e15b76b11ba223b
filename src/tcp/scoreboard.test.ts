import { describe, expect, test, vi } from 'vitest';
import { MSS, acknowledge, sentBoard } from '../../test/support/scoreboard.js';
import { Deque, MILLISECOND } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import { Scoreboard } from './scoreboard.js';

/** The ranges as text: offsets and the first letter of the state. */
function picture(board: Scoreboard<unknown>): string {
  const parts: string[] = [];
  for (let i = 0; i < board.rangeCount; i++) {
    const range = board.rangeAt(i)!;
    parts.push(`${'FLS'[range.state]}${range.start}-${range.end}`);
  }
  return parts.join(' ');
}

describe('sending', () => {
  test('a range holds what was sent at once, with its record', () => {
    const board = sentBoard(5);
    expect(picture(board)).toBe('F1-51');
    expect(board.head?.record).toBe('record');
    expect(board.bytesInFlight).toBe(50);
    expect(board.flightSize).toBe(50);
  });

  test('SYN and FIN take an offset each and are no payload', () => {
    const board = new Scoreboard<string>();
    const syn = board.recordTransmission(0, 1, MSS, TcpFlag.SYN, undefined);
    expect([syn.length, syn.payloadLength, syn.payloadStart]).toEqual([1, 0, 1]);
    acknowledge(board, 1);
    const last = board.recordTransmission(0, 1 + 4 + 1, MSS, TcpFlag.ACK | TcpFlag.FIN, 'abcd');
    expect([last.length, last.payloadLength, last.payloadStart]).toEqual([5, 4, 1]);
  });

  test('retransmission of a part splits the range, and the FIN stays at the end', () => {
    const board = new Scoreboard<string>(1);
    board.recordTransmission(0, 32, MSS, TcpFlag.FIN, 'record');
    board.markLost(board.head!);
    const lost = board.nextLost!;
    board.recordRetransmission(5, lost, MSS, MSS);
    expect(picture(board)).toBe('F1-11 L11-32');
    expect([board.rangeAt(0)!.hasFin, board.rangeAt(1)!.hasFin]).toEqual([false, true]);
    expect(board.rangeAt(1)!.record).toBe('record');
    expect([lost.transmissions, board.rangeAt(1)!.transmissions]).toEqual([2, 1]);
    expect(board.nextLost).toBe(board.rangeAt(1));
  });

  test('the probe is the last wire segment', () => {
    const board = new Scoreboard<string>(1);
    board.recordTransmission(0, 26, MSS, 0, 'record');
    const probe = board.probeRange(MSS)!;
    expect([probe.start, probe.end]).toEqual([21, 26]);
    expect(picture(board)).toBe('F1-21 F21-26');
    board.recordRetransmission(9, probe, 5, MSS);
    expect(board.bytesInFlight).toBe(25);
    expect(board.oldest).toBe(board.rangeAt(0));
    expect(board.oldest?.next).toBe(probe);
  });

  test('the probe respects a segment size that has shrunk', () => {
    const board = sentBoard(2);
    const probe = board.probeRange(4)!;
    expect([probe.start, probe.end]).toEqual([17, 21]);
  });

  test('there is no probe for what the peer has', () => {
    const board = sentBoard(2);
    acknowledge(board, 1, [11, 21]);
    expect(board.probeRange(MSS)).toBeUndefined();
  });
});

describe('cumulative acknowledgment', () => {
  test('inside a range it cuts off the beginning', () => {
    const board = sentBoard(5);
    const info = acknowledge(board, 24);
    expect(picture(board)).toBe('F24-51');
    expect([info.ackedBytes, info.deliveredBytes, board.bytesInFlight]).toEqual([23, 23, 27]);
    expect(info.priorInFlightBytes).toBe(50);
  });

  test('what was selectively acknowledged is not delivered again', () => {
    const board = sentBoard(3);
    const first = acknowledge(board, 1, [11, 31]);
    expect([first.deliveredBytes, first.sackedBytes]).toEqual([20, 20]);
    const second = acknowledge(board, 31);
    expect([second.ackedBytes, second.deliveredBytes, second.sackedBytes]).toEqual([30, 10, 0]);
    expect([board.sackedBytes, board.sackedRanges, board.rangeCount]).toEqual([0, 0, 0]);
  });

  test('an older one changes nothing', () => {
    const board = sentBoard(3);
    acknowledge(board, 21);
    const info = acknowledge(board, 11);
    expect([info.ackedBytes, info.sndUna, board.sndUna]).toEqual([0, 21, 21]);
  });
});

describe('selective acknowledgment', () => {
  test('RFC 2018 §4: the first of eight segments is lost', () => {
    const board = new Scoreboard<string>(5000);
    for (let i = 0; i < 8; i++) board.recordTransmission(0, 5500 + i * 500, 500, 0, undefined);
    for (let i = 1; i < 8; i++) {
      const info = acknowledge(board, 5000, [5500, 6000 + (i - 1) * 500]);
      expect([info.sackedBytes, info.invalidSackBlocks]).toEqual([500, 0]);
    }
    expect(
      picture(board)
        .split(' ')
        .map((part) => part[0])
        .join(''),
    ).toBe('FSSSSSSS');
    expect(board.bytesInFlight).toBe(500);
  });

  test('RFC 2018 §4: the second, fourth, sixth and last are lost', () => {
    const board = new Scoreboard<string>(5000);
    for (let i = 0; i < 8; i++) board.recordTransmission(0, 5500 + i * 500, 500, 0, undefined);
    acknowledge(board, 5500);
    acknowledge(board, 5500, [6000, 6500]);
    acknowledge(board, 5500, [7000, 7500, 6000, 6500]);
    acknowledge(board, 5500, [8000, 8500, 7000, 7500, 6000, 6500]);
    expect(picture(board)).toBe(
      'F5500-6000 S6000-6500 F6500-7000 S7000-7500 F7500-8000 S8000-8500 F8500-9000',
    );
    // The fourth segment arrives late.
    acknowledge(board, 5500, [6000, 7500, 8000, 8500]);
    expect(board.sackedBytes).toBe(2000);
    acknowledge(board, 7500, [8000, 8500]);
    expect(picture(board)).toBe('F7500-8000 S8000-8500 F8500-9000');
  });

  test('splits a super-segment where the block ends', () => {
    const board = sentBoard(6);
    acknowledge(board, 1, [21, 41]);
    expect(picture(board)).toBe('F1-21 S21-41 F41-61');
    expect(board.oldest).toBe(board.rangeAt(0));
    expect(board.oldest?.next).toBe(board.rangeAt(2));
  });

  test('a wire segment that is covered in part is not acknowledged', () => {
    const board = sentBoard(3);
    const info = acknowledge(board, 1, [15, 28]);
    expect([picture(board), info.sackedBytes]).toEqual(['F1-31', 0]);
    acknowledge(board, 1, [9, 24]);
    expect(picture(board)).toBe('F1-11 S11-21 F21-31');
  });

  test.each([
    ['empty', [21, 21]],
    ['backwards', [31, 21]],
    ['beyond what was sent', [41, 61]],
    ['across the acknowledgment', [5, 21]],
  ])('a block that is %s counts as invalid', (_, edges) => {
    const board = sentBoard(5);
    acknowledge(board, 11);
    const info = acknowledge(board, 11, edges);
    expect([info.invalidSackBlocks, info.hasDsack, picture(board)]).toEqual([1, false, 'F11-51']);
  });

  test('a block that made no sense is looked at again when it does', () => {
    const board = sentBoard(5);
    acknowledge(board, 1, [11, 21, 41, 61]);
    board.recordTransmission(0, 61, MSS, 0, 'record');
    acknowledge(board, 1, [11, 21, 41, 61]);
    expect(picture(board)).toBe('F1-11 S11-21 F21-41 S41-51 S51-61');
  });

  test('a block that grows to cover a wire segment whole acknowledges it', () => {
    const board = sentBoard(4);
    acknowledge(board, 1, [11, 27]);
    acknowledge(board, 1, [11, 31]);
    expect(picture(board)).toBe('F1-11 S11-21 S21-31 F31-41');
  });

  test('an old ACK may still tell of new blocks', () => {
    const board = sentBoard(5);
    acknowledge(board, 21);
    const info = acknowledge(board, 1, [11, 21, 31, 41]);
    expect([info.invalidSackBlocks, picture(board)]).toEqual([0, 'F21-31 S31-41 F41-51']);
  });

  test('takes a lost range out of the lost ones', () => {
    const board = sentBoard(3);
    board.markAllLost();
    acknowledge(board, 1, [11, 21]);
    expect([picture(board), board.lostBytes, board.bytesInFlight]).toEqual(['L1-11 S11-21 L21-31', 20, 0]);
    expect(board.nextLost?.next).toBe(board.rangeAt(2));
  });

  test('beyond the limit of ranges blocks split nothing', () => {
    const board = new Scoreboard<string>(1, 3);
    board.recordTransmission(0, 61, MSS, 0, undefined);
    acknowledge(board, 1, [21, 31]);
    expect([board.rangeCount, board.isFull]).toEqual([3, true]);
    acknowledge(board, 1, [41, 51]);
    expect(picture(board)).toBe('F1-21 S21-31 F31-61');
    acknowledge(board, 1, [21, 61]);
    expect(picture(board)).toBe('F1-21 S21-31 S31-61');
  });
});

test('an ACK costs time for what it changes, not for the window', () => {
  const board = new Scoreboard<string>(0);
  const segments = 4096;
  for (let i = 1; i <= segments; i++) board.recordTransmission(0, i * MSS, MSS, 0, undefined);
  const looks = vi.spyOn(Deque.prototype, 'at');
  let most = 0;
  for (let i = 2; i <= segments; i++) {
    looks.mockClear();
    // The first segment is lost, and every later one extends the same block, twice reported.
    acknowledge(board, 0, [MSS, i * MSS]);
    acknowledge(board, 0, [MSS, i * MSS]);
    most = Math.max(most, looks.mock.calls.length);
  }
  looks.mockRestore();
  expect(board.sackedRanges).toBe(segments - 1);
  // Two binary searches for an ACK, three steps around each.
  expect(most).toBeLessThan(2 * (2 * Math.log2(segments) + 8));
});

describe('duplicate reports, RFC 2883 §4', () => {
  test('before the acknowledgment', () => {
    const board = sentBoard(5);
    acknowledge(board, 31);
    const info = acknowledge(board, 31, [11, 21, 41, 51]);
    expect([info.hasDsack, info.dsackStart, info.dsackEnd]).toEqual([true, 11, 21]);
    expect(picture(board)).toBe('F31-41 S41-51');
  });

  test('inside the second block', () => {
    const board = sentBoard(5);
    const info = acknowledge(board, 1, [21, 31, 11, 41]);
    expect([info.hasDsack, info.dsackStart, info.dsackEnd, info.sackedBytes]).toEqual([true, 21, 31, 30]);
  });

  test('of what was never sent it is invalid', () => {
    const board = sentBoard(5);
    acknowledge(board, 31);
    const info = acknowledge(board, 31, [-20, -10]);
    expect([info.hasDsack, info.invalidSackBlocks]).toEqual([false, 1]);
  });
});

describe('losses', () => {
  test('are sent again in the order of offsets, whatever the order they were found in', () => {
    const board = new Scoreboard<string>(0);
    for (let i = 1; i <= 5; i++) board.recordTransmission(0, i * MSS, MSS, 0, undefined);
    for (const index of [3, 1, 4, 0]) board.markLost(board.rangeAt(index)!);
    const order: number[] = [];
    for (let range = board.nextLost; range !== undefined; range = range.next) order.push(range.start);
    expect(order).toEqual([0, 10, 30, 40]);
    expect([board.lostBytes, board.bytesInFlight]).toEqual([40, 10]);
  });

  test('taken back, they are in flight in the order they were sent', () => {
    const board = new Scoreboard<string>(0);
    for (let i = 1; i <= 4; i++) board.recordTransmission(i, i * MSS, MSS, 0, undefined);
    board.markLost(board.rangeAt(0)!);
    board.recordRetransmission(5, board.nextLost!, MSS, MSS);
    board.markLost(board.rangeAt(1)!);
    board.markLost(board.rangeAt(3)!);
    board.unmarkLost();
    const order: number[] = [];
    for (let range = board.oldest; range !== undefined; range = range.next) order.push(range.start);
    expect(order).toEqual([10, 20, 30, 0]);
    expect([board.lostBytes, board.bytesInFlight, board.nextLost]).toEqual([0, 40, undefined]);
  });

  test('a peer that takes back its selective acknowledgment is noticed, and gets it all again', () => {
    const board = sentBoard(4);
    acknowledge(board, 1, [11, 31]);
    expect(board.isReneging).toBe(false);
    acknowledge(board, 11);
    expect(board.isReneging).toBe(true);
    board.forgetSacks();
    expect([picture(board), board.sackedBytes, board.lostBytes]).toEqual(['L11-31 F31-41', 0, 20]);
    acknowledge(board, 11, [21, 41]);
    expect(picture(board)).toBe('L11-21 S21-31 S31-41');
  });
});

describe('round-trip samples', () => {
  function twoSent(): Scoreboard<string> {
    const board = new Scoreboard<string>(0);
    board.recordTransmission(1 * MILLISECOND, 10, MSS, 0, undefined);
    board.recordTransmission(4 * MILLISECOND, 20, MSS, 0, undefined);
    return board;
  }

  test('the oldest range counts for the timeout, the newest for the path', () => {
    const info = acknowledge(twoSent(), 20, [], 10 * MILLISECOND);
    expect([info.rttNs, info.latestRttNs]).toEqual([9 * MILLISECOND, 6 * MILLISECOND]);
  });

  test('a SACK block gives one as well', () => {
    const info = acknowledge(twoSent(), 0, [10, 20], 10 * MILLISECOND);
    expect([info.rttNs, info.latestRttNs]).toEqual([6 * MILLISECOND, 6 * MILLISECOND]);
  });

  test('what was sent twice gives none, nor what waited for it at the peer', () => {
    const board = twoSent();
    board.markLost(board.head!);
    board.recordRetransmission(8 * MILLISECOND, board.nextLost!, 10, MSS);
    const info = acknowledge(board, 20, [], 10 * MILLISECOND);
    expect([info.rttNs, info.latestRttNs]).toEqual([-1, -1]);
  });

  test('unless a timestamp tells, if only to its tick', () => {
    const board = twoSent();
    board.markLost(board.head!);
    board.recordRetransmission(8 * MILLISECOND, board.nextLost!, 10, MSS);
    const info = acknowledge(board, 20, [], 11 * MILLISECOND, 8.5 * MILLISECOND);
    expect([info.rttNs, info.latestRttNs]).toEqual([2.5 * MILLISECOND, -1]);
  });
});

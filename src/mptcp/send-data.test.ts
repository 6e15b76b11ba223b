import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataSender } from './send-data.js';
import type { Subflow } from './subflow.js';

const a = [{ id: 1 } as Subflow];
const b = [{ id: 2 } as Subflow];

/** A sender with `bytes` written and all of them handed out. */
function sent(bytes: number): DataSender {
  const sender = new DataSender();
  sender.queue.append(new Uint8Array(bytes));
  sender.nxt = 1 + bytes;
  return sender;
}

/** What waits to be sent again, in the order in which it would be. */
function drain(sender: DataSender): [number, number][] {
  const ranges: [number, number][] = [];
  for (let next = sender.firstReinjection(); next !== undefined; next = sender.firstReinjection()) {
    ranges.push([next.start, next.end]);
    next.start = next.end;
  }
  return ranges;
}

describe('acknowledgments of data', () => {
  it('let go of bytes, and of nothing that was not sent', () => {
    const sender = sent(100);
    expect(sender.acknowledge(51)).toBe(true);
    expect(sender.una).toBe(51);
    expect(sender.acknowledge(51)).toBe(false);
    expect(sender.acknowledge(102)).toBe(false);
    expect(sender.acknowledge(101)).toBe(true);
    expect(sender.isOutstanding).toBe(false);
  });

  it('count the end of data as one more', () => {
    const sender = sent(10);
    sender.isEnded = true;
    sender.isFinSent = true;
    expect(sender.acknowledge(11)).toBe(true);
    expect(sender.isOutstanding).toBe(true);
    expect(sender.acknowledge(12)).toBe(true);
    expect(sender.isFinAcked).toBe(true);
    expect(sender.acknowledge(12)).toBe(false);
    expect(sender.isOutstanding).toBe(false);
  });
});

describe('reinjection', () => {
  it('takes ranges in the order of the data, each byte once', () => {
    const sender = sent(100);
    sender.reinject(41, 61, a, 'subflow-failed');
    sender.reinject(1, 21, b, 'subflow-failed');
    sender.reinject(11, 51, a, 'subflow-failed');
    expect(drain(sender)).toEqual([
      [1, 21],
      [21, 41],
      [41, 61],
    ]);
  });

  it('joins neighbours that the same subflow failed', () => {
    const sender = sent(100);
    for (let at = 1; at < 51; at += 10) sender.reinject(at, at + 10, a, 'subflow-failed');
    expect(sender.reinjections).toHaveLength(1);
  });

  it('forgets what has been acknowledged meanwhile', () => {
    const sender = sent(100);
    sender.reinject(1, 21, a, 'subflow-failed');
    sender.reinject(31, 51, a, 'subflow-failed');
    sender.acknowledge(41);
    expect(drain(sender)).toEqual([[41, 51]]);
    expect(sender.reinjections).toBeUndefined();
  });

  it('covers what was asked for, in order and without overlap', () => {
    const range = fc.tuple(
      fc.integer({ min: 1, max: 99 }),
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom(a, b),
    );
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), fc.integer({ min: 1, max: 101 }), (ranges, acked) => {
        const sender = sent(100);
        const wanted = new Set<number>();
        for (const [start, length, failed] of ranges) {
          const end = Math.min(start + length, 101);
          sender.reinject(start, end, failed, 'subflow-failed');
          for (let at = start; at < end; at++) wanted.add(at);
        }
        sender.acknowledge(acked);
        const got: number[] = [];
        for (const [start, end] of drain(sender)) for (let at = start; at < end; at++) got.push(at);
        expect(got).toEqual([...wanted].filter((at) => at >= sender.una).sort((x, y) => x - y));
      }),
    );
  });
});

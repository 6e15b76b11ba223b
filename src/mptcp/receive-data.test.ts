import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataReceiver } from './receive-data.js';

const stream = Uint8Array.from({ length: 400 }, (_, i) => (i * 37) & 0xff);

/** The bytes at data offsets `from` to `to`, the first byte of the stream being at 1. */
const slice = (from: number, to: number): Uint8Array => stream.subarray(from - 1, to - 1);

function readAll(receiver: DataReceiver): number[] {
  const bytes: number[] = [];
  for (let piece = receiver.read(1000); piece !== undefined; piece = receiver.read(1000))
    bytes.push(...piece);
  return bytes;
}

describe('the data receiver', () => {
  it('gives each byte once and in order, however it comes', () => {
    const part = fc.tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 60 }));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 60 }), (parts) => {
        const receiver = new DataReceiver(10_000, 100);
        let fresh = 0;
        const got: number[] = [];
        for (const [start, length] of [...parts, [1, 400] as const]) {
          receiver.deliver(start, slice(start, Math.min(401, start + length)));
          fresh += receiver.delivery.fresh;
          got.push(...readAll(receiver));
        }
        expect(got).toEqual([...stream]);
        expect(fresh).toBe(400);
        expect(receiver.ackOffset).toBe(401);
      }),
    );
  });

  it('holds no more than its buffer and what window rounding lets in', () => {
    const receiver = new DataReceiver(100, 10);
    receiver.deliver(1, slice(1, 201));
    expect(receiver.readableBytes).toBe(101);
    expect(receiver.delivery).toEqual({ fresh: 101, dropped: 99 });
    expect(receiver.windowBytes).toBe(0);
    receiver.read(60);
    expect(receiver.windowBytes).toBe(59);
  });

  it('keeps the right edge of its window while bytes come, and moves it as they are read', () => {
    const receiver = new DataReceiver(100, 10);
    receiver.deliver(1, slice(1, 41));
    expect(receiver.next + receiver.windowBytes).toBe(101);
    receiver.read(10);
    expect(receiver.next + receiver.windowBytes).toBe(111);
  });

  it('keeps no more separate runs than its limit', () => {
    const receiver = new DataReceiver(1000, 3);
    for (let i = 0; i < 5; i++) receiver.deliver(11 + i * 20, slice(11 + i * 20, 21 + i * 20));
    expect(receiver.delivery).toEqual({ fresh: 0, dropped: 10 });
    receiver.deliver(1, slice(1, 11));
    expect(receiver.next).toBe(21);
  });

  it('acknowledges the end of data once everything before it is there', () => {
    const receiver = new DataReceiver(1000, 10);
    receiver.deliver(11, slice(11, 21));
    expect(receiver.noteFin(15)).toBe(false);
    expect(receiver.noteFin(21)).toBe(true);
    expect(receiver.noteFin(22)).toBe(false);
    expect([receiver.isFinished, receiver.ackOffset]).toEqual([false, 1]);
    receiver.deliver(1, slice(1, 31));
    expect([receiver.isFinished, receiver.ackOffset]).toEqual([true, 22]);
    expect(receiver.delivery.dropped).toBe(10);
  });

  it('throws away what comes once its reader is gone', () => {
    const receiver = new DataReceiver(100, 10);
    receiver.deliver(1, slice(1, 51));
    receiver.discard();
    receiver.deliver(51, slice(51, 101));
    expect([receiver.readableBytes, receiver.ackOffset, receiver.windowBytes]).toEqual([0, 101, 100]);
  });
});
